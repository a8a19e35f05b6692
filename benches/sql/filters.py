#!/usr/bin/env python3
"""Filter columns of clip_hnsw: `… WHERE filter ORDER BY embedding <=> $1 LIMIT 10`, recall and time.

Two columns have numbers from 0 to 999: random ones, and such that those that lie beside each other have near numbers, as
topics have. `column < n` passes n of a thousand rows. An index has both as filter columns, another one none; the former
is measured with the condition in the index and without a condition, the latter with the condition left to the executor.
What is asked alternates, so that whatever else the machine does falls on all of them; times are medians over the queries
of the fastest of --runs, at the client. In the end a btree index on each column is added, and the planner is asked what it
takes.

The server is the one that libpq's environment names (PGHOST, PGPORT, PGUSER, PGDATABASE); a schema `filters` is made in it
and dropped at the end. `shared_buffers` should hold table and indexes (6.5 kB a row of 512 dimensions). Needs numpy and
psycopg[binary], and a release build of the extension.

    filters.py --generator PROGRAM --rows 100000 --dimensions 512

PROGRAM is called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` and writes the arrays `base`, `img_q` and `txt_q`, of
norm 1.
"""

import json
import statistics
import time

import numpy as np
import psycopg
from common import CLIP_VECTOR, begin, generated, load, parser

PASSING = [1, 10, 100, 500]
K = 10


def prepare(connection, data, options):
    """A table of rows with their numbers, and one of the queries."""
    load(connection, "filters.vectors", CLIP_VECTOR, data["base"])
    load(connection, "filters.queries", CLIP_VECTOR, data["img_q"][:options.queries])
    connection.execute("ALTER TABLE filters.queries ADD PRIMARY KEY (id)")
    rng = np.random.default_rng(options.seed)
    base = data["base"]
    numbers = {"random": rng.integers(0, 1000, len(base)),
               "topic": np.argsort(np.argsort(base @ rng.standard_normal(base.shape[1]))) * 1000 // len(base)}
    connection.execute("CREATE TABLE filters.numbers (id int, random int, topic int)")
    with connection.cursor().copy("COPY filters.numbers FROM STDIN") as copy:
        for id in range(len(base)):
            copy.write_row((id, int(numbers["random"][id]), int(numbers["topic"][id])))
    connection.execute("CREATE TABLE filters.photos AS SELECT * FROM filters.vectors JOIN filters.numbers USING (id) ORDER BY id")
    connection.execute("DROP TABLE filters.vectors, filters.numbers")
    return numbers


def build(connection, name, columns):
    start = time.perf_counter()
    connection.execute(f"CREATE INDEX {name} ON filters.photos USING clip_hnsw ({columns})")
    seconds = time.perf_counter() - start
    (size,), = connection.execute("SELECT pg_relation_size(%s::regclass)", [f"filters.{name}"])
    connection.execute("SELECT clip_prewarm(%s::regclass)", [f"filters.{name}"])
    return seconds, size


def ask(connection, condition, query):
    """The rows of a query, and the milliseconds it took."""
    statement = (f"SELECT id FROM filters.photos {condition} ORDER BY embedding <=> "
                 f"(SELECT embedding FROM filters.queries WHERE id = %s) LIMIT {K}")
    start = time.perf_counter()
    rows = {id for (id,) in connection.execute(statement, [query], prepare=True)}
    return rows, 1000 * (time.perf_counter() - start)


def measure(connection, conditions, options):
    """By condition, the fastest time of each query and its rows."""
    results = {condition: {} for condition in conditions}
    for run in range(-1, options.runs):
        for query in range(options.queries):
            for condition in conditions:
                rows, took = ask(connection, condition, query)
                before = results[condition].get(query, (None, np.inf))[1]
                results[condition][query] = rows, min(took, before) if run >= 0 else np.inf
    return results


def exact(data, numbers, condition, queries):
    """The nearest rows of each query among those that pass."""
    column, passing = condition
    ids = np.arange(len(data["base"])) if column is None else np.flatnonzero(numbers[column] < passing)
    similar = data["img_q"][:queries] @ data["base"][ids].T
    return [set(ids[np.argsort(-row)[:K]].tolist()) for row in similar]


def main():
    arguments = parser(__doc__, runs=3, seed=11)
    arguments.add_argument("--queries", type=int, default=100)
    arguments.add_argument("--memory", default="1GB", help="maintenance_work_mem of the build")
    options = arguments.parse_args()

    data = generated(options.generator, options.rows, options.queries, options.dimensions, options.seed)
    with psycopg.connect(autocommit=True) as connection:
        begin(connection, "filters", options.memory)
        numbers = prepare(connection, data, options)
        wanted = [(None, 1000)] + [(column, passing) for column in numbers for passing in PASSING]
        conditions = {one: "" if one[0] is None else f"WHERE {one[0]} < {one[1]}" for one in wanted}
        truth = {one: exact(data, numbers, one, options.queries) for one in wanted}
        results = {}
        for name, columns in (("bare", "embedding"), ("filtered", "embedding, random, topic")):
            seconds, size = build(connection, name, columns)
            print(f"({columns}): {seconds:.1f} s, {size / options.rows:.0f} bytes a vector")
            connection.execute("VACUUM ANALYZE filters.photos")
            connection.execute("SET enable_seqscan = off; SET enable_sort = off")
            results[name] = measure(connection, list(conditions.values()), options)
            connection.execute("RESET enable_seqscan; RESET enable_sort")
            connection.execute(f"DROP INDEX filters.{name}") if name == "bare" else None
        connection.execute("CREATE INDEX ON filters.photos (random); CREATE INDEX ON filters.photos (topic); ANALYZE filters.photos")
        print(f"\n{'filter':<16}{'recall':>8}{'ms':>8}{'recall':>10}{'ms':>8}  chosen beside a btree index")
        for one, condition in conditions.items():
            line = f"{condition.removeprefix('WHERE ') or 'none':<16}"
            for name, width in (("filtered", 8), ("bare", 10)):
                rows = results[name][condition]
                found = sum(len(rows[query][0] & truth[one][query]) for query in range(options.queries))
                share = found / sum(len(nearest) for nearest in truth[one])
                line += f"{share:>{width}.3f}{statistics.median(took for _, took in rows.values()):>8.2f}"
            (plan,), = connection.execute(
                f"EXPLAIN (FORMAT json) SELECT id FROM filters.photos {condition} ORDER BY embedding <=> "
                f"(SELECT embedding FROM filters.queries WHERE id = 0) LIMIT {K}")
            print(line + f"  {'clip_hnsw' if 'Order By' in json.dumps(plan) else 'btree'}", flush=True)
        connection.execute("DROP SCHEMA filters CASCADE")


if __name__ == "__main__":
    main()
