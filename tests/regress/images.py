#!/usr/bin/env python3
"""Prints the INSERT of sql/image_input.sql: small images of many kinds, written with Pillow 11.3.

    python3 tests/regress/images.py
"""

import base64
import io
import struct
import zlib

from PIL import Image

WIDTH, HEIGHT = 48, 32
# Ninety-six colours, so that a palette holds them all.
SKY = Image.new("RGB", (WIDTH, HEIGHT))
SKY.putdata([(20 * (x // 4), 30 * (y // 4), 255 - 10 * (x // 4 + y // 4)) for y in range(HEIGHT) for x in range(WIDTH)])
JPEG = {"quality": 90, "subsampling": 0}


def written(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rotated():
    """Stored lying on its side; orientation 6 turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return written(SKY.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, **JPEG)


def transparent():
    """The same colours, with the alpha channel falling from left to right."""
    image = SKY.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(SKY.size))
    return image


def frames():
    return [SKY, SKY.transpose(Image.Transpose.FLIP_LEFT_RIGHT), Image.new("RGB", SKY.size, "red")]


def palette():
    return SKY.quantize(96)


def huge():
    """A PNG whose header promises 100000 x 100000 pixels."""
    header = struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def deep():
    grey = Image.new("I;16", SKY.size)
    grey.putdata([40 * x * y + 3 * x for y in range(HEIGHT) for x in range(WIDTH)])
    return written(grey, "PNG")


def main():
    jpeg, png = written(SKY, "JPEG", **JPEG), written(SKY, "PNG")
    webp = written(SKY, "WEBP", lossless=True)
    first, *rest = frames()
    files = {
        "jpeg": jpeg,
        "jpeg, progressive": written(SKY, "JPEG", **JPEG, progressive=True),
        "jpeg, grey": written(SKY.convert("L"), "JPEG", **JPEG),
        "jpeg, CMYK": written(SKY.convert("CMYK"), "JPEG", **JPEG),
        "jpeg, turned by EXIF": rotated(),
        "png": png,
        "png, 16 bits": deep(),
        "png, palette with transparency": written(palette(), "PNG", transparency=3),
        "png, alpha": written(transparent(), "PNG"),
        "png, one pixel": written(Image.new("RGB", (1, 1), "blue"), "PNG"),
        "png, one row": written(SKY.crop((0, 0, WIDTH, 1)), "PNG"),
        "webp": webp,
        "webp, lossy": written(SKY, "WEBP", quality=90),
        "webp, animated": written(first, "WEBP", save_all=True, append_images=rest, lossless=True),
        "gif": written(SKY, "GIF"),
        "gif, animated": written(first, "GIF", save_all=True, append_images=rest),
        "tiff": written(SKY, "TIFF", compression="tiff_lzw"),
        "tiff, pages": written(first, "TIFF", save_all=True, append_images=rest, compression="tiff_deflate"),
        "bmp": written(SKY, "BMP"),
        "bad: empty": b"",
        "bad: text": b"Not an image, whatever its name ends in.",
        "bad: one byte": b"\xff",
        "bad: png signature only": png[:8],
        "bad: jpeg, first half": jpeg[: len(jpeg) // 2],
        "bad: jpeg, header only": jpeg[:200],
        "bad: png, first half": png[: len(png) // 2],
        "bad: png, damaged": png[:60] + bytes(20) + png[80:],
        "bad: webp, first half": webp[: len(webp) // 2],
        "bad: gif, first half": written(SKY, "GIF")[:600],
        "bad: tiff, first half": written(SKY, "TIFF", compression="tiff_lzw")[:200],
        "bad: bmp, first half": written(SKY, "BMP")[:500],
        "bad: png of 100000 x 100000": huge(),
        "bad: avif": b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1miafMA1B",
    }
    rows = [f"    ('{name}', decode('{base64.b64encode(file).decode()}', 'base64'))" for name, file in files.items()]
    print("INSERT INTO files (kind, file) VALUES")
    print(",\n".join(rows) + ";")


if __name__ == "__main__":
    main()
