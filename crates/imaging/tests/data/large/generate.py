"""Writes flat pictures of 1200 x 800 pixels, all of 128, in few bytes. Run with imagecodecs 2026.3.6 and Pillow 11.3.0."""

from pathlib import Path

import imagecodecs
import numpy
from PIL import Image

HERE = Path(__file__).parent
flat = numpy.full((800, 1200, 3), 128, numpy.uint8)
(HERE / "flat.jxl").write_bytes(imagecodecs.jpegxl_encode(flat, lossless=True, effort=3))
(HERE / "flat.jp2").write_bytes(imagecodecs.jpeg2k_encode(flat, codecformat="jp2", reversible=True, level=0, resolutions=1))
Image.fromarray(flat).save(HERE / "flat.avif", quality=60, subsampling="4:4:4", speed=8)
