"""Columns of vectors in pandas: as objects, one a row, and as an array of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .matrix import from_matrix, to_matrix
from .vector import vector

__all__ = ["from_array", "to_array", "to_vectors"]


def to_vectors(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of vectors, texts or lists of numbers, as queries leave it, with vectors; what is missing stays so."""
    return column.map(vector, na_action="ignore").astype(object)


def to_array(column: pd.Series[Any], dtype: npt.DTypeLike = np.float16) -> npt.NDArray[Any]:
    """A column as an array of n × dimensions numbers.

    Raises:
        ValueError: it is empty, its vectors differ in dimensions, or one is missing: `dropna` leaves these out.
    """
    return to_matrix(column, dtype)


def from_array(matrix: npt.ArrayLike, index: Any = None) -> pd.Series[Any]:
    """The rows of an array of n × dimensions numbers as a column of vectors.

    Raises:
        ValueError: it has another shape, or an element is no finite half.
    """
    return pd.Series(from_matrix(matrix), index=index, dtype=object)
