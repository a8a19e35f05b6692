"""The page on clients: its blocks in Python run as they are printed, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from databases import DOCS, DOCS_DJANGO

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = re.compile(r"# (photos/\S+|a view)\n")


def blocks(page, kind):
    text = (ROOT / page).read_text(encoding="utf-8")
    return [found[2] for found in BLOCK.finditer(text) if found[1] == kind]


PYTHON = blocks("docs/clients.md", "python")


@pytest.fixture
def photos(picture, monkeypatch):
    """The table of the README, with two pictures."""
    monkeypatch.setenv("PGDATABASE", DOCS)
    with psycopg.connect() as connection:
        connection.execute(next(block for block in blocks("README.md", "sql") if "CREATE EXTENSION" in block))
        for file, image in {"camera.bmp": picture, "coffee.bmp": picture[:-60] + bytes(60)}.items():
            connection.execute("INSERT INTO photos (path, image) VALUES (%s, %s)", ["/srv/photos/" + file, image])


def test_python(photos):
    names = {}
    for block in PYTHON:
        if not FILES.match(block):
            exec(compile(block, "docs/clients.md", "exec"), names)
    names["engine"].dispose()
    assert len(names["nearest"].get_final_froms()) == 1 and len(names["vectors"]) == 2
    assert set(names["options"]) == {"include_object", "render_item"}


def test_django(tmp_path):
    files = {FILES.match(block)[1]: block for block in PYTHON if FILES.match(block)}
    assert set(files) == {"photos/models.py", "photos/migrations/0001_initial.py", "a view"}
    for name, block in files.items():
        path = tmp_path / name.replace("a view", "view.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
    for package in ("photos", "photos/migrations"):
        (tmp_path / package / "__init__.py").touch()
    here = Path(__file__).parent
    program = (
        f"from django_settings import configure; configure({DOCS_DJANGO!r}, ['photos'])\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "call_command('makemigrations', check=True, verbosity=0)\n"
        "import view\n"
        "from django.db import connection; connection.close()\n"
    )
    path = os.pathsep.join([str(tmp_path), str(here.parent), str(here)])
    command = [sys.executable, "-B", "-W", "error", "-c", program]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
