"""Writes the images in this directory that Pillow alone does not write, and what it makes of them.

As generate.py, whose picture these are of. Run with Pillow 11.3.0, pillow-jxl-plugin 1.3.8, imagecodecs 2026.3.6 and
jpegtran 2.1.5 of libjpeg-turbo.
"""

import io
import struct
import subprocess
from pathlib import Path

import imagecodecs
import numpy
import pillow_jxl  # noqa: F401, registers itself
from PIL import Image

import generate
from generate import HEIGHT, HERE, WIDTH, encoded, picture


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def jpeg2000():
    rgb = picture()
    rgba = rgb.copy()
    rgba.putalpha(generate.alpha())
    tiled = {"tile_size": (8, 6), "num_resolutions": 3}
    yield "reversible.jp2", encoded(rgb, "JPEG2000"), rgb
    yield "tiled.jp2", encoded(rgb, "JPEG2000", **tiled), rgb
    yield "offset.jp2", encoded(rgb, "JPEG2000", offset=(5, 3), tile_offset=(2, 1), tile_size=(9, 7)), rgb
    for order in ("RLCP", "RPCL", "PCRL", "CPRL"):
        yield f"{order.lower()}.jp2", encoded(rgb, "JPEG2000", progression=order, **tiled), rgb
    yield "rgba.jp2", encoded(rgba, "JPEG2000"), rgb
    yield "gray.jp2", encoded(rgb.convert("L"), "JPEG2000"), rgb.convert("L")
    codestream = encoded(rgb, "JPEG2000", no_jp2=True)
    yield "bare.j2k", codestream, rgb
    wide = Image.frombytes("I;16", (WIDTH, HEIGHT), numpy.asarray(rgb)[:, :, 0].astype("<u2").__mul__(257).tobytes())
    yield "gray16.jp2", encoded(wide, "JPEG2000"), rgb.getchannel(0)
    # A palette: the file's own boxes around indices.
    palette = rgb.quantize(16)
    colors = bytes(palette.getpalette()[:48])
    indices = Image.frombytes("L", palette.size, palette.tobytes())
    indexed = bytes(encoded(indices, "JPEG2000", num_resolutions=1))
    at = indexed.index(b"jp2c") - 4
    header = (
        box(b"ihdr", struct.pack(">IIHBBBB", HEIGHT, WIDTH, 1, 7, 7, 0, 0))
        + box(b"colr", struct.pack(">BBBI", 1, 0, 0, 16))
        + box(b"pclr", struct.pack(">HB", 16, 3) + bytes([7, 7, 7]) + colors)
        + box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3)))
    )
    start = indexed.index(b"jp2h") - 4
    yield "palette.jp2", indexed[:start] + box(b"jp2h", header) + indexed[at:], palette


def jpegxl():
    rgb = picture()
    rgba = rgb.copy()
    rgba.putalpha(generate.alpha())
    yield "lossless.jxl", encoded(rgb, "JXL", lossless=True), rgb
    yield "alpha.jxl", encoded(rgba, "JXL", lossless=True), rgb
    yield "gray.jxl", encoded(rgb.convert("L"), "JXL", lossless=True), rgb.convert("L")
    wide = numpy.asarray(rgb).astype(numpy.uint16) * 257
    yield "rgb16.jxl", imagecodecs.jpegxl_encode(wide, lossless=True), rgb


def jpeg():
    rgb = picture()
    baseline = encoded(rgb, "JPEG", quality=85)
    for name, options in {"arithmetic": [], "arithmetic-progressive": ["-progressive"]}.items():
        file = subprocess.run(["jpegtran", "-arithmetic", *options], input=bytes(baseline), stdout=subprocess.PIPE, check=True).stdout
        yield f"{name}.jpg", file, Image.open(io.BytesIO(file))
    pixels = numpy.asarray(rgb)
    for predictor in range(1, 8):
        file = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, colorspace="rgb", outcolorspace="rgb")
        yield f"predictor-{predictor}.jpg", file, rgb
    gray = numpy.asarray(rgb.convert("L"))
    yield "lossless16.jpg", imagecodecs.ljpeg_encode(gray.astype(numpy.uint16) * 257, bitspersample=16), rgb.convert("L")


def main():
    for source in (jpeg2000, jpegxl, jpeg):
        for name, contents, expected in source():
            (HERE / name).write_bytes(contents)
            (HERE / f"{name}.rgb").write_bytes(expected.convert("RGB").tobytes())


if __name__ == "__main__":
    main()
