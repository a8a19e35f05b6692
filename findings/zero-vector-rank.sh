#!/usr/bin/env bash
# Guess: the cosine distance of an all-zero vector is undefined, so a store
# refuses it, or ranks it behind every vector that has a direction.
#
# Seen: none refuses it, and four of them have four answers for its place among
# the same vector, one at a right angle and the opposite one.
#   sqlite-vec 0.1.9   first, before the very vector asked for; distance NULL
#   usearch 2.26.6     at 1, level with the right angle, before the opposite
#   duckdb 2.0.1       last; distance NaN
#   lancedb 0.40.0     nowhere: the row is left out of four asked for
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  sqlite-vec==0.1.9 apsw==3.54.1.0 usearch==2.26.6 duckdb==2.0.1 \
  lancedb==0.40.0 numpy==2.4.6

"$dir/venv/bin/python" - "$dir/lance" <<'PY'
import sys
from importlib.metadata import version
import apsw, duckdb, lancedb, numpy as np, sqlite_vec
from usearch.index import Index

rows = {0: [0, 0, 0], 1: [1, 0, 0], 2: [0, 1, 0], 3: [-1, 0, 0]}  # 0 is the zero
query, seen = [1.0, 0.0, 0.0], {}

db = apsw.Connection(":memory:")
db.enable_load_extension(True)
db.load_extension(sqlite_vec.loadable_path())
db.execute("create virtual table t using vec0(v float[3] distance_metric=cosine)")
for key, vector in rows.items():
    db.execute("insert into t(rowid, v) values (?, ?)", (key, str(vector)))
seen["sqlite-vec"] = db.execute(
    "select rowid, distance from t where v match ? and k = 4", (str(query),)).fetchall()

index = Index(ndim=3, metric="cos", dtype="f32")
index.add(np.arange(4), np.array(list(rows.values()), "f4"))
got = index.search(np.array(query, "f4"), 4)
seen["usearch"] = [(int(k), float(d)) for k, d in zip(got.keys, got.distances)]

values = ", ".join(f"({key}, {vector}::float[3])" for key, vector in rows.items())
seen["duckdb"] = duckdb.sql(
    f"select k, array_cosine_distance(v, {query}::float[3]) d "
    f"from (values {values}) t(k, v) order by d").fetchall()

table = lancedb.connect(sys.argv[1]).create_table(
    "t", [{"k": key, "vector": [float(x) for x in v]} for key, v in rows.items()])
got = table.search(query).distance_type("cosine").limit(4).to_list()
seen["lancedb"] = [(row["k"], row["_distance"]) for row in got]

for name, answer in seen.items():
    print(name, version(name), answer)
assert seen["sqlite-vec"] == [(0, None), (1, 0.0), (2, 1.0), (3, 2.0)]
assert dict(seen["usearch"]) == {1: 0.0, 0: 1.0, 2: 1.0, 3: 2.0}
assert [k for k, _ in seen["duckdb"]] == [1, 2, 3, 0] and np.isnan(seen["duckdb"][3][1])
assert seen["lancedb"] == [(1, 0.0), (2, 1.0), (3, 2.0)]
PY
