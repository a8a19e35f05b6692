"""The reference: embeddings as the libraries of a model's Python users give them.

Pillow decodes and resizes, `tokenizers` splits, ONNX Runtime computes. Nothing of clip_pg is used: where clip_pg finds
out what a model is from its files, a `Model` here states it, and only the preprocessing is read from the checkpoint's
own configuration. The crop is torchvision's, as in OpenAI's and open_clip's pipelines; the image processors of
`transformers` round it differently.
"""

import io
import json
import re
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers
from PIL import Image, ImageOps

BATCH = 16


@dataclass(frozen=True)
class Model:
    """Where a model's parts are and what they are called."""

    directory: Path
    text: str = "onnx/text_model.onnx"
    image: str = "onnx/vision_model.onnx"
    text_output: str = "text_embeds"
    image_output: str = "image_embeds"
    preprocess: str = "preprocessor_config.json"
    tokenizer: str = "tokenizer.json"
    context_length: int = 77
    pad_id: int = 49407
    canonicalize: bool = False
    language: str | None = None  # a token that takes the place of the first


@dataclass(frozen=True)
class Preprocess:
    """From a decoded image to the pixels of a vision tower. Sizes are (height, width)."""

    shortest: int | None  # the shorter side becomes this long, the rest is cropped ...
    size: tuple[int, int]  # ... to this; without `shortest` both sides are resized to it
    resample: Image.Resampling
    mean: list[float]
    std: list[float]

    @classmethod
    def read(cls, path):
        config = json.loads(path.read_text())
        return cls.open_clip(config) if "interpolation" in config else cls.transformers(config)

    @classmethod
    def transformers(cls, config):
        """`preprocessor_config.json`."""
        shortest = config["size"].get("shortest_edge")
        area = config["crop_size"] if shortest else config["size"]
        normalize = config.get("do_normalize", True)
        return cls(
            shortest,
            (area["height"], area["width"]),
            Image.Resampling(config["resample"]),
            config["image_mean"] if normalize else [0, 0, 0],
            config["image_std"] if normalize else [1, 1, 1],
        )

    @classmethod
    def open_clip(cls, config):
        """`preprocess_cfg.json`."""
        height, width = config["size"]
        return cls(
            None if config.get("resize_mode") == "squash" else height,
            (height, width),
            Image.Resampling[config["interpolation"].upper()],
            config["mean"],
            config["std"],
        )

    def pixels(self, contents, box=None):
        """The uint8 pixels (height, width, 3) of an image file, or of a box (left, upper, right, lower) of it."""
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(contents))).convert("RGB")
        if box:
            image = image.crop(box)
        height, width = self.size
        if self.shortest is None:
            return np.asarray(image.resize((width, height), self.resample))
        short, long = sorted(image.size)
        short, long = self.shortest, int(self.shortest * long / short)
        image = image.resize((short, long) if image.width <= image.height else (long, short), self.resample)
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        return np.asarray(image.crop((left, top, left + width, top + height)))

    def tensor(self, contents):
        """The float32 tensor (3, height, width) of an image file."""
        pixels = self.pixels(contents).astype(np.float32) / np.float32(255)
        normalized = (pixels - np.float32(self.mean)) / np.float32(self.std)
        return normalized.transpose(2, 0, 1)


def canonicalize(text):
    """big_vision's `canonicalize_text`, which SigLIP was trained with."""
    text = text.lower().translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\s+", " ", text).strip()


class Reference:
    """A loaded model."""

    def __init__(self, model, threads=0):
        self.model = model
        self.preprocess = Preprocess.read(model.directory / model.preprocess)
        self.tokenizer = tokenizers.Tokenizer.from_file(str(model.directory / model.tokenizer))
        self.tokenizer.no_padding()
        # Begin and end of text stay.
        self.tokenizer.enable_truncation(model.context_length)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads

        def load(file):
            path = model.directory / file
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        self.text = load(model.text)
        self.image = self.text if model.image == model.text else load(model.image)

    def ids(self, text):
        """Token ids of a text with begin and end, truncated, not filled up."""
        ids = self.tokenizer.encode(canonicalize(text) if self.model.canonicalize else text).ids
        if self.model.language:
            ids[0] = self.tokenizer.token_to_id(self.model.language)
        return ids

    def embed_texts(self, texts):
        """Embeddings (texts, dimensions); every text is filled up to the context length."""
        rows = [self.ids(text) for text in texts]
        length = self.model.context_length
        ids = np.array([row + [self.model.pad_id] * (length - len(row)) for row in rows])
        mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        return self._run(self.text, self.model.text_output, {"ids": ids, "mask": mask})

    def embed_images(self, images):
        """Embeddings (images, dimensions) of image files."""
        tensors = np.stack([self.preprocess.tensor(image) for image in images])
        return self._run(self.image, self.model.image_output, {"pixels": tensors})

    def _run(self, session, output, columns):
        """Unit vectors in double precision, a batch at a time where the graph takes batches."""
        rows = len(next(iter(columns.values())))
        batch = 1 if session.get_inputs()[0].shape[0] == 1 else BATCH
        outputs = []
        for start in range(0, rows, batch):
            feeds = {}
            for port in session.get_inputs():
                column = columns.get(role(port))
                # A graph with both towers wants something for the other one.
                values = self._idle(role(port)) if column is None else column[start : start + batch]
                feeds[port.name] = values.astype(DTYPES[port.type])
            outputs.append(session.run([output], feeds)[0])
        vectors = np.concatenate(outputs).astype(np.float64)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _idle(self, what):
        if what == "pixels":
            return np.zeros((1, 3, *self.preprocess.size))
        return np.ones((1, self.model.context_length))


DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


def role(port):
    """What a graph's input is for."""
    if len(port.shape) == 4:
        return "pixels"
    return "mask" if "mask" in port.name else "ids"
