"""Token ids: clip_pg's tokenizing, `tokenizers`, and the slow tokenizers of `transformers`, written independently."""

import json
import os
import subprocess
from dataclasses import replace

import pytest
import tokenizers
from transformers import CLIPTokenizer, NllbTokenizer, SiglipTokenizer, XLMRobertaTokenizer

import data
import make_models
from conftest import CLIP_MINI, example
from reference import Reference


def runtime():
    """ONNX Runtime's library."""
    default = next((data.ROOT / "build/onnxruntime").glob("libonnxruntime.so.*"), "")
    return os.environ.get("CLIP_ONNXRUNTIME", str(default))


def clip_pg_ids(directory, texts, options=None):
    """What the crate behind the SQL functions makes of texts without line breaks; SQL itself does not show ids."""
    command = [example("embed"), runtime(), directory, json.dumps(options or {})]
    text = "".join(f"{text}\n" for text in texts)
    run = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line)["ids"] for line in run.stdout.splitlines()]


def slow_ids(tokenizer, texts, length):
    return tokenizer(texts, truncation=True, max_length=length)["input_ids"]


@pytest.fixture(scope="module")
def slow_clip(tmp_path_factory):
    directory = tmp_path_factory.mktemp("clip")
    vocabulary, merges = make_models.clip_bpe()
    (directory / "vocab.json").write_text(json.dumps(vocabulary))
    (directory / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    return CLIPTokenizer(directory / "vocab.json", directory / "merges.txt")


def lines(texts):
    return [" ".join(text.split("\n")) for text in texts]


def test_clip(clip_mini, slow_clip):
    texts = lines(data.AWKWARD_TEXTS)
    ids = clip_pg_ids(CLIP_MINI.directory, texts)
    assert ids == [clip_mini.ids(text) for text in texts]
    assert ids == slow_ids(slow_clip, texts, 77)
    assert max(map(len, ids)) == 77


def test_captions(clip_mini, slow_clip, shared):
    texts = [caption for _, caption in data.captions()]
    ids = clip_pg_ids(CLIP_MINI.directory, texts)
    assert ids == [clip_mini.ids(text) for text in texts]
    assert ids == slow_ids(slow_clip, texts, 77)


def test_siglip(tmp_path):
    model = make_models.make(make_models.siglip_base_16, tmp_path)
    reference, texts = Reference(model), lines(data.AWKWARD_TEXTS)
    ids = clip_pg_ids(model.directory, texts)
    assert ids == [reference.ids(text) for text in texts]
    assert ids == slow_ids(SiglipTokenizer(str(model.directory / "spiece.model")), texts, 64)


def test_xlm_roberta(tmp_path):
    model = make_models.make(make_models.xlm_roberta_open_clip, tmp_path)
    reference, texts = Reference(model), lines(data.AWKWARD_TEXTS)
    ids = clip_pg_ids(model.directory, texts)
    assert ids == [reference.ids(text) for text in texts]
    slow = XLMRobertaTokenizer(str(model.directory / "textual/sentencepiece.bpe.model"))
    assert ids == slow_ids(slow, texts, 77)


def test_nllb(tmp_path):
    model = make_models.make(make_models.nllb, tmp_path)
    reference, texts = Reference(model), lines(data.AWKWARD_TEXTS)
    ids = clip_pg_ids(model.directory, texts, make_models.OPTIONS[make_models.nllb])
    assert ids == [reference.ids(text) for text in texts]
    slow = NllbTokenizer(str(model.directory / "textual/sentencepiece.bpe.model"), src_lang=make_models.GERMAN)
    assert ids == slow_ids(slow, texts, 77)


def test_siglip2(tmp_path):
    """Of fixed resolution it calls itself SigLIP; Gemma's tokenizer tells: lower case, and punctuation stays."""
    model = make_models.make(make_models.siglip_base_16, tmp_path)
    path = model.directory / "tokenizer_config.json"
    make_models.write_json(path, **json.loads(path.read_text()) | {"tokenizer_class": "GemmaTokenizer"})
    reference, texts = Reference(replace(model, canonicalize=False)), lines(data.AWKWARD_TEXTS)
    assert clip_pg_ids(model.directory, texts) == [reference.ids(text.lower()) for text in texts]


@pytest.mark.parametrize("post", ["$A </s>", "$A </s> <s>", "<s> $A"])
def test_truncation(tmp_path, post):
    """Long texts lose words, and special tokens stay wherever the post-processor puts them."""
    model = make_models.make(make_models.xlm_roberta_mclip, tmp_path)
    path = model.directory / model.tokenizer
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single=post, special_tokens=ids)
    tokenizer.save(str(path))
    reference, texts = Reference(model), lines(data.AWKWARD_TEXTS)
    ids = clip_pg_ids(model.directory, texts)
    assert ids == [reference.ids(text) for text in texts]
    assert max(map(len, ids)) == 77
