#!/usr/bin/env bash
# The notices of the crates that are linked into the library: packaging/licences/THIRD-PARTY.txt.
#
#   scripts/notices.sh          writes them, with cargo-about
#   scripts/notices.sh check    says whether they name every crate
. "$(dirname "$0")/common.sh"
cd "$root/packaging/licences"
if [ "${1:-}" = check ]; then
    # Build scripts and procedural macros are not linked, and crates of this repository need no notice.
    missing=$(comm -23 \
        <(cargo tree --locked --edges normal,no-proc-macro --prefix none --format '{p}' |
            sed -nE 's/^([^ ]+) v[^ ]+$/\1/p' | LC_ALL=C sort -u) \
        <(sed -nE 's/^  ([^ ]+) [0-9][^ ]*$/\1/p' THIRD-PARTY.txt | LC_ALL=C sort -u))
    [ -z "$missing" ] || die "THIRD-PARTY.txt lacks crates: $(echo $missing)" "Run 'make notices'."
else
    command -v cargo-about >/dev/null || die "cargo-about is missing" "cargo install --locked cargo-about --features cli"
    cargo about generate --offline --locked --fail --config about.toml --manifest-path "$root/Cargo.toml" --output-file THIRD-PARTY.txt about.hbs
    say "Wrote $PWD/THIRD-PARTY.txt"
fi
