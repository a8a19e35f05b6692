#!/usr/bin/env python3
"""Exact search, `ORDER BY embedding <=> $1 LIMIT 10`, on clip_vector and, where it is installed, on pgvector's types.

Every type has a table of its own with the same vectors. The queries run in one process without JIT, alternating between
the tables so that whatever else the machine does falls on all of them. The executor's floor is the same query with a
sort key that costs nothing, `ORDER BY id + 1`; what a search takes above it is what the type and its operator take.

The server is the one that libpq's environment names (PGHOST, PGPORT, PGUSER, PGDATABASE); a schema `exact_search` is
made in it and dropped at the end. `shared_buffers` should hold all tables, some 600 MB at the default size: otherwise
reading them is measured as well. Needs numpy and psycopg[binary], and a release build of the extension.

    exact_search.py --rows 100000 --dimensions 512 --runs 21

Vectors are random unit vectors, or come from a program called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` that
writes the arrays `base` and `txt_q` (--generator PROGRAM).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import psycopg

QUERIES = 20
# Type, the extension that has it, and how its elements are sent.
TYPES = [("clip_vector", "clip_pg", ">f2"), ("halfvec", "vector", ">f2"), ("vector", "vector", ">f4")]


def vectors(options):
    """Vectors to search and vectors to search for, all of norm 1."""
    if options.generator:
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "vectors.npz")
            arguments = [path, options.rows, QUERIES, options.dimensions, options.seed]
            subprocess.run([sys.executable, options.generator, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
            made = np.load(path)
            return made["base"], made["txt_q"]
    random = np.random.default_rng(options.seed)
    made = random.standard_normal((options.rows + QUERIES, options.dimensions), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made[QUERIES:], made[:QUERIES]


def load(connection, name, element, base):
    """Makes the type's table and fills it, through the binary format that all three types share."""
    rows, dimensions = base.shape
    size = 4 + dimensions * np.dtype(element).itemsize
    layout = [("fields", ">i2"), ("id_size", ">i4"), ("id", ">i4"), ("size", ">i4"),
              ("dimensions", ">i2"), ("unused", ">i2"), ("elements", element, (dimensions,))]
    connection.execute(f"CREATE TABLE exact_search.{name} (id int, embedding {name}({dimensions}))")
    with connection.cursor().copy(f"COPY exact_search.{name} FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, rows, 10_000):
            part = base[start:start + 10_000]
            records = np.zeros(len(part), dtype=layout)
            records["fields"], records["id_size"], records["size"], records["dimensions"] = 2, 4, size, dimensions
            records["id"] = np.arange(start, start + len(part))
            records["elements"] = part
            copy.write(records.tobytes())
        copy.write(b"\xff\xff")
    connection.execute(f"VACUUM ANALYZE exact_search.{name}")


def sizes(connection, name):
    """Bytes of the table and of what lies out of line."""
    return connection.execute(
        "SELECT pg_relation_size(oid), coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) FROM pg_class WHERE oid = %s::regclass",
        [f"exact_search.{name}"],
    ).fetchone()


def run(connection, name, key, parameters=()):
    """Milliseconds and the ids found."""
    statement = f"SELECT id FROM exact_search.{name} ORDER BY {key} LIMIT 10"
    start = time.perf_counter()
    ids = connection.execute(statement, parameters).fetchall()
    return 1000 * (time.perf_counter() - start), [id for (id,) in ids]


def measure(connection, names, queries, runs):
    """Times of the floor and of the search by type, and what each query found by type."""
    times = {name: ([], []) for name in names}
    found = {name: [] for name in names}
    dimensions = queries.shape[1]
    # The first two rounds fill caches and plans.
    for round_ in range(-2, runs):
        query = "[" + ",".join(map(str, queries[round_ % len(queries)])) + "]"
        for name in names:
            floor, _ = run(connection, name, "id + 1")
            search, ids = run(connection, name, f"embedding <=> %s::{name}({dimensions})", [query])
            if round_ >= 0:
                times[name][0].append(floor)
                times[name][1].append(search)
                found[name].append(set(ids))
    return times, found


def report(connection, times, found):
    """A table of medians, each followed by the least."""
    print(f"{'type':<12}{'table MB':>10}{'TOAST MB':>10}{'floor ms':>16}{'search ms':>18}{'above floor':>13}"
          f"{'search ÷ ours':>15}{'above ÷ ours':>14}{'same 10':>9}")
    ours = None
    for name, (floors, searches) in times.items():
        floor, search = statistics.median(floors), statistics.median(searches)
        above = statistics.median(s - f for f, s in zip(floors, searches))
        ours = ours or (search, above, found[name])
        same = sum(len(a & b) for a, b in zip(found[name], ours[2])) / (10 * len(searches))
        table, toast = sizes(connection, name)
        print(f"{name:<12}{table / 1e6:>10.1f}{toast / 1e6:>10.1f}{floor:>8.1f} ({min(floors):5.1f}){search:>9.1f} ({min(searches):6.1f})"
              f"{above:>13.1f}{search / ours[0]:>15.2f}{above / ours[1]:>14.2f}{same:>9.1%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generator", help="program that makes the vectors")
    options = parser.parse_args()

    base, queries = vectors(options)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0; SET jit = off; SET client_min_messages = warning")
        available = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
        types = [(name, element) for name, extension, element in TYPES if extension in available]
        for extension in {extension for name, extension, _ in TYPES if extension in available}:
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        connection.execute("DROP SCHEMA IF EXISTS exact_search CASCADE; CREATE SCHEMA exact_search")
        for name, element in types:
            load(connection, name, element, base)
        times, found = measure(connection, [name for name, _ in types], queries, options.runs)
        print(f"{options.rows} × {options.dimensions}, {options.runs} runs: medians, the least in brackets")
        report(connection, times, found)
        connection.execute("DROP SCHEMA exact_search CASCADE")


if __name__ == "__main__":
    main()
