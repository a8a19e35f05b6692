#!/usr/bin/env bash
# Fuzzes what reads bytes of others: libFuzzer, with AddressSanitizer.
#
#   scripts/fuzz.sh TARGET [SECONDS]     one of fuzz/fuzz_targets, for a minute unless said otherwise
#
# Inputs that reach something new are kept in build/fuzz/TARGET, and one that fails is named at the end: to run it again,
# give its path in place of SECONDS. The flags are those of cargo-fuzz, which works on fuzz/ as well.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-}
if [ ! -e "fuzz/fuzz_targets/$target.rs" ]; then
    echo "usage: scripts/fuzz.sh TARGET [SECONDS], TARGET being one of:" $(ls fuzz/fuzz_targets | sed 's/\.rs$//') >&2
    exit 2
fi
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/fuzz}
# A sanitizer is for nightly compilers only, or for one that is told to take itself for such.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Zsanitizer=address -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --features "$target" --bin "$target"
program=$CARGO_TARGET_DIR/$host/release/$target

corpus=build/fuzz/$target
mkdir -p "$corpus"
seeds=()
[ "$target" != images ] || seeds=(crates/imaging/tests/data/images)
if [ -e "${2:-}" ]; then
    exec "$program" "$2"
fi
exec "$program" -max_total_time="${2:-60}" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$corpus-" "$corpus" "${seeds[@]}"
