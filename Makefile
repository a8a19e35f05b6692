# clip_pg: the front door, as PostgreSQL's extensions have it.
#
#   make setup           fetch what building and testing need: Debian packages, crates, ONNX Runtime, test pictures
#   make                 build (nothing is installed; says what is missing)
#   make install         build, and install into the server of PG_CONFIG; DESTDIR is honoured
#   make uninstall       the opposite of it
#   make deb             a Debian package for the server of PG_CONFIG, in build/deb; make deb-test installs it elsewhere
#   make schema          write sql/clip_pg--VERSION.sql anew, after functions or sql/ have changed
#   make installcheck    SQL regression tests against a running server that has clip_pg installed
#   make demo            search real photographs in a throw-away server; IMAGES=/path for your own
#   make catalogue       a web catalogue of the same pictures, in examples/catalogue; IMAGES=/path for your own
#   make test            every test, in throw-away servers
#   make faults          kills, crashes and concurrency at length, half an hour or so
#   make matrix          the SQL and recovery tests on PostgreSQL 15, 16, 17 and 18; VERSIONS="16 18" for some
#   make upgrade         pg_upgrade of a database with all of clip_pg, FROM=16 TO=17
#   make assertions      the SQL and recovery tests on a server built with assertions, from Debian's source package
#   make sqlsmith        an hour of random queries by SQLsmith, MINUTES=60
#   make miri            the pure crates under Miri, where it can run them
#   make fuzz            a fuzz target for a time, TARGET=pages SECONDS=60
#   make notices         the notices of linked crates anew, after Cargo.lock has changed
#   make clean
#
# `make`, `make install`, `make deb` and `make schema` fetch nothing but crates of Cargo.lock that are not there. What tests
# or shows something runs `make setup` first, which does nothing the second time.

export PG_CONFIG ?= pg_config

all:
	@scripts/build.sh

setup:
	@scripts/setup.sh

install: all
	@scripts/install.sh

uninstall:
	@scripts/uninstall.sh

deb:
	@packaging/debian/build.sh

deb-test:
	@packaging/debian/test.sh

schema: all
	@scripts/schema.sh

installcheck:
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

matrix: setup
	@scripts/matrix.sh $(VERSIONS)

upgrade: setup
	@scripts/upgrade.sh $(FROM) $(TO)

sqlsmith: setup all
	@tests/sqlsmith.sh $(MINUTES)

miri:
	@scripts/miri.sh

notices:
	@scripts/notices.sh

fuzz:
	@scripts/fuzz.sh $(TARGET) $(SECONDS)

clean:
	cargo clean
	rm -rf build

.PHONY: all setup install uninstall deb deb-test schema installcheck demo catalogue test faults assertions matrix upgrade sqlsmith notices miri fuzz clean
