#!/usr/bin/env bash
# Guess: save(..., exif=image.getexif()) is how Pillow carries EXIF data from file to file,
# and its plug-ins take the object as they take its bytes: a photo that is to be turned a
# quarter still is when it has been saved as another format.
#
# Seen: not as HEIF. The EXIF data are written, but the turn, which HEIF has in a box of its
# own, only where they are given as bytes. A reader goes by the box; pillow-heif sets the
# tag to 1 when it reads, so the photo lies on its side. JPEG, PNG, WebP, TIFF and AVIF keep
# the turn from either; pillow-jxl-plugin fails with an AttributeError on the object.
#   pillow-heif 1.8.1, pillow-jxl-plugin 1.3.8, Pillow 13.0.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  pillow-heif==1.8.1 pillow-jxl-plugin==1.3.8 pillow==13.0.0

"$dir/venv/bin/python" - <<'PY'
import io
import pillow_heif, pillow_jxl
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()

def shown(format, form):
    """Size of an 80 x 40 picture as it is to be shown, after saving and opening it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right when shown
    file = io.BytesIO()
    try:
        Image.new("RGB", (80, 40)).save(file, format, exif=form(exif))
    except AttributeError:
        return "AttributeError"
    return ImageOps.exif_transpose(Image.open(file)).size

seen = {format: (shown(format, lambda exif: exif), shown(format, Image.Exif.tobytes))
        for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JXL", "HEIF")}
for format, (of_object, of_bytes) in seen.items():
    print(f"{format}: shown {of_object} with the object, {of_bytes} with its bytes")
assert seen.pop("HEIF") == ((80, 40), (40, 80))
assert seen.pop("JXL") == ("AttributeError", (40, 80))
assert set(seen.values()) == {((40, 80), (40, 80))}, seen
PY
