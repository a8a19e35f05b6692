"""What is embedded: photographs, scans, captions and awkward texts."""

import csv
import os
from pathlib import Path

from PIL import Image, UnidentifiedImageError

ROOT = Path(__file__).resolve().parents[2]
DEMO = Path(os.environ.get("PARITY_DEMO_IMAGES", ROOT / "build/scikit-image"))
# Test data that is not published with the project.
SHARED = ROOT.parent / "shared/data"

AWKWARD_TEXTS = [
    "",
    " ",
    "a",
    "A PHOTO of a Dog!!!",
    "  white\t space \n and  more ",
    "it's the children's dog, isn't it? They'll say we've seen it",
    "123 apples, 4.5 pears & 6e7 plums",
    "élan vital à la française, Ærøskøbing, straße, İstanbul",
    "Ελληνικά и русский текст",
    "a cat \N{GRINNING FACE} on a mat \N{BLACK HEART SUIT}",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "e-mail@example.org #hashtag https://example.org/a_b?c=d",
    "one two three four five six seven eight nine ten " * 12,
    "!?" * 100,
]


def image_files(name):
    """The files of a set of images: `demo` or the name of a shared one."""
    folder = DEMO if name == "demo" else SHARED / name / "images"
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and is_image(path)]


def is_image(path):
    """Whether Pillow can read a file; where it cannot, there is nothing to agree with."""
    try:
        with Image.open(path) as image:
            image.load()
        return True
    except UnidentifiedImageError:
        return False


def rows(file):
    """A shared CSV file's rows."""
    with open(SHARED / file, encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def captions():
    """(image name, caption) of flickr8k-150."""
    return rows("flickr8k-150/captions.csv")[1:]


def openai_embeddings():
    """(image name, embedding) of presse_light by OpenAI's ViT-B/32, the embedding as text."""
    return rows("presse_light/openai_vitb32_embeddings.csv")
