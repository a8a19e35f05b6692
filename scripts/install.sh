#!/usr/bin/env bash
# Copies build/stage into the PostgreSQL installation that PG_CONFIG names; DESTDIR is honoured.
. "$(dirname "$0")/common.sh"
require_pg_config
libraries=${DESTDIR:-}$("$PG_CONFIG" --pkglibdir)
again_as_root "$libraries"
say "Installing into $libraries and ${DESTDIR:-}$("$PG_CONFIG" --sharedir)/extension"
# Whatever the umask, the server's user can read what is installed.
umask 022
cd "$stage"
find . -type f -print0 | while IFS= read -r -d '' file; do
    install -D -m "$(stat -c %a "$file")" "$file" "${DESTDIR:-}/${file#./}"
done
say "Installed. In the database: CREATE EXTENSION clip_pg;"
