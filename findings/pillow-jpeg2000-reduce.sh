#!/usr/bin/env bash
# Guess: Pillow opens a JPEG 2000 picture of any size at a half, quarter or
# eighth by its `reduce` property; at sizes that do not divide the result is
# one pixel more or less.
#
# Seen, Pillow 13.0.0: where the divided size rounds down (101 / 4 = 25.25) it
# fails with "broken data stream" on a good file; the format's own rule rounds
# up always. No width fails at a half, every fourth at a quarter, three of eight
# at an eighth. At full size every one of the files is read.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0

"$dir/venv/bin/python" - <<'PY'
import io
import PIL
from PIL import Image, features

print("Pillow", PIL.__version__, "OpenJPEG", features.version("jpg_2000"))

def encode(width):
    file = io.BytesIO()
    Image.new("L", (width, 64), 7).save(file, "jpeg2000")
    return file.getvalue()

def width_at(file, reduce):
    image = Image.open(io.BytesIO(file))
    image.reduce = reduce
    try:
        image.load()
    except OSError as error:
        assert "broken data stream" in str(error), error
        return None
    return image.width

failed = {1: 0, 2: 0, 3: 0}
for width in range(64, 128):
    file = encode(width)
    assert width_at(file, 0) == width
    for reduce in failed:
        parts = 1 << reduce
        got = width_at(file, reduce)
        rounds_down = 0 < width % parts < parts / 2
        assert got == (None if rounds_down else -(-width // parts)), (width, reduce, got)
        failed[reduce] += got is None
print("of 64 widths fail, by reduce:", failed)
assert failed == {1: 0, 2: 16, 3: 24}
PY
