"""Client of the PostgreSQL extension clip_pg: its vectors in Python, its operators in SQLAlchemy and Django.

This module stands on nothing but Python. `clip_pg.psycopg`, `clip_pg.psycopg2`, `clip_pg.asyncpg`, `clip_pg.pg8000`,
`clip_pg.sqlalchemy`, `clip_pg.alembic`, `clip_pg.django`, `clip_pg.peewee`, `clip_pg.matrix`, `clip_pg.arrow` and
`clip_pg.pandas` are for the library of that name (`matrix` for NumPy), and take it to be installed.
"""

from .catalogue import ExtensionMissing, VectorType
from .vector import MAX_DIMENSIONS, Vector

__all__ = ["MAX_DIMENSIONS", "ExtensionMissing", "Vector", "VectorType"]
__version__ = "0.1.0"
