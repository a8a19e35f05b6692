#!/usr/bin/env bash
# Guess: with IMREAD_UNCHANGED OpenCV's imread gives the colours of a half-transparent pixel
# as the file has them, not multiplied by its alpha, as it does with PNG.
#
# Seen: of a TIFF file of 8 bits that says its colours are straight they come multiplied,
# (200, 100, 0) at half alpha as (100, 50, 0), with alpha and without. Of 16 bits they
# come as stored with IMREAD_UNCHANGED, multiplied with IMREAD_COLOR. A file that OpenCV
# wrote comes as stored, for it does not say what its fourth channel is.
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
from PIL import Image

folder, straight = sys.argv[1], (200, 100, 0, 128)
for name in ("pillow.png", "pillow.tif"):
    Image.new("RGBA", (8, 8), straight).save(f"{folder}/{name}")
pixels = np.full((8, 8, 4), straight, np.uint16) * 257
tifffile.imwrite(f"{folder}/deep.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
cv2.imwrite(f"{folder}/opencv.tif", np.full((8, 8, 4), (0, 100, 200, 128), np.uint8))
for name in ("pillow.tif", "deep.tif"):
    with tifffile.TiffFile(f"{folder}/{name}") as file:
        assert file.pages[0].tags["ExtraSamples"].value == (2,)  # straight

def read(name, flag):
    pixel = cv2.imread(f"{folder}/{name}", flag)[0, 0]
    blue, green, red, *alpha = (pixel // (257 if pixel.dtype == np.uint16 else 1)).tolist()
    return red, green, blue, *alpha

seen = {name: (read(name, cv2.IMREAD_UNCHANGED), read(name, cv2.IMREAD_COLOR))
        for name in ("pillow.png", "pillow.tif", "deep.tif", "opencv.tif")}
for name, (unchanged, color) in seen.items():
    print(f"OpenCV {cv2.__version__}, {name}: unchanged {unchanged}, without alpha {color}")
assert seen["pillow.png"] == seen["opencv.tif"] == (straight, straight[:3])
assert seen["pillow.tif"] == ((100, 50, 0, 128), (100, 50, 0))
assert seen["deep.tif"] == (straight, (100, 50, 0))
PY
