"""Tells the driver below Django of vectors."""

from __future__ import annotations

from typing import Any

from django.db.backends.signals import connection_created

__all__ = ["register"]


def register() -> None:
    """Has the connections of Django's PostgreSQL backend return vectors in arrays and to cursors.

    To be called in an AppConfig's `ready`.
    A database without the extension, as before its migration, is left as it is.
    """
    connection_created.connect(_connected, dispatch_uid="clip_pg.django.register")


def _connected(connection: Any, **_: Any) -> None:
    from ..catalogue import ExtensionMissing

    if connection.vendor != "postgresql":
        return
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    register_driver: Any
    if is_psycopg3:
        from ..psycopg import register as register_driver
    else:
        from ..psycopg2 import register as register_driver
    try:
        register_driver(connection.connection, numpy=False)
    except ExtensionMissing:
        pass
