"""The value of the SQL type `clip_vector`: some half-precision numbers.

A `Vector` never changes, and holds what the server holds: each number is rounded to the nearest half once, when the
vector is made. What the server refuses is refused here, too: NaN, infinity, numbers beyond ±65 504, no or too many
dimensions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DIMENSIONS = 16_000
"""As many numbers a vector may have, and no fewer than one."""

# Dimension and 0 as 16-bit numbers, then the halves, all in network byte order; as pgvector's halfvec.
_HEADER = struct.Struct(">HH")
# From here on, a number is rounded to no half.
_NO_HALF = 65520


class Vector:
    """A vector of half-precision numbers, made of a sequence of numbers, what becomes an array of NumPy, or another.

    It is equal to every vector, and every list, of the same numbers, is indexed like a list, can be a key, be pickled
    and be given to NumPy. It is no container in Python's sense, though, and has no length but `dimensions()`: drivers
    would take an array of vectors for one of numbers.

    Raises:
        TypeError: what is given is no sequence of numbers.
        ValueError: an element is no finite half, or there are none or more than 16 000.
    """

    __slots__ = ("_halves",)
    _halves: bytes

    def __init__(self, values: Vector | Iterable[float] | npt.NDArray[Any]) -> None:
        if isinstance(values, Vector):
            self._halves = values._halves
        elif isinstance(values, (str, bytes, bytearray, memoryview)):
            raise TypeError(
                f"a vector is made of numbers, not of {type(values).__name__}: "
                "Vector.from_text() and Vector.from_binary() read these"
            )
        elif hasattr(values, "__array__"):
            self._halves = _of_array(values)
        else:
            self._halves = _of_numbers(values)

    @classmethod
    def _of_halves(cls, halves: bytes) -> Vector:
        """Of halves in network byte order that are known to be finite."""
        self = cls.__new__(cls)
        self._halves = halves
        return self

    @classmethod
    def from_text(cls, text: str) -> Vector:
        """Of the text form, `[0.1,-2]`.

        Raises:
            ValueError: it is not of that form, or as for the class.
        """
        stripped = text.strip()
        if not (stripped.startswith("[") and stripped.endswith("]")) or "_" in stripped:
            raise ValueError(f"invalid text of a vector: {_clipped(text)!r} is not of the form [0.1,-2]")
        if not stripped[1:-1].strip():
            return cls([])
        try:
            values = [float(element) for element in stripped[1:-1].split(",")]
        except ValueError as error:
            raise ValueError(f"invalid text of a vector: {_clipped(text)!r}: {error}") from None
        return cls(values)

    @classmethod
    def from_binary(cls, data: bytes | bytearray | memoryview) -> Vector:
        """Of the binary form: number of dimensions and 0 as 16-bit numbers, then the halves, in network byte order.

        Raises:
            ValueError: it is not of that form, or as for the class.
        """
        if len(data) < _HEADER.size:
            raise ValueError(f"invalid binary form of a vector: {len(data)} bytes")
        dimensions, reserved = _HEADER.unpack_from(data)
        if reserved != 0 or len(data) != _HEADER.size + 2 * dimensions:
            raise ValueError(f"invalid binary form of a vector: {len(data)} bytes for {dimensions} dimensions")
        halves = bytes(data[_HEADER.size :])
        _check(dimensions, struct.unpack(f">{dimensions}e", halves))
        return cls._of_halves(halves)

    def to_text(self) -> str:
        """The text form, to the letter as the server writes it: shortest decimals that are read back as the same."""
        return "[" + ",".join(map(_decimal, struct.unpack(f">{self.dimensions()}H", self._halves))) + "]"

    def to_binary(self) -> bytes:
        """The binary form."""
        return _HEADER.pack(self.dimensions(), 0) + self._halves

    def to_list(self) -> list[float]:
        """The numbers as a list."""
        return list(struct.unpack(f">{self.dimensions()}e", self._halves))

    def to_numpy(self) -> npt.NDArray[np.float16]:
        """The numbers as an array of dtype float16 of its own."""
        import numpy as np

        return np.frombuffer(self._halves, ">f2").astype(np.float16)

    def dimensions(self) -> int:
        """How many numbers there are."""
        return len(self._halves) // 2

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("a vector cannot be given to NumPy without a copy")
        array = self.to_numpy()
        return array if dtype is None else array.astype(dtype)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> list[float]: ...
    def __getitem__(self, index: int | slice) -> float | list[float]:
        return self.to_list()[index]

    def _key(self) -> bytes:
        """The halves, 0 for -0: these are equal, as they are to the server."""
        if b"\x80\x00" not in self._halves:
            return self._halves
        return struct.pack(f">{self.dimensions()}e", *(value + 0.0 for value in self.to_list()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Vector):
            return self._halves == other._halves or self._key() == other._key()
        if isinstance(other, list):
            return self.to_list() == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (self._halves,))

    def __copy__(self) -> Vector:
        return self

    def __deepcopy__(self, memo: Any) -> Vector:
        return self

    def __repr__(self) -> str:
        return f"Vector({self.to_text().replace(',', ', ')})"

    def __str__(self) -> str:
        return self.to_text()


def vector(value: Any) -> Vector:
    """What stands for a vector in applications: one, its text, or numbers.

    Raises:
        TypeError, ValueError: as for `Vector`.
    """
    if isinstance(value, Vector):
        return value
    return Vector.from_text(value) if isinstance(value, str) else Vector(value)


def check_dimensions(value: Vector, dimensions: int | None) -> Vector:
    """The vector, if it has the dimensions of the column that it is for.

    Raises:
        ValueError: it has others.
    """
    if dimensions is not None and value.dimensions() != dimensions:
        raise ValueError(f"expected {dimensions} dimensions, not {value.dimensions()}")
    return value


def _unpickled(halves: bytes) -> Vector:
    return Vector._of_halves(halves)


def _of_numbers(values: Iterable[float]) -> bytes:
    try:
        numbers = list(values)
    except TypeError:
        raise TypeError(f"a vector is made of a sequence of numbers, not of {type(values).__name__}") from None
    try:
        halves = struct.pack(f">{len(numbers)}e", *numbers)
    except (struct.error, OverflowError):
        for element, number in enumerate(numbers, 1):
            if not (hasattr(number, "__float__") or hasattr(number, "__index__")):
                raise TypeError(f"element {element} of a vector is no number: {number!r}") from None
            if not abs(number) < _NO_HALF:
                raise _not_a_half(element, number) from None
        raise  # pragma: no cover - one of them has failed
    _check(len(numbers), struct.unpack(f">{len(numbers)}e", halves))
    return halves


def _of_array(values: Any) -> bytes:
    import numpy as np

    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"a vector is made of an array of one dimension, not of {array.ndim}")
    if array.dtype.kind not in "iuf":
        return _of_numbers(array.tolist())
    with np.errstate(over="ignore"):
        halves = array.astype(">f2")
    if not np.isfinite(halves).all():
        element = int(np.flatnonzero(~np.isfinite(halves))[0])
        raise _not_a_half(element + 1, array[element].item())
    _check(len(halves), ())
    return halves.tobytes()


def _check(dimensions: int, numbers: tuple[float, ...]) -> None:
    """Whether there may be so many numbers, which are halves, and all are finite."""
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"a vector has 1 to {MAX_DIMENSIONS} dimensions, not {dimensions}")
    # So many halves do not add up to infinity.
    if not math.isfinite(sum(numbers)):
        element = next(index for index, number in enumerate(numbers) if not math.isfinite(number))
        raise _not_a_half(element + 1, numbers[element])


def _not_a_half(element: int, number: float) -> ValueError:
    return ValueError(f"element {element} of a vector is not between -65504 and 65504: {number!r}")


@lru_cache(maxsize=1 << 16)
def _decimal(half: int) -> str:
    """The shortest decimal that is read as a half, given by its bits, and of these the nearest, the lesser of two.

    The notation is that of PostgreSQL's `real`: with an exponent below 0.0001.
    """
    data = struct.pack(">H", half)
    exact = Decimal(struct.unpack(">e", data)[0])
    scientific = 0 < abs(exact) < Decimal("0.0001")
    place = exact.adjusted() if scientific else 0
    while True:
        for rounding in (ROUND_HALF_DOWN, ROUND_HALF_UP):
            short = exact.quantize(Decimal((0, (1,), place)), rounding)
            if struct.pack(">e", float(short)) == data:
                return f"{float(short):.{exact.adjusted() - place}e}" if scientific else f"{short:f}"
        place -= 1


def _clipped(text: str) -> str:
    return text if len(text) <= 64 else text[:64] + "..."
