#!/usr/bin/env bash
# Guess: the EXIF chunk of a WebP file holds a TIFF header at once, as the
# container's specification has it, or six bytes "Exif\0\0" before it, as JPEG
# has; libraries that read WebP at all read the first, and most both.
#
# Seen: of four that read WebP two read both forms, and the other two one form
# each, never the same.
#   Pillow 13.0.0, libvips 8.18.7   both
#   piexif 1.1.3                    only the bare one
#   ExifRead 3.5.1                  only the one with the six bytes, so nothing
#                                   of a file that Pillow wrote
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  pillow==13.0.0 piexif==1.1.3 exifread==3.5.1 pyvips==3.2.0 pyvips-binary==8.18.7

"$dir/venv/bin/python" - <<'PY'
import io, logging, struct
import PIL, exifread, piexif, pyvips
from PIL import Image

logging.disable()
DATE, TAG = "2001:02:03 04:05:06", 0x9003  # DateTimeOriginal
exif = Image.Exif()
exif.get_ifd(0x8769)[TAG] = DATE
bare = io.BytesIO()
Image.new("RGB", (8, 8)).save(bare, "webp", exif=exif)
bare = bare.getvalue()

at = bare.index(b"EXIF")
size, = struct.unpack("<I", bare[at + 4:at + 8])
body = b"Exif\0\0" + bare[at + 8:at + 8 + size]
prefixed = bare[:at + 4] + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
prefixed = prefixed[:4] + struct.pack("<I", len(prefixed) - 8) + prefixed[8:]

def by_piexif(file):
    try:
        return DATE.encode() == piexif.load(file)["Exif"].get(TAG)
    except struct.error:  # its answer to the prefix
        return False

def by_vips(file):
    image = pyvips.Image.new_from_buffer(file, "")
    return any("DateTimeOriginal" in f and DATE in image.get(f) for f in image.get_fields())

readers = {
    "Pillow " + PIL.__version__: lambda f: DATE == Image.open(io.BytesIO(f)).getexif().get_ifd(0x8769).get(TAG),
    "libvips " + ".".join(str(pyvips.version(n)) for n in range(3)): by_vips,
    "piexif " + piexif.VERSION: by_piexif,
    "ExifRead " + exifread.__version__: lambda f: "EXIF DateTimeOriginal" in exifread.process_file(io.BytesIO(f)),
}
seen = {name: (read(bare), read(prefixed)) for name, read in readers.items()}
for name, (first, second) in seen.items():
    print(f"{name} reads the date: bare {first}, after Exif\\0\\0 {second}")
assert list(seen.values()) == [(True, True), (True, True), (True, False), (False, True)]
PY
