#!/usr/bin/env bash
# SQL regression and recovery tests on every supported version that a server can be had of, one after the other; what
# came out is in build/matrix/results.
#
#   scripts/matrix.sh [MAJOR...]     15 16 17 18 unless named
. "$(dirname "$0")/common.sh"
mkdir -p "$build/matrix"
# One folder for all: of some 300 crates, three are compiled anew for each version. Quickly, rather than well.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$build/matrix/target}
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_INCREMENTAL=true
failed=
for major in ${*:-15 16 17 18}; do
    PG_CONFIG=$("$root/scripts/matrix-server.sh" "$major")
    libraries=$(echo "${PG_CONFIG%/*/pginstall/*}"/*.libs)
    SERVER_LIBRARIES=
    [ ! -d "$libraries" ] || SERVER_LIBRARIES=$libraries
    export PG_CONFIG SERVER_LIBRARIES STAGE=$build/matrix/stage
    log=$build/matrix/log$major
    rm -f "$log"
    if "$root/scripts/build.sh" && "$root/tests/run.sh" regress recovery | tee "$log"; then
        outcome=$(tail -n 1 "$log")
    else
        failed="$failed $major"
        outcome="failed, $(tail -n 1 "$log" 2>/dev/null || echo 'it did not build')"
    fi
    printf '%s\t%s\t%s\n' "$("$PG_CONFIG" --version)" "$(date -u +%F)" "$outcome" >>"$build/matrix/results"
done
tail -n 10 "$build/matrix/results"
[ -z "$failed" ] || die "not all is well with PostgreSQL$failed"
