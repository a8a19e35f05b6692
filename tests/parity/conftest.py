"""The server, the measure of agreement and the figures at the end."""

import os
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

import data
from reference import Model, Reference

MIN_COSINE = 0.9999
CLIP_MINI = Model(data.ROOT / "models/clip-mini")
figures = []


class Server:
    """clip_pg, in a few large calls."""

    def __init__(self, connection):
        self.connection = connection

    def rows(self, query, *parameters):
        with self.connection.cursor(binary=True) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def embed_texts(self, texts, model):
        return self._embed("clip_embed_texts(%s::text[], %s)", texts, model, 250)

    def embed_images(self, images, model):
        return self._embed("clip_embed_images(%s::bytea[], %s)", images, model, 50)

    def _embed(self, call, items, model, step):
        query = f"SELECT embedding::real[] FROM unnest({call}) WITH ORDINALITY u (embedding, n) ORDER BY n"
        chunks = (items[start : start + step] for start in range(0, len(items), step))
        return np.array([row for chunk in chunks for (row,) in self.rows(query, chunk, model)], np.float64)

    def register(self, name, directory, options):
        self.rows("SELECT clip_register_model(%s, %s, %s)", name, str(directory), Jsonb(options))


@pytest.fixture(scope="session")
def server():
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        yield Server(connection)


@pytest.fixture(scope="session")
def models():
    """A directory that the server can read."""
    return Path(os.environ["PARITY_DIR"])


@pytest.fixture(scope="session")
def clip_mini():
    return Reference(CLIP_MINI)


@pytest.fixture(params=["demo", "flickr8k-150", "richelieu", "presse_light"])
def image_set(request):
    """Name and files of a set of images."""
    if request.param != "demo":
        request.getfixturevalue("shared")
    files = data.image_files(request.param)
    assert len(files) >= 20
    return request.param, files


@pytest.fixture(scope="session")
def shared():
    """For tests of data that lies beside the project where it is developed."""
    if not data.SHARED.is_dir():
        pytest.skip(f"no {os.path.relpath(data.SHARED, data.ROOT)} here")


@cache
def examples():
    """The folder of the crates' examples, which are up to date.

    All crates are chosen, and so their dependencies are compiled with the same features as for the crates' own tests: what
    these have left is used. `cargo run --package` would compile half of it anew.
    """
    crates = ["--workspace", "--exclude", "clip_pg", "--bins", "--examples"]
    subprocess.run(["cargo", "build", "--quiet", "--locked", *crates], cwd=data.ROOT, check=True)
    return data.ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/examples"


def example(name):
    """The program of an example of the crates."""
    return examples() / name


def contents(files):
    return [path.read_bytes() for path in files]


def note(line):
    """Adds a line to the figures that are printed at the end."""
    figures.append(line)


def assert_agree(what, embeddings, reference):
    """Row by row, the cosine of what SQL gave and what the reference gave; the former was rounded to halves."""
    assert embeddings.shape == reference.shape
    cosines = (embeddings * reference).sum(axis=1) / np.linalg.norm(embeddings, axis=1)
    note(f"{what:44} {len(cosines):4}   min cosine 1 - {1 - cosines.min():.1e}")
    assert cosines.min() >= MIN_COSINE, f"row {cosines.argmin()} of {what}"


def pytest_terminal_summary(terminalreporter):
    if figures:
        terminalreporter.section("agreement with the reference")
        for line in figures:
            terminalreporter.write_line(line)
