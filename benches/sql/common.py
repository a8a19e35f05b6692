"""What the benchmarks in SQL share: options, settings, vectors, tables of them by type, and times of statements."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

# Type, the extension that has it, and how its elements are sent.
CLIP_VECTOR = ("clip_vector", "clip_pg", ">f2")
HALFVEC = ("halfvec", "vector", ">f2")
VECTOR = ("vector", "vector", ">f4")


def parser(description, runs, seed, rows=100_000, required=True):
    """A parser with the options that most have; `required` is whether the vectors have to be made by a program."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rows", type=int, default=rows)
    made.add_argument("--dimensions", type=int, default=512)
    made.add_argument("--runs", type=int, default=runs)
    made.add_argument("--seed", type=int, default=seed)
    made.add_argument("--generator", required=required, help="program that makes the vectors")
    return made


def generated(generator, rows, queries, dimensions, seed):
    """Arrays by name, of vectors of norm 1, from a program called as `PROGRAM OUT.npz ROWS QUERIES DIMENSIONS SEED`."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "vectors.npz")
        arguments = [path, rows, queries, dimensions, seed]
        subprocess.run([sys.executable, generator, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        with np.load(path) as arrays:
            return dict(arrays)


def begin(connection, schema, memory):
    """An empty schema; plans of one process, and `memory` for the builds of indexes."""
    connection.execute("SET max_parallel_workers_per_gather = 0; SET jit = off; SET client_min_messages = warning")
    connection.execute(f"SET maintenance_work_mem = '{memory}'")
    connection.execute("CREATE EXTENSION IF NOT EXISTS clip_pg")
    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")


def load(connection, table, kind, vectors, first=0):
    """Makes a table of a type, `kind`, and fills it through the binary format that all types share; ids count from `first`."""
    name, _, element = kind
    rows, dimensions = vectors.shape
    size = 4 + dimensions * np.dtype(element).itemsize
    layout = [("fields", ">i2"), ("id_size", ">i4"), ("id", ">i4"), ("size", ">i4"),
              ("dimensions", ">i2"), ("unused", ">i2"), ("elements", element, (dimensions,))]
    connection.execute(f"CREATE TABLE {table} (id int, embedding {name}({dimensions}))")
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, rows, 10_000):
            part = vectors[start:start + 10_000]
            records = np.zeros(len(part), dtype=layout)
            records["fields"], records["id_size"], records["size"], records["dimensions"] = 2, 4, size, dimensions
            records["id"] = np.arange(first + start, first + start + len(part))
            records["elements"] = part
            copy.write(records.tobytes())
        copy.write(b"\xff\xff")
    connection.execute(f"VACUUM ANALYZE {table}")


def processor(pid):
    """Seconds that a process has run so far, all threads together."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(pid, work):
    """What work returns, and the seconds it took: by the clock, and of the process that does it."""
    clock, before = time.perf_counter(), processor(pid)
    result = work()
    return result, (time.perf_counter() - clock, processor(pid) - before)
