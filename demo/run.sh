#!/usr/bin/env bash
# Searches real photographs in a throw-away server: the images of PyPI's scikit-image, or those below $IMAGES.
. "$(dirname "$0")/../scripts/common.sh"
. "$(dirname "$0")/../scripts/cluster.sh"
images=${IMAGES:-$build/scikit-image}
gallery=${GALLERY:-$root/gallery.html}
[ -d "$images" ] || die "no such folder: $images" "Name a folder with pictures: make demo IMAGES=/path/to/pictures"

# One line of COPY input per picture. The client reads the files, so the server needs no right to.
copy_lines() {
    find -L "$images" -type f \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.webp' -o -iname '*.gif' \
        -o -iname '*.tif' -o -iname '*.tiff' -o -iname '*.bmp' \) -print0 | LC_ALL=C sort -z |
        while IFS= read -r -d '' file; do
            printf '%s\t\\\\x' "$(printf %s "${file#"$images"/}" | sed 's/\\/\\\\/g; s/\t/\\t/g')"
            od -An -v -tx1 "$file" | tr -d ' \n'
            echo
        done
}

say "Starting a throw-away server"
cluster_start
query=$(copy_lines | psql -qXAt -v ON_ERROR_STOP=1 -f "$root/demo/load.sql")
[ -n "$query" ] || die "no picture could be read below $images"
psql -qX -v ON_ERROR_STOP=1 -v query="$query" -f "$root/demo/demo.sql"
psql -qXAt -v ON_ERROR_STOP=1 -v query="$query" -f "$root/demo/gallery.sql" >"$gallery"
say "Wrote $gallery: open it in a browser"
