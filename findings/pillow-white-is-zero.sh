#!/usr/bin/env bash
# Guess: a grey TIFF scan whose PhotometricInterpretation says that white is
# zero comes out of Pillow the right way round at any depth, or as a negative
# at any depth.
#
# Seen, Pillow 13.0.0: at 8 bits it is turned round, at 16 bits it is not: the
# deeper scan of the same page is its negative. libvips 8.18.7 turns both.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  pillow==13.0.0 pyvips==3.2.0 pyvips-binary==8.18.7 tifffile==2026.3.3 numpy==2.4.6

"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import PIL, numpy as np, pyvips, tifffile
from PIL import Image

print("Pillow", PIL.__version__, "libvips", *(pyvips.version(n) for n in range(3)))
white_first = {}
for dtype in "uint8", "uint16":
    top = np.iinfo(dtype).max
    stored = np.array([[0, top // 4, top]], dtype)  # white, light grey, black
    path = f"{sys.argv[1]}/{dtype}.tif"
    tifffile.imwrite(path, stored, photometric="miniswhite")
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].tags["PhotometricInterpretation"].value == 0
    for name, pixels in (("Pillow", np.asarray(Image.open(path))),
                         ("libvips", pyvips.Image.new_from_file(path).numpy())):
        pixels = pixels.ravel().tolist()
        print(f"{name} {dtype}: stored {stored.ravel().tolist()}, read {pixels}")
        assert pixels in (stored.ravel().tolist(), (top - stored).ravel().tolist())
        white_first[name, dtype] = pixels[0] == top

assert white_first == {("Pillow", "uint8"): True, ("Pillow", "uint16"): False,
                       ("libvips", "uint8"): True, ("libvips", "uint16"): True}
PY
