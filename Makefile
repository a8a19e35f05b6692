# clip_pg: the front door, as PostgreSQL's extensions have it.
#
#   make                 build (nothing is installed; says what is missing)
#   make setup           install what building and testing need
#   make install         setup, build and install into the server of PG_CONFIG
#   make installcheck    SQL regression tests against a running server that has clip_pg installed
#   make demo            search real photographs in a throw-away server; IMAGES=/path for your own
#   make test            every test, in throw-away servers
#   make faults          kills, crashes and concurrency at length, half an hour or so
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

test: setup all
	@tests/run.sh

faults: setup all
	@tests/run.sh faults

clean:
	cargo clean
	rm -rf build

.PHONY: all setup install installcheck demo test faults clean
