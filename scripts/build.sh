#!/usr/bin/env bash
# Builds the extension and lays everything an installation has under build/stage, at its absolute paths. Nothing is fetched
# but crates that Cargo.lock names and `make setup` has not.
. "$(dirname "$0")/common.sh"
require_pg_config
runtime=$(echo "$build"/onnxruntime/libonnxruntime.so.*)
[ -e "$runtime" ] || die "ONNX Runtime's library is missing" "Run 'make setup'."

cd "$root"
say "Building clip_pg $VERSION for PostgreSQL $PG_MAJOR"
cargo build --release --locked --lib "${features[@]}"

new=$stage.new
rm -rf "$new"
libraries=$new$("$PG_CONFIG" --pkglibdir) extension=$new$("$PG_CONFIG" --sharedir)/extension
mkdir -p "$libraries/clip_pg" "$extension/clip_pg/models" "$extension/clip_pg/monitoring"
cp "${CARGO_TARGET_DIR:-target}/release/libclip_pg.so" "$libraries/clip_pg.so"
cp "$runtime" "$libraries/clip_pg/libonnxruntime.so"
cp "$build"/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$libraries/clip_pg/"
cp clip_pg{,vector}.control sql/clip_pg{,vector}--*.sql "$extension/"
cp -R models/. "$extension/clip_pg/models/"
cp packaging/monitoring/*.yml "$extension/clip_pg/monitoring/"
chmod -R u=rwX,go=rX "$new"
find "$new" -type f -name '*.so' -exec chmod 755 {} +
rm -rf "$stage"
mv "$new" "$stage"

# Who works on the SQL has the tool.
[ ! -x "$schema" ] || scripts/schema.sh check || say "Run 'make schema'; until then the extension lacks what has changed."
