"""Times embedding in SQL beside the same work in Python: decoding, resizing and the model, on one thread each.

    PARITY_DIR=/where/the/server/can/read build/parity-venv/bin/python benches/embed_images.py

libpq's environment names a server with a release build of clip_pg, and a superuser; `tests/parity/run.py` makes the
virtual environment. Both sides have their model loaded and the images in memory or in a table; runs alternate and the
medians count. The images are the demo's and, where they are at hand, the shared test data.
"""

import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/parity"))

import numpy as np
import psycopg
from PIL import Image

import data
import make_models
from reference import Model, Preprocess, Reference

ROUNDS = 5
CLIP_MINI = Model(ROOT / "models/clip-mini")


def alternate(*runs):
    """Median seconds of each of some runs, taken in turns."""
    times = [[] for _ in runs]
    for run in runs:
        run()
    for _ in range(ROUNDS):
        for run, seconds in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return [median(seconds) for seconds in times]


def line(what, ours, theirs, unit, bar=None):
    verdict = "" if bar is None else f"   bar {bar:.2f}: {'met' if ours / theirs <= bar else 'MISSED'}"
    print(f"{what:62} {ours:9.2f} {theirs:9.2f} {unit:3} {ours / theirs:6.2f}{verdict}", flush=True)


def in_batches(embed, items, size):
    for start in range(0, len(items), size):
        embed(items[start : start + size])


def clip_mini(connection, images):
    """Everything from a file's bytes to a unit vector, hundreds of images."""
    reference = Reference(CLIP_MINI, threads=1)
    query = "SELECT cardinality(clip_embed_images(array_agg(image ORDER BY id), 'clip-mini')) FROM photo"
    ours, one, eight = alternate(
        lambda: connection.execute(query).fetchone(),
        lambda: in_batches(reference.embed_images, images, 1),
        lambda: in_batches(reference.embed_images, images, 8),
    )
    what = f"clip-mini, {len(images)} images, reference in batches of"
    line(f"{what} 1", ours, one, "s", 1.25)
    line(f"{what} 8", ours, eight, "s", 1.25)


def vit_b_32(connection, images, directory):
    """A full-size model: per image, against the model's own time in ONNX Runtime without decoding and resizing."""
    model = make_models.make(make_models.clip_vit_b_32, directory)
    connection.execute("SELECT clip_register_model('clip_vit_b_32', %s)", [str(model.directory)])
    reference, count = Reference(model, threads=1), 32
    pixels = np.stack([reference.preprocess.tensor(image) for image in images[:count]])
    query = (
        "SELECT cardinality(clip_embed_images(array_agg(image), 'clip_vit_b_32'))"
        f" FROM (SELECT image FROM photo ORDER BY id LIMIT {count}) photo"
    )

    def run(rows):
        reference.image.run(["image_embeds"], {"pixel_values": rows})

    def sql(batch_size):
        connection.execute(f"SET clip_pg.batch_size = {batch_size}")
        connection.execute(query).fetchone()

    times = alternate(
        lambda: sql(1), lambda: in_batches(run, pixels, 1), lambda: sql(8), lambda: in_batches(run, pixels, 8)
    )
    sql_one, run_one, sql_eight, run_eight = (1000 * seconds / count for seconds in times)
    line("ViT-B/32, per image, one by one, ONNX Runtime's run only", sql_one, run_one, "ms")
    line("ViT-B/32, per image, eight at a time, ONNX Runtime's run only", sql_eight, run_eight, "ms")


def preprocessing(images):
    """A photograph of 12 megapixels, from the file to the pixels of CLIP's vision tower."""
    preprocess = Preprocess.read(CLIP_MINI.directory / CLIP_MINI.preprocess)
    description = (
        '{"resize": {"shortest": 224}, "crop": [224, 224], "filter": "bicubic", "rescale_factor": 1, "mean": [0, 0, 0],'
        ' "std": [1, 1, 1], "exif_orientation": true, "alpha": "drop"}'
    )
    command = ["cargo", "build", "--release", "--quiet", "--package", "clip", "--example", "preprocess"]
    subprocess.run(command, cwd=ROOT, check=True)
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/preprocess"
    with (
        tempfile.NamedTemporaryFile(suffix=".jpg") as file,
        subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clip_pg,
    ):
        photograph = Image.open(io.BytesIO(max(images, key=len))).convert("RGB")
        photograph = np.asarray(photograph.resize((4032, 3024), Image.Resampling.BICUBIC))
        # Enlarged, it lacks the grain of a camera's, which is most of the work of decoding.
        grain = np.random.default_rng(0).normal(0, 4, photograph.shape)
        Image.fromarray((photograph + grain).clip(0, 255).astype(np.uint8)).save(file.name, quality=92)

        def ours():
            clip_pg.stdin.write(f"{file.name}\tfull\t{description}\n".encode())
            clip_pg.stdin.flush()
            length = int(clip_pg.stdout.readline().split()[1])
            return clip_pg.stdout.read(length)

        def theirs():
            return preprocess.pixels(Path(file.name).read_bytes())

        assert ours() == theirs().tobytes()
        times = alternate(ours, theirs)
        clip_pg.stdin.close()
    line("preprocessing, JPEG of 4032 x 3024 pixels, Pillow", *(1000 * seconds for seconds in times), "ms", 0.8)


def main():
    sets = ["demo", *(path.name for path in sorted(data.SHARED.glob("*")) if (path / "images").is_dir())]
    images = [path.read_bytes() for name in sets for path in data.image_files(name)]
    print(f"{'':62} {'clip_pg':>9} {'reference':>9}     {'ratio':>6}")
    preprocessing(images)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("SET clip_pg.threads = 1")
        connection.execute("CREATE TEMP TABLE photo (id int, image bytea)")
        with connection.cursor().copy("COPY photo FROM STDIN") as copy:
            for row in enumerate(images):
                copy.write_row(row)
        clip_mini(connection, images)
        vit_b_32(connection, images, Path(os.environ["PARITY_DIR"]))


if __name__ == "__main__":
    main()
