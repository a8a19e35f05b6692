"""Vectors as parameters and results of asyncpg, in arrays and in copies of records, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .catalogue import NAME, QUERY, VectorType
from .vector import Vector, vector

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = ["register"]


def _encode(value: Any) -> bytes:
    return vector(value).to_binary()


async def register(connection: Connection) -> VectorType:
    """Has a connection return vectors, and take them, lists, arrays of NumPy and texts; also a pool's, as its `init`.

    Raises:
        ExtensionMissing: clip_pg is not installed in the database.
    """
    row = await connection.fetchrow(QUERY)
    database = await connection.fetchval("SELECT pg_catalog.current_database()") if row is None else ""
    found = VectorType.of_row(row, database)
    await connection.set_type_codec(
        NAME, schema=found.schema, encoder=_encode, decoder=Vector.from_binary, format="binary"
    )
    return found
