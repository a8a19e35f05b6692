#!/usr/bin/env python3
"""`clip_label` over stored vectors beside a scan that computes as many `<=>` a row as there are labels, alternating.

Both read the same random vectors in one session, after the labels were embedded once by the built-in model; the median of
the processor's time for each is printed, and by how much they differ.

The server is the one that libpq's environment names; a schema `label` is made in it and dropped at the end. Needs numpy and
psycopg[binary], and a release build of the extension.

    label.py --rows 100000 --labels 10 --runs 7
"""

import argparse
import statistics

import numpy as np
import psycopg
from common import CLIP_VECTOR, load, timed

DIMENSIONS = 512  # of clip-mini


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()

    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("DROP SCHEMA IF EXISTS label CASCADE")
        connection.execute("CREATE SCHEMA label")
        random = np.random.default_rng(1)
        load(connection, "label.items", CLIP_VECTOR, random.standard_normal((options.rows, DIMENSIONS)).astype(np.float16))
        connection.execute("SET max_parallel_workers_per_gather = 0")
        labels = [f"thing {number}" for number in range(options.labels)]
        classifier, prompts = connection.execute(
            "SELECT clip_classifier(%(labels)s::text[])::text, clip_embed_texts(%(labels)s::text[])::text[]",
            {"labels": labels}).fetchone()
        distances = ", ".join(f"embedding <=> '{prompt}'" for prompt in prompts)
        queries = {
            "clip_label": f"SELECT count(clip_label(embedding, '{classifier}')) FROM label.items",
            f"{options.labels} <=> a row": f"SELECT sum(least({distances})) FROM label.items",
        }
        pid = connection.info.backend_pid
        times = {name: [] for name in queries}
        for run in range(options.runs + 1):
            for name, query in queries.items():
                _, (_, processor) = timed(pid, lambda query=query: connection.execute(query).fetchone())
                if run > 0:  # the first one warms up
                    times[name].append(processor)
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        for name, seconds in medians.items():
            print(f"{name:16} {1e6 * seconds / options.rows:6.2f} µs a row")
        label, scan = medians.values()
        print(f"ratio            {label / scan:6.2f}")
        connection.execute("DROP SCHEMA label CASCADE")


if __name__ == "__main__":
    main()
