"""The true architectures in the layouts in use, registered and compared with the reference through SQL."""

import pytest

import data
import make_models
from conftest import assert_agree, contents
from reference import Reference

TEXTS = [
    "a dog",
    "Two dogs, running through deep snow near a RED house!",
    "a page of printed text",
    *(text for text in data.AWKWARD_TEXTS if text.strip()),
]


@pytest.mark.parametrize("write", [*make_models.SMALL, make_models.clip_vit_b_32], ids=lambda write: write.__name__)
def test_architecture(server, models, write):
    model = make_models.make(write, models)
    server.register(write.__name__, model.directory, make_models.OPTIONS.get(write, {}))
    reference = Reference(model)
    [(caveats,)] = server.rows("SELECT caveats FROM clip_models WHERE name = %s", write.__name__)
    is_clips = reference.tokenizer.token_to_id("<|startoftext|>") is not None
    assert any("English" in caveat for caveat in caveats) == is_clips
    images = contents(data.image_files("demo"))
    if write is make_models.clip_vit_b_32:
        images = images[::4]
    assert_agree(f"{write.__name__}: texts", server.embed_texts(TEXTS, write.__name__), reference.embed_texts(TEXTS))
    assert_agree(
        f"{write.__name__}: images", server.embed_images(images, write.__name__), reference.embed_images(images)
    )


def test_logit_scale_of_a_combined_graph(server, models):
    """It is found by running the graph; the configuration holds the value before training only."""
    model = make_models.make(make_models.clip_combined, models)
    server.register("combined_scale", model.directory, {})
    [(scale, bias)] = server.rows("SELECT logit_scale, logit_bias FROM clip_models WHERE name = 'combined_scale'")
    assert scale == pytest.approx(make_models.COMBINED_LOGIT_SCALE, rel=1e-3)
    assert bias == 0
