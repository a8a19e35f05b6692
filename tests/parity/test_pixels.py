"""Pixels: what reaches a vision tower is what Pillow makes of the file, to the last bit.

Embeddings alone would not show a difference of one level here and there.
"""

import io
import json
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageOps

import data
from conftest import CLIP_MINI, example, note
from reference import Preprocess


def clip_pg_pixels(files, region="full", **preprocess):
    """What the crate behind the SQL functions makes of a region of image files; SQL itself does not show pixels."""
    preprocess = json.dumps(
        preprocess | dict(rescale_factor=1, mean=[0] * 3, std=[1] * 3, exif_orientation=True, alpha="drop")
    )
    requests = "".join(f"{path}\t{region}\t{preprocess}\n" for path in files)
    run = subprocess.run([example("preprocess")], input=requests.encode(), stdout=subprocess.PIPE, check=True)
    answers = io.BytesIO(run.stdout)
    while status := answers.readline():
        word, _, length = status.partition(b" ")
        assert word == b"ok", status
        yield np.frombuffer(answers.read(int(length)), np.uint8)


def assert_identical(name, files, expected, region="full", box=lambda *size: None, **preprocess):
    """Compares a region of each file with the box of Pillow's that `box` gives for a width and a height."""

    def reference(path):
        contents = path.read_bytes()
        return expected.pixels(contents, box(*upright_size(contents))).ravel()

    different = [
        path.name
        for path, pixels in zip(files, clip_pg_pixels(files, region, **preprocess), strict=True)
        if not np.array_equal(pixels, reference(path))
    ]
    note(f"{name:44} {len(files) - len(different)} of {len(files)} images have the same pixels")
    assert different == []


def upright_size(contents):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(contents))).size


def centered_square(width, height):
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def test_clip(image_set):
    name, files = image_set
    expected = Preprocess.read(CLIP_MINI.directory / CLIP_MINI.preprocess)
    assert_identical(f"pixels: {name}", files, expected, resize={"shortest": 224}, crop=[224, 224], filter="bicubic")


@pytest.mark.parametrize("filter", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
def test_squash(filter):
    expected = Preprocess(None, (192, 256), Image.Resampling[filter.upper()], [0] * 3, [1] * 3)
    files = data.image_files("demo")
    assert_identical(
        f"pixels: demo, squash, {filter}", files, expected, resize={"squash": [192, 256]}, crop=None, filter=filter
    )


@pytest.mark.parametrize(
    "region, box",
    [
        ("square", centered_square),
        ("7,9,100,81", lambda width, height: (7, 9, min(width, 107), min(height, 90))),
        ("pct:25,12.5,50,50", lambda width, height: shares(width, height, 0.25, 0.125, 0.5)),
    ],
)
def test_regions(region, box):
    expected = Preprocess.read(CLIP_MINI.directory / CLIP_MINI.preprocess)
    files = data.image_files("demo")
    clip = dict(resize={"shortest": 224}, crop=[224, 224], filter="bicubic")
    assert_identical(f"pixels: demo, region {region}", files, expected, region, box, **clip)


def shares(width, height, x, y, size):
    """The nearest pixels, halves upwards."""

    def pixels(share, side):
        return int(share * side + 0.5)

    left, top = pixels(x, width), pixels(y, height)
    return left, top, left + pixels(size, width), top + pixels(size, height)
