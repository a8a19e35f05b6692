"""The value: what makes one, its forms, and what Python asks of it."""

import copy
import pickle
import struct
from collections.abc import Iterable, Sized
from decimal import Decimal

import numpy as np
import pandas as pd
import psycopg
import pytest

from clip_pg import MAX_DIMENSIONS, Vector
from clip_pg.vector import check_dimensions, vector

FINITE = [bits for bits in range(1 << 16) if bits & 0x7C00 != 0x7C00]


def test_every_half_is_written_as_the_server_writes_it():
    with psycopg.connect() as server:
        for first in range(0, len(FINITE), MAX_DIMENSIONS):
            part = FINITE[first : first + MAX_DIMENSIONS]
            data = struct.pack(f">HH{len(part)}H", len(part), 0, *part)
            ours = Vector.from_binary(data)
            theirs, back = server.execute(
                "SELECT v::text, clip_vector_send(v::text::clip_vector) FROM (SELECT %s::text::clip_vector AS v) s",
                [ours.to_text()],
            ).fetchone()
            assert ours.to_text() == theirs
            assert bytes(back) == data
            assert Vector.from_text(theirs).to_binary() == data


@pytest.mark.parametrize(
    "values",
    [
        [1.5, -2, 3],
        (1.5, -2, 3),
        iter([1.5, -2, 3]),
        [Decimal("1.5"), np.float32(-2), True + 2],
        np.array([1.5, -2, 3]),
        np.array([1.5, -2, 3], ">f4"),
        np.array([1.5, -2, 3], object),
        np.array([3, -2, 1.5], np.float16)[::-1],
        pd.Series([1.5, -2, 3]),
        Vector([1.5, -2, 3]),
    ],
    ids=str,
)
def test_is_made_of(values):
    made = Vector(values)
    assert made == Vector([1.5, -2, 3])
    assert made.to_list() == [1.5, -2.0, 3.0]
    assert made.to_binary() == struct.pack(">HH3e", 3, 0, 1.5, -2, 3)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (1, TypeError, "a sequence of numbers, not of int"),
        ("[1,2]", TypeError, "from_text"),
        (b"12", TypeError, "from_binary"),
        ([1, "two"], TypeError, "element 2 of a vector is no number: 'two'"),
        ([[1, 2]], TypeError, "element 1 of a vector is no number"),
        ([0, float("nan")], ValueError, "element 2 of a vector is not between -65504 and 65504: nan"),
        ([float("inf"), -float("inf")], ValueError, "element 1 .*: inf"),
        ([1, 10**400], ValueError, "element 2 .*: 1000"),
        ([1, 65520], ValueError, "element 2 .*: 65520"),
        ([], ValueError, "1 to 16000 dimensions, not 0"),
        ([0] * 16001, ValueError, "1 to 16000 dimensions, not 16001"),
        (np.array([[1, 2]]), ValueError, "an array of one dimension, not of 2"),
        (np.array([1, 7e4]), ValueError, "element 2 .*: 70000.0"),
        (np.array([np.nan]), ValueError, "element 1 .*: nan"),
        (np.array(["one"]), TypeError, "element 1 of a vector is no number: 'one'"),
        (np.zeros(0), ValueError, "not 0"),
    ],
    ids=str,
)
def test_is_not_made_of(values, error, message):
    with pytest.raises(error, match=message):
        Vector(values)


def test_rounds_once_to_the_nearest():
    assert Vector([0.1, 65519.99, 1e-8]).to_list() == [0.0999755859375, 65504.0, 0.0]
    # Just over the middle of two halves, which a single loses.
    assert Vector([1.00048828126]) == Vector(np.array([1.00048828126])) == Vector([1.0009765625])


def test_text():
    assert Vector.from_text(" [ 1, -2.5 ,\t1e-3]\n").to_text() == "[1,-2.5,0.001]"
    assert str(Vector([1, 0.1])) == "[1,0.1]"
    assert repr(Vector([1, 0.1])) == "Vector([1, 0.1])"
    assert eval(repr(Vector([1, 0.1]))) == Vector([1, 0.1])


@pytest.mark.parametrize(
    "text", ["", "1,2", "[1,2", "[1]2", "[1,,2]", "[1,a]", "[]", "[nan]", "[1_0]", "[" + "1;" * 99]
)
def test_text_that_is_no_vectors(text):
    with pytest.raises(ValueError, match="vector"):
        Vector.from_text(text)


@pytest.mark.parametrize("data", [b"", b"\0\1\0", b"\0\1\0\1\0\0", b"\0\2\0\0\0\0", b"\0\0\0\0", b"\0\1\0\0\x7c\0"])
def test_binary_that_is_no_vectors(data):
    with pytest.raises(ValueError, match="vector"):
        Vector.from_binary(memoryview(data))


def test_numpy():
    made = Vector([1.5, -2])
    assert made.to_numpy().dtype == np.float16
    made.to_numpy()[0] = 7
    assert made == [1.5, -2]
    assert np.asarray(made, np.float32).tolist() == [1.5, -2]
    assert np.array([made, made]).shape == (2, 2)
    assert (made.to_numpy() == np.array(made)).all()
    with pytest.raises(ValueError, match="without a copy"):
        made.__array__(copy=False)


def test_is_indexed_but_no_container():
    made = Vector([1.5, -2, 3])
    assert (made.dimensions(), made[0], made[-1], made[1:]) == (3, 1.5, 3.0, [-2.0, 3.0])
    assert -2 in made and list(made) == [1.5, -2.0, 3.0]
    assert not isinstance(made, (Iterable, Sized))
    with pytest.raises(IndexError):
        made[3]


def test_is_a_value():
    made = Vector([1, 0, 2])
    assert made == Vector([1, -0.0, 2]) and hash(made) == hash(Vector([1, -0.0, 2]))
    assert made == [1, 0, 2] and made != [1, 0] and made != Vector([1, 0]) and made != (1, 0, 2) and made != 1
    assert {made: 1}[Vector([1.0, 0.0, 2.0])] == 1
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.copy(made) is made and copy.deepcopy([made])[0] is made
    with pytest.raises(AttributeError):
        made.other = 1


def test_what_stands_for_one():
    assert vector("[1,2]") == vector([1, 2]) == vector(Vector([1, 2]))
    assert check_dimensions(Vector([1, 2]), None) == check_dimensions(Vector([1, 2]), 2)
    with pytest.raises(ValueError, match="expected 3 dimensions, not 2"):
        check_dimensions(Vector([1, 2]), 3)
