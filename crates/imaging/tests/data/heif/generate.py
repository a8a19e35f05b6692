"""Writes the AVIF files in this directory and, beside each, what Pillow 11.3.0 makes of it: oriented, RGB, rows from the top.

Files of 10 and 12 bits, grids, and those that are turned and mirrored are written by avifenc 0.11.1. Beside alpha-10.avif
lies what it is over white, too. colour.heic was written by libheif's own tools; colour.heic.png is what they read out of
it. cut.heic, cut-turned.heic and premultiplied.heic, of a size that is no whole number of the codec's blocks, were written by pillow-heif
1.8.1 with opacity.
"""

import subprocess
import tempfile
from pathlib import Path

import PIL
import pillow_heif
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
    pillow_heif.register_heif_opener()
    rgba.save(HERE / "cut.heic", quality=90, chroma=444)
    rgba.save(HERE / "cut-turned.heic", quality=90, chroma=444, exif=exif.tobytes())
    rgba.convert("RGBa").save(HERE / "premultiplied.heic", quality=90, chroma=444)
    for name in ("cut", "cut-turned", "premultiplied"):
        with Image.open(HERE / f"{name}.heic") as image:
            (HERE / f"{name}.heic.rgb").write_bytes(image.convert("RGB").tobytes())
    with tempfile.TemporaryDirectory() as directory:
        avifenc(Path(directory), rgb, rgba)
    for path in HERE.glob("*.avif"):
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            path.with_name(path.name + ".rgb").write_bytes(upright.convert("RGB").tobytes())
            if path.name == "alpha-10.avif":
                white = Image.new("RGB", upright.size, "white")
                white.paste(upright, mask=upright.getchannel("A"))
                path.with_name(path.name + ".white").write_bytes(white.tobytes())


def avifenc(directory, rgb, rgba):
    def write(name, image, *options):
        source = directory / "source.png"
        image.save(source)
        command = ["avifenc", "--jobs", "1", "--speed", "6", "--min", "10", "--max", "20", *options]
        subprocess.run([*command, str(source), str(HERE / f"{name}.avif")], check=True, stdout=subprocess.DEVNULL)

    for depth in ("10", "12"):
        for sampling in ("420", "422", "444", "400"):
            spread = "limited" if sampling == "422" else "full"
            write(f"{sampling}-{depth}", rgb, "--depth", depth, "--yuv", sampling, "--range", spread)
    write("alpha-10", rgba, "--depth", "10", "--yuv", "444")
    write("premultiplied", rgba, "--premultiply", "--yuv", "444")
    for turns in range(4):
        for mirror in (None, 0, 1):
            name = f"turned-{turns}" + ("" if mirror is None else f"-{mirror}")
            options = [] if mirror is None else ["--imir", str(mirror)]
            if turns > 0 or options:
                write(name, rgb.crop((0, 0, 24, 16)), "--irot", str(turns), *options)
    # Tiles have at least 64 pixels on a side.
    write("grid", rgba.resize((192, 128)), "--grid", "3x2", "--yuv", "420")
    write("grid-10", rgb.resize((128, 128)), "--grid", "2x2", "--depth", "10", "--yuv", "444", "--irot", "1")


main()
