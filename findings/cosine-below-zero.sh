#!/usr/bin/env bash
# Guess: a vector's cosine distance from itself is 0 or a little above, so that a search
# for distances from 0 to .01, or for similarities of 1 and more, finds itself.
#
# Seen: it is below 0 about as often as above. LanceDB, asked for
# 0 to .01, does not find 111 of 500 vectors by themselves, and Qdrant, for a score
# of at least 1, not 97. voyager returns distances down to -3.6e-7, whose roots are NaN.
# usearch and duckdb return none below 0.
#   lancedb 0.40.0, qdrant-client 1.20.0 (local mode), voyager 2.2.3, usearch 2.26.6, duckdb 2.0.1
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check lancedb==0.40.0 pyarrow==26.0.1 \
  qdrant-client==1.20.0 voyager==2.2.3 usearch==2.26.6 duckdb==2.0.1 numpy==2.4.6

"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import duckdb, lancedb, numpy as np, voyager
from qdrant_client import QdrantClient, models
from usearch.index import Index

vectors = np.random.default_rng(0).standard_normal((500, 512)).astype(np.float32)
lists = vectors.tolist()

table = lancedb.connect(sys.argv[1]).create_table("t", [{"vector": v} for v in lists])
near = lambda v: table.search(v).distance_type("cosine").distance_range(0.0, 0.01).limit(1).to_list()
lost_by_range = sum(not near(v) for v in lists)

client = QdrantClient(":memory:")
client.create_collection("c", vectors_config=models.VectorParams(size=512, distance=models.Distance.COSINE))
client.upsert("c", [models.PointStruct(id=i, vector=v) for i, v in enumerate(lists)])
alike = lambda v: client.query_points("c", query=v, limit=1, score_threshold=1.0).points
lost_by_score = sum(not alike(v) for v in lists)

index = voyager.Index(voyager.Space.Cosine, num_dimensions=512)
index.add_items(vectors)
least_of_voyager = min(float(index.query(v, 1)[1][0]) for v in vectors)

index = Index(ndim=512, metric="cos", dtype="f32")
index.add(np.arange(500), vectors)
least_of_usearch = min(float(index.search(v, 1).distances[0]) for v in vectors)
own = "SELECT array_cosine_distance(?::FLOAT[512], ?::FLOAT[512])"
least_of_duckdb = min(duckdb.execute(own, [v, v]).fetchone()[0] for v in lists[:100])

print(f"LanceDB, distances of 0 to .01: {lost_by_range} of 500 vectors do not find themselves")
print(f"Qdrant, scores of at least 1: {lost_by_score} of 500 do not")
print(f"least distance of a vector from itself: voyager {least_of_voyager:.1e}, usearch {least_of_usearch}, duckdb {least_of_duckdb}")
assert 20 < lost_by_range < 400 and 20 < lost_by_score < 400
assert least_of_voyager < 0 <= min(least_of_usearch, least_of_duckdb)
PY
