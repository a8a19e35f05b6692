#!/usr/bin/env bash
# Copies build/stage into the PostgreSQL installation that PG_CONFIG names; DESTDIR is honoured.
. "$(dirname "$0")/common.sh"
require_pg_config
install_tree() { (cd "$stage" && find . -type f -print0 | while IFS= read -r -d '' file; do
    install -D -m "$(stat -c %a "$file")" "$file" "${DESTDIR:-}/${file#./}"
done); }

target=${DESTDIR:-}$("$PG_CONFIG" --pkglibdir)
say "Installing into ${target} and ${DESTDIR:-}$("$PG_CONFIG" --sharedir)/extension"
if [ -n "${DESTDIR:-}" ] || [ -w "$target" ]; then
    install_tree
else
    as_root env stage="$stage" DESTDIR="${DESTDIR:-}" bash -euo pipefail -c "$(declare -f install_tree); install_tree"
fi
say "Installed. In the database: CREATE EXTENSION clip_pg;"
