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

import statistics
import time

import numpy as np
import psycopg
from common import CLIP_VECTOR, HALFVEC, VECTOR, generated, load, parser

QUERIES = 20
TYPES = [CLIP_VECTOR, HALFVEC, VECTOR]


def vectors(options):
    """Vectors to search and vectors to search for, all of norm 1."""
    if options.generator:
        made = generated(options.generator, options.rows, QUERIES, options.dimensions, options.seed)
        return made["base"], made["txt_q"]
    random = np.random.default_rng(options.seed)
    made = random.standard_normal((options.rows + QUERIES, options.dimensions), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made[QUERIES:], made[:QUERIES]


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
    options = parser(__doc__, runs=21, seed=1, required=False).parse_args()

    base, queries = vectors(options)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0; SET jit = off; SET client_min_messages = warning")
        available = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
        types = [kind for kind in TYPES if kind[1] in available]
        for extension in {extension for _, extension, _ in types}:
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        connection.execute("DROP SCHEMA IF EXISTS exact_search CASCADE; CREATE SCHEMA exact_search")
        for kind in types:
            load(connection, f"exact_search.{kind[0]}", kind, base)
        times, found = measure(connection, [kind[0] for kind in types], queries, options.runs)
        print(f"{options.rows} × {options.dimensions}, {options.runs} runs: medians, the least in brackets")
        report(connection, times, found)
        connection.execute("DROP SCHEMA exact_search CASCADE")


if __name__ == "__main__":
    main()
