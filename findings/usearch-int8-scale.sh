#!/usr/bin/env bash
# Guess: dtype="i8" of a usearch index stores each component in a byte by one
# scale (or as it is, where it fits a byte), so lengths stay comparable and L2
# and inner product order about as they do in floats.
#
# Seen, usearch 2.26.6: every vector is stretched to the same length before it
# is stored, whatever the metric. (3, 4), (30, 40) and (300, 400) become one
# and the same vector at L2 distance 0, and of the ten largest inner products
# among vectors of differing length about half are lost, with exact search.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check usearch==2.26.6 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import numpy as np, usearch
from usearch.index import Index

print("usearch", usearch.__version__)
index = Index(ndim=2, metric="l2sq", dtype="i8")
for key, scale in enumerate((1, 10, 100)):
    index.add(key, np.array([3, 4], "f4") * np.float32(scale))
kept = [np.asarray(index.get(key)).ravel().tolist() for key in range(3)]
distances = index.search(np.array([3, 4], "f4"), 3).distances.tolist()
print("(3, 4), (30, 40), (300, 400) kept as", kept, "at L2", distances)
assert kept[0] == kept[1] == kept[2] and distances == [0, 0, 0]

rng = np.random.default_rng(1)
data = rng.standard_normal((200, 16), dtype="f4") * rng.uniform(0.1, 10, (200, 1)).astype("f4")
truth = np.argsort(-(data[:50] @ data.T), axis=1)[:, :10]
recall = {}
for dtype in "f32", "f16", "i8":
    index = Index(ndim=16, metric="ip", dtype=dtype)
    index.add(np.arange(200), data)
    got = index.search(data[:50], 10, exact=True).keys
    recall[dtype] = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(got, truth)])
    print(f"{dtype}: {recall[dtype]:.0%} of the ten largest inner products found")
assert recall["f32"] == 1 and recall["f16"] > 0.95 and recall["i8"] < 0.6
PY
