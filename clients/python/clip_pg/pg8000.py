"""Vectors as parameters and results of pg8000, of its native connections and those of the DB-API.

Arrays of vectors are left as the text that the server sends.
"""

from __future__ import annotations

from typing import Any

from pg8000.native import CoreConnection

from .catalogue import QUERY, VectorType
from .vector import Vector

__all__ = ["register"]


def _text(value: Any) -> str:
    return Vector(value).to_text()


def register(connection: CoreConnection, *, numpy: bool = True) -> VectorType:
    """Has a connection send and return vectors.

    With `numpy`, arrays of NumPy are sent as vectors, too.

    Raises:
        ExtensionMissing: clip_pg is not installed in the database.
    """
    rows = connection.execute_simple(QUERY).rows
    database = "" if rows else connection.execute_simple("SELECT pg_catalog.current_database()").rows[0][0]
    found = VectorType.of_row(rows[0] if rows else None, database)
    connection.register_in_adapter(found.oid, Vector.from_text)
    connection.register_out_adapter(Vector, _text)
    if numpy:
        try:
            from numpy import ndarray
        except ImportError:
            return found
        connection.register_out_adapter(ndarray, _text)
    return found
