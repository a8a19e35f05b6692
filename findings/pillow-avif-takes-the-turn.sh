#!/usr/bin/env bash
# Guess: saving a picture leaves the one in memory as it was: a photo saved with
# exif=image.getexif() as AVIF and then as JPEG is to be turned in both files.
#
# Seen: in the first only. To write the turn into AVIF's own box Pillow takes the tag out of
# the object that it was given, which is the picture's own. The JPEG saved after it lies on
# its side, and so does the picture in memory after exif_transpose. The other formats take
# nothing, and AVIF neither when it is given bytes.
#   Pillow 13.0.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0

"$dir/venv/bin/python" - <<'PY'
import io
import PIL
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x0112] = 6  # a quarter turn to the right when shown
exif[0x010E] = "a description"
photo = io.BytesIO()
Image.new("RGB", (80, 40)).save(photo, "JPEG", exif=exif)

def shown_after(format, given):
    """Sizes as shown: the file saved first, a JPEG saved after it, the picture in memory."""
    image, first, second = Image.open(photo), io.BytesIO(), io.BytesIO()
    image.save(first, format, exif=given(image))
    image.save(second, "JPEG", exif=image.getexif())
    return [ImageOps.exif_transpose(picture).size for picture in (Image.open(first), Image.open(second), image)]

upright, lying = (40, 80), (80, 40)
for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
    seen = shown_after(format, Image.Image.getexif)
    print("Pillow %s, %s shown %s, a JPEG after it %s, the picture itself %s" % (PIL.__version__, format, *seen))
    assert seen == ([upright, lying, lying] if format == "AVIF" else [upright] * 3)
assert shown_after("AVIF", lambda image: image.info["exif"]) == [upright] * 3
PY
