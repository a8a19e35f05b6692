"""Many vectors as one NumPy array, a row each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .vector import Vector, check_dimensions, vector

__all__ = ["from_matrix", "to_matrix"]


def to_matrix(vectors: Iterable[Any], dtype: npt.DTypeLike = np.float16) -> npt.NDArray[Any]:
    """Vectors, or their texts, as an array of n × dimensions numbers.

    Raises:
        ValueError: there are none, they differ in dimensions, or one is missing.
    """
    rows: list[Vector] = []
    for index, value in enumerate(vectors):
        if value is None or isinstance(value, float):
            raise ValueError(f"vector {index} is missing: leave such rows out first")
        rows.append(check_dimensions(vector(value), rows[0].dimensions() if rows else None))
    if not rows:
        raise ValueError("there are no vectors, so that their dimensions are not known")
    halves = np.frombuffer(b"".join(row._halves for row in rows), ">f2")
    return halves.reshape(len(rows), -1).astype(dtype)


def from_matrix(matrix: npt.ArrayLike) -> list[Vector]:
    """The rows of an array of n × dimensions numbers as vectors.

    Raises:
        ValueError: it has another shape, or an element is no finite half.
    """
    array = np.asarray(matrix)
    if array.ndim != 2:
        raise ValueError(f"vectors are the rows of an array of two dimensions, not of {array.ndim}")
    return [Vector(row) for row in array]
