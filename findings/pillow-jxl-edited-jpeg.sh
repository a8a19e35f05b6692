#!/usr/bin/env bash
# Guess: a JPEG that is opened, shrunk or painted over in Pillow and saved as JPEG XL is
# saved as it then looks, as with every other format; JPEG XL's lossless packing of a JPEG
# is for files that nothing was done to.
#
# Seen: it is the untouched file that is packed. A picture of 512 x 384 made 100 x 75 by
# thumbnail() comes back at 512 x 384, a part painted black comes back white, and EXIF data
# left out are in. A warning says only that the JPEG is kept without loss. What decides is
# the format and file name of what was opened, which the picture keeps; after resize(),
# which makes a new one, or with lossless_jpeg=False, all is as guessed.
#   pillow-jxl-plugin 1.3.8, Pillow 13.0.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  pillow-jxl-plugin==1.3.8 pillow==13.0.0

"$dir/venv/bin/python" - "$dir" <<'PY'
import sys, warnings
import pillow_jxl
from PIL import Image

warnings.simplefilter("ignore")
source, target = sys.argv[1] + "/scan.jpg", sys.argv[1] + "/out.jxl"
exif = Image.Exif()
exif[0x010E] = "a description"
Image.new("RGB", (512, 384), "white").save(source, exif=exif)

def saved(edit, **options):
    image = Image.open(source)
    edited = edit(image) or image
    edited.save(target, **options)
    with Image.open(target) as back:
        return edited.size, back.size, back.convert("RGB").getpixel((0, 0))

seen = {
    "thumbnail": saved(lambda image: image.thumbnail((100, 100))),
    "paint": saved(lambda image: image.paste("black", (0, 0, 256, 384))),
    "resize": saved(lambda image: image.resize((100, 75))),
    "thumbnail, lossless_jpeg=False": saved(lambda image: image.thumbnail((100, 100)), lossless_jpeg=False),
}
for name, (had, got, pixel) in seen.items():
    print(f"{name}: {had} in memory, {got} in the file, first pixel {pixel}")
saved(lambda image: None, exif=b"")
described = Image.open(target).getexif().get(0x010E)
print("description after saving with exif=b'':", described)

assert [got for _, got, _ in seen.values()] == [(512, 384), (512, 384), (100, 75), (100, 75)]
assert min(seen["paint"][2]) > 250 and described == "a description"
PY
