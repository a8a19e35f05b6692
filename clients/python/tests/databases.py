"""Names of the databases that tests make anew."""

# Where the extension is in the schema public, where it is in one that is not on the search path, and where it is not.
DATABASE, ELSEWHERE, WITHOUT = "clip_pg_clients", "clip_pg_clients_elsewhere", "clip_pg_clients_without"
SCHEMA = "Odd Schema"
# Empty, for Django's migrations.
DJANGO, MIGRATED, OLDER_DRIVER = "clip_pg_clients_django", "clip_pg_clients_migrated", "clip_pg_clients_psycopg2"
# For the blocks of the documentation.
DOCS, DOCS_DJANGO = "clip_pg_clients_docs", "clip_pg_clients_docs_django"
ALL = [DATABASE, ELSEWHERE, WITHOUT, DJANGO, MIGRATED, OLDER_DRIVER, DOCS, DOCS_DJANGO]
