#!/usr/bin/env python3
"""A collection spread over several servers: `clip_shard_search` of all of them beside the search of one.

    shards.py --generator PROGRAM --rows 100000 --dimensions 512 --shard CONNINFO --shard CONNINFO … [--here] [--stop COMMAND]

The coordinator is the server that libpq's environment names, each --shard one that the coordinator reaches by the same
words (`host=… port=… dbname=…`), with clip_pg and postgres_fdw installed and a superuser of the same name. A schema
`shards` is made in all of them and dropped at the end. Every shard gets --rows rows, and an index. PROGRAM is that of
ann.py. Needs numpy and psycopg[binary].

It prints, the kinds of search alternating query by query, so that whatever else the machine does falls on all:

- the median, mean and 95th percentile of the milliseconds that a search takes: of the first shard by a session of its own
  there, of all shards so, at the same time, until the last has answered, which is what the machine can do; of the first
  shard alone by `clip_shard_search`, and of all of them; and the last two where shards wait 20 ms before they search, as
  for a disk, which takes no processor;
- with --here, all servers being on this machine, the milliseconds of processor time that a search takes, on the
  coordinator and on the shards together;
- the rows that each shard sends for a search, as auto_explain counts them on the coordinator, and by which statement;
- recall of the ten rows found among the exact ten of all shards together, and of those merged from what each shard finds
  by itself, with which they have to agree;
- and, --stop being a shell command that stops the last shard, after how many seconds a search of all then fails, and one with
  `partial => true` answers.
"""

import argparse
import json
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.conninfo import conninfo_to_dict
from common import CLIP_VECTOR, generated, load, processor

K = 10


def literal(vector):
    return "[" + ",".join(f"{x:.6g}" for x in vector) + "]"


def prepare_shard(number, info, vectors):
    """The table of a shard, with its index."""
    connection = psycopg.connect(info, autocommit=True)
    connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
    connection.execute("DROP SCHEMA IF EXISTS shards CASCADE")
    connection.execute("CREATE SCHEMA shards")
    load(connection, "shards.pictures", CLIP_VECTOR, vectors, first=number * len(vectors))
    connection.execute("CREATE INDEX ON shards.pictures USING clip_hnsw (embedding)")
    connection.execute("SELECT clip_prewarm('shards.pictures_embedding_idx')")
    connection.execute("CREATE VIEW shards.waiting AS SELECT * FROM shards.pictures WHERE (SELECT true FROM pg_sleep(0.02))")
    return connection


def prepare_coordinator(connection, infos, rows, dimensions):
    """Tables of which the shards' table, and its view that waits, are partitions."""
    together = ", parallel_commit 'true'" if connection.info.server_version >= 150000 else ""
    for extension in ("clip_pg", "postgres_fdw"):
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    connection.execute("DROP SCHEMA IF EXISTS shards CASCADE")
    connection.execute("CREATE SCHEMA shards")
    for table in ("pictures", "waiting"):
        connection.execute(
            f"CREATE TABLE shards.{table} (id int, embedding clip_vector({dimensions})) PARTITION BY RANGE (id)")
    for number, info in enumerate(infos):
        where = conninfo_to_dict(info)
        user = where.pop("user", None)
        options = "".join(f", {name} '{value}'" for name, value in where.items())
        connection.execute(f"DROP SERVER IF EXISTS shards_{number} CASCADE")
        connection.execute(f"CREATE SERVER shards_{number} FOREIGN DATA WRAPPER postgres_fdw "
                           f"OPTIONS (extensions 'clip_pg', async_capable 'true', connect_timeout '2'{together}{options})")
        connection.execute(f"CREATE USER MAPPING FOR CURRENT_USER SERVER shards_{number}"
                           + (f" OPTIONS (user '{user}')" if user else ""))
        for table in ("pictures", "waiting"):
            connection.execute(f"CREATE FOREIGN TABLE shards.{table}_{number} PARTITION OF shards.{table} "
                               f"FOR VALUES FROM ({number * rows}) TO ({(number + 1) * rows}) "
                               f"SERVER shards_{number} OPTIONS (table_name '{table}', schema_name 'shards')")


def there(query):
    """A search on a shard itself."""
    return "SELECT id, embedding <=> %s::clip_vector AS distance FROM shards.pictures ORDER BY 2 LIMIT 10", [query]


def through(table, query, more=""):
    """A search from the coordinator; `more` are arguments after `k`."""
    return f"SELECT id::int, distance FROM clip_shard_search('shards.{table}', 'embedding', 'id', %s::clip_vector, {K}{more})", [query]


def found(connection, search):
    return connection.execute(*search, prepare=True).fetchall()


def milliseconds(work):
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


# The kinds of search, in this order.
KINDS = ["the first shard, by itself", "all shards, each by itself", "the first shard, by clip_shard_search",
         "all shards, by clip_shard_search", "the first shard, which waits", "all shards, which wait"]


def searches(coordinator, shards, pool):
    """What a search of each kind does with a query."""
    return [
        lambda query: found(shards[0], there(query)),
        lambda query: list(pool.map(lambda shard: found(shard, there(query)), shards)),
        *(lambda query, table=table: found(coordinator, through(table, query))
          for table in ("pictures_0", "pictures", "waiting_0", "waiting")),
    ]


def latencies(kinds, queries, rounds):
    """Milliseconds of each kind of search."""
    times = [[] for _ in kinds]
    for round in range(rounds + 1):
        for query in queries:
            for measured, search in zip(times, kinds):
                spent = milliseconds(lambda: search(query))
                # The first round opens connections and fills caches.
                if round:
                    measured.append(spent)
    return times


def processor_time(coordinator, shards, search, queries):
    """Milliseconds of processor time of a search by `clip_shard_search`: the coordinator's, and those of all shards."""
    of_fdw = "SELECT pid FROM pg_stat_activity WHERE application_name = 'postgres_fdw'"
    pids = [coordinator.info.backend_pid] + [pid for shard in shards for pid, in shard.execute(of_fdw)]
    before = [processor(pid) for pid in pids]
    for query in queries:
        search(query)
    own, *others = [1e3 * (processor(pid) - start) / len(queries) for pid, start in zip(pids, before)]
    return own, sum(others)


def foreign_scans(plan):
    """Those of a plan and of all below it."""
    if plan["Node Type"] == "Foreign Scan":
        yield plan
    for below in plan.get("Plans", []):
        yield from foreign_scans(below)


def sent(query):
    """The foreign scans of a search, as they went."""
    with psycopg.connect("", autocommit=True) as connection:
        plans = []
        connection.add_notice_handler(lambda diagnostic: plans.append(diagnostic.message_primary))
        connection.execute("LOAD 'auto_explain'")
        for setting, value in [("auto_explain.log_min_duration", "0"), ("auto_explain.log_analyze", "on"),
                               ("auto_explain.log_verbose", "on"), ("auto_explain.log_nested_statements", "on"),
                               ("auto_explain.log_format", "json"), ("client_min_messages", "log")]:
            connection.execute(f"SET {setting} = '{value}'")
        connection.execute(*through("pictures", query))
        return [scan for plan in plans if plan and "Foreign Scan" in plan
                for scan in foreign_scans(json.loads(plan[plan.index("{"):])["Plan"])]


def stopped(coordinator, command, query):
    """Searches after the last shard was stopped, in a session that has spoken to it, and in a new one."""
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
    with psycopg.connect("", autocommit=True) as fresh:
        for name, connection in (("a session that has searched before", coordinator), ("a new session", fresh)):
            for more, what in (("", "fails"), (", partial => true", "answers in part")):
                start, outcome = time.perf_counter(), ""
                try:
                    outcome = f"{len(found(connection, through('pictures', query, more)))} rows"
                except psycopg.Error as error:
                    outcome = error.sqlstate
                print(f"one shard stopped, {name}: {what} after {time.perf_counter() - start:.3f} s ({outcome})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--shard", action="append", required=True)
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--stop")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    count = len(args.shard)
    data = generated(args.generator, count * args.rows, args.queries, args.dimensions, args.seed)
    shards = [prepare_shard(number, info, data["base"][number * args.rows:(number + 1) * args.rows])
              for number, info in enumerate(args.shard)]
    coordinator = psycopg.connect("", autocommit=True)
    prepare_coordinator(coordinator, args.shard, args.rows, args.dimensions)
    queries = [literal(vector) for vector in data["img_q"]]

    print(f"{count} shards of {args.rows} rows of {args.dimensions} dimensions")
    print(f"{'milliseconds a search':<44}{'median':>10}{'mean':>10}{'95 %':>10}")
    medians = []
    with ThreadPoolExecutor(count) as pool:
        kinds = searches(coordinator, shards, pool)
        for name, times in zip(KINDS, latencies(kinds, queries, args.rounds)):
            medians.append(statistics.median(times))
            last = statistics.quantiles(times, n=20)[-1]
            print(f"{name:<44}{medians[-1]:>10.2f}{statistics.mean(times):>10.2f}{last:>10.2f}")
    print(f"all shards to the first: each by itself {medians[1] / medians[0]:.2f}, by clip_shard_search "
          f"{medians[3] / medians[2]:.2f}, waiting {medians[5] / medians[4]:.2f}")
    if args.here:
        for name, search in zip(KINDS[2:4], kinds[2:4]):
            own, others = processor_time(coordinator, shards, search, args.rounds * queries)
            print(f"processor time, {name}: {own:.2f} ms on the coordinator, {others:.2f} on shards")

    for scan in sent(queries[0]):
        beside = "beside the others" if scan["Async Capable"] else "by itself"
        print(f"{scan['Relation Name']}: {scan['Actual Rows']} rows, {beside}, {scan['Remote SQL'][:80]}…")

    right = merged = 0
    for query, exact in zip(queries, data["gt_img"]):
        ids = {id for id, _ in found(coordinator, through("pictures", query))}
        each = sorted((distance, id) for shard in shards for id, distance in found(shard, there(query)))[:K]
        right += len(ids & set(exact[:K].tolist()))
        merged += {id for _, id in each} == ids
    print(f"recall@10 {right / K / len(queries):.4f}; {merged} of {len(queries)} as merged from each shard's own ten")

    if args.stop:
        stopped(coordinator, args.stop, queries[0])
        shards.pop()
    for number in range(count):
        coordinator.execute(f"DROP SERVER shards_{number} CASCADE")
    for connection in [coordinator, *shards]:
        connection.execute("DROP SCHEMA shards CASCADE")


if __name__ == "__main__":
    main()
