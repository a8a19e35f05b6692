#!/usr/bin/env bash
# Guess: efSearch of a faiss HNSW index says how good the k answers are, and k
# above it raises it, as in other HNSW libraries: of 1000 vectors, asking for
# the nearest 500 gives 500.
#
# Seen, faiss-cpu 1.15.1: with efSearch as it comes (16) fewer than 300 come
# back and the rest of the row is label -1 at the largest float, with no error.
# Asking for 1000 gives no more of them than asking for 500. Only efSearch
# itself helps.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  faiss-cpu==1.15.1 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import faiss, numpy as np

faiss.omp_set_num_threads(1)
data = np.random.default_rng(1).standard_normal((1000, 16), dtype="f4")
index = faiss.IndexHNSWFlat(16, 16)
index.add(data)
assert index.hnsw.efSearch == 16

def answers(k):
    distances, labels = index.search(data[:1], k)
    missing = labels[0] < 0
    assert (distances[0][missing] == np.finfo("f4").max).all()
    return int((~missing).sum())

seen = {}
for ef, k in (16, 100), (16, 500), (16, 1000), (500, 500):
    index.hnsw.efSearch = ef
    seen[ef, k] = answers(k)
    print(f"faiss {faiss.__version__} efSearch {ef}, k {k}: {seen[ef, k]} answers")

assert seen[16, 100] == 100
assert seen[16, 500] == seen[16, 1000] < 300
assert seen[500, 500] == 500
PY
