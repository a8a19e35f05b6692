"""Vectors in SQLAlchemy 2: the type of a column, its operators, and expressions around them.

An engine needs nothing else. Where vectors are in arrays, or clip_pg is in a schema that is not on the search path,
`register` tells the engine's driver of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from sqlalchemy import ColumnElement, Double, Engine, Function, event, func, literal, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.operators import OperatorType, custom_op
from sqlalchemy.types import Boolean, UserDefinedType

from .catalogue import NAME, ExtensionMissing, VectorType
from .vector import Vector, check_dimensions, vector

__all__ = ["ClipVector", "avg", "embed_image", "embed_text", "register", "sum"]


class ClipVector(UserDefinedType[Vector]):
    """The type `clip_vector(dims)`. Values are vectors; lists, arrays of NumPy and texts are taken for such.

    `schema` is that of the extension, where this is not on the search path; types, operators and functions are then
    named with it.
    """

    cache_ok = True
    # Says of each parameter what it is: drivers need not guess, and the server coerces to the dimensions.
    render_bind_cast = True

    def __init__(self, dims: int | None = None, schema: str | None = None) -> None:
        self.dims = dims
        self.schema = schema

    def get_col_spec(self, **_: Any) -> str:
        name = _qualified(NAME, self.schema)
        return name if self.dims is None else f"{name}({self.dims})"

    @property
    def python_type(self) -> type[Any]:
        return Vector

    def _checked(self, value: Any) -> Vector:
        return check_dimensions(vector(value), self.dims)

    def bind_processor(self, dialect: Dialect) -> Any:
        def process(value: Any) -> str | None:
            return None if value is None else self._checked(value).to_text()

        return process

    def literal_processor(self, dialect: Dialect) -> Any:
        def process(value: Any) -> str:
            return f"'{self._checked(value).to_text()}'"

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        def process(value: Any) -> Vector | None:
            # A text, or a vector where the driver knows the type.
            return None if value is None else vector(value)

        return process

    class Comparator(UserDefinedType.Comparator[Any]):
        """Distances and conditions."""

        def _distance(self, symbol: str, other: Any) -> ColumnElement[float]:
            schema = cast(ClipVector, self.type).schema
            name = symbol if schema is None else f"OPERATOR({_qualified('', schema)}{symbol})"
            operator: OperatorType = custom_op(name, precedence=5, return_type=Double())
            return self.operate(operator, other)

        def cosine_distance(self, other: Any) -> ColumnElement[float]:
            """`<=>`, from 0 to 2; NaN where a vector is zero."""
            return self._distance("<=>", other)

        def l2_distance(self, other: Any) -> ColumnElement[float]:
            """`<->`."""
            return self._distance("<->", other)

        def l1_distance(self, other: Any) -> ColumnElement[float]:
            """`<+>`."""
            return self._distance("<+>", other)

        def max_inner_product(self, other: Any) -> ColumnElement[float]:
            """`<#>`, the negative inner product, so that the greatest comes first in ascending order."""
            return self._distance("<#>", other)

        def similarity(self, other: Any) -> ColumnElement[float]:
            """`clip_similarity`, 1 for the same direction."""
            return self._call("clip_similarity", Double(), other)

        def within(self, other: Any, distance: Any) -> ColumnElement[bool]:
            """`clip_within`, whether the cosine distance is at most `distance`: what an index looks up."""
            return self._call("clip_within", Boolean(), other, distance)

        def _call(self, name: str, type_: Any, other: Any, *more: Any) -> ColumnElement[Any]:
            kind = cast(ClipVector, self.type)
            center = other if _is_expression(other) else literal(other, kind)
            return _function(name, kind.schema, self.expr, center, *more, type_=type_)

    comparator_factory = Comparator


def _is_expression(value: Any) -> bool:
    return isinstance(value, ColumnElement) or hasattr(value, "__clause_element__")


def _qualified(name: str, schema: str | None) -> str:
    if schema is None:
        return name
    quoted = schema.replace('"', '""')
    return f'"{quoted}".{name}'


def _function(name: str, schema: str | None, *arguments: Any, type_: Any) -> Function[Any]:
    space: Any = func if schema is None else getattr(func, schema)
    return cast("Function[Any]", getattr(space, name)(*arguments, type_=type_))


def avg(vectors: Any) -> Function[Vector]:
    """The average of vectors, as one."""
    return func.avg(vectors, type_=vectors.type)


def sum(vectors: Any) -> Function[Vector]:
    """The sum of vectors, as one."""
    return func.sum(vectors, type_=vectors.type)


def embed_text(text: Any, model: str | None = None, *, schema: str | None = None) -> ColumnElement[Vector]:
    """What a model makes of a text, or of a column's: the one of `clip_pg.model` unless given.

    That of a text is computed once a query, and an index can be used.
    """
    return _embedding("clip_embed_text", text, model, schema)


def embed_image(image: Any, model: str | None = None, *, schema: str | None = None) -> ColumnElement[Vector]:
    """What a model makes of the bytes of an image file, or of a column's."""
    return _embedding("clip_embed_image", image, model, schema)


def _embedding(name: str, source: Any, model: str | None, schema: str | None) -> ColumnElement[Vector]:
    arguments = (source,) if model is None else (source, model)
    embedding = _function(name, schema, *arguments, type_=ClipVector(schema=schema))
    # A subquery, so that it is the same for all rows, whatever the driver does with parameters.
    return embedding if _is_expression(source) else select(embedding).scalar_subquery()


def register(engine: Engine | AsyncEngine) -> None:
    """Tells the drivers psycopg, psycopg2 and asyncpg of vectors, at each new connection of an engine.

    Columns of arrays of vectors need that, and reflection of tables where clip_pg is in a schema that is not on the
    search path. A connection to a database without the extension is refused with `ExtensionMissing`.
    """
    engine = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    dialect = engine.dialect
    driver = dialect.driver
    if driver not in ("psycopg", "psycopg_async", "psycopg2", "asyncpg"):
        raise ValueError(f"the driver {driver} cannot be told of vectors; psycopg, psycopg2 and asyncpg can")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        try:
            found = _register(driver, dialect.is_async, connection)
        except ExtensionMissing:
            connection.close()
            raise
        cast(Any, dialect).ischema_names = {
            **cast(Any, dialect).ischema_names,
            found.name.lower(): partial(ClipVector, schema=found.schema),
        }


def _register(driver: str, is_async: bool, connection: Any) -> VectorType:
    if driver == "psycopg2":
        from . import psycopg2

        return psycopg2.register(connection, numpy=False)
    if driver == "asyncpg":
        from . import asyncpg

        return connection.run_async(asyncpg.register)
    from . import psycopg

    if is_async:
        return connection.run_async(partial(psycopg.register_async, numpy=False))
    return psycopg.register(connection, numpy=False)


# What format_type() says where the type is on the search path.
PGDialect.ischema_names[NAME] = ClipVector
