#!/usr/bin/env bash
# Installs the package that `make deb` has built into a fresh Debian without a compiler, uses it there without a network,
# and removes it. The system is made by mmdebstrap, of the package sources of this machine; it takes root.
. "$(dirname "$0")/../../scripts/common.sh"
require_pg_config
package=postgresql-$PG_MAJOR-clip-pg
deb=$(echo "$build/deb/$package"_"$VERSION"-1_*.deb)
[ -e "$deb" ] || die "there is no package" "Run 'make deb'."
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing" "apt install mmdebstrap"
[ "$(id -u)" -eq 0 ] || die "this step needs root" "sudo make deb-test"

system=$(mktemp -d "${TMPDIR:-/tmp}/clip_pg.XXXXXX")
trap 'rm -rf "$system"' EXIT
trap 'exit 130' INT TERM
sources=(/etc/apt/sources.list.d/debian.sources)
[ -e "${sources[0]}" ] || sources=(/etc/apt/sources.list)
say "Making a minimal Debian"
mmdebstrap --quiet --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$system" "${sources[@]}"
cp /etc/resolv.conf "$system/etc/"
cp "$deb" "$system/tmp/"

# inside [--net] COMMAND…: in the new system, in namespaces of its own
inside() {
    local network=()
    [ "$1" != --no-network ] || { network=(--net) && shift; }
    unshare --mount --pid --fork "${network[@]}" sh -c 'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot "$0" "$@"' \
        "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
say "Installing $(basename "$deb")"
inside apt-get update -qq >&2
inside apt-get install -qq -y --no-install-recommends "./tmp/$(basename "$deb")" >"$build/deb/test.log" 2>&1 ||
    { tail -n 30 "$build/deb/test.log" >&2; die "the package cannot be installed"; }
inside sh -c '! command -v gcc cc cargo' || die "there is a compiler"

say "Using it, without a network"
inside --no-network sh -c "
    set -e
    ! getent hosts deb.debian.org
    pg_ctlcluster $PG_MAJOR main start
    begin=\$(date +%s%N)
    runuser -u postgres -- psql -qXAt -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION clip_pg' -c \"CREATE TABLE notes (note text)\" \
        -c \"INSERT INTO notes VALUES ('a dog in the snow'), ('two people at a table'), ('a bowl of fruit')\" \
        -c \"SELECT note FROM notes ORDER BY clip_embed_text(note) <=> clip_embed_text('an animal in winter') LIMIT 1\"
    echo \"CREATE EXTENSION and the first search: \$(((\$(date +%s%N) - begin) / 1000000)) ms\"
    pg_ctlcluster $PG_MAJOR main stop" | tee "$build/deb/test.out"
grep -qx 'a dog in the snow' "$build/deb/test.out" || die "the search found something else"

say "Removing it"
inside apt-get remove -qq -y "$package" >>"$build/deb/test.log" 2>&1 || die "the package cannot be removed"
left=$(cd "$system" && find usr -path '*clip_pg*' -not -path '*/doc/*')
[ -z "$left" ] || die "something is left:" "$left"
say "Nothing is left of it"
