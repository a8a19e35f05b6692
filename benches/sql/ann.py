#!/usr/bin/env python3
"""Approximate search, `ORDER BY embedding <=> $1 LIMIT 10` by an index: clip_hnsw, and where pgvector is installed its hnsw
on halfvec, both with m = 16 and ef_construction = 64.

The server is the one that libpq's environment names (PGHOST, PGPORT, PGUSER, PGDATABASE); a schema `ann` is made in it and
dropped at the end. `shared_buffers` should hold tables and indexes (4.2 kB a row of 512 dimensions, both engines together),
`max_wal_size` what a build logs, and `maintenance_work_mem` is set to --memory. Needs numpy, psycopg[binary] and pgbench,
a release build of the extension, and a superuser.

    ann.py --generator PROGRAM --rows 100000 --dimensions 512

measures, the engines alternating, so that whatever else the machine does falls on both:

- the median time of --builds builds with --workers processes or threads beside the first, and bytes per vector;
- recall@10 and queries per second of one client at several `ef_search`, in --runs runs; of each run's figures the queries
  per second at --recall are interpolated, and the median taken;
- buffers that the index scan reads at the nearest `ef_search` measured, heap included;
- the time and the log of inserting single rows, right after a checkpoint and in a row;
- recall@10, and queries per second of 1, 2 and 16 clients, at the default `ef_search`.

PROGRAM is called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` and writes the arrays `base`, `img_q` and `txt_q`, of norm
1, and the exact neighbours of these queries, `gt_img` and `gt_txt`.
"""

import json
import math
import os
import re
import statistics
import subprocess
import tempfile
import time

import psycopg
from common import CLIP_VECTOR, HALFVEC, generated, load, parser

K = 10


class Engine:
    """A type with its index; tables of its vectors and of the queries."""

    def __init__(self, kind, method, operators, setting, default, efs):
        self.kind, self.setting, self.default, self.efs = kind, setting, default, efs
        self.name = f"{method} on {kind[0]}"
        self.table = f"ann.{kind[0]}"
        self.index = f"ann.{kind[0]}_index"
        self.create = (f"CREATE INDEX {kind[0]}_index ON {self.table} USING {method} (embedding {operators}) "
                       "WITH (m = 16, ef_construction = 64)")

    def search(self, queries, which):
        return (f"SELECT id FROM {self.table} ORDER BY embedding <=> "
                f"(SELECT embedding FROM {self.table}_{queries} WHERE id = {which}) LIMIT {K}")


ENGINES = [
    Engine(CLIP_VECTOR, "clip_hnsw", "clip_cosine_ops", "clip_pg.ef_search", 64, [10, 15, 20, 25, 32, 40, 50, 64, 80, 100, 140]),
    Engine(HALFVEC, "hnsw", "halfvec_cosine_ops", "hnsw.ef_search", 40, [40, 60, 80, 100, 130, 180, 250, 350, 500]),
]


def prepare(connection, engine, data, query_count):
    """Tables of the vectors and the queries."""
    load(connection, engine.table, engine.kind, data["base"])
    for queries in ("img", "txt"):
        load(connection, f"{engine.table}_{queries}", engine.kind, data[f"{queries}_q"][:query_count])
        connection.execute(f"ALTER TABLE {engine.table}_{queries} ADD PRIMARY KEY (id)")


def build(connection, engine):
    """Seconds that building takes, and bytes per vector."""
    connection.execute(f"DROP INDEX IF EXISTS {engine.index}")
    connection.execute("CHECKPOINT")
    start = time.perf_counter()
    connection.execute(engine.create)
    seconds = time.perf_counter() - start
    size, rows = connection.execute(
        f"SELECT pg_relation_size(%s::regclass), count(*) FROM {engine.table}", [engine.index]).fetchone()
    return seconds, size / rows


def recall(connection, engine, queries, truth):
    """Share of the exact neighbours found."""
    found = 0
    for query, exact in enumerate(truth):
        ids = {id for (id,) in connection.execute(engine.search(queries, "%s"), [query], prepare=True)}
        found += len(ids & set(exact[:K].tolist()))
    return found / (K * len(truth))


def throughput(engine, ef, query_sets, query_count, clients, seconds):
    """Queries per second, by pgbench."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set q random(0, {query_count - 1})\n")
        for queries in query_sets:
            script.write(engine.search(queries, ":q") + ";\n")
        script.flush()
        options = f"-c enable_seqscan=off -c {engine.setting}={ef}"
        output = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 4)), "-T", str(seconds), "-f", script.name],
            env={**os.environ, "PGOPTIONS": options}, capture_output=True, text=True, check=True).stdout
    return len(query_sets) * float(re.search(r"tps = ([\d.]+)", output)[1])


def at_recall(points, wanted):
    """Queries per second at a recall, interpolated between measurements (ef, recall, qps), and the nearest `ef` above."""
    points = sorted(points)
    for (_, low, before), (ef, high, after) in zip(points, points[1:]):
        if low < wanted <= high:
            share = (wanted - low) / (high - low)
            return math.exp(math.log(before) + share * (math.log(after) - math.log(before))), ef
    if points[0][1] >= wanted:
        return points[0][2], points[0][0]
    return math.nan, points[-1][0]


def buffers(connection, engine, queries, count):
    """Mean number of buffers that the index scan touches, those of the heap included."""
    total = 0
    for query in range(count):
        (plan,), = connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) " + engine.search(queries, query))
        plan = plan if isinstance(plan, list) else json.loads(plan)
        scan = next(node for node in plan[0]["Plan"]["Plans"] if "Order By" in node)
        # The query's own table is read by a plan below.
        below = sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in scan.get("Plans", []))
        total += scan["Shared Hit Blocks"] + scan["Shared Read Blocks"] - below
    return total / count


def insert(connection, engine, vectors, first):
    """Microseconds and bytes of log per row, inserted by a statement each."""
    literals = ["[" + ",".join(f"{x:.5g}" for x in vector) + "]" for vector in vectors]
    statement = f"INSERT INTO {engine.table} VALUES (%s, %s::{engine.kind[0]})"
    position, start = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0], time.perf_counter()
    for number, literal in enumerate(literals):
        connection.execute(statement, [first + number, literal], prepare=True)
    seconds = time.perf_counter() - start
    logged, = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", [position]).fetchone()
    return 1e6 * seconds / len(vectors), float(logged) / len(vectors)


def table(title, engines, rows):
    """Prints figures by engine, and how much better the first is than the last where two were measured."""
    print(f"\n{title:<44}" + "".join(f"{engine.name:>26}" for engine in engines) + ("     ratio" if len(engines) > 1 else ""))
    for name, figures, more_is_better in rows:
        line = f"{name:<44}" + "".join(f"{figure:>26.4g}" for figure in figures)
        if len(figures) > 1:
            line += f"{figures[0] / figures[1] if more_is_better else figures[1] / figures[0]:>10.2f}"
        print(line, flush=True)


def main():
    arguments = parser(__doc__, runs=3, seed=7)
    arguments.add_argument("--queries", type=int, default=300)
    arguments.add_argument("--builds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=4, help="of each measurement of queries per second")
    arguments.add_argument("--recall", type=float, default=0.98)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--memory", default="4GB")
    arguments.add_argument("--inserts", type=int, default=1000)
    options = arguments.parse_args()

    extra = 2 * options.inserts
    data = generated(options.generator, options.rows, max(options.queries, extra), options.dimensions, options.seed)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"SET client_min_messages = warning; SET jit = off; SET maintenance_work_mem = '{options.memory}'")
        connection.execute(f"SET max_parallel_maintenance_workers = {options.workers}; SET enable_seqscan = off")
        available = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
        engines = [engine for engine in ENGINES if engine.kind[1] in available]
        connection.execute("DROP SCHEMA IF EXISTS ann CASCADE; CREATE SCHEMA ann")
        for engine in engines:
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {engine.kind[1]}")
            prepare(connection, engine, data, options.queries)

        built = {engine: [] for engine in engines}
        for run in range(options.builds):
            for engine in engines if run % 2 == 0 else reversed(engines):
                built[engine].append(build(connection, engine))
        table(f"{options.rows} × {options.dimensions}", engines, [
            ("build, s", [statistics.median(seconds for seconds, _ in built[engine]) for engine in engines], False),
            ("index, bytes per vector", [built[engine][-1][1] for engine in engines], False),
        ])

        default = []
        for queries in ("img", "txt"):
            truth = data[f"gt_{queries}"][:options.queries]
            found = {}
            for engine in engines:
                for ef in engine.efs:
                    connection.execute(f"SET {engine.setting} = {ef}")
                    found[engine, ef] = recall(connection, engine, queries, truth)
            runs = {engine: [] for engine in engines}
            for run in range(options.runs):
                for engine in engines if run % 2 == 0 else reversed(engines):
                    runs[engine].append([
                        (ef, found[engine, ef], throughput(engine, ef, [queries], options.queries, 1, options.seconds))
                        for ef in engine.efs])
            for engine in engines:
                print(f"\n{engine.name}, {queries}: " + "; ".join(
                    f"ef {ef}: {found[engine, ef]:.4f} at {statistics.median(run[at][2] for run in runs[engine]):.0f}/s"
                    for at, ef in enumerate(engine.efs)), flush=True)
            equal = [[at_recall(run, options.recall) for run in runs[engine]] for engine in engines]
            touched = []
            for engine, points in zip(engines, equal):
                connection.execute(f"SET {engine.setting} = {points[0][1]}")
                touched.append(buffers(connection, engine, queries, min(100, options.queries)))
            default.append((f"recall@10, {queries}", [found[engine, engine.default] for engine in engines], True))
            table(f"{queries}, recall@10 = {options.recall}", engines, [
                ("queries per second", [statistics.median(qps for qps, _ in points) for points in equal], True),
                ("buffers per query", touched, False),
            ])

        for count in (1, 2, 16):
            qps = [throughput(engine, engine.default, ["img", "txt"], options.queries, count, options.seconds) for engine in engines]
            default.append((f"queries per second, {count} clients", qps, True))
        table("default settings", engines, default)

        rows = []
        new = data["img_q"]
        for title, part in (("right after a checkpoint", new[:100]), ("going on", new[100:options.inserts]),
                            ("going on", new[options.inserts:extra])):
            figures = []
            for engine in engines:
                if title != "going on":
                    connection.execute("CHECKPOINT")
                figures.append(insert(connection, engine, part, options.rows + extra * len(rows)))
            rows.append((f"insert, µs, {title}", [figure[0] for figure in figures], False))
            rows.append((f"insert, bytes of log, {title}", [figure[1] for figure in figures], False))
        table("single rows", engines, rows)
        connection.execute("DROP SCHEMA ann CASCADE")


if __name__ == "__main__":
    main()
