"""Where the type `clip_vector` is in a database.

It is asked for as the member of the extension that it is, never by its name: it need not be on the search path, and
what has its name there may be another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NAME = "clip_vector"

QUERY = """
SELECT t.oid::pg_catalog.int8, t.typarray::pg_catalog.int8,
    n.nspname::pg_catalog.text, pg_catalog.quote_ident(n.nspname)
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
    AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
    AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass
JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.objid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
WHERE e.extname OPERATOR(pg_catalog.=) 'clip_pg' AND t.typname OPERATOR(pg_catalog.=) 'clip_vector'
""".strip()
"""One row with the fields of `VectorType`, or none. It has no parameters and no percent sign, for any driver."""


class ExtensionMissing(LookupError):
    """The extension clip_pg is not installed in the database of a connection."""


@dataclass(frozen=True)
class VectorType:
    """The type in one database."""

    oid: int
    array_oid: int
    schema: str
    quoted_schema: str

    @property
    def name(self) -> str:
        """Its name as SQL takes it, whatever the search path."""
        return f"{self.quoted_schema}.{NAME}"

    @classmethod
    def of_row(cls, row: Sequence[object] | None, database: str) -> VectorType:
        """Of what `QUERY` answers.

        Raises:
            ExtensionMissing: it has answered no row.
        """
        if row is None:
            raise ExtensionMissing(
                f'the extension clip_pg is not installed in the database "{database}": '
                "run CREATE EXTENSION clip_pg there before connections are registered"
            )
        oid, array_oid, schema, quoted_schema = row
        return cls(int(str(oid)), int(str(array_oid)), str(schema), str(quoted_schema))
