"""Migrates a database there and back, and says after each step what is kept current, and how."""

import sys

from django_settings import configure

configure(sys.argv[1])

from django.core.management import call_command
from django.db import connection


def answer(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])


said = []
for name in ("0001", "0002", "0001"):
    call_command("migrate", "collection", name, verbosity=0)
    said.append(answer("SELECT string_agg(mode, ' ' ORDER BY target DESC) FROM clip_pg.auto_embed"))
call_command("migrate", "collection", "zero", verbosity=0)
said.append(answer("SELECT count(*) FROM pg_class WHERE relname LIKE 'collection%'") + " tables")
assert answer("SELECT count(*) FROM pg_extension WHERE extname = 'clip_pg'") == "0"
connection.close()
print(", ".join(said))
