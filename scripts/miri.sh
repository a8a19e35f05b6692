#!/usr/bin/env bash
# Runs under Miri, which finds undefined behaviour, what it can run: the kernels' scalar paths and codes, and everything
# that is done to an index, on pages in memory. It knows no AVX-512, and takes some minutes.
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

cargo "+$toolchain" miri test -p kernels --test quantize
cargo "+$toolchain" miri test -p kernels --test distance -- values_by_hand instruction_sets
cargo "+$toolchain" miri test -p graph --lib --test small
