#!/usr/bin/env bash
# Removes what install.sh has put into the PostgreSQL installation that PG_CONFIG names; DESTDIR is honoured. Databases that
# have the extension keep their data, and want it back: DROP EXTENSION comes first.
. "$(dirname "$0")/common.sh"
require_pg_config
libraries=${DESTDIR:-}$("$PG_CONFIG" --pkglibdir) extension=${DESTDIR:-}$("$PG_CONFIG" --sharedir)/extension
again_as_root "$libraries"
say "Removing clip_pg from $libraries and $extension"
rm -f "$libraries/clip_pg.so" "$extension"/clip_pg{,vector}.control "$extension"/clip_pg{,vector}--*.sql
rm -rf "$libraries/clip_pg" "$extension/clip_pg"
