#!/usr/bin/env bash
# Guess: libheif's limit on the size of a picture (libheif 1.15,
# heif_context_set_maximum_image_size_limit) lets a picture pass that is exactly
# as wide as the limit.
#
# Seen, Debian's libheif 1.15.1: a file of 64 x 48 pixels is refused at a limit
# of 64 with "Image size 64x48 exceeds the maximum image size 64x64"; at 65 it is
# read. The limit is one that has to be larger than the picture.
#
# Needs libheif1 and python3, and a HEIC file of 64 x 48 pixels.
set -euo pipefail

file=${1:-crates/imaging/tests/data/heif/colour.heic}

python3 - "$file" <<'PY'
import ctypes
import sys

heif = ctypes.CDLL("libheif.so.1")


class Outcome(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p)]


pointer = ctypes.c_void_p
heif.heif_get_version.restype = ctypes.c_char_p
heif.heif_context_alloc.restype = pointer
heif.heif_context_set_maximum_image_size_limit.argtypes = [pointer, ctypes.c_int]
read = heif.heif_context_read_from_memory_without_copy
read.restype, read.argtypes = Outcome, [pointer, ctypes.c_char_p, ctypes.c_size_t, pointer]
primary = heif.heif_context_get_primary_image_handle
primary.restype, primary.argtypes = Outcome, [pointer, ctypes.POINTER(pointer)]
decode = heif.heif_decode_image
decode.restype = Outcome
decode.argtypes = [pointer, ctypes.POINTER(pointer), ctypes.c_int, ctypes.c_int, pointer]

print("libheif", heif.heif_get_version().decode())
contents = open(sys.argv[1], "rb").read()


def outcome(limit):
    context, handle, image = heif.heif_context_alloc(), pointer(), pointer()
    heif.heif_context_set_maximum_image_size_limit(context, limit)
    for step in (
        lambda: read(context, contents, len(contents), None),
        lambda: primary(context, ctypes.byref(handle)),
        lambda: decode(handle, ctypes.byref(image), 1, 10, None),
    ):
        result = step()
        if result.code:
            return result.message.decode()
    return "read"


for limit in (63, 64, 65):
    print(limit, outcome(limit))
assert "exceeds" in outcome(64), outcome(64)
assert outcome(65) == "read", outcome(65)
PY
