"""Writes the kinds of TIFF that Pillow does not write, and what is to be read from them.

Beside each NAME.tif lies NAME.tif.rgb: the picture of rgb.png in the depth and colours of the file, from the source and not
from another reader, but for JPEG, which is what Pillow 11.3.0 makes of the file. Run after generate.py, with Pillow 11.3.0,
tifffile 2026.1.28, imagecodecs 2026.3.6 and tiffcp of libtiff 4.5.
"""

import io
import itertools
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

HERE = Path(__file__).parent
RGB = np.array(Image.open(HERE / "rgb.png"))
H, W = RGB.shape[:2]
GREY = np.array(Image.fromarray(RGB).convert("L"))
BILEVEL = np.array(Image.fromarray(RGB).convert("1"))
ALPHA = np.where(np.arange(H)[:, None] < 4, 255, 200).repeat(W, 1).astype(np.uint8)[..., None]
REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))
FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 11: "f"}


def raw(entries, strips, order="<", first=b""):
    """A TIFF of one directory: its entries (type, values) by tag, and the bytes of its strips."""
    file = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4) + first)
    offsets = []
    for strip in strips:
        offsets.append(len(file))
        file += strip + bytes(len(strip) % 2)
    entries = {273: (4, offsets), 279: (4, [len(strip) for strip in strips])} | entries
    directory = b""
    count = 0
    for tag, (kind, values) in sorted((tag, entry) for tag, entry in entries.items() if entry):
        values = values if isinstance(values, (list, bytes)) else [values]
        packed = struct.pack(f"{order}{len(values)}{FORMATS[kind]}", *values)
        if len(packed) > 4:
            packed, at = struct.pack(f"{order}I", len(file)), packed
            file += at + bytes(len(at) % 2)
        directory += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
        count += 1
    file[4:8] = struct.pack(f"{order}I", len(file))
    return bytes(file) + struct.pack(f"{order}H", count) + directory + bytes(4)


def written(data, **options):
    """By tifffile."""
    buffer = io.BytesIO()
    order, big = options.pop("order", "<"), options.pop("big", False)
    with tifffile.TiffWriter(buffer, byteorder=order, bigtiff=big) as writer:
        writer.write(np.ascontiguousarray(data), metadata=None, software=False, **options)
    return buffer.getvalue()


def copied(file, *options):
    """By tiffcp."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.tif"), Path(folder, "b.tif")
        source.write_bytes(file)
        subprocess.run(["tiffcp", *options, source, target], check=True)
        return target.read_bytes()


def shown(file):
    """By tiff2rgba."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.tif"), Path(folder, "b.tif")
        source.write_bytes(file)
        subprocess.run(["tiff2rgba", "-c", "none", source, target], check=True)
        return np.array(Image.open(target).convert("RGB"))


def log_luv():
    """Light whose root is what the picture has."""
    to_rgb = np.array([[2.690, -1.276, -0.414], [-1.022, 1.978, 0.044], [0.061, -0.224, 1.163]])
    xyz = ((RGB / 255) ** 2 @ np.linalg.inv(to_rgb).T).astype(np.float32)
    for name, light in {"log-luv": xyz, "log-l": xyz[..., 1]}.items():
        file = copied(written(light, photometric="rgb" if light.ndim == 3 else "minisblack"), "-c", "sgilog")
        yield name, file, shown(file)


def packed(rows, bits):
    for row in rows:
        digits = "".join(f"{int(value):0{bits}b}" for value in row)
        digits += "0" * (-len(digits) % 8)
        yield int(digits, 2).to_bytes(len(digits) // 8, "big")


def tags(bits, photometric, samples=1, compression=1, rows=H):
    sides = {256: (3, W), 257: (3, H), 278: (3, rows)}
    return sides | {258: (3, [bits] * samples), 259: (3, compression), 262: (3, photometric), 277: (3, samples)}


def spread(values, full):
    return (values * 255 + full // 2) // full


def kinds():
    channels = lambda *planes: np.concatenate([plane if plane.ndim == 3 else plane[..., None] for plane in planes], 2)
    wide = GREY.astype(np.uint16)
    for bits, photometric in ((2, 1), (4, 0), (6, 1)):
        full = (1 << bits) - 1
        levels = np.round(GREY / 255 * full).astype(int)
        stored = levels if photometric else full - levels
        data = b"".join(packed(stored, bits))
        yield f"grey{bits}", raw(tags(bits, photometric), [data]), spread(levels, full)
    yield "grey12", raw(tags(12, 1), [b"".join(packed(wide * 16 + 5, 12))]), GREY
    yield "grey12-in-16", raw(tags(16, 1) | {281: (3, 4095)}, [(wide * 16).astype("<u2").tobytes()]), spread(wide.astype(int) * 16, 4095)
    yield "grey10-in-16", written(wide * 4, photometric="minisblack"), spread(wide.astype(int) * 4, 1023)
    yield "white-is-zero16", written(65535 - wide * 257, photometric="miniswhite", order=">", compression="lzw", predictor=2), GREY
    yield "grey-signed16", written((wide.astype(int) * 257 - 32768).astype(np.int16), photometric="minisblack"), np.round((GREY - float(GREY.min())) / (GREY.max() - float(GREY.min())) * 255)
    yield "grey-half", written((GREY / 255).astype(np.float16), photometric="minisblack", tile=(16, 16)), GREY
    yield "grey-float-predictor", written((GREY / 255).astype(np.float32), photometric="minisblack", compression="adobe_deflate", predictor=3), GREY
    yield "grey-double", written(GREY.astype(np.float64), photometric="minisblack", order=">"), GREY
    yield "grey-alpha", written(channels(GREY, ALPHA), photometric="minisblack", extrasamples=["unassalpha"]), GREY
    yield "grey-lerc", written(GREY, photometric="minisblack", compression="lerc"), GREY
    grey = written(GREY, photometric="minisblack")
    yield "grey-lerc-reversed", copied(grey, "-c", "lerc", "-f", "lsb2msb"), GREY
    alpha = written(channels(GREY, ALPHA), photometric="minisblack", extrasamples=["unassalpha"])
    yield "grey-alpha-jpeg", copied(alpha, "-c", "jpeg:90", "-r", "8"), "Pillow"
    colors = Image.fromarray(RGB).quantize(16)
    index, map_ = np.array(colors), np.array(colors.getpalette()).reshape(-1, 3)[:16]
    data = b"".join(packed(index, 4)).translate(REVERSED)
    yield "palette4-reversed", raw(tags(4, 3) | {266: (3, 2), 320: (3, [int(n) * 257 for n in map_.T.ravel()])}, [data]), map_[index]

    rgb = {"photometric": "rgb"}
    planes, tiles = np.moveaxis(RGB, 2, 0), {"tile": (16, 16)}
    yield "planar-tiles", written(planes, **rgb, planarconfig="separate", compression="lzw", predictor=2, **tiles), RGB
    yield "rgbx-predictor", written(channels(RGB, ALPHA), **rgb, extrasamples=["unspecified"], compression="lzw", predictor=2, rowsperstrip=5), RGB
    multiplied = (RGB.astype(int) * ALPHA + 127) // 255
    divided = np.where(ALPHA == 255, multiplied, np.minimum(255, 255 * multiplied // ALPHA))
    yield "rgba-multiplied", written(channels(multiplied.astype(np.uint8), ALPHA), **rgb, extrasamples=["assocalpha"]), divided
    yield "rgb16-tiles", written(RGB.astype(np.uint16) * 257, **rgb, order=">", compression="adobe_deflate", predictor=2, **tiles), RGB
    yield "rgb16-lerc-motorola", copied(written(RGB.astype(np.uint16) * 257, **rgb), "-B", "-c", "lerc"), RGB
    yield "rgb-reversed", raw(tags(8, 2, 3) | {266: (3, 2)}, [RGB.tobytes().translate(REVERSED)]), RGB
    yield "packbits-reversed", raw(tags(8, 2, 3, 32773, 5) | {266: (3, 2)}, [imagecodecs.packbits_encode(RGB[y : y + 5].tobytes()).translate(REVERSED) for y in range(0, H, 5)]), RGB
    yield "big-motorola", written(RGB, **rgb, order=">", big=True, compression="packbits", rowsperstrip=5), RGB
    yield "zstd", written(RGB, **rgb, compression="zstd", predictor=2), RGB
    yield "lzma", written(RGB, **rgb, compression="lzma"), RGB
    yield "webp", written(RGB, **rgb, compression="webp", compressionargs={"lossless": True}), RGB
    plain = tags(8, 2, 3)
    yield "no-counts", raw(plain | {279: None}, [RGB.tobytes()]), RGB
    yield "no-photometric", raw(plain | {262: None}, [RGB.tobytes()]), RGB
    yield "byte-orientation", raw(plain | {274: (1, 6)}, [RGB.tobytes()]), RGB
    yield "old-lzw", raw(tags(8, 2, 3, 5), [old_lzw(RGB.tobytes())]), RGB
    thumbnail = {"photometric": "rgb", "subfiletype": 1, "metadata": None, "software": False}
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(RGB[::4, ::4].copy(), **thumbnail)
        writer.write(RGB, photometric="rgb", metadata=None, software=False)
    yield "thumbnail-first", buffer.getvalue(), RGB

    cmyk = np.array(Image.fromarray(RGB).convert("CMYK"))
    back = np.array(Image.frombytes("CMYK", (W, H), cmyk.tobytes()).convert("RGB"))
    yield "cmyk-planar", written(np.moveaxis(cmyk, 2, 0), photometric="separated", planarconfig="separate", rowsperstrip=5), back
    yield "cmyk-spot", written(channels(cmyk, ALPHA), photometric="separated", extrasamples=["unspecified"], compression="lzw", predictor=2), back
    profiles = [ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")]
    lab = np.array(ImageCms.profileToProfile(Image.fromarray(RGB), *profiles, outputMode="LAB"))
    back = srgb(lab)
    yield "cielab", written(lab, photometric="cielab"), back
    numbers = np.stack([lab[..., 0] / 255 * 100, *(lab[..., n].astype(np.int8) for n in (1, 2))], 2)
    yield "cielab-float", written(numbers.astype(np.float32), photometric="cielab", compression="adobe_deflate", predictor=3), back
    yield "icclab", written(lab ^ np.array([0, 128, 128], np.uint8), photometric="icclab"), back
    y = np.array(Image.fromarray(RGB).convert("YCbCr"))
    yield "ycbcr-444", raw(tags(8, 6, 3, 8) | {530: (3, [1, 1])}, [zlib.compress(y.tobytes())]), RGB
    # Colour is the same in every two by two pixels, so that sharing it loses nothing.
    first = lambda side: np.arange(side) // 2 * 2
    y[..., 1:] = y[first(H)][:, first(W), 1:]
    shown = np.array(Image.frombytes("YCbCr", (W, H), y.tobytes()).convert("RGB"))
    full = np.pad(y, ((0, H % 2), (0, W % 2), (0, 0)), "edge")
    units = b"".join(
        full[j : j + 2, i : i + 2, 0].tobytes() + full[j, i, 1:].tobytes() for j in range(0, full.shape[0], 2) for i in range(0, full.shape[1], 2)
    )
    yield "ycbcr-420", raw(tags(8, 6, 3) | {530: (3, [2, 2])}, [units]), shown

    base = raw(plain, [RGB.tobytes()])
    yield "jpeg-ycbcr-tiles", copied(base, "-c", "jpeg:90", "-t", "-w", "16", "-l", "16"), "Pillow"
    yield "jpeg-rgb", copied(base, "-c", "jpeg:r:90"), "Pillow"
    jpeg = (HERE / "444.jpg").read_bytes()
    old = {513: (4, 8), 514: (4, len(jpeg)), 530: (3, [1, 1]), 273: (4, 8), 279: (4, len(jpeg))}
    yield "old-jpeg", raw(tags(8, 6, 3, 6) | old, [], first=jpeg + bytes(len(jpeg) % 2)), np.frombuffer((HERE / "444.jpg.rgb").read_bytes(), np.uint8)
    yield "jpeg-photometric-lies", raw(tags(8, 2, 3, 7), [jpeg]), np.frombuffer((HERE / "444.jpg.rgb").read_bytes(), np.uint8)

    fax = raw(tags(1, 0), [b"".join(packed(~BILEVEL, 1))])
    for name, options in {
        "group3": ["g3:1d"],
        "group3-2d": ["g3:2d:fill", "-r", "5"],
        "group3-reversed": ["g3:2d", "-f", "lsb2msb"],
        "group4-reversed": ["g4", "-f", "lsb2msb", "-r", "5"],
        "group4-tiles": ["g4", "-t", "-w", "16", "-l", "16"],
    }.items():
        yield name, copied(fax, "-c", *options), BILEVEL * 255
    buffer = io.BytesIO()
    Image.fromarray(BILEVEL).save(buffer, "TIFF", compression="tiff_ccitt")
    yield "huffman", buffer.getvalue(), BILEVEL * 255


def srgb(lab):
    """CIE L*a*b* with D50, of 8 bits, to sRGB by the definitions of both; LittleCMS interpolates, and is some levels off."""
    l, a, b = lab[..., 0] / 255 * 100, lab[..., 1].astype(np.int8), lab[..., 2].astype(np.int8)
    y = (l + 16) / 116
    roots = np.stack([y + a / 500, y, y - b / 200], -1)
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * [0.96422, 1, 0.82521]
    # Inverse of the matrix in sRGB's ICC profile.
    to_xyz = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
    light = np.clip(xyz @ np.linalg.inv(to_xyz).T, 0, 1)
    return np.round(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def old_lzw(data):
    """LZW of before TIFF 6.0: low bits first; the table is cleared before codes grow longer than 9 bits."""
    bits, count, out = 0, 0, bytearray()
    for at in range(0, len(data), 200):
        for code in [256, *data[at : at + 200]]:
            bits |= code << count
            count += 9
    bits |= 257 << count
    return bits.to_bytes((count + 16) // 8, "little")


def main():
    for name, file, truth in itertools.chain(kinds(), log_luv()):
        (HERE / f"{name}.tif").write_bytes(file)
        if isinstance(truth, str):
            truth = np.array(Image.open(HERE / f"{name}.tif").convert("RGB"))
        if truth.ndim == 2:
            truth = np.stack([truth] * 3, 2)
        (HERE / f"{name}.tif.rgb").write_bytes(truth.astype(np.uint8).tobytes())


main()
