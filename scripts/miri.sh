#!/usr/bin/env bash
# Runs under Miri, which finds undefined behaviour, what it can run: the kernels' scalar paths and codes, everything that is
# done to an index, on pages in memory, and the products of matrices that learning calls for. The other crates have no unsafe
# code, or C behind it, which Miri cannot run. A quarter of an hour on one core.
#
#   scripts/miri.sh          needs a nightly toolchain; TOOLCHAIN=… names another than `nightly`
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain=${TOOLCHAIN:-nightly}
if ! cargo "+$toolchain" miri --version >/dev/null 2>&1; then
    echo "miri.sh: no Miri; rustup toolchain install $toolchain --component miri,rust-src" >&2
    exit 1
fi
# proptest looks for the working directory, which Miri hides otherwise.
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}"
export PROPTEST_CASES=${PROPTEST_CASES:-2}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/miri}

begin=$SECONDS
cargo "+$toolchain" miri test -p kernels --test quantize
cargo "+$toolchain" miri test -p kernels --test distance -- values_by_hand instruction_sets
cargo "+$toolchain" miri test -p graph --lib --test small
cargo "+$toolchain" miri test -p learn --test learn -- any_rows no_more_clusters
echo "miri.sh: nothing found, in $((SECONDS - begin)) s"
