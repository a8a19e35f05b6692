#!/usr/bin/env bash
# Guess: OpenCV's imread turns a picture upright by its file's orientation in every format
# that it reads and that has one, or in JPEG only.
#
# Seen: in JPEG, PNG and WebP it does; an AVIF file is left lying; and a TIFF file to be
# turned by a quarter is not read at all, imread answers None, unless it is square. Half
# turns of TIFF files are done.
#   opencv-python-headless 5.0.0.93, Pillow 13.0.0, tifffile 2026.3.3
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  opencv-python-headless==5.0.0.93 tifffile==2026.3.3 pillow==13.0.0 numpy==2.4.6

OPENCV_LOG_LEVEL=OFF "$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import cv2, numpy as np, tifffile
from PIL import Image, ImageOps

folder = sys.argv[1]
pixels = np.zeros((40, 80, 3), np.uint8)
pixels[:20, :40] = 255  # white at the top left
corners = {"top left": (5, 5), "top right": (5, -6), "bottom left": (-6, 5), "bottom right": (-6, -6)}

def white(image):
    return None if image is None else next(
        name for name, (y, x) in corners.items() if image[y, x].min() > 200)

def write(name, orientation, pixels=pixels):
    path = f"{folder}/{name}"
    if name.endswith("tif"):
        tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
        return path
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    assert white(np.asarray(ImageOps.exif_transpose(Image.open(path)))) == "top right"
    return path

seen = {}
for extension in ("jpg", "png", "webp", "avif", "tif"):
    seen[extension] = white(cv2.imread(write("quarter." + extension, 6)))
seen["square tif"] = white(cv2.imread(write("square.tif", 6, pixels[:, 20:60])))
seen["tif, half a turn"] = white(cv2.imread(write("half.tif", 3)))
for name, corner in seen.items():
    print(f"OpenCV {cv2.__version__}, {name}: white is {corner or 'not read'}")
assert list(seen.values()) == ["top right"] * 3 + ["top left", None, "top right", "bottom right"]
PY
