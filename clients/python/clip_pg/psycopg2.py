"""Vectors as parameters and results of psycopg2, in arrays, too."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from psycopg2.extensions import connection, cursor, new_array_type, new_type, register_adapter, register_type

from .catalogue import NAME, QUERY, VectorType
from .vector import Vector

__all__ = ["register"]

# psycopg2 has adapters for all connections alike; only the type's schema may differ between them.
_types: WeakKeyDictionary[connection, VectorType] = WeakKeyDictionary()


class _Adapter:
    """A vector in a statement: a literal with its type."""

    def __init__(self, value: Any) -> None:
        self._vector = Vector(value)
        self._name = NAME

    def prepare(self, conn: connection) -> None:
        known = _types.get(conn)
        if known is not None:
            self._name = known.name

    def getquoted(self) -> bytes:
        return f"'{self._vector.to_text()}'::{self._name}".encode()


def _cast(value: str | None, _cursor: cursor) -> Vector | None:
    return None if value is None else Vector.from_text(value)


def register(conn_or_cursor: connection | cursor, *, numpy: bool = True) -> VectorType:
    """Has a connection, or a cursor of it, return vectors, and all connections send them.

    With `numpy`, arrays of NumPy are sent as vectors, too.

    Raises:
        ExtensionMissing: clip_pg is not installed in the database.
    """
    conn: connection = getattr(conn_or_cursor, "connection", conn_or_cursor)
    idle = conn.info.transaction_status == 0
    with conn.cursor(cursor_factory=cursor) as asking:
        asking.execute(QUERY)
        row = asking.fetchone()
    if idle and not conn.autocommit:
        conn.rollback()
    found = VectorType.of_row(row, conn.info.dbname)
    _types[conn] = found
    one = new_type((found.oid,), "CLIP_VECTOR", _cast)
    register_type(one, conn_or_cursor)
    register_type(new_array_type((found.array_oid,), "CLIP_VECTORARRAY", one), conn_or_cursor)
    register_adapter(Vector, _Adapter)
    if numpy:
        _register_numpy()
    return found


def _register_numpy() -> None:
    try:
        from numpy import ndarray
    except ImportError:
        return
    register_adapter(ndarray, _Adapter)
