#!/usr/bin/env bash
# SQL regression and recovery tests on every supported version that a server can be had of, one after the other; what
# came out is in build/matrix/results.
#
#   scripts/matrix.sh [MAJOR...]     15 16 17 18 unless named
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/matrix-build.sh"
failed=
for major in ${*:-15 16 17 18}; do
    log=$build/matrix/log$major
    rm -f "$log"
    if matrix_build "$major" && "$root/tests/run.sh" regress recovery | tee "$log"; then
        outcome=$(tail -n 1 "$log")
    else
        failed="$failed $major"
        outcome="failed, $(tail -n 1 "$log" 2>/dev/null || echo 'it did not build')"
    fi
    printf '%s\t%s\t%s\n' "$("$PG_CONFIG" --version)" "$(date -u +%F)" "$outcome" >>"$build/matrix/results"
done
tail -n 10 "$build/matrix/results"
[ -z "$failed" ] || die "not all is well with PostgreSQL$failed"
