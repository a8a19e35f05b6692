"""Real embeddings of OpenAI's ViT-B/32, stored as `clip_vector`."""

import json

import numpy as np

import data
from conftest import note


def test_pairwise_cosines(server, shared):
    texts = [embedding for _, embedding in data.openai_embeddings()]
    vectors = np.array([json.loads(text) for text in texts])
    norms = np.linalg.norm(vectors, axis=1)
    expected = vectors @ vectors.T / np.outer(norms, norms)
    pairs = server.rows(
        "WITH v AS (SELECT v::clip_vector(512), n FROM unnest(%s::text[]) WITH ORDINALITY u (v, n))"
        " SELECT clip_similarity(a.v, b.v), a.v <=> b.v FROM v a, v b ORDER BY a.n, b.n",
        texts,
    )
    similarities, distances = np.array(pairs, np.float64).T.reshape(2, *expected.shape)
    assert expected.shape == (25, 25)
    error = max(np.abs(similarities - expected).max(), np.abs(1 - distances - expected).max())
    note(f"presse_light, OpenAI's embeddings: pairwise cosines within {error:.1e} of double precision")
    assert error <= 1e-3
