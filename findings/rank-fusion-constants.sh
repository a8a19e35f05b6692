#!/usr/bin/env bash
# Guess: reciprocal rank fusion is one formula, the sum of 1 / (60 + rank), so two
# engines that offer it by that name fuse the same two rankings into the same one.
#
# Seen: not so. Qdrant's constant is 2 with ranks from 0, LanceDB's 60. What one
# ranking has first and the other not at all comes out before what both have
# fifth in Qdrant (.50 against .33), after it in LanceDB (.016 against .031).
#   qdrant-client 1.20.0 (local mode), lancedb 0.40.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  qdrant-client==1.20.0 lancedb==0.40.0 pyarrow==26.0.1 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import math
import pyarrow as pa
from lancedb.rerankers import RRFReranker
from qdrant_client import QdrantClient, models

one, two = ["a", "c", "d", "e", "both"], ["b", "f", "g", "h", "both"]

# Two vectors a point, at angles that give the two rankings by cosine.
names = sorted({*one, *two})
angle = lambda ranking, name: (ranking.index(name) if name in ranking else 50) / 100
at = lambda radians: [math.cos(radians), math.sin(radians)]
client = QdrantClient(":memory:")
plane = models.VectorParams(size=2, distance=models.Distance.COSINE)
client.create_collection("c", vectors_config={"one": plane, "two": plane})
client.upsert("c", [models.PointStruct(id=i, vector={"one": at(angle(one, n)), "two": at(angle(two, n))})
                    for i, n in enumerate(names)])
points = client.query_points("c", limit=9, query=models.FusionQuery(fusion=models.Fusion.RRF), prefetch=[
    models.Prefetch(query=[1.0, 0.0], using=using, limit=5) for using in ("one", "two")]).points
qdrant = {names[p.id]: p.score for p in points}

table = lambda ranking: pa.table({"_rowid": pa.array([names.index(n) for n in ranking], pa.uint64()), "name": ranking})
fused = RRFReranker().rerank_hybrid("", table(one), table(two)).to_pydict()
lance = dict(zip(fused["name"], fused["_relevance_score"]))

for engine, score in (("Qdrant", qdrant), ("LanceDB", lance)):
    print(f"{engine}: first in one ranking {score['a']:.3f}, fifth in both {score['both']:.3f}")
assert qdrant["a"] > qdrant["both"] and lance["a"] < lance["both"]
assert abs(qdrant["a"] - 1 / 2) < 1e-6 and abs(qdrant["both"] - 2 / 6) < 1e-6
assert abs(lance["both"] / lance["a"] - 2) < .15
PY
