"""Writes the AVIF files in this directory and, beside each, what Pillow 11.3.0 makes of it: oriented, RGB, rows from the top.

colour.heic was written by libheif's own tools; colour.heic.png is what they read out of it.
"""

from pathlib import Path

import PIL
from PIL import Image, ImageOps

assert PIL.__version__ == "11.3.0", PIL.__version__
HERE = Path(__file__).parent


def main():
    rgb = Image.open(HERE / "colour.heic.png").convert("RGB").crop((0, 0, 61, 47))
    exif = Image.Exif()
    exif[0x112] = 6
    rgba = rgb.copy()
    rgba.putalpha(Image.linear_gradient("L").resize(rgb.size))
    kinds = {
        "420": {"subsampling": "4:2:0"},
        "422": {"subsampling": "4:2:2", "range": "limited"},
        "444": {"subsampling": "4:4:4", "range": "full"},
        "400": {"subsampling": "4:0:0"},
        "orientation-6": {"exif": exif},
        "sequence": {"save_all": True, "append_images": [rgb.rotate(180)]},
    }
    for name, options in kinds.items():
        rgb.save(HERE / f"{name}.avif", quality=80, **options)
    rgba.save(HERE / "alpha.avif", quality=80)
    for path in HERE.glob("*.avif"):
        with Image.open(path) as image:
            path.with_name(path.name + ".rgb").write_bytes(ImageOps.exif_transpose(image).convert("RGB").tobytes())


main()
