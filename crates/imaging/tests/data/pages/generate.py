#!/usr/bin/env python3
"""Files of several pages, written by Pillow 11.3, tifffile 2026.3.3 and imagecodecs 2026.3.6, and what each page is.

NAME.rgb holds the pages one after another, as Pillow's seek() and convert("RGB") give them; of kinds.tif Pillow reads no
mask.
"""

from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
WIDTH, HEIGHT = 19, 13


def picture(n, size=(WIDTH, HEIGHT)):
    """A picture that is another one for each n."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    levels = [(x * 13 + n * 40) % 256, (y * 19 + n * 70) % 256, (x * y + n * 90) % 256]
    return Image.fromarray(np.stack(levels, 2).astype(np.uint8))


def shape(n):
    """A disc on nothing, elsewhere for each n."""
    frame = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    ImageDraw.Draw(frame).ellipse([2 * n, n, 2 * n + 9, n + 8], (40 * n, 200 - 40 * n, 90, 255))
    return frame


def reference(name):
    """The pages as Pillow has them."""
    pages = []
    with Image.open(HERE / name) as image:
        for n in range(image.n_frames):
            image.seek(n)
            pages.append(image.convert("RGB").tobytes())
    (HERE / f"{name}.rgb").write_bytes(b"".join(pages))


def gif():
    for disposal in range(4):
        frames = [picture(0).quantize(16)] + [shape(n) for n in range(1, 4)]
        frames[0].save(HERE / f"disposal-{disposal}.gif", save_all=True, append_images=frames[1:], disposal=disposal)
        reference(f"disposal-{disposal}.gif")
    frames = [shape(n) for n in range(4)]
    for disposal in (2, 3):
        frames[0].save(HERE / f"transparent-{disposal}.gif", save_all=True, append_images=frames[1:], disposal=disposal)
        reference(f"transparent-{disposal}.gif")
    frames = [picture(n).quantize(32) for n in range(3)]
    frames[0].save(HERE / "interlaced.gif", save_all=True, append_images=frames[1:], interlace=1)
    reference("interlaced.gif")


def apng():
    frames = [picture(0).convert("RGBA")] + [shape(n) for n in range(1, 4)]
    half = [shape(n) for n in range(4)]
    for frame in half:
        frame.putalpha(frame.getchannel("A").point(lambda opacity: opacity // 2))
    for name, frames, disposal, blend in (
        ("keep", frames, 0, 1),
        ("background", frames, 1, 1),
        ("previous", frames, 2, 1),
        ("source", frames, 0, 0),
        ("half", half, 0, 1),
        ("colors", [picture(n) for n in range(3)], 0, 0),
    ):
        file = f"{name}.png"
        frames[0].save(HERE / file, save_all=True, append_images=frames[1:], disposal=disposal, blend=blend)
        reference(file)
    # The file's own picture is no frame.
    picture(7).save(HERE / "apart.png", save_all=True, append_images=[picture(n) for n in range(2)], default_image=True)
    reference("apart.png")


def webp():
    frames = [picture(0).convert("RGBA")] + [shape(n) for n in range(1, 4)]
    for name, frames in (("opaque", [picture(n) for n in range(3)]), ("shapes", frames)):
        frames[0].save(HERE / f"{name}.webp", save_all=True, append_images=frames[1:], lossless=True)
        reference(f"{name}.webp")


def jxl():
    frames = np.stack([np.asarray(picture(n)) for n in range(3)])
    (HERE / "frames.jxl").write_bytes(imagecodecs.jpegxl_encode(frames, lossless=True, photometric="rgb"))
    (HERE / "frames.jxl.rgb").write_bytes(frames.tobytes())


def avif():
    frames = [picture(n, (64, 48)) for n in range(4)]
    frames[0].save(HERE / "sequence.avif", save_all=True, append_images=frames[1:], quality=90, subsampling="4:4:4")
    reference("sequence.avif")


def tiff():
    pages = [picture(n, (WIDTH + n, HEIGHT)) for n in range(3)]
    pages[0].save(HERE / "book.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    reference("book.tif")
    # A thumbnail, two pages with names, each with a reduction below it, and a mask.
    with tifffile.TiffWriter(HERE / "kinds.tif") as file:
        def write(image, **options):
            file.write(np.asarray(image), photometric="rgb", metadata=None, **options)

        write(picture(9, (9, 6)), subfiletype=1)
        for n, name in enumerate(("Tafel I", "Tafel II")):
            write(picture(n, (64, 48)), subifds=1, extratags=[(285, 2, None, name, True)])
            write(picture(n + 4, (32, 24)), subfiletype=1)
        file.write(np.eye(48, 64, dtype=bool), photometric=4, subfiletype=4, metadata=None)

    with tifffile.TiffWriter(HERE / "tiles.tif") as file:
        options = {"photometric": "rgb", "tile": (16, 16), "compression": "zlib", "metadata": None}
        file.write(np.asarray(picture(0, (64, 48))), subifds=1, **options)
        file.write(np.asarray(picture(0, (64, 48)).reduce(2)), subfiletype=1, **options)


if __name__ == "__main__":
    gif()
    apng()
    webp()
    jxl()
    avif()
    tiff()
