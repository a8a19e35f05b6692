#!/usr/bin/env python3
"""clip_hnsw on columns of pgvector's types, beside clip_hnsw on clip_vector and pgvector's hnsw on halfvec, all with m = 16 and
ef_construction = 64: `ORDER BY embedding <=> $1 LIMIT 10` in one session.

The server is the one that libpq's environment names, on this machine, with clip_pgvector and pgvector; a schema `beside` is
made in it and dropped at the end. `shared_buffers` should hold tables and indexes (15 kB a row of 512 dimensions). Needs numpy,
psycopg[binary], a release build of the extension, and a superuser.

    pgvector.py --generator PROGRAM --rows 100000 --dimensions 512

prints of each, by the first `ef_search` measured that finds --recall of the ten nearest images: recall@10, the process's own
milliseconds a query, median of --runs runs in turns, buffers of a query, and seconds of the build.

PROGRAM is called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` and writes the arrays `base` and `img_q`, of norm 1, and the
exact neighbours of these queries, `gt_img`.
"""

import json
import statistics
import time

import psycopg
from common import CLIP_VECTOR, HALFVEC, VECTOR, generated, load, parser, timed

K = 10
OURS, THEIRS = [20, 25, 32, 40, 50, 64, 80, 100], [60, 80, 100, 130, 180, 250, 350]
# Name, type, access method, operator class, setting, its values.
ENGINES = [
    ("clip_hnsw on clip_vector", CLIP_VECTOR, "clip_hnsw", "clip_cosine_ops", "clip_pg.ef_search", OURS),
    ("clip_hnsw on halfvec", HALFVEC, "clip_hnsw", "halfvec_cosine_ops", "clip_pg.ef_search", OURS),
    ("clip_hnsw on vector", VECTOR, "clip_hnsw", "vector_cosine_ops", "clip_pg.ef_search", OURS),
    ("hnsw on halfvec", HALFVEC, "hnsw", "halfvec_cosine_ops", "hnsw.ef_search", THEIRS),
]


def main():
    arguments = parser(__doc__, runs=5, seed=7)
    arguments.add_argument("--queries", type=int, default=300)
    arguments.add_argument("--recall", type=float, default=0.98)
    arguments.add_argument("--memory", default="2GB")
    options = arguments.parse_args()

    data = generated(options.generator, options.rows, options.queries, options.dimensions, options.seed)
    truth = [set(row[:K].tolist()) for row in data["gt_img"]]
    with psycopg.connect(autocommit=True) as connection:
        pid = connection.info.backend_pid
        connection.execute("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS clip_pgvector CASCADE")
        connection.execute(f"SET jit = off; SET enable_seqscan = off; SET maintenance_work_mem = '{options.memory}'")
        connection.execute("SET max_parallel_maintenance_workers = 1; DROP SCHEMA IF EXISTS beside CASCADE; CREATE SCHEMA beside")
        chosen = []
        for number, (name, kind, method, operators, setting, values) in enumerate(ENGINES):
            table = f"beside.t{number}"
            load(connection, table, kind, data["base"])
            load(connection, f"{table}_q", kind, data["img_q"])
            connection.execute(f"ALTER TABLE {table}_q ADD PRIMARY KEY (id)")
            start = time.perf_counter()
            connection.execute(f"CREATE INDEX ON {table} USING {method} (embedding {operators}) WITH (m = 16, ef_construction = 64)")
            seconds = time.perf_counter() - start
            query = (f"SELECT id FROM {table} ORDER BY embedding <=> "
                     f"(SELECT embedding FROM {table}_q WHERE id = %s) LIMIT {K}")

            def ask(query=query):
                return [{id for (id,) in connection.execute(query, [q], prepare=True)} for q in range(len(truth))]

            for value in values:
                connection.execute(f"SET {setting} = {value}")
                recall = sum(len(found & nearest) for found, nearest in zip(ask(), truth)) / (K * len(truth))
                if recall >= options.recall:
                    break
            buffers = 0
            for q in range(50):
                (plan,), = connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) " + query, [q])
                plan = plan if isinstance(plan, list) else json.loads(plan)
                buffers += (plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]) / 50
            chosen.append((name, setting, value, recall, ask, buffers, seconds))
        taken = {name: [] for name, *_ in chosen}
        for run in range(options.runs):
            for name, setting, value, _, ask, *_ in chosen if run % 2 == 0 else reversed(chosen):
                connection.execute(f"SET {setting} = {value}")
                _, (_, processor) = timed(pid, lambda ask=ask: [ask() for _ in range(3)])
                taken[name].append(1e3 * processor / (3 * len(truth)))
        for name, setting, value, recall, _, buffers, seconds in chosen:
            print(f"{name:<26} {setting} = {value:<4} recall {recall:.4f}  {statistics.median(taken[name]):.3f} ms  "
                  f"{buffers:.0f} buffers  built in {seconds:.1f} s", flush=True)
        connection.execute("DROP SCHEMA beside CASCADE")


if __name__ == "__main__":
    main()
