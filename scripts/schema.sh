#!/usr/bin/env bash
# Writes sql/clip_pg--VERSION.sql, the script of the current version, from what the built library says of its SQL.
#
#   scripts/schema.sh          writes it, here and into build/stage
#   scripts/schema.sh check    says whether it is what it would write, and versions are the same everywhere
. "$(dirname "$0")/common.sh"
require_pg_config
library=$stage$("$PG_CONFIG" --pkglibdir)/clip_pg.so
[ -e "$library" ] || die "there is no $library" "Run 'make'."
cd "$root"
cargo build --quiet --locked --package schema
script=sql/clip_pg--$VERSION.sql
mkdir -p "$build"
"$schema" "$library" clip_pg.control >"$build/schema.sql"
if [ "${1:-}" = check ]; then
    for file in Cargo.toml META.json packaging/rpm/clip_pg.spec; do
        grep -Eiq "^ *\"?version\"?( =|:) *\"?$VERSION\"?,?$" "$file" || die "$file is not of version $VERSION, which clip_pg.control has"
    done
    diff -u "$script" "$build/schema.sql" >&2 || die "$script is not what the library describes"
else
    cp "$build/schema.sql" "$script"
    cp "$script" "$stage$("$PG_CONFIG" --sharedir)/extension/"
    say "Wrote $script"
fi
