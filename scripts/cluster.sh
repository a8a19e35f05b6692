# Sourced after common.sh: a throw-away PostgreSQL with the staged extension, touching no installed one.
# shellcheck shell=bash

# Everything lies in one temporary directory that the server's user owns: a copy of the server's programs and
# of its share directory at their relative places (PostgreSQL finds its files relative to its own program), the
# staged extension over it, the data directory and the socket. A checkout that only its owner can read is no obstacle.
cluster_prepare() {
    require_pg_config
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/clip_pg.XXXXXX")
    trap cluster_remove EXIT
    trap 'exit 130' INT TERM
    prefix=$cluster/prefix
    mkdir "$cluster/socket"
    cluster_add "$PG_CONFIG" "$stage" "${SERVER_LIBRARIES:-}"
    run_as=()
    if [ "$(id -u)" -eq 0 ]; then
        # PostgreSQL refuses to run as root.
        id postgres >/dev/null 2>&1 || die "there is no user postgres to run the server as" "Run this as an ordinary user."
        run_as=(runuser -u postgres --)
        chown -R postgres: "$cluster"
    fi
    chmod 755 "$cluster"
    # With it set, DETAIL of errors that pass through Rust would hold a backtrace.
    unset RUST_BACKTRACE
    export PATH=$bin:$PATH PGHOST=$cluster/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PSQLRC=/dev/null
}

# cluster_add PG_CONFIG STAGE LIBRARIES: copies a server and what is staged for it; its programs in $bin. LIBRARIES are those
# of a server that finds them beside itself, or nothing.
cluster_add() {
    local bindir pkglibdir sharedir program
    bindir=$("$1" --bindir) pkglibdir=$("$1" --pkglibdir) sharedir=$("$1" --sharedir)
    bin=$prefix$bindir
    mkdir -p "$bin" "$prefix$pkglibdir" "$prefix$sharedir"
    for program in postgres initdb psql pgbench createdb dropdb createuser vacuumdb "$bindir"/pg_*; do
        cp -p "$bindir/$(basename "$program")" "$bin/"
    done
    cp -Rp "$pkglibdir/." "$prefix$pkglibdir/"
    cp -Rp "$sharedir/." "$prefix$sharedir/"
    cp -R "$2/." "$prefix/"
    if [ -n "$3" ]; then
        mkdir -p "$cluster/libraries"
        cp -R "$3/." "$cluster/libraries/"
        export LD_LIBRARY_PATH=$cluster/libraries
    fi
}

# The server's own user, in a directory it may read.
as_server() { (cd "$cluster" && ${run_as[@]+"${run_as[@]}"} "$@"); }

cluster_start() { # cluster_start SETTING...: lines of postgresql.conf
    cluster_prepare
    as_server "$bin/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    as_server tee -a "$cluster/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$cluster/socket'
fsync = off
shared_buffers = 256MB
maintenance_work_mem = 256MB
$(printf '%s\n' "$@")
CONF
    as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start >/dev/null ||
        { cat "$cluster/log" >&2; die "the server did not start"; }
}

cluster_remove() {
    [ -e "$cluster/data/postmaster.pid" ] && as_server "$bin/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$cluster"
}
