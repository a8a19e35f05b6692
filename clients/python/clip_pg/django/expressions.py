"""Distances, conditions and embeddings as expressions of queries."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Expression, FloatField, Func, Lookup, Value
from django.utils.deconstruct import deconstructible

from .fields import ClipVectorField

__all__ = [
    "CosineDistance",
    "EmbedImage",
    "EmbedText",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
    "Similarity",
    "Within",
]


def _operand(value: Any) -> Any:
    """An expression, or the name of a field, as Django takes these; everything else is a vector."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        return Value(value, output_field=ClipVectorField())
    if isinstance(value, str) or hasattr(value, "resolve_expression"):
        return value
    return Value(value, output_field=ClipVectorField())


class _OfTwo(Func):
    output_field = FloatField()

    def __init__(self, expression: Any, vector: Any, **extra: Any) -> None:
        super().__init__(_operand(expression), _operand(vector), **extra)


class _Distance(_OfTwo):
    template = "(%(expressions)s)"


@deconstructible(path="clip_pg.django.CosineDistance")
class CosineDistance(_Distance):
    """`<=>`, from 0 to 2; NaN where a vector is zero."""

    arg_joiner = " <=> "


@deconstructible(path="clip_pg.django.L2Distance")
class L2Distance(_Distance):
    """`<->`."""

    arg_joiner = " <-> "


@deconstructible(path="clip_pg.django.L1Distance")
class L1Distance(_Distance):
    """`<+>`."""

    arg_joiner = " <+> "


@deconstructible(path="clip_pg.django.MaxInnerProduct")
class MaxInnerProduct(_Distance):
    """`<#>`, the negative inner product, so that the greatest comes first in ascending order."""

    arg_joiner = " <#> "


@deconstructible(path="clip_pg.django.Similarity")
class Similarity(_OfTwo):
    """`clip_similarity`, 1 for the same direction."""

    function = "clip_similarity"


@deconstructible(path="clip_pg.django.Within")
class Within(Func):
    """`clip_within`, whether the cosine distance is at most `distance`: what an index looks up. For `filter`."""

    function = "clip_within"
    output_field = BooleanField()

    def __init__(self, expression: Any, vector: Any, distance: Any, **extra: Any) -> None:
        if isinstance(distance, (int, float)):
            distance = Value(float(distance), output_field=FloatField())
        super().__init__(_operand(expression), _operand(vector), distance, **extra)


@ClipVectorField.register_lookup
class WithinLookup(Lookup):
    """`embedding__within=(vector, distance)`."""

    lookup_name = "within"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        try:
            vector, distance = self.rhs
        except (TypeError, ValueError):
            raise ValueError(f"within takes a vector and a distance, not {self.rhs!r}") from None
        condition = Within(self.lhs, vector, distance).resolve_expression(compiler.query)
        return compiler.compile(condition)


class _Embedding(Func):
    def __init__(self, source: Any, model: str | None = None, **extra: Any) -> None:
        source = source if hasattr(source, "resolve_expression") else Value(source)
        super().__init__(source, *([] if model is None else [Value(model)]), output_field=ClipVectorField(), **extra)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        sql, params = super().as_sql(compiler, connection, **extra)
        # Of a parameter it is computed once a query, and an index can be used: an expression of no row is a subquery.
        return (sql if _has_columns(self) else f"(SELECT {sql})"), params


def _has_columns(expression: Expression) -> bool:
    return any(hasattr(part, "target") for part in expression.flatten())


@deconstructible(path="clip_pg.django.EmbedText")
class EmbedText(_Embedding):
    """What a model makes of a text: `EmbedText('a harbour')`, or of a column's, `EmbedText(F('title'))`.

    The model is the one of `clip_pg.model` unless given; a generated column must have it given.
    """

    function = "clip_embed_text"


@deconstructible(path="clip_pg.django.EmbedImage")
class EmbedImage(_Embedding):
    """What a model makes of an image file: of its bytes, or of a column's, `EmbedImage(F('image'))`."""

    function = "clip_embed_image"
