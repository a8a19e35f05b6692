"""Pixels: what reaches a vision tower is what Pillow makes of the file, to the last bit.

Embeddings alone would not show a difference of one level here and there.
"""

import io
import json
import subprocess

import numpy as np
import pytest
from PIL import Image

import data
from conftest import CLIP_MINI, note
from reference import Preprocess


def clip_pg_pixels(files, **preprocess):
    """What the crate behind the SQL functions makes of image files; SQL itself does not show pixels."""
    preprocess = json.dumps(
        preprocess | dict(rescale_factor=1, mean=[0] * 3, std=[1] * 3, exif_orientation=True, alpha="drop")
    )
    command = ["cargo", "run", "--quiet", "--package", "clip", "--example", "preprocess"]
    requests = "".join(f"{path}\t{preprocess}\n" for path in files)
    run = subprocess.run(command, cwd=data.ROOT, input=requests.encode(), stdout=subprocess.PIPE, check=True)
    answers = io.BytesIO(run.stdout)
    while status := answers.readline():
        word, _, length = status.partition(b" ")
        assert word == b"ok", status
        yield np.frombuffer(answers.read(int(length)), np.uint8)


def assert_identical(name, files, expected, **preprocess):
    different = [
        path.name
        for path, pixels in zip(files, clip_pg_pixels(files, **preprocess), strict=True)
        if not np.array_equal(pixels, expected.pixels(path.read_bytes()).ravel())
    ]
    note(f"{name:44} {len(files) - len(different)} of {len(files)} images have the same pixels")
    assert different == []


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
