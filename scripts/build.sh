#!/usr/bin/env bash
# Builds the extension and lays everything an installation has under build/stage, at its absolute paths.
. "$(dirname "$0")/common.sh"
require_pg_config
[ "$(cargo pgrx --version 2>/dev/null)" = "cargo-pgrx $PGRX_VERSION" ] || die "cargo-pgrx $PGRX_VERSION is missing" "Run 'make setup'."
library=$(echo "$build"/onnxruntime/libonnxruntime.so.*)
[ -e "$library" ] || die "ONNX Runtime's library is missing" "Run 'make setup'."

cd "$root"
say "Building clip_pg for PostgreSQL $PG_MAJOR"
cargo pgrx package --pg-config "$PG_CONFIG" "${features[@]}" --out-dir "$stage.new"

private=$stage.new$("$PG_CONFIG" --pkglibdir)/clip_pg
models=$stage.new$("$PG_CONFIG" --sharedir)/extension/clip_pg/models
mkdir -p "$private" "$models"
install -m 755 "$library" "$private/libonnxruntime.so"
install -m 644 "$build"/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$private/"
cp -r "$root/models/." "$models/"
chmod -R u=rwX,go=rX "$stage.new"
rm -rf "$stage"
mv "$stage.new" "$stage"
