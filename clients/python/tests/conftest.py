"""Databases of a server that libpq's environment names: `PGHOST=… python -m pytest`, as a superuser."""

import os
import struct

import psycopg
import pytest
from databases import ALL, DATABASE, ELSEWHERE, SCHEMA, WITHOUT

if "PGHOST" not in os.environ:
    pytest.exit("PGHOST must name a server with clip_pg: tests/run.sh clients starts one", 2)
os.environ.setdefault("PGUSER", "postgres")


def _create() -> None:
    with psycopg.connect(dbname="postgres", autocommit=True) as server:
        for database in ALL:
            server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {database}")
    with psycopg.connect(dbname=DATABASE) as connection:
        connection.execute("CREATE EXTENSION clip_pg")
    with psycopg.connect(dbname=ELSEWHERE) as connection:
        connection.execute(f'CREATE SCHEMA "{SCHEMA}"; CREATE EXTENSION clip_pg SCHEMA "{SCHEMA}"')
        # What is found by this name is something else.
        connection.execute("CREATE DOMAIN clip_vector AS text")


# Before modules of tests are read: these connect.
_create()
os.environ["PGDATABASE"] = DATABASE


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Has new connections go to the database with the extension in the schema that is returned."""
    monkeypatch.setenv("PGDATABASE", ELSEWHERE)
    return SCHEMA


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has new connections go to the database without the extension."""
    monkeypatch.setenv("PGDATABASE", WITHOUT)


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A picture to embed, of 8 × 8 pixels: a bitmap of Windows."""
    pixels = bytes(range(0, 192))
    header = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels
