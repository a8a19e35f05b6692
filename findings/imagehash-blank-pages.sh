#!/usr/bin/env bash
# Guess: to a perceptual hash two blank pages are near-duplicates, a speck of dust
# on one of them or not, and a white page and a black one are as far apart as can be.
#
# Seen: the other way round. A speck of 8 x 8 on a white page of 800 x 1000 moves 31 of 64 bits
# of phash and 62 of average_hash; a white page and a black one are 1 bit and 0 bits apart.
# The hashes compare with the picture's own mean or median, and of a flat picture
# whatever is not flat decides. Scanned collections are full of blank pages.
#   ImageHash 4.3.2, Pillow 13.0.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  imagehash==4.3.2 pillow==13.0.0 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import imagehash
from PIL import Image

white, black = Image.new("L", (800, 1000), 255), Image.new("L", (800, 1000), 0)
speck = white.copy()
speck.paste(0, (300, 400, 308, 408))

seen = {}
for name in ("phash", "average_hash"):
    hash = getattr(imagehash, name)
    seen[name] = hash(white) - hash(speck), hash(white) - hash(black)
    print("%s: white and specked %d of 64 bits apart, white and black %d" % (name, *seen[name]))
assert seen == {"phash": (31, 1), "average_hash": (62, 0)}, seen
PY
