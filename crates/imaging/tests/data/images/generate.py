"""Writes the images in this directory and what Pillow 11.3.0 makes of them.

Beside each image lies NAME.rgb: its first picture, oriented by EXIF and converted to RGB, rows from the top
(none where this crate differs, see UNLIKE). resize.json holds resized and cropped pixels, as hexadecimal
digits, each with the imaging::preprocess::Preprocess that asks for them. Run with Pillow 11.3.0.
"""

import io
import json
import struct
import zlib
from pathlib import Path

import PIL
from PIL import Image, ImageOps

assert PIL.__version__ == "11.3.0", PIL.__version__
HERE = Path(__file__).parent
WIDTH, HEIGHT = 19, 13
# Pillow clips 16-bit grey to white.
UNLIKE = ["gray16.png", "gray12.png"]


def noise(seed):
    """Bytes of a linear congruential generator."""
    while True:
        seed = (seed * 1664525 + 1013904223) % 2**32
        yield seed >> 24


def picture():
    """A gradient with a bright patch and some noise."""
    random = noise(1)
    rgb = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            patch = 90 if 5 <= x < 11 and 3 <= y < 9 else 0
            for level in (13 * x, 19 * y, 7 * (x + y) + patch):
                rgb.append(min(255, level % 256 + next(random) % 24))
    return Image.frombytes("RGB", (WIDTH, HEIGHT), bytes(rgb))


def alpha():
    levels = [255 if y < 4 else (37 * x + 11 * y) % 256 for y in range(HEIGHT) for x in range(WIDTH)]
    return Image.frombytes("L", (WIDTH, HEIGHT), bytes(levels))


def exif(orientation):
    block = Image.Exif()
    block[0x112] = orientation
    return block


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return bytearray(buffer.getvalue())


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, color, pixel, interlaced=False, extra=b""):
    """A PNG of whole-byte pixels, in a form that Pillow does not write."""
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for left, top, across, down in passes:
        for y in range(top, HEIGHT, down):
            data += b"\0" + b"".join(pixel(x, y) for x in range(left, WIDTH, across))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color, 0, 0, int(interlaced))
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def images():
    rgb = picture()
    gray, cmyk = rgb.convert("L"), rgb.convert("CMYK")
    rgba, la = rgb.copy(), gray.copy()
    rgba.putalpha(alpha())
    la.putalpha(alpha())
    palette, bilevel = rgb.quantize(32), rgb.convert("1")

    for name, sampling in {"444": 0, "422": 1, "420": 2, "411": "4:1:1"}.items():
        yield f"{name}.jpg", encoded(rgb, "JPEG", quality=85, subsampling=sampling)
    yield "progressive.jpg", encoded(rgb, "JPEG", quality=85, progressive=True)
    yield "restart.jpg", encoded(rgb, "JPEG", quality=85, restart_marker_blocks=1)
    yield "gray.jpg", encoded(gray, "JPEG")
    inverted = encoded(cmyk, "JPEG", quality=90)
    yield "cmyk.jpg", inverted
    ycck = bytearray(inverted)
    ycck[ycck.find(b"Adobe") + 11] = 2
    yield "ycck.jpg", ycck
    for orientation in range(2, 9):
        yield f"orientation-{orientation}.jpg", encoded(rgb, "JPEG", quality=85, exif=exif(orientation))

    for name, image in {"rgb": rgb, "gray": gray, "rgba": rgba, "la": la, "palette": palette, "bilevel": bilevel}.items():
        yield f"{name}.png", encoded(image, "PNG")
    yield "palette-alpha.png", encoded(palette, "PNG", transparency=bytes(range(0, 256, 8)))
    yield "color-key.png", encoded(rgb, "PNG", transparency=rgb.getpixel((3, 3)))
    yield "orientation-6.png", encoded(rgb, "PNG", exif=exif(6))
    low = noise(2)
    wide = [[bytes(byte for level in rgba.getpixel((x, y)) for byte in (level, next(low))) for x in range(WIDTH)] for y in range(HEIGHT)]
    yield "rgb16.png", png(16, 2, lambda x, y: wide[y][x][:6])
    yield "rgba16-interlaced.png", png(16, 6, lambda x, y: wide[y][x], interlaced=True)
    yield "interlaced.png", png(8, 2, lambda x, y: bytes(rgb.getpixel((x, y))), interlaced=True)
    yield "gray16.png", png(16, 0, lambda x, y: wide[y][x][:2])
    # Bits of 12 in words of 16.
    yield "gray12.png", png(16, 0, lambda x, y: struct.pack(">H", 16 * gray.getpixel((x, y))))
    endless = encoded(rgb, "PNG")
    yield "endless.png", endless[: endless.index(b"IEND") - 4]

    yield "palette.gif", encoded(palette, "GIF")
    yield "transparent.gif", encoded(palette, "GIF", transparency=2)
    frames = {"save_all": True, "append_images": [palette.rotate(180)], "duration": 100}
    yield "animated.gif", encoded(palette, "GIF", **frames)
    # The first frame moved by (4, 3) on a larger screen.
    moved = encoded(palette, "GIF")
    moved[6:10] = struct.pack("<HH", WIDTH + 6, HEIGHT + 5)
    at = moved.index(b"," + struct.pack("<HHHH", 0, 0, WIDTH, HEIGHT))
    moved[at + 1 : at + 5] = struct.pack("<HH", 4, 3)
    yield "moved.gif", moved
    # The first frame is larger than the screen.
    beyond = encoded(palette, "GIF")
    beyond[6:10] = struct.pack("<HH", WIDTH - 5, HEIGHT - 4)
    yield "beyond.gif", beyond

    yield "lossy.webp", encoded(rgb, "WEBP", quality=80)
    yield "lossless.webp", encoded(rgba, "WEBP", lossless=True, exact=True)
    yield "lossy-alpha.webp", encoded(rgba, "WEBP", quality=80)
    yield "animated.webp", encoded(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], quality=80)
    yield "orientation-8.webp", encoded(rgb, "WEBP", quality=80, exif=exif(8))

    for name, compression in {"lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "packbits": "packbits"}.items():
        yield f"{name}.tif", encoded(rgb, "TIFF", compression=compression)
    yield "rgba.tif", encoded(rgba, "TIFF")
    yield "cmyk.tif", encoded(cmyk, "TIFF")
    yield "group4.tif", encoded(bilevel, "TIFF", compression="group4")
    yield "palette.tif", encoded(palette, "TIFF")
    yield "pages.tif", encoded(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)], compression="tiff_lzw")
    yield "big.tif", encoded(rgb, "TIFF", big_tiff=True)
    yield "orientation-6.tif", encoded(rgb, "TIFF", tiffinfo={274: 6})

    for name, image in {"rgb": rgb, "palette": palette, "bilevel": bilevel, "rgba": rgba}.items():
        yield f"{name}.bmp", encoded(image, "BMP")
    yield from bitmaps(rgb, palette)


def bitmaps(rgb, palette):
    """Bitmaps in forms that Pillow reads and does not write."""

    def bitmap(header, bits, rows, extra=b"", compression=0, height=HEIGHT, os2=False):
        if header == 12:
            start = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
        else:
            start = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, 0, 0, 0, 0, 0)
            start = (start + bytes(header))[:header]
            start = struct.pack("<I", header) + start[4:]
        offset = 14 + len(start) + len(extra)
        return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + start + extra + rows

    def lines(pixel, order=reversed):
        data = b""
        for y in order(range(HEIGHT)):
            line = b"".join(pixel(*rgb.getpixel((x, y))) for x in range(WIDTH))
            data += line + bytes(-len(line) % 4)
        return data

    whole = lines(lambda r, g, b: bytes([b, g, r]))
    yield "os2-12.bmp", bitmap(12, 24, whole)
    yield "os2-64.bmp", bitmap(64, 24, whole)
    yield "down.bmp", bitmap(40, 24, lines(lambda r, g, b: bytes([b, g, r]), iter), height=-HEIGHT)
    yield "unpadded.bmp", bitmap(40, 24, whole[: -(-3 * WIDTH % 4)])
    yield "555.bmp", bitmap(40, 16, lines(lambda r, g, b: struct.pack("<H", r >> 3 << 10 | g >> 3 << 5 | b >> 3)))
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "565.bmp", bitmap(40, 16, lines(lambda r, g, b: struct.pack("<H", r >> 3 << 11 | g >> 2 << 5 | b >> 3)), masks, 3)
    colors = palette.getpalette()[: 3 * 32]
    entries = b"".join(bytes([b, g, r, 0]) for r, g, b in zip(*[iter(colors)] * 3)) + bytes(4 * 224)
    runs = b""
    for y in reversed(range(HEIGHT)):
        indices = [palette.getpixel((x, y)) for x in range(WIDTH)]
        # A literal of five, then runs.
        runs += bytes([0, 5, *indices[:5], 0]) + b"".join(bytes([1, index]) for index in indices[5:]) + b"\0\0"
    yield "runs.bmp", bitmap(40, 8, runs + b"\0\1", entries, 1)


FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4}


def composed(image, background):
    if background == "drop":
        return image.convert("RGB")
    image = image.convert("RGBA")
    below = Image.new("RGB", image.size, background)
    below.paste(image, mask=image.getchannel("A"))
    return below


def centered(image, width, height, fill):
    """torchvision's center_crop: padding where the image is smaller, then a rounded crop."""
    w, h = image.size
    canvas = Image.new("RGB", (max(w, width), max(h, height)), fill)
    canvas.paste(image, (max(0, (width - w) // 2), max(0, (height - h) // 2)))
    left, top = round((canvas.width - width) / 2), round((canvas.height - height) / 2)
    return canvas.crop((left, top, left + width, top + height))


def resized(image, preprocess):
    image = composed(image, preprocess["alpha"])
    width, height = image.size
    sampling = FILTERS[preprocess["filter"]]
    (kind, size), = preprocess["resize"].items()
    if kind == "shortest":
        size = (size, int(size * height / width)) if width <= height else (int(size * width / height), size)
        image = image.resize(size, sampling)
    elif kind == "squash":
        image = image.resize((size[1], size[0]), sampling)
    else:
        side, ratio = size["size"], max(width, height) / size["size"]
        image = image.resize((round(width / ratio), round(height / ratio)), sampling)
        image = centered(image, side, side, tuple(size["fill"]))
    if preprocess["crop"]:
        image = centered(image, preprocess["crop"][1], preprocess["crop"][0], (0, 0, 0))
    return image


def cases():
    def case(name, resize, crop=None, sampling="bicubic", background="drop"):
        preprocess = {
            "resize": resize, "crop": crop, "filter": sampling, "rescale_factor": 1 / 255,
            "mean": [0.5] * 3, "std": [0.5] * 3, "exif_orientation": True, "alpha": background,
        }
        with Image.open(HERE / name) as image:
            pixels = resized(ImageOps.exif_transpose(image), preprocess)
        return {"image": name, "preprocess": preprocess, "pixels": pixels.tobytes().hex()}

    for sampling in FILTERS:
        yield case("rgb.png", {"squash": [5, 7]}, sampling=sampling)
        yield case("rgb.png", {"squash": [9, 26]}, sampling=sampling)
    # Every parity of what a crop cuts off, halves to even.
    for side in range(5, 13):
        yield case("rgb.png", {"shortest": side}, [5, 5])
    yield case("orientation-6.jpg", {"shortest": 8}, [8, 8])
    yield case("orientation-7.jpg", {"shortest": 8}, [7, 6], "bilinear")
    # Crops larger than the image are filled with black.
    yield case("rgb.png", {"shortest": 6}, [9, 7])
    yield case("rgb.png", {"longest": {"size": 10, "fill": [10, 20, 30]}})
    yield case("orientation-5.jpg", {"longest": {"size": 10, "fill": [255, 0, 128]}})
    for background in ("drop", "white", "black"):
        for name in ("rgba.png", "la.png", "palette-alpha.png", "transparent.gif", "lossless.webp", "rgba.tif"):
            yield case(name, {"shortest": 4}, [4, 4], background=background)


def main():
    for name, contents in images():
        (HERE / name).write_bytes(contents)
        if name in UNLIKE:
            continue
        with Image.open(HERE / name) as image:
            oriented = ImageOps.exif_transpose(image)
            (HERE / f"{name}.rgb").write_bytes(oriented.convert("RGB").tobytes())
    lines = ",\n".join(json.dumps(case) for case in cases())
    (HERE / "resize.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
