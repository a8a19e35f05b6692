"""Vectors as parameters and results of psycopg 3, in either format, in arrays, and in COPY."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo

from .catalogue import NAME, QUERY, VectorType
from .vector import Vector

__all__ = ["register", "register_async"]


class _TextDumper(Dumper):
    format = Format.TEXT

    def dump(self, obj: Any) -> bytes:
        return Vector(obj).to_text().encode()


class _BinaryDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        return Vector(obj).to_binary()


class _TextLoader(Loader):
    format = Format.TEXT

    def load(self, data: Buffer) -> Vector:
        return Vector.from_text(bytes(data).decode())


class _BinaryLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Vector:
        return Vector.from_binary(data)


def register(connection: Connection[Any], *, numpy: bool = True) -> VectorType:
    """Has a connection send and return vectors; also a pool's, as its `configure`.

    With `numpy`, arrays of NumPy are sent as vectors, too.

    Raises:
        ExtensionMissing: clip_pg is not installed in the database.
    """
    # Leaves a connection that is in no transaction in none.
    with connection.transaction(), connection.cursor(row_factory=_tuple) as cursor:
        row = cursor.execute(QUERY).fetchone()
    return _register(connection, row, numpy)


async def register_async(connection: AsyncConnection[Any], *, numpy: bool = True) -> VectorType:
    """Does what `register` does to an asynchronous connection."""
    async with connection.transaction(), connection.cursor(row_factory=_tuple) as cursor:
        await cursor.execute(QUERY)
        row = await cursor.fetchone()
    return _register(connection, row, numpy)


def _tuple(cursor: Any) -> Any:
    return tuple


def _register(connection: Connection[Any] | AsyncConnection[Any], row: Any, numpy: bool) -> VectorType:
    found = VectorType.of_row(row, connection.info.dbname)
    # Also the array of vectors, and the name for Copy.set_types.
    TypeInfo(NAME, found.oid, found.array_oid, regtype=found.name).register(connection)
    adapters = connection.adapters
    # What is registered last is taken where a query leaves the format open: binary.
    for base in (_TextDumper, _BinaryDumper):
        dumper = type(base.__name__, (base,), {"oid": found.oid})
        adapters.register_dumper(Vector, dumper)
        if numpy:
            adapters.register_dumper("numpy.ndarray", dumper)
    for loader in (_TextLoader, _BinaryLoader):
        adapters.register_loader(found.oid, loader)
    return found
