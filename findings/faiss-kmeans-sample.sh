#!/usr/bin/env bash
# Guess: k-means over 10 000 vectors looks at 10 000 vectors; with two heaps that
# are a hundred standard deviations apart, any seed finds both.
#
# Seen: faiss.Kmeans takes 256 vectors a cluster, here 512 of the 10 000, and says so
# only if it is verbose. Twenty vectors far from all others are not a cluster of
# their own with 7 of 20 seeds; with max_points_per_centroid raised, always.
#   faiss-cpu 1.15.1
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check faiss-cpu==1.15.1 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import faiss
import numpy as np

vectors = np.random.default_rng(0).standard_normal((10_000, 8)).astype(np.float32)
vectors[:20] += 100

def missed(**options):
    """Of 20 seeds, how many put a far vector and a near one into one cluster."""
    count = 0
    for seed in range(20):
        kmeans = faiss.Kmeans(8, 2, seed=seed, **options)
        kmeans.train(vectors)
        _, cluster = kmeans.assign(vectors)
        count += bool(set(cluster[:20].tolist()) & set(cluster[20:].tolist()))
    return count

sampled, all_of_them = missed(), missed(max_points_per_centroid=10_000)
print(f"far vectors not told apart: by default {sampled} of 20 times, with all vectors {all_of_them}")
assert 3 <= sampled <= 12 and all_of_them == 0
PY
