"""Vectors in peewee: the field of a column, and its distances."""

from __future__ import annotations

from typing import Any

from peewee import Expression, Field, Function, fn

from .catalogue import NAME
from .vector import Vector, check_dimensions, vector

__all__ = ["ClipVectorField"]


class ClipVectorField(Field):
    """A column of the type `clip_vector(dimensions)`.

    Values are vectors; lists, arrays of NumPy and texts are taken for such.
    """

    field_type = NAME

    def __init__(self, dimensions: int | None = None, *args: Any, **kwargs: Any) -> None:
        self.dimensions = dimensions
        super().__init__(*args, **kwargs)

    def get_modifiers(self) -> list[int] | None:
        return None if self.dimensions is None else [self.dimensions]

    def db_value(self, value: Any) -> str | None:
        return None if value is None else check_dimensions(vector(value), self.dimensions).to_text()

    def python_value(self, value: Any) -> Vector | None:
        return None if value is None else vector(value)

    def _distance(self, operator: str, other: Any) -> Expression:
        return Expression(self, operator, other if isinstance(other, Field) else self.to_value(other))

    def cosine_distance(self, other: Any) -> Expression:
        """`<=>`, from 0 to 2; NaN where a vector is zero."""
        return self._distance("<=>", other)

    def l2_distance(self, other: Any) -> Expression:
        """`<->`."""
        return self._distance("<->", other)

    def l1_distance(self, other: Any) -> Expression:
        """`<+>`."""
        return self._distance("<+>", other)

    def max_inner_product(self, other: Any) -> Expression:
        """`<#>`, the negative inner product."""
        return self._distance("<#>", other)

    def within(self, other: Any, distance: float) -> Function:
        """`clip_within`, whether the cosine distance is at most `distance`."""
        return fn.clip_within(self, self.to_value(other), distance)
