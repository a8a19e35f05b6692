#!/usr/bin/env python3
"""Whether the planner chooses the cheaper plan of `… WHERE filter ORDER BY embedding <=> $1 LIMIT n`.

Each cell of the table is a filter (of 10, 1 and .1 % of the rows), with a btree index of its own or without one, and a
LIMIT of 10 or 100. The rows that pass are random ones, or a topic: those nearest to one of them. Half of the queries on
a topic ask for something in it, the other half for something else. For the graph that is the difference between some
visits and all of them, which the last column shows, and for the planner none: it knows neither the topic nor, mostly,
the query. So a cell's time is the mean over its queries, each a median of --runs. Every plan there is is run, forced by
enable_* settings, and then it is asked which the planner would take; the plans of a cell alternate, so that whatever
else the machine does falls on all of them. A choice is right where its plan takes at most --tolerance times the time of
the fastest: plans as close as that change places from run to run.

The server is the one that libpq's environment names (PGHOST, PGPORT, PGUSER, PGDATABASE); a schema `planner` is made in it
and dropped at the end. `shared_buffers` should hold table and index (4.2 kB a row of 512 dimensions): what is measured is
a cached table, at the planner's default costs and without parallel workers. Needs numpy and psycopg[binary], and a
release build of the extension.

    planner.py --generator PROGRAM --rows 100000 --dimensions 512

PROGRAM is called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` and writes the arrays `base`, `img_q` and `txt_q`, of
norm 1.
"""

import itertools
import json
import statistics

import numpy as np
import psycopg
from common import CLIP_VECTOR, begin, generated, load, parser

POOL = 200
SHARES = {"10 %": 10, "1 %": 100, ".1 %": 1000}
LIMITS = [10, 100]
# What is on for each plan; the rest is off.
PLANS = {
    "graph": {"enable_indexscan"},
    "btree": {"enable_bitmapscan", "enable_sort"},
    "scan": {"enable_seqscan", "enable_sort"},
}
SWITCHES = sorted(set().union(*PLANS.values()))


def prepare(connection, data, options):
    """A table of rows with their filters, its index, a table of queries, and which of these go with which filter."""
    load(connection, "planner.vectors", CLIP_VECTOR, data["base"])
    pool = np.concatenate([data["img_q"][:POOL], data["txt_q"][:POOL]])
    load(connection, "planner.queries", CLIP_VECTOR, pool)
    connection.execute("ALTER TABLE planner.queries ADD PRIMARY KEY (id)")
    # Many values, of which a filter passes one: with two, their order in the table would seem to follow the index.
    filters = ", ".join(f"(hashint4(id) & 2147483647) % {one_in} AS random_{one_in}, "
                        f"(row_number() OVER nearness - 1) * {one_in} / {len(data['base'])} AS topic_{one_in}" for one_in in SHARES.values())
    connection.execute(
        f"CREATE TABLE planner.photos AS SELECT * FROM (SELECT id, embedding, {filters} FROM planner.vectors "
        "WINDOW nearness AS (ORDER BY embedding <=> (SELECT embedding FROM planner.queries WHERE id = 0))) s ORDER BY id")
    connection.execute("DROP TABLE planner.vectors")
    connection.execute(f"CREATE INDEX ON planner.photos USING clip_hnsw (embedding) WITH (m = {options.m})")
    connection.execute("VACUUM ANALYZE planner.photos")
    connection.execute("SELECT clip_prewarm('planner.photos_embedding_idx')")
    half = options.queries // 2
    inside = np.concatenate([np.argsort(-queries @ data["img_q"][0])[1:half + 1] + first
                             for queries, first in ((data["img_q"][:POOL], 0), (data["txt_q"][:POOL], POOL))]).tolist()
    anywhere = [first + query for first in (0, POOL) for query in range(1, POOL) if first + query not in inside]
    others = anywhere[:half] + anywhere[-half:]
    return {"random": others, "topic": inside + others}


def explain(connection, statement, query, on, run):
    """The plan, by name, its cost and how many milliseconds it took, `run` at most; without, it is not run."""
    for switch in SWITCHES:
        connection.execute(f"SET {switch} = {'on' if switch in on else 'off'}")
    (plan,), = connection.execute(f"EXPLAIN (FORMAT json) {statement}", [query])
    took = None
    if run:
        try:
            (plan,), = connection.execute(f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {statement}", [query])
            took = plan[0]["Execution Time"]
        except psycopg.errors.QueryCanceled:
            took = run
    top = plan[0]
    text = json.dumps(top)
    name = "graph" if '"Order By"' in text else "btree" if "photos_" in text else "scan"
    return name, top["Plan"]["Total Cost"], took


def cell(connection, statement, queries, plans, runs, timeout):
    """By plan, its cost and its time for each query; and what the planner chooses, mostly."""
    costs, times, chosen = {}, {plan: [[] for _ in queries] for plan in plans}, []
    for round_ in range(-1, runs):
        for number, query in enumerate(queries):
            for plan in plans:
                name, cost, took = explain(connection, statement, query, PLANS[plan], timeout)
                assert name == plan, f"{name} for {plan}: {statement}"
                costs[plan] = cost
                # The first round fills caches.
                if round_ >= 0:
                    times[plan][number].append(took)
    for query in queries:
        chosen.append(explain(connection, statement, query, SWITCHES, None)[0])
    return costs, {plan: [statistics.median(runs) for runs in took] for plan, took in times.items()}, statistics.mode(chosen)


def main():
    arguments = parser(__doc__, runs=3, seed=11)
    arguments.add_argument("--m", type=int, default=16)
    arguments.add_argument("--queries", type=int, default=10, help="of each kind, half of them images and half texts")
    arguments.add_argument("--tolerance", type=float, default=1.2)
    arguments.add_argument("--timeout", type=int, default=5000, help="milliseconds that a plan is given, and counts if it takes more")
    arguments.add_argument("--memory", default="4GB", help="maintenance_work_mem of the build")
    options = arguments.parse_args()

    data = generated(options.generator, options.rows, POOL, options.dimensions, options.seed)
    with psycopg.connect(autocommit=True) as connection:
        begin(connection, "planner", options.memory)
        kinds = prepare(connection, data, options)
        connection.execute(f"SET statement_timeout = {options.timeout}")
        print(f"{options.rows} × {options.dimensions}, m = {options.m}: {options.runs} runs of {options.queries} queries; "
              f"a choice is right within {options.tolerance} times the fastest\n")
        print(f"{'filter':<13}{'btree':<6}{'LIMIT':>5}" + "".join(f"{plan + ' cost':>13}{'ms':>8}" for plan in PLANS)
              + f"  {'chosen':<18}graph, in the topic / not")
        right = cells = 0
        for indexed in (False, True):
            if indexed:
                connection.execute("SET statement_timeout = 0")
                for column in (f"{kind}_{one_in}" for kind in kinds for one_in in SHARES.values()):
                    connection.execute(f"CREATE INDEX ON planner.photos ({column})")
                connection.execute(f"SET statement_timeout = {options.timeout}")
            plans = [plan for plan in PLANS if indexed or plan != "btree"]
            for share, kind, limit in itertools.product(SHARES, kinds, LIMITS):
                statement = (f"SELECT id FROM planner.photos WHERE {kind}_{SHARES[share]} = 0 ORDER BY embedding <=> "
                             f"(SELECT embedding FROM planner.queries WHERE id = %s) LIMIT {limit}")
                costs, by_query, chosen = cell(connection, statement, kinds[kind], plans, options.runs, options.timeout)
                times = {plan: statistics.mean(took) for plan, took in by_query.items()}
                fine = times[chosen] <= options.tolerance * min(times.values())
                right, cells = right + fine, cells + 1
                half = len(kinds[kind]) // 2
                halves = [f"{statistics.mean(part):.2f}" for part in (by_query["graph"][:half], by_query["graph"][half:])]
                print(f"{share + ' ' + kind:<13}{'yes' if indexed else 'no':<6}{limit:>5}" + "".join(
                    f"{costs[plan]:>13.0f}{times[plan]:>8.2f}" if plan in plans else f"{'':>21}" for plan in PLANS)
                    + f"  {chosen + ('' if fine else ', not ' + min(times, key=times.get)):<18}"
                    + (" / ".join(halves) if kind == "topic" else ""), flush=True)
        print(f"\nthe cheaper plan in {right} of {cells} cells")
        connection.execute("DROP SCHEMA planner CASCADE")


if __name__ == "__main__":
    main()
