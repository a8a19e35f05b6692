# Sourced after common.sh: clip_pg built for servers of several versions.
# shellcheck shell=bash

mkdir -p "$build/matrix"
# One folder for all: of some 300 crates, three are compiled anew for each version. Quickly, rather than well.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$build/matrix/target}
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_INCREMENTAL=true

# matrix_build MAJOR: gets a server of this version, and builds for it; the environment of what is run on it
matrix_build() {
    PG_CONFIG=$("$root/scripts/matrix-server.sh" "$1") || return
    SERVER_LIBRARIES=$(echo "${PG_CONFIG%/*/pginstall/*}"/*.libs)
    [ -d "$SERVER_LIBRARIES" ] || SERVER_LIBRARIES=
    export PG_CONFIG SERVER_LIBRARIES STAGE=$build/matrix/stage$1
    "$root/scripts/build.sh"
}
