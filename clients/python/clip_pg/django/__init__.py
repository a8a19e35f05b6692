"""Vectors in Django: fields, the index, distances and lookups, embeddings as expressions, operations of migrations.

Nothing has to be in INSTALLED_APPS, and no connection has to be told of the type; the extension's schema has to be on
the search path. `register` is for arrays of vectors, and for cursors of one's own.
"""

from .expressions import (
    CosineDistance,
    EmbedImage,
    EmbedText,
    L1Distance,
    L2Distance,
    MaxInnerProduct,
    Similarity,
    Within,
)
from .fields import AutoEmbeddedField, ClipVectorField
from .forms import ClipVectorFormField
from .indexes import ClipHnswIndex
from .operations import ClipAutoEmbed, ClipAutoEmbedRemove, ClipPgExtension
from .registration import register

__all__ = [
    "AutoEmbeddedField",
    "ClipAutoEmbed",
    "ClipAutoEmbedRemove",
    "ClipHnswIndex",
    "ClipPgExtension",
    "ClipVectorField",
    "ClipVectorFormField",
    "CosineDistance",
    "EmbedImage",
    "EmbedText",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
    "Similarity",
    "Within",
    "register",
]
