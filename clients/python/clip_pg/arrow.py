"""Vectors in Apache Arrow: an extension type over FixedSizeList<halffloat>[dimensions], in files of Parquet, too.

Arrow before version 26 may refuse to write nulls among them to Parquet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from .matrix import to_matrix
from .vector import Vector, check_dimensions, vector

__all__ = ["ClipVectorArray", "ClipVectorType", "from_arrow", "to_arrow"]


class ClipVectorArray(pa.ExtensionArray):
    """Vectors of one number of dimensions, some of which may be null."""

    def to_matrix(self) -> Any:
        """The vectors as an array of n × dimensions halves, without copying them.

        Raises:
            ValueError: one is null.
        """
        if self.null_count:
            raise ValueError(f"{self.null_count} of {len(self)} vectors are null: leave these out first")
        dimensions = self.type.dimensions
        halves = self.storage.values.to_numpy(zero_copy_only=True)
        first = self.storage.offset * dimensions
        return halves[first : first + len(self) * dimensions].reshape(len(self), dimensions)

    def to_vectors(self) -> list[Vector | None]:
        """The vectors as values, None for null."""
        return [None if value is None else Vector(value) for value in self.storage.to_pylist()]


class ClipVectorType(pa.ExtensionType):
    """The type `clip_vector(dimensions)`; where this module is not imported, Arrow reads its storage."""

    def __init__(self, dimensions: int) -> None:
        super().__init__(pa.list_(pa.float16(), dimensions), "clip_pg.clip_vector")

    @property
    def dimensions(self) -> int:
        """Number of dimensions."""
        return int(self.storage_type.list_size)

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> ClipVectorType:
        return cls(storage_type.list_size)

    def __arrow_ext_class__(self) -> type[ClipVectorArray]:
        return ClipVectorArray


def to_arrow(vectors: Iterable[Any], dimensions: int | None = None) -> ClipVectorArray:
    """Vectors, or their texts, as an array of Arrow's; None becomes null.

    Raises:
        ValueError: they differ in dimensions, or none tells these.
    """
    values = [None if value is None else vector(value) for value in vectors]
    known = [value for value in values if value is not None]
    if dimensions is None:
        if not known:
            raise ValueError("there are no vectors, so that their dimensions must be given")
        dimensions = known[0].dimensions()
    for value in known:
        check_dimensions(value, dimensions)
    if len(known) == len(values) > 0:
        storage = pa.FixedSizeListArray.from_arrays(pa.array(to_matrix(known).ravel()), dimensions)
    else:
        rows = [None if value is None else value.to_numpy() for value in values]
        storage = pa.array(rows, pa.list_(pa.float16(), dimensions))
    return pa.ExtensionArray.from_storage(ClipVectorType(dimensions), storage)


def from_arrow(array: pa.Array | pa.ChunkedArray) -> list[Vector | None]:
    """Vectors of an array of this type, or of any lists of numbers."""
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    vectors: list[Vector | None] = []
    for chunk in chunks:
        if isinstance(chunk, ClipVectorArray):
            vectors += chunk.to_vectors()
        else:
            vectors += [None if value is None else Vector(value) for value in chunk.to_pylist()]
    return vectors


# Once a process: what Arrow reads with this name then is of this type.
pa.register_extension_type(ClipVectorType(1))
