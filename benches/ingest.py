"""Times keeping embeddings current: backfill beside the same work in Python on all cores, and queues under load.

    build/parity-venv/bin/python benches/ingest.py [backfill ROWS SESSIONS] [queue ROWS_PER_SECOND SECONDS]

libpq's environment names a server with a release build of clip_pg in `shared_preload_libraries`, and a superuser;
`tests/parity/run.py` makes the virtual environment. Without arguments: 10 000 rows by two sessions, 500 rows per second
for a minute. The images are the demo's and, where they are at hand, the shared test data, over and over; the texts all
differ. Backfill and Python alternate, and the medians count.
"""

import itertools
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/parity"))

import psycopg

import data
from reference import Model, Reference

ROUNDS = 3
BATCH = 8
CLIP_MINI = Model(ROOT / "models/clip-mini")


def connect():
    return psycopg.connect(autocommit=True)


def embed_share(images, ready, start, done):
    """A process of the reference: every image from its file's bytes to a vector, with a thread of its own."""
    reference = Reference(CLIP_MINI, threads=1)
    reference.embed_images(images[:BATCH])
    ready.release()
    while start.acquire():
        for first in range(0, len(images), BATCH):
            reference.embed_images(images[first : first + BATCH])
        done.release()


class Python:
    """The reference on all cores: as many processes, their models loaded and their images in memory."""

    def __init__(self, images):
        count = os.cpu_count()
        context = multiprocessing.get_context("fork")
        ready, self.start, self.done = (context.Semaphore(0) for _ in range(3))
        self.processes = []
        for n in range(count):
            arguments = (images[n::count], ready, self.start, self.done)
            self.processes.append(context.Process(target=embed_share, args=arguments, daemon=True))
            self.processes[-1].start()
        for _ in self.processes:
            ready.acquire()

    def run(self):
        for _ in self.processes:
            self.start.release()
        for _ in self.processes:
            self.done.acquire()


def call_backfill(batch_size):
    with connect() as connection:
        connection.execute("CALL clip_backfill('bench_photo', batch_size => %s)", [batch_size])


def backfill(rows, sessions, batch_size=32):
    sets = ["demo", *(path.name for path in sorted(data.SHARED.glob("*")) if (path / "images").is_dir())]
    files = [path.read_bytes() for name in sets for path in data.image_files(name)]
    images = list(itertools.islice(itertools.cycle(files), rows))
    python = Python(images)
    with connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("DROP TABLE IF EXISTS bench_photo")
        connection.execute("CREATE TABLE bench_photo (id int PRIMARY KEY, image bytea, embedding clip_vector(512))")
        connection.execute("ALTER TABLE bench_photo ALTER image SET STORAGE EXTERNAL")
        with connection.cursor().copy("COPY bench_photo (id, image) FROM STDIN") as copy:
            for row in enumerate(images):
                copy.write_row(row)
        connection.execute("SELECT clip_auto_embed('bench_photo', 'image', 'embedding')")
        ours, theirs = [], []
        for _ in range(ROUNDS):
            connection.execute("SELECT clip_mark_pending('bench_photo', 'embedding', 'embedding IS NOT NULL')")
            connection.execute("VACUUM ANALYZE bench_photo")
            connection.execute("CHECKPOINT")
            threads = [threading.Thread(target=call_backfill, args=[batch_size]) for _ in range(sessions)]
            begin = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            ours.append(time.perf_counter() - begin)
            done = connection.execute("SELECT count(embedding) FROM bench_photo").fetchone()[0]
            assert done == rows, f"{done} of {rows} rows"
            begin = time.perf_counter()
            python.run()
            theirs.append(time.perf_counter() - begin)
            print(f"  {rows / ours[-1]:8.1f} and {rows / theirs[-1]:8.1f} rows/s", flush=True)
        connection.execute("DROP TABLE bench_photo")
    ratio = median(theirs) / median(ours)
    print(
        f"backfill of {rows} photographs by {sessions} sessions: {rows / median(ours):.1f} rows/s, "
        f"Python: {rows / median(theirs):.1f} rows/s, ratio {ratio:.2f}   bar 0.90: {'met' if ratio >= 0.9 else 'MISSED'}"
    )


def queue(rate, seconds):
    """Inserts rows at a steady rate, each in a transaction of its own, and looks at how many wait."""
    with connect() as connection, connect() as watch:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("DROP TABLE IF EXISTS bench_text")
        connection.execute("CREATE TABLE bench_text (id int PRIMARY KEY, caption text, embedding clip_vector(512))")
        connection.execute("SELECT clip_auto_embed('bench_text', 'caption', 'embedding', mode => 'queue')")
        pending = "SELECT count(*) FROM bench_text WHERE caption IS NOT NULL AND embedding IS NULL"
        captions = [caption for _, caption, *_ in data.captions()] or ["a photograph of a dog in the snow"]
        waiting, begin, inserted = [], time.perf_counter(), 0
        while (elapsed := time.perf_counter() - begin) < seconds:
            while inserted < elapsed * rate:
                caption = f"{captions[inserted % len(captions)]} {inserted}"
                connection.execute("INSERT INTO bench_text VALUES (%s, %s)", [inserted, caption])
                inserted += 1
            if len(waiting) < elapsed:
                waiting.append(watch.execute(pending).fetchone()[0])
            time.sleep(0.001)
        took = time.perf_counter() - begin
        while watch.execute(pending).fetchone()[0] > 0:
            time.sleep(0.01)
        drained = time.perf_counter() - begin - took
        connection.execute("DROP TABLE bench_text")
    half = len(waiting) // 2
    kept_up = median(waiting[half:]) < 2 * rate and drained < 5
    print(
        f"queue, {inserted / took:.0f} rows/s for {took:.0f} s: {median(waiting):.0f} rows waiting in the median, "
        f"{max(waiting)} at most, none {drained:.1f} s after the end   bar: {'kept up' if kept_up else 'FELL BEHIND'}"
    )


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["backfill", "10000", "2", "queue", "500", "60"]
    for n, word in enumerate(arguments):
        if word in ("backfill", "queue"):
            globals()[word](int(arguments[n + 1]), int(arguments[n + 2]))
