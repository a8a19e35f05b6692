"""The embedded model on real images and captions."""

import numpy as np

import data
from conftest import assert_agree, contents, note

MODEL = "clip-mini"


def test_images(server, clip_mini, image_set):
    name, files = image_set
    images = contents(files)
    assert_agree(f"images: {name}", server.embed_images(images, MODEL), clip_mini.embed_images(images))


def test_awkward_texts(server, clip_mini):
    texts = data.AWKWARD_TEXTS
    assert_agree("texts: awkward", server.embed_texts(texts, MODEL), clip_mini.embed_texts(texts))


def test_captions(server, clip_mini, shared):
    texts = [caption for _, caption in data.captions()]
    assert_agree("texts: flickr8k-150", server.embed_texts(texts, MODEL), clip_mini.embed_texts(texts))


def test_one_at_a_time(server, clip_mini):
    """The functions that embed one thing, and the model of `clip_pg.model`."""
    images, texts = contents(data.image_files("demo")[:3]), data.AWKWARD_TEXTS[3:6]
    embed = "SELECT clip_embed_{0}(item)::real[] FROM unnest(%s::{1}[]) WITH ORDINALITY u (item, n) ORDER BY n"
    by_image = [row for (row,) in server.rows(embed.format("image", "bytea"), images)]
    by_text = [row for (row,) in server.rows(embed.format("text", "text"), texts)]
    assert_agree("images: one at a time", np.array(by_image), clip_mini.embed_images(images))
    assert_agree("texts: one at a time", np.array(by_text), clip_mini.embed_texts(texts))


def test_retrieval(server, clip_mini, shared):
    """The photograph that a caption belongs to is found at the same ranks as in double precision."""
    files = data.image_files("flickr8k-150")
    numbers = {path.name: number for number, path in enumerate(files)}
    truth = np.array([numbers[name] for name, _ in data.captions()])
    images, texts = contents(files), [caption for _, caption in data.captions()]

    similarities = clip_mini.embed_texts(texts) @ clip_mini.embed_images(images).T
    own = similarities[np.arange(len(texts)), truth]
    expected = (similarities > own[:, None]).sum(axis=1)

    server.connection.execute("CREATE TEMP TABLE photo (id int, embedding clip_vector(512))")
    server.connection.execute(
        "INSERT INTO photo SELECT n - 1, e FROM unnest(clip_embed_images(%s::bytea[], %s)) WITH ORDINALITY u (e, n)",
        (images, MODEL),
    )
    found = server.rows(
        "SELECT array(SELECT id FROM photo ORDER BY embedding <=> caption LIMIT 10)"
        " FROM unnest(clip_embed_texts(%s::text[], %s)) WITH ORDINALITY u (caption, n) ORDER BY n",
        texts, MODEL,
    )  # fmt: skip
    ids = np.array([row for (row,) in found])
    for k in (1, 5, 10):
        hits, reference = int((ids[:, :k] == truth[:, None]).any(axis=1).sum()), int((expected < k).sum())
        note(
            f"flickr8k-150: R@{k} {hits / len(texts):.4f}, {hits} of {len(texts)} queries; {reference} in the reference"
        )
        assert abs(hits - reference) <= 1
