#!/usr/bin/env bash
# Builds a PostgreSQL server with assertions from the distribution's source package of the major version that PG_CONFIG
# names, into build/assert/server, and prints the path of its pg_config. A second run finds it done. Nothing is installed
# outside.
. "$(dirname "$0")/common.sh"
require_pg_config
assert=$build/assert
if [ ! -e "$assert/server/done$PG_MAJOR" ]; then
    rm -rf "$assert"
    mkdir -p "$assert/apt/lists/partial" "$assert/apt/sources" "$assert/source"
    # The packages' own sources, asked for their source packages; the system's lists stay as they are.
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$assert/apt/sources/$(basename "$file")"
    done
    [ ! -e /etc/apt/sources.list ] || sed -nE 's/^deb(-src)?( |\t)/deb-src\2/p' /etc/apt/sources.list >"$assert/apt/sources/sources.list"
    options=(-o "Dir::Etc::sourceparts=$assert/apt/sources" -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::State::lists=$assert/apt/lists"
        -o APT::Sandbox::User=root)
    say "Fetching the source of postgresql-$PG_MAJOR"
    apt-get "${options[@]}" update -qq
    # The newest that is there: a mirror may lack the source of an update.
    fetched=
    for version in $(apt-cache "${options[@]}" showsrc "postgresql-$PG_MAJOR" | sed -n 's/^Version: //p' | sort -rV); do
        if (cd "$assert/source" && apt-get "${options[@]}" source -qq --download-only "postgresql-$PG_MAJOR=$version"); then
            fetched=$version
            break
        fi
    done
    [ -n "$fetched" ] || die "there is no source package of postgresql-$PG_MAJOR to be had"
    dpkg-source --no-check -x "$assert"/source/*.dsc "$assert/source/postgresql" >/dev/null
    say "Building $fetched with assertions (ten minutes or so, once)"
    (
        cd "$assert/source/postgresql"
        ./configure --quiet --prefix="$assert/server" --enable-cassert --enable-debug --enable-tap-tests --without-readline CFLAGS='-O1 -g'
        make --silent -j "$(nproc)" MAKELEVEL=0
        make --silent install
        make --silent -C contrib/amcheck install
        make --silent -C contrib/pageinspect install
        make --silent -C contrib/postgres_fdw install
    ) >"$assert/log" 2>&1 || { tail -n 20 "$assert/log" >&2; die "the server could not be built"; }
    rm -rf "$assert/source" "$assert/apt"
    touch "$assert/server/done$PG_MAJOR"
fi
echo "$assert/server/bin/pg_config"
