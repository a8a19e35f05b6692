#!/usr/bin/env python3
"""`clip_train` beside scikit-learn's `LogisticRegression`: the same rows, the same penalty, alternating.

Vectors come from a program called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED` that writes the array `base`
(--generator PROGRAM), or are around random directions. Their labels are clusters of the vectors themselves, a tenth of them
replaced by a random one; a sixth of the rows is kept back to tell the accuracy by. scikit-learn is given single precision and
as many threads as it takes, `clip_train` runs on one; its time is that of the statement, which reads the rows from a table.
Beside the time on the clock stands that of the processor, of all threads, which other work on the machine disturbs less.

The server is the one that libpq's environment names; a schema `linear_probe` is made in it and dropped at the end. Needs
numpy, scikit-learn and psycopg[binary], and a release build of the extension.

    linear_probe.py --rows 10000 --dimensions 512 --classes 8 --runs 5
"""

import os
import statistics
import warnings

import numpy as np
import psycopg
from common import CLIP_VECTOR, generated, load, parser, timed
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression


def vectors(options, count):
    """Unit vectors, as halves have them."""
    if options.generator:
        made = generated(options.generator, count, 10, options.dimensions, options.seed)["base"]
    else:
        random = np.random.default_rng(options.seed)
        directions = random.standard_normal((100, options.dimensions))
        made = directions[random.integers(0, 100, count)] + random.standard_normal((count, options.dimensions))
    made = made / np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float16).astype(np.float32)


def labels(options, made):
    """A cluster of each vector, or any."""
    random = np.random.default_rng(options.seed)
    clusters = KMeans(options.classes, random_state=options.seed, n_init=1).fit_predict(made)
    return np.where(random.random(len(made)) < 0.1, random.integers(0, options.classes, len(made)), clusters)


def main():
    arguments = parser(__doc__, runs=5, seed=1, rows=10_000, required=False)
    arguments.add_argument("--classes", type=int, default=8)
    arguments.add_argument("--penalties", type=float, nargs="+", default=[1, 0.03])
    options = arguments.parse_args()
    rows = options.rows
    made = vectors(options, rows * 6 // 5)
    truth = labels(options, made)
    order = np.random.default_rng(options.seed).permutation(len(made))
    made, truth = made[order], truth[order]
    warnings.filterwarnings("ignore")
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
        connection.execute("DROP SCHEMA IF EXISTS linear_probe CASCADE")
        connection.execute("CREATE SCHEMA linear_probe")
        load(connection, "linear_probe.embeddings", CLIP_VECTOR, made)
        connection.execute("ALTER TABLE linear_probe.embeddings ADD label text")
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE linear_probe.embeddings SET label = %s WHERE id = %s", [(str(label), id) for id, label in enumerate(truth)])
        connection.execute("VACUUM FULL ANALYZE linear_probe.embeddings")
        for penalty in options.penalties:
            theirs = LogisticRegression(C=1 / penalty, max_iter=1000)
            statement = "SELECT clip_train(label, embedding, %s) FROM linear_probe.embeddings WHERE id < %s"
            times = []
            for _ in range(options.runs):
                _, fit = timed(os.getpid(), lambda: theirs.fit(made[:rows], truth[:rows]))
                _, train = timed(connection.info.backend_pid, lambda: connection.execute(statement, [penalty, rows]))
                times.append((*fit, *train))
            fit, fit_cpu, train, train_cpu = (statistics.median(column) for column in zip(*times))
            [ours] = connection.execute(
                """SELECT avg((clip_label(embedding, (
                       SELECT clip_train(label, embedding, %s) FROM linear_probe.embeddings WHERE id < %s)) = label)::int)::float8
                   FROM linear_probe.embeddings WHERE id >= %s""", [penalty, rows, rows]).fetchone()
            accuracy = theirs.score(made[rows:], truth[rows:])
            print(f"penalty {penalty}: scikit-learn {fit:.2f} s ({fit_cpu:.2f} of processor), {theirs.n_iter_[0]} iterations, "
                  f"accuracy {accuracy:.4f}; clip_train {train:.2f} s ({train_cpu:.2f}), accuracy {ours:.4f}")
        connection.execute("DROP SCHEMA linear_probe CASCADE")


if __name__ == "__main__":
    main()
