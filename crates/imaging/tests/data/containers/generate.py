"""Writes a JPEG XL file with a profile: sRGB's, with the names of red and green in each other's place.

Run with Pillow 11.3.0 and imagecodecs 2026.3.6.
"""

import io
import sys
from pathlib import Path

import imagecodecs
from PIL import ImageCms

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.with_name("images")))
from generate import picture

profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
profile = profile.replace(b"rXYZ", b"?").replace(b"gXYZ", b"rXYZ").replace(b"?", b"gXYZ")
jpeg = io.BytesIO()
picture().save(jpeg, "JPEG", quality=95, subsampling=0, icc_profile=profile)
(HERE / "profile.jxl").write_bytes(imagecodecs.jpegxl_encode_jpeg(jpeg.getvalue()))
