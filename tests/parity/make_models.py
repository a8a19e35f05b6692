"""Model directories in the layouts in use, with random weights, as their publishers arrange and name things.

Each function writes one into a directory and returns what the reference has to know about it. Configuration files hold
what the published ones hold of what matters; clip_pg has to find out the rest.
"""

import functools
import gzip
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import sentencepiece
import tokenizers
from transformers import NllbTokenizerFast, SiglipTokenizer, XLMRobertaTokenizer
from transformers.convert_slow_tokenizer import SpmConverter, XLMRobertaConverter

from graphs import Graph, convolutions, text_transformer, vision_transformer
from reference import Model

ROOT = Path(__file__).resolve().parents[2]
CLIP_MINI = ROOT / "models/clip-mini"
CLIP_VOCABULARY = 49408
UNIGRAM_VOCABULARY = 4000
OPENAI_MEAN, OPENAI_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
SMALL_TEXT = dict(width=128, layers=2, heads=4, out=96)
SMALL_IMAGE = dict(image=224, patch=32, width=128, layers=2, heads=4, out=96)


def write_json(path, **values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1))


# Preprocessing


def clip_processor(size=224, resample=3, **more):
    return dict(
        image_processor_type="CLIPImageProcessor",
        do_resize=True, size={"shortest_edge": size}, resample=resample,
        do_center_crop=True, crop_size={"height": size, "width": size},
        do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
        image_mean=OPENAI_MEAN, image_std=OPENAI_STD, do_convert_rgb=True,
    ) | more  # fmt: skip


def open_clip_preprocess(size=224, **more):
    return dict(
        size=[size, size], mode="RGB", mean=OPENAI_MEAN, std=OPENAI_STD,
        interpolation="bicubic", resize_mode="shortest", fill_color=0,
    ) | more  # fmt: skip


# Tokenizers


def clip_tokenizer(directory, **settings):
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(CLIP_MINI / "tokenizer.json", directory)
    settings = dict(tokenizer_class="CLIPTokenizer", model_max_length=77, pad_token="<|endoftext|>") | settings
    write_json(directory / "tokenizer_config.json", **settings)


def clip_bpe():
    """CLIP's vocabulary and merges, out of the embedded model."""
    model = json.loads((CLIP_MINI / "tokenizer.json").read_text())["model"]
    return model["vocab"], [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]


@functools.cache
def sentencepiece_model(**options):
    """A SentencePiece model trained on the words of CLIP's vocabulary, mixed into sentences; as bytes."""
    words = [word.removesuffix("</w>") for word in clip_bpe()[0] if word.endswith("</w>") and word[:-4].isalpha()]
    rows = np.random.default_rng(0).choice(words, (4000, 8))
    with tempfile.TemporaryDirectory() as directory:
        prefix = Path(directory) / "unigram"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(" ".join(row) for row in rows), model_prefix=prefix, model_type="unigram",
            vocab_size=UNIGRAM_VOCABULARY, character_coverage=0.9995, num_threads=1, minloglevel=2, **options,
        )  # fmt: skip
        return prefix.with_suffix(".model").read_bytes()


def xlm_roberta_tokenizer(directory):
    """XLM-R's: the model for the slow tokenizer and, converted from it as for the real one, `tokenizer.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    spm = directory / "sentencepiece.bpe.model"
    spm.write_bytes(sentencepiece_model())
    XLMRobertaConverter(XLMRobertaTokenizer(str(spm))).converted().save(str(directory / "tokenizer.json"))
    write_json(
        directory / "tokenizer_config.json",
        tokenizer_class="XLMRobertaTokenizer", model_max_length=512,
        bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
    )  # fmt: skip


def nllb_tokenizer(directory):
    """NLLB's, which begins a text with its language."""
    directory.mkdir(parents=True, exist_ok=True)
    spm = directory / "sentencepiece.bpe.model"
    spm.write_bytes(sentencepiece_model())
    NllbTokenizerFast(str(spm)).backend_tokenizer.save(str(directory / "tokenizer.json"))
    write_json(
        directory / "tokenizer_config.json",
        tokenizer_class="NllbTokenizer", model_max_length=1024, eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
    )  # fmt: skip


class SiglipConverter(SpmConverter):
    """SigLIP's slow tokenizer puts the end after a text, and nothing before it."""

    def vocab(self, proto):
        return [(piece.piece, piece.score) for piece in proto.pieces]

    def unk_id(self, proto):
        return proto.trainer_spec.unk_id

    def post_processor(self):
        end = self.original_tokenizer.convert_tokens_to_ids("</s>")
        return tokenizers.processors.TemplateProcessing("$A </s>", "$A $B </s>", [("</s>", end)])


def siglip_tokenizer(directory):
    """SigLIP's; canonicalising is left to whoever uses `tokenizer.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    spm = directory / "spiece.model"
    spm.write_bytes(sentencepiece_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    SiglipConverter(SiglipTokenizer(str(spm))).converted().save(str(directory / "tokenizer.json"))
    write_json(
        directory / "tokenizer_config.json",
        tokenizer_class="SiglipTokenizer", model_max_length=64, do_lower_case=True,
        eos_token="</s>", pad_token="</s>", unk_token="<unk>",
    )  # fmt: skip


# Towers


def clip_text_tower(
    path, seed, *, ids="input_ids", output="text_embeds", dtype=np.float32, integers=np.int64, batch="batch",
    length="sequence", normalize=False, external=False, hidden=True, **shape,
):  # fmt: skip
    graph = Graph(seed, dtype)
    ids = graph.input(ids, integers, [batch, length])
    shape = SMALL_TEXT | shape
    states, x = text_transformer(graph, ids, vocabulary=CLIP_VOCABULARY, context=77, **shape)
    graph.output(graph.normalize(x) if normalize else x, output, [batch, shape["out"]])
    if hidden:
        graph.output(states, "last_hidden_state", [batch, length, shape["width"]])
    graph.save(path, external)


def clip_image_tower(
    path, seed, *, pixels="pixel_values", output="image_embeds", dtype=np.float32, batch="batch", normalize=False,
    hidden=True, **shape,
):  # fmt: skip
    graph = Graph(seed, dtype)
    shape = SMALL_IMAGE | shape
    pixels = graph.input(pixels, dtype, [batch, 3, shape["image"], shape["image"]])
    states, x = vision_transformer(graph, pixels, **shape)
    graph.output(graph.normalize(x) if normalize else x, output, [batch, shape["out"]])
    if hidden:
        graph.output(states, "last_hidden_state", [batch, "patches", shape["width"]])
    graph.save(path)


# Models


def clip_vit_b_32(directory):
    """OpenAI's ViT-B/32 at its full size, as Xenova exports it; the text tower's weights lie in a file of their own."""
    clip_text_tower(directory / "onnx/text_model.onnx", 1, width=512, layers=12, heads=8, out=512, external=True)
    clip_image_tower(directory / "onnx/vision_model.onnx", 2, width=768, layers=12, heads=12, out=512)
    clip_tokenizer(directory)
    write_json(directory / "preprocessor_config.json", **clip_processor())
    write_json(
        directory / "config.json",
        model_type="clip", architectures=["CLIPModel"], projection_dim=512, logit_scale_init_value=2.6592,
        text_config={"model_type": "clip_text_model"},
        vision_config={"model_type": "clip_vision_model", "patch_size": 32},
    )  # fmt: skip
    return Model(directory)


def clip_fp16(directory):
    """A CLIP of which only the half precision files were downloaded, inputs and outputs included."""
    clip_text_tower(directory / "onnx/text_model_fp16.onnx", 3, dtype=np.float16)
    clip_image_tower(directory / "onnx/vision_model_fp16.onnx", 4, dtype=np.float16)
    clip_tokenizer(directory)
    write_json(directory / "preprocessor_config.json", **clip_processor())
    write_json(directory / "config.json", model_type="clip")
    return Model(directory, text="onnx/text_model_fp16.onnx", image="onnx/vision_model_fp16.onnx")


def clip_combined(directory):
    """One graph with both towers and their logits, as `optimum` exports it."""
    graph = Graph(5)
    ids = graph.input("input_ids", np.int64, ["texts", "sequence"])
    pixels = graph.input("pixel_values", np.float32, ["images", 3, 224, 224])
    graph.input("attention_mask", np.int64, ["texts", "sequence"])
    _, text = text_transformer(graph, ids, vocabulary=CLIP_VOCABULARY, context=77, **SMALL_TEXT)
    _, image = vision_transformer(graph, pixels, **SMALL_IMAGE)
    text, image = graph.normalize(text), graph.normalize(image)
    cosines = graph.node("MatMul", image, graph.node("Transpose", text, perm=[1, 0]))
    logits = graph.node("Mul", cosines, graph.scalar(COMBINED_LOGIT_SCALE))
    graph.output(logits, "logits_per_image", ["images", "texts"])
    graph.output(graph.node("Transpose", logits, perm=[1, 0]), "logits_per_text", ["texts", "images"])
    graph.output(text, "text_embeds", ["texts", SMALL_TEXT["out"]])
    graph.output(image, "image_embeds", ["images", SMALL_IMAGE["out"]])
    graph.save(directory / "onnx/model.onnx")
    clip_tokenizer(directory)
    write_json(directory / "preprocessor_config.json", **clip_processor())
    write_json(directory / "config.json", model_type="clip", logit_scale_init_value=2.6592)
    return Model(directory, text="onnx/model.onnx", image="onnx/model.onnx")


def qdrant_pair(directory):
    """Two repositories downloaded beside each other."""
    text, image = directory / "clip-ViT-B-32-text", directory / "clip-ViT-B-32-vision"
    clip_text_tower(text / "model.onnx", 6)
    clip_image_tower(image / "model.onnx", 7)
    clip_tokenizer(text)
    write_json(text / "config.json", model_type="clip_text_model")
    write_json(image / "preprocessor_config.json", **clip_processor())
    return Model(
        directory,
        text="clip-ViT-B-32-text/model.onnx",
        image="clip-ViT-B-32-vision/model.onnx",
        tokenizer="clip-ViT-B-32-text/tokenizer.json",
        preprocess="clip-ViT-B-32-vision/preprocessor_config.json",
    )


def rclip(directory):
    """rclip's and clip-as-service's: bare graphs with inputs `input`, OpenAI's vocabulary and no configuration."""
    clip_text_tower(directory / "textual.onnx", 8, ids="input", output="output", integers=np.int32, hidden=False)
    clip_image_tower(directory / "visual.onnx", 9, pixels="input", output="output", hidden=False)
    lines = ['"bpe_simple_vocab_16e6.txt#version: 0.2', *clip_bpe()[1]]
    (directory / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    # What the reference reads has to lie elsewhere: clip_pg would read it too.
    clip_tokenizer(directory.with_name("rclip_reference"))
    write_json(directory.with_name("rclip_reference") / "preprocessor_config.json", **clip_processor())
    return Model(
        directory,
        text="textual.onnx",
        image="visual.onnx",
        text_output="output",
        image_output="output",
        pad_id=0,
        tokenizer="../rclip_reference/tokenizer.json",
        preprocess="../rclip_reference/preprocessor_config.json",
    )


def siglip_base_16(directory):
    """SigLIP B/16: squashed images, canonical texts filled up to 64 and read out at the last position."""
    graph = Graph(10)
    ids = graph.input("input_ids", np.int64, ["batch", "sequence"])
    states, x = text_transformer(
        graph, ids, vocabulary=UNIGRAM_VOCABULARY, context=64, kind="gelu_tanh", causal=False, pool="last", **SMALL_TEXT
    )
    graph.output(states, "last_hidden_state", ["batch", "sequence", SMALL_TEXT["width"]])
    graph.output(x, "pooler_output", ["batch", SMALL_TEXT["out"]])
    graph.save(directory / "onnx/text_model.onnx")

    shape = SMALL_IMAGE | dict(patch=16, width=96, heads=4)
    graph = Graph(11)
    pixels = graph.input("pixel_values", np.float32, ["batch", 3, 224, 224])
    states, x = vision_transformer(graph, pixels, kind="gelu_tanh", pool="attention", **shape)
    graph.output(states, "last_hidden_state", ["batch", 196, shape["width"]])
    graph.output(x, "pooler_output", ["batch", shape["out"]])
    graph.save(directory / "onnx/vision_model.onnx")

    siglip_tokenizer(directory)
    write_json(
        directory / "preprocessor_config.json",
        image_processor_type="SiglipImageProcessor", do_resize=True, size={"height": 224, "width": 224}, resample=3,
        do_rescale=True, rescale_factor=1 / 255, do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3,
    )  # fmt: skip
    write_json(
        directory / "config.json",
        model_type="siglip", architectures=["SiglipModel"],
        text_config={"model_type": "siglip_text_model"}, vision_config={"model_type": "siglip_vision_model"},
    )  # fmt: skip
    return Model(
        directory,
        text_output="pooler_output",
        image_output="pooler_output",
        context_length=64,
        pad_id=1,
        canonicalize=True,
    )


def mobileclip_towers(text, image, *, ids, pixels, text_output, image_output, batch, integers, normalize):
    graph = Graph(12)
    tokens = graph.input(ids, integers, [batch, 77])
    _, x = text_transformer(
        graph, tokens, vocabulary=CLIP_VOCABULARY, context=77, kind="gelu", causal=False, **SMALL_TEXT
    )
    graph.output(graph.normalize(x) if normalize else x, text_output, [batch, SMALL_TEXT["out"]])
    graph.save(text)
    graph = Graph(13)
    x = convolutions(graph, graph.input(pixels, np.float32, [batch, 3, 256, 256]), width=64, out=SMALL_TEXT["out"])
    graph.output(graph.normalize(x) if normalize else x, image_output, [batch, SMALL_TEXT["out"]])
    graph.save(image)


def mobileclip_hugging_face(directory):
    """MobileCLIP: bilinear, not normalised, and a text tower that sees its padding, which is "!"."""
    mobileclip_towers(
        directory / "onnx/text_model.onnx", directory / "onnx/vision_model.onnx", ids="input_ids",
        pixels="pixel_values", text_output="text_embeds", image_output="image_embeds", batch="batch",
        integers=np.int64, normalize=False,
    )  # fmt: skip
    clip_tokenizer(directory, pad_token="!")
    write_json(directory / "preprocessor_config.json", **clip_processor(256, 2, do_normalize=False))
    write_json(directory / "config.json", model_type="clip")
    return Model(directory, pad_id=0)


def mobileclip_immich(directory):
    """The same as Immich exports it: one row at a time, int32, normalised, open_clip's configuration."""
    mobileclip_towers(
        directory / "textual/model.onnx", directory / "visual/model.onnx", ids="text", pixels="image",
        text_output="embedding", image_output="embedding", batch=1, integers=np.int32, normalize=True,
    )  # fmt: skip
    clip_tokenizer(directory / "textual")
    preprocess = open_clip_preprocess(256, mean=[0.0] * 3, std=[1.0] * 3, interpolation="bilinear")
    write_json(directory / "visual/preprocess_cfg.json", **preprocess)
    write_json(
        directory / "config.json",
        embed_dim=SMALL_TEXT["out"],
        vision_cfg={"timm_model_name": "vit_base_mci_224", "image_size": 256},
        text_cfg={"context_length": 77, "vocab_size": CLIP_VOCABULARY, "no_causal_mask": True},
    )
    return immich(directory, pad_id=0)


def immich(directory, **more):
    return Model(
        directory,
        text="textual/model.onnx",
        image="visual/model.onnx",
        text_output="embedding",
        image_output="embedding",
        tokenizer="textual/tokenizer.json",
        preprocess="visual/preprocess_cfg.json",
        **more,
    )


def multilingual(directory, tokenizer, *, vocabulary, text_config, ids="text", mask=None, pool="mean", **more):
    """A multilingual text tower beside a ViT as Immich exports them.

    `mask` is the name of the input for it; without one the graph finds the padding itself.
    """
    graph = Graph(14)
    ids = graph.input(ids, np.int32, [1, 77])
    if mask:
        mask = graph.input(mask, np.int32, [1, 77])
    else:
        mask = graph.node("Not", graph.node("Equal", ids, graph.constant(np.array(1, np.int32))))
    _, x = text_transformer(
        graph, ids, vocabulary=vocabulary, context=77, kind="gelu", causal=False, pool=pool, mask=mask, **SMALL_TEXT
    )
    graph.output(graph.normalize(x), "embedding", [1, SMALL_TEXT["out"]])
    graph.save(directory / "textual/model.onnx")
    clip_image_tower(
        directory / "visual/model.onnx", 15, pixels="image", output="embedding", batch=1, normalize=True, hidden=False
    )
    tokenizer(directory / "textual")
    write_json(directory / "visual/preprocess_cfg.json", **open_clip_preprocess())
    image_config = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
    write_json(directory / "config.json", embed_dim=SMALL_TEXT["out"], vision_cfg=image_config, text_cfg=text_config)
    return immich(directory, pad_id=1, **more)


def xlm_roberta_open_clip(directory):
    """open_clip's `xlm-roberta-base-ViT-B-32`."""
    name = "xlm-roberta-base"
    config = {"hf_model_name": name, "hf_tokenizer_name": name, "hf_pooler_type": "mean_pooler"}
    return multilingual(directory, xlm_roberta_tokenizer, vocabulary=UNIGRAM_VOCABULARY + 2, text_config=config)


def xlm_roberta_mclip(directory):
    """M-CLIP's `XLM-Roberta-Large-Vit-B-32`, beside the configuration of the ViT-B/32 it was made for."""
    return multilingual(
        directory, xlm_roberta_tokenizer, vocabulary=UNIGRAM_VOCABULARY + 2, ids="input_ids", mask="attention_mask",
        text_config={"context_length": 77, "vocab_size": CLIP_VOCABULARY},
    )  # fmt: skip


def nllb(directory):
    """open_clip's `nllb-clip-base`, to be asked in German."""
    name = "facebook/nllb-200-distilled-600M"
    return multilingual(
        directory, nllb_tokenizer, vocabulary=UNIGRAM_VOCABULARY + 204, pool="first", language=GERMAN,
        text_config={"hf_model_name": name, "hf_tokenizer_name": name, "hf_pooler_type": "cls_pooler"},
    )  # fmt: skip


GERMAN = "deu_Latn"
OPTIONS = {nllb: {"prefix": GERMAN}}
COMBINED_LOGIT_SCALE = 42.5
SMALL = [
    clip_fp16,
    clip_combined,
    qdrant_pair,
    rclip,
    siglip_base_16,
    mobileclip_hugging_face,
    mobileclip_immich,
    xlm_roberta_open_clip,
    xlm_roberta_mclip,
    nllb,
]


def make(write, parent):
    """Writes one of the models above into a directory of its name, readable for everyone."""
    directory = parent / write.__name__
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    model = write(directory)
    for path in [parent, directory, *directory.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return model
