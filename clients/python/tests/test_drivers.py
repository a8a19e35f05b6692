"""psycopg 3, psycopg2, asyncpg and pg8000: values there and back, in every format that the driver has."""

import os
import sys

import asyncpg
import numpy as np
import pg8000.native
import psycopg
import psycopg2
import psycopg_pool
import pytest
from psycopg.pq import Format

import clip_pg.asyncpg
import clip_pg.pg8000
import clip_pg.psycopg
import clip_pg.psycopg2
from clip_pg import ExtensionMissing, Vector

ONE, OTHER = Vector([1.5, -2, 3]), Vector([0.1, 0, 65504])
MISSING = 'clip_pg is not installed in the database "clip_pg_clients_without"'


@pytest.fixture
def connection():
    with psycopg.connect() as connection:
        clip_pg.psycopg.register(connection)
        # Idle, as it was.
        assert connection.info.transaction_status == 0
        connection.execute("CREATE TEMP TABLE item (id int, embedding clip_vector(3), embeddings clip_vector[])")
        yield connection


class TestPsycopg:
    @pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
    @pytest.mark.parametrize("binary", [False, True])
    def test_there_and_back(self, connection, placeholder, binary):
        for sent in (ONE, np.array(ONE, np.float32), ONE.to_numpy()[::-1][::-1]):
            row = connection.execute(
                f"SELECT {placeholder}::clip_vector, ({placeholder})::text, pg_typeof({placeholder})::text",
                [sent] * 3,
                binary=binary,
            ).fetchone()
            assert row == (ONE, "[1.5,-2,3]", "clip_vector")
            assert isinstance(row[0], Vector)

    def test_null_and_operators(self, connection):
        connection.execute("INSERT INTO item VALUES (1, %s), (2, %s), (3, NULL)", [ONE, OTHER])
        rows = connection.execute("SELECT id, embedding FROM item ORDER BY embedding <-> %s", [OTHER]).fetchall()
        assert rows == [(2, OTHER), (1, ONE), (3, None)]
        assert connection.execute("SELECT avg(embedding) FROM item WHERE id = 1").fetchone() == (ONE,)

    @pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
    @pytest.mark.parametrize("binary", [False, True])
    def test_arrays(self, connection, placeholder, binary):
        for sent in ([ONE, None, OTHER], [np.array(ONE), None, np.array(OTHER)]):
            row = connection.execute(f"SELECT {placeholder}::clip_vector[]", [sent], binary=binary).fetchone()
            assert row == ([ONE, None, OTHER],)
        connection.execute("INSERT INTO item (embeddings) VALUES (%s)", [[ONE, OTHER]])
        assert connection.execute("SELECT embeddings FROM item").fetchone() == ([ONE, OTHER],)
        assert connection.execute("SELECT count(*) FROM item WHERE %s = ANY (embeddings)", [OTHER]).fetchone() == (1,)

    @pytest.mark.parametrize("form", ["TEXT", "BINARY"])
    def test_copy(self, connection, form):
        cursor = connection.cursor()
        with cursor.copy(f"COPY item FROM STDIN (FORMAT {form})") as copy:
            if form == "BINARY":
                copy.set_types(["int4", "clip_vector", "clip_vector[]"])
            copy.write_row([1, ONE, [ONE, OTHER]])
            copy.write_row([2, None, None])
        with cursor.copy(f"COPY (SELECT * FROM item ORDER BY id) TO STDOUT (FORMAT {form})") as copy:
            copy.set_types(["int4", "clip_vector", "clip_vector[]"])
            assert list(copy.rows()) == [(1, ONE, [ONE, OTHER]), (2, None, None)]

    def test_client_side_and_many(self, connection):
        cursor = psycopg.ClientCursor(connection)
        assert cursor.mogrify("SELECT %s", [ONE]) == "SELECT '[1.5,-2,3]'::public.clip_vector"
        cursor.executemany("INSERT INTO item (embedding) VALUES (%s)", [[ONE], [OTHER]])
        assert connection.execute("SELECT sum(embedding)::text FROM item").fetchone()[0].startswith("[1.6,-2,")

    def test_without_numpy(self):
        with psycopg.connect() as connection:
            clip_pg.psycopg.register(connection, numpy=False)
            with pytest.raises(psycopg.ProgrammingError, match="ndarray"):
                connection.execute("SELECT %s", [np.zeros(3)])

    def test_other_types_of_the_extension_are_text(self, connection):
        classifier, confusion = connection.execute(
            'SELECT clip_classifier(\'{a dog,a cat}\'::text[]), \'{"labels": ["a"], "counts": [[1]]}\'::clip_confusion'
        ).fetchone()
        assert isinstance(classifier, str) and "a dog" in classifier
        assert connection.execute("SELECT (%s::clip_classifier)::text", [classifier]).fetchone() == (classifier,)
        # A domain over jsonb.
        assert confusion["counts"] == [[1]]

    def test_elsewhere(self, elsewhere):
        with psycopg.connect() as connection:
            found = clip_pg.psycopg.register(connection)
            assert (found.schema, found.name) == (elsewhere, '"Odd Schema".clip_vector')
            for binary in (False, True):
                row = connection.execute(f"SELECT %s, %s::{found.name}[]", [ONE, [OTHER]], binary=binary).fetchone()
                assert row == (ONE, [OTHER])

    def test_without_the_extension(self, without):
        with psycopg.connect() as connection, pytest.raises(ExtensionMissing, match=MISSING):
            clip_pg.psycopg.register(connection)

    def test_pool(self):
        with psycopg_pool.ConnectionPool(open=True, min_size=1, configure=clip_pg.psycopg.register) as pool:
            with pool.connection() as connection:
                assert connection.execute("SELECT %s", [ONE]).fetchone() == (ONE,)

    async def test_async(self):
        async with await psycopg.AsyncConnection.connect() as connection:
            await clip_pg.psycopg.register_async(connection)
            for format in (Format.TEXT, Format.BINARY):
                cursor = connection.cursor(binary=format == Format.BINARY)
                await cursor.execute("SELECT %s, %s", [ONE, [OTHER]])
                assert await cursor.fetchone() == (ONE, [OTHER])

    async def test_async_pool(self):
        configure = clip_pg.psycopg.register_async
        async with psycopg_pool.AsyncConnectionPool(open=False, min_size=1, configure=configure) as pool:
            async with pool.connection() as connection:
                assert await (await connection.execute("SELECT %s", [ONE])).fetchone() == (ONE,)

    async def test_async_without_the_extension(self, without):
        async with await psycopg.AsyncConnection.connect() as connection:
            with pytest.raises(ExtensionMissing, match=MISSING):
                await clip_pg.psycopg.register_async(connection)


class TestPsycopg2:
    @pytest.fixture
    def cursor(self):
        connection = psycopg2.connect("")
        clip_pg.psycopg2.register(connection)
        assert connection.info.transaction_status == 0
        yield connection.cursor()
        connection.close()

    def test_there_and_back(self, cursor):
        cursor.execute("SELECT %s, %s, %s, %s, NULL::clip_vector", [ONE, np.array(OTHER), [ONE, OTHER], [ONE, None]])
        assert cursor.fetchone() == (ONE, OTHER, [ONE, OTHER], [ONE, None], None)
        cursor.execute("SELECT %s <-> %s", [ONE, ONE])
        assert cursor.fetchone() == (0.0,)
        cursor.execute("CREATE TEMP TABLE item (embeddings clip_vector[])")
        cursor.execute("INSERT INTO item VALUES (%s)", [[ONE, OTHER]])
        cursor.execute("SELECT embeddings FROM item")
        assert cursor.fetchone() == ([ONE, OTHER],)

    def test_a_cursor_alone(self):
        connection = psycopg2.connect("")
        one, other = connection.cursor(), connection.cursor()
        clip_pg.psycopg2.register(one, numpy=False)
        one.execute("SELECT %s", [ONE])
        other.execute("SELECT %s", [ONE])
        assert (one.fetchone(), other.fetchone()) == ((ONE,), ("[1.5,-2,3]",))
        # In a transaction it stays in it.
        clip_pg.psycopg2.register(connection)
        assert connection.info.transaction_status == 2
        connection.close()

    def test_without_numpy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "numpy", None)
        connection = psycopg2.connect("")
        clip_pg.psycopg2.register(connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [ONE])
            assert cursor.fetchone() == (ONE,)
        connection.close()

    def test_elsewhere(self, elsewhere):
        connection = psycopg2.connect("")
        clip_pg.psycopg2.register(connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, %s", [ONE, [OTHER]])
            assert cursor.fetchone() == (ONE, [OTHER])
        connection.close()

    def test_without_the_extension(self, without):
        connection = psycopg2.connect("")
        with pytest.raises(ExtensionMissing, match=MISSING):
            clip_pg.psycopg2.register(connection)
        connection.close()


class TestAsyncpg:
    async def test_there_and_back(self):
        connection = await asyncpg.connect()
        await clip_pg.asyncpg.register(connection)
        query = "SELECT $1::clip_vector, $1::clip_vector::text"
        for sent in (ONE, ONE.to_list(), np.array(ONE), "[1.5,-2,3]"):
            assert tuple(await connection.fetchrow(query, sent)) == (ONE, "[1.5,-2,3]")
        row = await connection.fetchrow("SELECT NULL::clip_vector, $1::clip_vector[]", [ONE, None, OTHER])
        assert tuple(row) == (None, [ONE, None, OTHER])
        await connection.execute("CREATE TEMP TABLE item (id int, embedding clip_vector(3))")
        await connection.copy_records_to_table("item", records=[(1, ONE), (2, None), (3, OTHER)])
        rows = await connection.fetch("SELECT id FROM item ORDER BY embedding <-> $1", OTHER)
        assert [row["id"] for row in rows] == [3, 1, 2]
        classifier = await connection.fetchval("SELECT clip_classifier('{a dog,a cat}'::text[])")
        assert isinstance(classifier, str)
        with pytest.raises(asyncpg.DataError, match="element 2 of a vector is no number"):
            await connection.fetchrow(query, [1, "two"])
        await connection.close()

    async def test_pool(self):
        async with asyncpg.create_pool(min_size=1, init=clip_pg.asyncpg.register) as pool:
            assert await pool.fetchval("SELECT $1::clip_vector", ONE) == ONE

    async def test_elsewhere(self, elsewhere):
        connection = await asyncpg.connect()
        found = await clip_pg.asyncpg.register(connection)
        assert await connection.fetchval(f"SELECT $1::{found.name}", ONE) == ONE
        await connection.close()

    async def test_without_the_extension(self, without):
        connection = await asyncpg.connect()
        with pytest.raises(ExtensionMissing, match=MISSING):
            await clip_pg.asyncpg.register(connection)
        await connection.close()


class TestPg8000:
    def connect(self):
        socket = f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ.get('PGPORT', 5432)}"
        return pg8000.native.Connection(os.environ["PGUSER"], unix_sock=socket, database=os.environ["PGDATABASE"])

    def test_there_and_back(self):
        connection = self.connect()
        clip_pg.pg8000.register(connection)
        connection.run("CREATE TEMP TABLE item (id serial, embedding clip_vector(3))")
        query = "INSERT INTO item (embedding) VALUES (:one), (:other), (:none)"
        connection.run(query, one=ONE, other=np.array(OTHER), none=None)
        assert connection.run("SELECT embedding FROM item ORDER BY id") == [[ONE], [OTHER], [None]]
        connection.close()

    def test_without_numpy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "numpy", None)
        connection = self.connect()
        clip_pg.pg8000.register(connection)
        assert connection.run("SELECT CAST(:one AS clip_vector)", one=ONE) == [[ONE]]
        connection.close()

    def test_without_the_extension(self, without):
        connection = self.connect()
        with pytest.raises(ExtensionMissing, match=MISSING):
            clip_pg.pg8000.register(connection, numpy=False)
        connection.close()

    def test_elsewhere(self, elsewhere):
        connection = self.connect()
        found = clip_pg.pg8000.register(connection, numpy=False)
        assert connection.run(f"SELECT CAST(:one AS {found.name})", one=ONE) == [[ONE]]
        connection.close()
