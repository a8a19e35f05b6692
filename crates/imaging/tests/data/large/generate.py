"""Writes flat pictures of 1200 x 800 pixels, all of 128, in few bytes, and smaller ones in JPEG's arithmetic codes, by cjpeg
of libjpeg-turbo. Run with imagecodecs 2026.3.6 and Pillow 11.3.0."""

import subprocess
from pathlib import Path

import imagecodecs
import numpy
from PIL import Image

HERE = Path(__file__).parent
flat = numpy.full((800, 1200, 3), 128, numpy.uint8)
(HERE / "flat.jxl").write_bytes(imagecodecs.jpegxl_encode(flat, lossless=True, effort=3))
(HERE / "flat.jp2").write_bytes(imagecodecs.jpeg2k_encode(flat, codecformat="jp2", reversible=True, level=0, resolutions=1))
Image.fromarray(flat).save(HERE / "flat.avif", quality=60, subsampling="4:4:4", speed=8)

y, x = numpy.mgrid[:150, :200]
waves = numpy.stack([128 + 90 * numpy.sin(x * x / 900 + channel + y / 40) for channel in range(3)], axis=2).astype(numpy.uint8)
header = b"P6 200 150 255\n"
for name, options in {"arithmetic": ["-restart", "1"], "arithmetic-progressive": ["-progressive"]}.items():
    command = ["cjpeg", "-arithmetic", "-quality", "75", "-sample", "2x2", *options, "-outfile", HERE / f"{name}.jpg"]
    subprocess.run(command, input=header + waves.tobytes(), check=True)
