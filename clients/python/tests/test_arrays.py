"""Many vectors at once: NumPy, Arrow, pandas."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clip_pg import Vector
from clip_pg.arrow import ClipVectorArray, ClipVectorType, from_arrow, to_arrow
from clip_pg.matrix import from_matrix, to_matrix
from clip_pg.pandas import from_array, to_array, to_vectors

VECTORS = [Vector([1.5, -2]), Vector([0.1, 65504])]


def test_matrix():
    matrix = to_matrix(VECTORS)
    assert matrix.dtype == np.float16 and matrix.shape == (2, 2)
    assert from_matrix(matrix) == from_matrix(matrix.tolist()) == VECTORS
    assert to_matrix(["[1,2]", [3, 4], np.array([5, 6])], np.float64).tolist() == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(ValueError, match="expected 2 dimensions, not 1"):
        to_matrix([*VECTORS, [1]])
    with pytest.raises(ValueError, match="no vectors"):
        to_matrix([])
    for missing in (None, float("nan")):
        with pytest.raises(ValueError, match="vector 1 is missing"):
            to_matrix([VECTORS[0], missing])
    with pytest.raises(ValueError, match="two dimensions, not of 1"):
        from_matrix([1, 2])


def test_arrow():
    array = to_arrow([*VECTORS, None])
    assert array.type == ClipVectorType(2) and array.type.dimensions == 2
    assert from_arrow(array) == array.to_vectors() == [*VECTORS, None]
    assert from_arrow(pa.chunked_array([array, array])) == [*VECTORS, None] * 2
    assert from_arrow(pa.array([[1.0, 2.0], None])) == [Vector([1, 2]), None]
    with pytest.raises(ValueError, match="1 of 3 vectors are null"):
        array.to_matrix()


def test_arrow_shares_memory():
    array = to_arrow([*VECTORS, *VECTORS])
    assert (array[1:3].to_matrix() == to_matrix(VECTORS[::-1])).all()
    assert np.shares_memory(array.to_matrix(), array.storage.values.to_numpy())


def test_arrow_of_nothing():
    assert from_arrow(to_arrow([None], 3)) == [None]
    assert to_arrow([], 3).to_matrix().shape == (0, 3)
    with pytest.raises(ValueError, match="must be given"):
        to_arrow([None])
    with pytest.raises(ValueError, match="expected 3 dimensions, not 2"):
        to_arrow(VECTORS, 3)


def test_parquet(tmp_path):
    table = pa.table({"id": [1, 2, 3], "embedding": to_arrow([*VECTORS, None])})
    pq.write_table(table, tmp_path / "photos.parquet")
    read = pq.read_table(tmp_path / "photos.parquet")["embedding"]
    assert isinstance(read.chunk(0), ClipVectorArray)
    assert from_arrow(read) == [*VECTORS, None]


def test_pandas():
    column = from_array(to_matrix(VECTORS), index=["a", "b"])
    assert column["b"] == VECTORS[1]
    assert to_array(column, np.float32).dtype == np.float32
    frame = pd.DataFrame({"embedding": ["[1.5,-2]", None, [0.1, 65504]]})
    assert to_vectors(frame["embedding"]).dropna().tolist() == VECTORS
    assert to_array(frame["embedding"].dropna()).shape == (2, 2)
    with pytest.raises(ValueError, match="vector 1 is missing"):
        to_array(frame["embedding"])
