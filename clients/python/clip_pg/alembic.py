"""Hooks for Alembic's `env.py`, so that `revision --autogenerate` sees no changes where there are none.

context.configure(…, include_object=include_object, render_item=render_item)
"""

from __future__ import annotations

import re
from typing import Any

from alembic.autogenerate.api import AutogenContext

from .sqlalchemy import ClipVector

__all__ = ["include_object", "render_item"]

# The names that clip_auto_embed gives to the indexes of what is pending.
_PENDING = re.compile(r"_pending\d*$")


def include_object(object: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Leaves the indexes of pending rows alone, which `clip_auto_embed` makes and no model knows."""
    if type_ != "index" or not reflected or compare_to is not None or not _PENDING.search(name or ""):
        return True
    return not any(isinstance(column.type, ClipVector) for column in object.table.columns)


def render_item(type_: str, object: Any, autogen_context: AutogenContext) -> str | bool:
    """Writes vectors' types into migrations, with what these have to import."""
    if type_ != "type" or not isinstance(object, ClipVector):
        return False
    autogen_context.imports.add("import clip_pg.sqlalchemy")
    arguments = [] if object.dims is None else [str(object.dims)]
    if object.schema is not None:
        arguments.append(f"schema={object.schema!r}")
    return f"clip_pg.sqlalchemy.ClipVector({', '.join(arguments)})"
