"""Writes the images in this directory that Pillow alone does not write, and what it makes of them.

As generate.py, whose picture these are of. Run with Pillow 11.3.0, pillow-jxl-plugin 1.3.8, imagecodecs 2026.3.6,
tifffile 2026.3.3, pydicom 3.0.2, jpegtran 2.1.5 of libjpeg-turbo and dcmcjpeg 3.6.7 of dcmtk.
"""

import io
import struct
import subprocess
import tempfile
from pathlib import Path

import imagecodecs
import numpy
import pillow_jxl  # noqa: F401, registers itself
import pydicom
import tifffile
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


def progressive(samples):
    """A progressive JPEG of 12 bits, which only tools for DICOM write."""
    uid = pydicom.uid.generate_uid
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = uid()
    file.StudyInstanceUID, file.SeriesInstanceUID = uid(), uid()
    file.Rows, file.Columns = samples.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelData = samples.astype("<u2").tobytes()
    with tempfile.TemporaryDirectory() as directory:
        plain, packed = Path(directory, "plain"), Path(directory, "packed")
        file.save_as(plain, enforce_file_format=True)
        subprocess.run(["dcmcjpeg", "+ep", "+q", "90", "+bt", plain, packed], check=True)
        data = pydicom.dcmread(packed).PixelData
    return next(pydicom.encaps.generate_frames(data, number_of_frames=1)).rstrip(b"\0")


def deep():
    """12 bits; expected are the highest 8 of what libjpeg-turbo 3 makes of them."""

    def shown(samples):
        return Image.fromarray((samples >> 4).astype(numpy.uint8))

    # The lowest bits are not those of 8 spread.
    low = numpy.arange(HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3) * 7 % 16
    samples = (numpy.asarray(picture()).astype(numpy.uint16) * 16 + low).astype(numpy.uint16)
    for sampling in ("444", "422", "420", "440", "411"):
        file = imagecodecs.jpeg_encode(samples, level=90, bitspersample=12, subsampling=sampling)
        yield f"deep-{sampling}.jpg", file, shown(imagecodecs.jpeg_decode(file))
    file = progressive(samples[:, :, 0])
    yield "deep-progressive.jpg", file, shown(imagecodecs.jpeg_decode(file))
    options = {"level": 90, "bitspersample": 12, "subsampling": (2, 2)}
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, samples, photometric="ycbcr", subsampling=(2, 2), compression="jpeg", compressionargs=options,
        bitspersample=12, tile=(16, 16), software=False,
    )
    yield "deep-jpeg-tiles.tif", buffer.getvalue(), shown(tifffile.imread(io.BytesIO(buffer.getvalue())))


def main():
    for source in (jpeg2000, jpegxl, jpeg, deep):
        for name, contents, expected in source():
            (HERE / name).write_bytes(contents)
            (HERE / f"{name}.rgb").write_bytes(expected.convert("RGB").tobytes())


if __name__ == "__main__":
    main()
