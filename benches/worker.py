"""Measures what sharing one model between sessions costs and brings; benches/worker.sh starts the servers.

memory        what 64 idle sessions that have embedded 20 photographs of 0.5 to 12 megapixels and 20 texts hold of
              private memory, beyond 64 sessions that have done nothing
throughput    8 sessions that embed photographs with the architecture of CLIP ViT-B/32, beside the best that ONNX
              Runtime does on the same processors in Python, decoding and resizing included, and beside 8 sessions
              that each have a model of their own
texts         clip_embed_text per row: remembered by the session, remembered by the server, not remembered
connections   1000 sessions one after the other that embed once: the worker's memory

libpq's environment names the server with the worker, PRIVATE_PORT the port of the one without. Both run on this machine
and serve a superuser. PARITY_DIR is a directory that they can read. Runs alternate and medians count.
"""

import io
import itertools
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/parity"))

import numpy as np
import psycopg
from PIL import Image

import data
import make_models
from reference import Model, Reference

CLIP_MINI = Model(ROOT / "models/clip-mini")
CORES = len(os.sched_getaffinity(0))
PRIVATE = {"port": os.environ["PRIVATE_PORT"]}
SESSIONS = 64
ROWS = 20000


def connect(**more):
    return psycopg.connect(autocommit=True, **more)


def one(connection, query, *parameters):
    return connection.execute(query, parameters).fetchone()[0]


def alternate(rounds, *runs):
    """Median seconds of each of some runs, taken in turns; a run that returns a number measures itself."""
    times = [[] for _ in runs]
    for number in range(rounds + 1):
        for run, seconds in zip(runs, times, strict=True):
            start = time.perf_counter()
            result = run()
            elapsed = time.perf_counter() - start if result is None else result
            if number > 0:
                seconds.append(elapsed)
    return [median(seconds) for seconds in times]


def bar(what, value, unit, limit, at_most=True):
    verdict = "met" if (value <= limit) == at_most else "MISSED"
    print(f"{what:72} {value:9.2f} {unit:8} {'<=' if at_most else '>='} {limit:8.2f}  {verdict}", flush=True)


def say(what, value, unit):
    print(f"{what:72} {value:9.2f} {unit}", flush=True)


def photographs():
    sets = ["demo", *(path.name for path in sorted(data.SHARED.glob("*")) if (path / "images").is_dir())]
    return [path.read_bytes() for name in sets for path in data.image_files(name)]


def fill(connection, images):
    connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
    connection.execute("DROP TABLE IF EXISTS photo")
    connection.execute("CREATE TABLE photo (id int, image bytea)")
    with connection.cursor().copy("COPY photo FROM STDIN") as copy:
        for row in enumerate(images):
            copy.write_row(row)
    connection.execute("VACUUM ANALYZE photo")


# memory


def large_photographs(images):
    """20 JPEGs of 0.5 to 12 megapixels, with the grain that enlarging does not give."""
    random = np.random.default_rng(0)
    source = Image.open(io.BytesIO(max(images, key=len))).convert("RGB")
    for megapixels in np.linspace(0.5, 12, 20):
        width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
        pixels = np.asarray(source.resize((width, width * 3 // 4), Image.Resampling.BICUBIC))
        pixels = (pixels + random.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        yield file.getvalue()


def private_bytes(connection):
    rollup = Path(f"/proc/{connection.info.backend_pid}/smaps_rollup").read_text()
    return 1024 * sum(int(kb) for kb in re.findall(r"^Private_\w+:\s+(\d+) kB$", rollup, re.M))


def memory(images):
    def hold(count, *queries):
        connections = [connect() for _ in range(count)]
        for connection in connections:
            for query in queries:
                connection.execute(query).fetchall()
        total = sum(private_bytes(connection) for connection in connections)
        for connection in connections:
            connection.close()
        return total

    with connect() as connection:
        fill(connection, list(large_photographs(images)))
        idle = hold(SESSIONS, "SELECT 1")
        embedding = hold(
            SESSIONS,
            "SELECT count(clip_embed_image(image, 'clip-mini')) FROM photo",
            "SELECT count(clip_embed_text('a ' || n, 'clip-mini')) FROM generate_series(1, 20) n",
        )
        say("memory of an idle session", idle / SESSIONS / 2**20, "MiB")
        bar("beyond it, that of one that has embedded", (embedding - idle) / SESSIONS / 2**20, "MiB", 3)
        assert one(connection, "SELECT loaded FROM clip_models WHERE name = 'clip-mini'") == "worker"


# throughput


def throughput(images):
    sessions = 8
    images = images[: 8 * sessions]
    model = make_models.make(make_models.clip_vit_b_32, Path(os.environ["PARITY_DIR"]))
    servers = {"shared": {}, "private": PRIVATE}
    pools = {}
    for name, server in servers.items():
        with connect(**server) as connection:
            fill(connection, images)
            connection.execute("SELECT clip_register_model('vit-b-32', %s)", [str(model.directory)])
        pools[name] = [connect(**server) for _ in range(sessions)]

    # What follows a JPEG's end makes it one that no session remembers.
    query = "SELECT count(clip_embed_image(image || int4send(%s), 'vit-b-32')) FROM photo WHERE id %% 8 = %s"
    fresh = itertools.count()

    def clients(pool):
        number = next(fresh)
        with ThreadPoolExecutor(sessions) as threads:
            list(threads.map(lambda n: one(pool[n], query, number, n), range(sessions)))

    def python(references, rows):
        """All references at once, each with `rows` images at a time."""
        workers = len(references)

        def embed(reference, batch):
            pixels = np.stack([reference.preprocess.tensor(image) for image in batch])
            reference.image.run(["image_embeds"], {"pixel_values": pixels})

        def work(number):
            mine = images[number::workers]
            for start in range(0, len(mine), rows):
                embed(references[number], mine[start : start + rows])

        def run():
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, range(workers)))

        return run

    parallel = [Reference(model, threads=1) for _ in range(CORES)]
    together = [Reference(model, threads=CORES)]
    variants = {
        f"Python, {name}, batches of {rows}": python(references, rows)
        for name, references in ((f"{CORES} x 1 thread", parallel), (f"{CORES} threads", together))
        for rows in (4, 8, 16)
    }
    before = one(pools["shared"][0], "SELECT array[requests, batches] FROM clip_worker_stats")
    runs = [lambda: clients(pools["shared"]), lambda: clients(pools["private"]), *variants.values()]
    shared, private, *python_times = alternate(3, *runs)
    after = one(pools["shared"][0], "SELECT array[requests, batches] FROM clip_worker_stats")
    requests, batches = np.subtract(after, before)
    say("images per second, 8 sessions, one worker", len(images) / shared, "/s")
    say("mean batch", requests / batches, "")
    say("images per second, 8 sessions, a model each", len(images) / private, "/s")
    for name, seconds in zip(variants, python_times, strict=True):
        say(f"images per second, {name}", len(images) / seconds, "/s")
    bar("throughput of 8 sessions, of the best in Python", min(python_times) / shared, "times", 0.9, at_most=False)
    bar("throughput of 8 sessions, of private models", private / shared, "times", 1.2, at_most=False)


# texts


def texts(_images):
    with connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("SET jit = off")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute(
            "CREATE TEMP TABLE phrase AS SELECT 'a photo of a ' || md5((n % 8)::text) AS few,"
            f" 'a photo of a ' || md5((n % 500)::text) AS many FROM generate_series(1, {ROWS}) n"
        )
        remembered(connection)
        not_remembered(connection)


def remembered(connection):
    def run(column):
        connection.execute(f"SELECT count(clip_embed_text({column}, 'clip-mini')) FROM phrase").fetchone()

    few, many = alternate(7, lambda: run("few"), lambda: run("many"))
    bar("a text that the session remembers", few / ROWS * 1e6, "us", 1)
    bar("a text that the server remembers", many / ROWS * 1e6, "us", 20)


def not_remembered(connection):
    """One text after the other, beside the same model in ONNX Runtime."""
    rows, fresh = 100, itertools.count()
    reference = Reference(CLIP_MINI, threads=1)
    token_ids = reference.text.get_inputs()[0].name
    connection.execute("CREATE TEMP TABLE fresh (text text)")

    def batch():
        return [f"a photo of a {next(fresh)} and a {next(fresh)}" for _ in range(rows)]

    def ours():
        connection.execute("TRUNCATE fresh")
        with connection.cursor().copy("COPY fresh FROM STDIN") as copy:
            for text in batch():
                copy.write_row([text])
        before = one(connection, inference)
        start = time.perf_counter()
        connection.execute("SELECT count(clip_embed_text(text, 'clip-mini')) FROM fresh").fetchone()
        elapsed = time.perf_counter() - start
        inside.append((one(connection, inference) - before) / 1000)
        return elapsed

    def theirs():
        texts = batch()
        start = time.perf_counter()
        for text in texts:
            reference.text.run(["text_embeds"], {token_ids: np.array([reference.ids(text)])})
        return time.perf_counter() - start

    inference, inside = "SELECT inference_time FROM clip_worker_stats", []
    sql, python = (1000 * seconds / rows for seconds in alternate(7, ours, theirs))
    run = 1000 * median(inside) / rows
    say("a text that nobody remembers", sql, "ms")
    bar("beyond the worker's own run", sql - run, "ms", 0.3)
    bar("beyond tokenizer and ONNX Runtime in Python", sql - python, "ms", 0.3)


# connections


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1]) * 1024


def connections(images):
    with connect() as connection:
        fill(connection, images[:100])
        pid = one(connection, "SELECT pid FROM clip_worker_stats")
        for number in range(1, 1001):
            with connect() as short:
                one(short, "SELECT clip_embed_text('connection ' || %s::text, 'clip-mini')", number)
                one(short, "SELECT clip_embed_image(image, 'clip-mini') FROM photo WHERE id = %s", number % 100)
            if number == 100:
                begin = resident(pid)
        end = resident(pid)
        assert one(connection, "SELECT pid FROM clip_worker_stats") == pid, "the worker was started again"
        say("the worker's memory after 100 sessions", begin / 1e6, "MB")
        say("after 1000", end / 1e6, "MB")
        bar("growth", (end / begin - 1) * 100, "%", 5)
    with connect(**PRIVATE) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        for number in range(100):
            with connect(**PRIVATE) as short:
                one(short, "SELECT clip_embed_text('connection ' || %s::text, 'clip-mini')", number)
        one(connection, "SELECT 1")
        print("100 sessions with models of their own came and went")


if __name__ == "__main__":
    parts = sys.argv[1:] or ["memory", "throughput", "texts", "connections"]
    everything = photographs()
    for part in parts:
        {"memory": memory, "throughput": throughput, "texts": texts, "connections": connections}[part](everything)
