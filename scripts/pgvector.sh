#!/usr/bin/env bash
# Builds pgvector for the PostgreSQL of PG_CONFIG out of Debian 13's source package, pinned by version and hash, into
# build/pgvector/MAJOR, at its absolute paths, and prints that path. A second run finds it done. Nothing is installed.
. "$(dirname "$0")/common.sh"
require_pg_config
version=0.8.0 sha256=867a2c328d4928a5a9d6f052cd3bc78c7d60228a9b914ad32aa3db88e9de27b0
into=$build/pgvector/$PG_MAJOR
# Another server of the same version has its own.
if [ ! -e "$into/$version" ] || [ ! -e "$into$("$PG_CONFIG" --pkglibdir)/vector.so" ]; then
    for program in apt-get dpkg-deb make gcc; do
        command -v $program >/dev/null || die "$program is missing, which pgvector is fetched and built with"
    done
    say "Fetching pgvector $version, source of Debian 13"
    fetched=$build/pgvector/apt
    rm -rf "$into" "$fetched"
    mkdir -p "$into"
    debian deb-src "$fetched"
    (cd "$fetched" && "${apt[@]}" source -qq --download-only "pgvector=$version-1" >&2)
    echo "$sha256  $fetched/pgvector_$version.orig.tar.gz" | sha256sum --check --quiet >&2
    mkdir "$fetched/source"
    tar -xzf "$fetched/pgvector_$version.orig.tar.gz" -C "$fetched/source" --strip-components 1
    say "Building it for PostgreSQL $PG_MAJOR"
    (
        cd "$fetched/source"
        make --silent OPTFLAGS= with_llvm=no PG_CONFIG="$PG_CONFIG"
        make --silent OPTFLAGS= with_llvm=no PG_CONFIG="$PG_CONFIG" DESTDIR="$into" install
    ) >"$build/pgvector/log" 2>&1 || { tail -n 20 "$build/pgvector/log" >&2; die "pgvector could not be built"; }
    rm -rf "$fetched"
    touch "$into/$version"
fi
echo "$into"
