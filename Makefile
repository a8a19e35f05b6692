# clip_pg: the front door, as PostgreSQL's extensions have it.
#
#   make                 build (nothing is installed; says what is missing)
#   make setup           install what building and testing need
#   make install         setup, build and install into the server of PG_CONFIG
#   make installcheck    SQL regression tests against a running server that has clip_pg installed
#   make demo            search real photographs in a throw-away server; IMAGES=/path for your own
#   make catalogue       a web catalogue of the same pictures, in examples/catalogue; IMAGES=/path for your own
#   make test            every test, in throw-away servers
#   make faults          kills, crashes and concurrency at length, half an hour or so
#   make assertions   the SQL and recovery tests on a server built with assertions, from Debian's source package
#   make sqlsmith     an hour of random queries by SQLsmith, MINUTES=60
#   make miri         the pure crates under Miri, where it can run them
#   make fuzz         a fuzz target for a time, TARGET=pages SECONDS=60
#   make clean

export PG_CONFIG ?= pg_config

all:
	@scripts/build.sh

setup:
	@scripts/setup.sh

install: setup all
	@scripts/install.sh

installcheck: setup
	@tests/regress.sh

demo: setup all
	@demo/run.sh

catalogue: setup all
	@examples/catalogue/run.sh

test: setup all
	@tests/run.sh

faults: setup all
	@tests/run.sh faults

# Builds of their own, so that those of the installed server stay as they are.
assertions: export STAGE = $(CURDIR)/build/assert/stage
assertions: export CARGO_TARGET_DIR = $(CURDIR)/build/assert/target
assertions: setup
	@PG_CONFIG=$$(scripts/assert-server.sh) && export PG_CONFIG && scripts/build.sh && tests/run.sh regress recovery

sqlsmith: setup all
	@tests/sqlsmith.sh $(MINUTES)

miri:
	@scripts/miri.sh

fuzz:
	@scripts/fuzz.sh $(TARGET) $(SECONDS)

clean:
	cargo clean
	rm -rf build

.PHONY: all setup install installcheck demo catalogue test faults assertions sqlsmith miri fuzz clean
