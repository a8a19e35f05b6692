"""SQLAlchemy with each driver, and Alembic."""

from inspect import cleandoc

import numpy as np
import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import (
    ARRAY,
    Column,
    Computed,
    FetchedValue,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    cast,
    create_engine,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import clip_pg.alembic
from clip_pg import ExtensionMissing, Vector
from clip_pg.sqlalchemy import ClipVector, avg, embed_image, embed_text, register, sum

VECTORS = {1: [1, 1, 1], 2: [2, 2, 2], 3: [1, 1, 2]}


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "sqlalchemy_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), server_default="thing")
    embedding: Mapped[Vector | None] = mapped_column(ClipVector(3))
    free: Mapped[Vector | None] = mapped_column(ClipVector)
    embeddings: Mapped[list[Vector] | None] = mapped_column(ARRAY(ClipVector(3), dimensions=1))

    __table_args__ = (
        Index("sqlalchemy_item_cosine", "embedding", postgresql_using="clip_hnsw"),
        Index(
            "sqlalchemy_item_l2",
            "embedding",
            postgresql_using="clip_hnsw",
            postgresql_with={"m": 8, "ef_construction": 32},
            postgresql_ops={"embedding": "clip_l2_ops"},
            postgresql_where=text("kind <> 'other'"),
        ),
        Index(
            "sqlalchemy_item_ip",
            "embedding",
            "kind",
            "id",
            postgresql_using="clip_hnsw",
            postgresql_ops={"embedding": "clip_ip_ops"},
        ),
        Index(
            "sqlalchemy_item_start",
            text("(subvector(free, 1, 2)::clip_vector(2))"),
            text("lower(kind)"),
            postgresql_using="clip_hnsw",
            postgresql_where=text("id > 0"),
        ),
    )


class Photo(Base):
    __tablename__ = "sqlalchemy_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column(Text)
    image: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Kept current by a trigger, and a generated column.
    embedding: Mapped[Vector | None] = mapped_column(ClipVector(512), FetchedValue(), server_onupdate=FetchedValue())
    of_image: Mapped[Vector | None] = mapped_column(
        ClipVector(512), Computed("clip_embed_image(image, 'clip-mini')", persisted=True)
    )


DRIVERS = ["psycopg", "psycopg2"]
ASYNC_DRIVERS = ["psycopg", "asyncpg"]


def url(driver):
    return f"postgresql+{driver}://"


@pytest.fixture(scope="module", autouse=True)
def tables():
    engine = create_engine(url("psycopg"))
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("SELECT clip_auto_embed('sqlalchemy_photo', 'title', 'embedding', 'clip-mini')"))
        connection.execute(
            text(
                "CREATE TABLE queued (id int PRIMARY KEY, title text, vector clip_vector(512));"
                "SELECT clip_auto_embed('queued', 'title', 'vector', 'clip-mini', 'queue')"
            )
        )
    yield
    engine.dispose()


@pytest.fixture(params=DRIVERS)
def plain(request):
    engine = create_engine(url(request.param))
    yield engine
    engine.dispose()


@pytest.fixture(params=DRIVERS)
def registered(request):
    engine = create_engine(url(request.param))
    register(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=[f"{kind}-{driver}" for kind in ("plain", "registered") for driver in DRIVERS])
def engine(request):
    kind, driver = request.param.split("-")
    engine = create_engine(url(driver))
    if kind == "registered":
        register(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    """With three items, all of which are gone afterwards."""
    with Session(engine) as session:
        session.add_all(Item(id=id, embedding=vector, free=vector) for id, vector in VECTORS.items())
        session.flush()
        yield session
        session.rollback()


def ids(session, order):
    return session.scalars(select(Item.id).order_by(order, Item.id)).all()


class TestQueries:
    def test_values(self, session):
        session.expire_all()
        item = session.get_one(Item, 3)
        assert item.embedding == Vector([1, 1, 2]) and item.free == [1, 1, 2]
        assert isinstance(item.embedding, Vector)
        for value in (np.array([1, 2, 3]), Vector([1, 2, 3]), "[1,2,3]", (1, 2, 3)):
            item.embedding = value
            session.flush()
            session.refresh(item)
            assert item.embedding == [1, 2, 3]
        item.embedding = None
        session.flush()
        session.refresh(item)
        assert item.embedding is None

    def test_distances(self, session):
        assert ids(session, Item.embedding.l2_distance([1, 1, 1])) == [1, 3, 2]
        assert ids(session, Item.embedding.l1_distance([1, 1, 1])) == [1, 3, 2]
        assert ids(session, Item.embedding.max_inner_product([1, 1, 1])) == [2, 3, 1]
        assert ids(session, Item.embedding.cosine_distance(Vector([1, 1, 1]))) == [1, 2, 3]
        distance = Item.embedding.l2_distance(np.array([1, 1, 1]))
        assert session.scalars(select(distance).order_by(distance)).all() == [0, 1, pytest.approx(3**0.5)]
        assert session.scalars(select(Item.id).where(distance < 1)).all() == [1]
        assert session.scalars(select(Item.embedding.similarity([2, 2, 2])).where(Item.id == 1)).one() == pytest.approx(
            1
        )
        assert session.scalars(select(Item.embedding.l2_distance(Item.free))).all() == [0, 0, 0]

    def test_within(self, session):
        near = select(Item.id).order_by(Item.id)
        assert session.scalars(near.where(Item.embedding.within([2, 2, 2], 0.01))).all() == [1, 2]
        center = select(Item.embedding).where(Item.id == 3).scalar_subquery()
        assert session.scalars(near.where(Item.embedding.within(center, literal(0.01)))).all() == [3]

    def test_aggregates(self, session):
        assert session.scalars(select(avg(Item.embedding)).where(Item.id < 3)).one() == [1.5, 1.5, 1.5]
        assert session.scalars(select(sum(Item.embedding))).one() == [4, 4, 5]
        assert session.scalars(select(avg(Item.embedding)).where(Item.id > 3)).one() is None

    def test_expressions(self, session):
        assert session.scalars(select(cast([1, 2], ClipVector))).one() == [1, 2]
        assert session.scalars(select(literal([1, 2], ClipVector(2)))).one() == [1, 2]
        assert session.scalars(select(Item.embedding + [1, 0, 0]).where(Item.id == 1)).one() == [2, 1, 1]
        session.execute(insert(Item), [{"id": 8, "embedding": [1, 2, 3]}, {"id": 9, "embedding": None}])
        assert session.scalars(select(Item.id).where(Item.embedding == [1, 2, 3])).all() == [8]
        assert session.scalars(
            select(Item.id).where(Item.embedding.in_([[1, 2, 3], [2, 2, 2]])).order_by(Item.id)
        ).all() == [2, 8]
        assert session.scalars(select(Item.id).where(Item.embedding.is_(None))).all() == [9]

    def test_refused(self, session):
        for value, message in (
            ([1, "two", 3], "element 2 of a vector is no number"),
            ([1, 2], "expected 3 dimensions, not 2"),
            (np.array([[1, 2, 3]]), "an array of one dimension"),
        ):
            with pytest.raises(StatementError, match=message), session.begin_nested():
                session.execute(insert(Item).values(id=7, embedding=value))

    def test_embeddings(self, session, picture):
        session.add_all([Photo(title="a dog", image=picture), Photo(title="a ship"), Photo()])
        session.flush()
        nearest = select(Photo).order_by(Photo.embedding.cosine_distance(embed_text("a dog", "clip-mini")))
        first, second, none = session.scalars(nearest).all()
        assert (first.title, none.embedding, second.of_image) == ("a dog", None, None)
        assert first.of_image == session.scalars(select(embed_image(picture, "clip-mini"))).one()
        old = first.embedding
        first.title = "a boat"
        session.flush()
        assert first.embedding != old and first.embedding.dimensions() == 512
        assert session.scalars(select(embed_text(Photo.title)).where(Photo.title == "a boat")).one() == first.embedding

    def test_arrays(self, registered):
        with Session(registered) as session:
            session.add(Item(id=1, embeddings=[[1, 2, 3], Vector([4, 5, 6]), np.array([7, 8, 9])]))
            session.flush()
            session.expire_all()
            assert session.get_one(Item, 1).embeddings == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]

    def test_plan(self, session):
        session.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"))
        cosine, ip = "Index Scan using sqlalchemy_item_cosine", "Index Scan using sqlalchemy_item_ip"
        start = cast(func.subvector(Item.free, 1, 2), ClipVector(2))
        for order, condition, shown in (
            (Item.embedding.cosine_distance([1, 2, 3]), true(), [cosine]),
            (Item.embedding.cosine_distance(embed_text("a dog")), true(), [cosine]),
            (Item.embedding.max_inner_product([1, 2, 3]), Item.kind == "thing", [ip, "Index Cond: "]),
            (
                start.cosine_distance([1, 2]),
                and_(func.lower(Item.kind) == "thing", Item.id > 0),
                ["Index Scan using sqlalchemy_item_start", "Index Cond: "],
            ),
        ):
            statement = select(Item.id).where(condition).order_by(order).limit(1)
            sql = str(statement.compile(session.bind, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(session.scalars(text("EXPLAIN " + sql.replace(":", "\\:"))))
            assert all(part in plan for part in shown), plan

    def test_pandas(self, session):
        frame = pd.read_sql(select(Item.id, Item.embedding).order_by(Item.id), session.connection(), index_col="id")
        assert frame["embedding"][3] == [1, 1, 2]


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("driver", ASYNC_DRIVERS)
async def test_async(driver, told):
    engine = create_async_engine(url(driver))
    if told:
        register(engine)
    async with AsyncSession(engine) as session:
        session.add_all(Item(id=id, embedding=vector) for id, vector in VECTORS.items())
        await session.flush()
        session.expire_all()
        assert (await session.get_one(Item, 1)).embedding == [1, 1, 1]
        order = Item.embedding.l2_distance([1, 1, 1])
        assert (await session.scalars(select(Item.id).order_by(order))).all() == [1, 3, 2]
        assert (await session.scalars(select(avg(Item.embedding)))).one() == Vector([4 / 3, 4 / 3, 5 / 3])
        if told or driver == "asyncpg":
            session.add(Item(id=4, embeddings=[[1, 2, 3], Vector([4, 5, 6])]))
            await session.flush()
            session.expire_all()
            assert (await session.get_one(Item, 4)).embeddings == [[1, 2, 3], [4, 5, 6]]
        await session.rollback()
    await engine.dispose()


def test_literals(plain):
    statement = select(Item).order_by(Item.embedding.l2_distance([1, 2, 3]))
    assert "embedding <-> '[1,2,3]'" in str(statement.compile(plain, compile_kwargs={"literal_binds": True}))
    assert ClipVector(3).python_type is Vector


class TestReflection:
    def test_types(self, plain):
        columns = {column["name"]: column["type"] for column in inspect(plain).get_columns("sqlalchemy_item")}
        assert isinstance(columns["embedding"], ClipVector) and columns["embedding"].dims == 3
        assert isinstance(columns["free"], ClipVector) and columns["free"].dims is None
        assert isinstance(columns["embeddings"].item_type, ClipVector)

    def test_automap(self, plain):
        metadata = MetaData()
        metadata.reflect(plain, only=["sqlalchemy_item"])
        automap = automap_base(metadata=metadata)
        automap.prepare()
        Reflected = automap.classes.sqlalchemy_item
        with Session(plain) as session:
            session.execute(insert(Reflected), [{"embedding": [1, 2, 3]}])
            assert session.scalars(select(Reflected.embedding)).one() == [1, 2, 3]

    @pytest.mark.parametrize("driver", DRIVERS)
    def test_elsewhere(self, elsewhere, driver):
        engine = create_engine(url(driver))
        register(engine)
        metadata = MetaData()
        Table("item", metadata, Column("id", Integer), Column("embedding", ClipVector(3, schema=elsewhere)))
        metadata.drop_all(engine)
        metadata.create_all(engine)
        reflected = Table("item", MetaData(), autoload_with=engine)
        assert isinstance(reflected.c.embedding.type, ClipVector)
        assert (reflected.c.embedding.type.dims, reflected.c.embedding.type.schema) == (3, elsewhere)
        with engine.connect() as connection:
            for table in (metadata.tables["item"], reflected):
                connection.execute(insert(table).values(id=1, embedding=[1, 2, 3]))
                near = select(table.c.embedding).order_by(table.c.embedding.cosine_distance([1, 2, 3]))
                near = near.where(table.c.embedding.within([1, 2, 3], 0.5))
                assert connection.execute(near).scalar_one() == [1, 2, 3]
                connection.rollback()
            embedding = connection.execute(select(embed_text("a dog", "clip-mini", schema=elsewhere))).scalar_one()
            assert embedding.dimensions() == 512
        context = MigrationContext.configure(engine.connect())
        assert compare_metadata(context, metadata) == []
        code = render_python_code(
            produce_migrations(context, MetaData()).downgrade_ops, render_item=clip_pg.alembic.render_item
        )
        assert "schema='Odd Schema'" in code
        context.connection.close()
        engine.dispose()


class TestAlembic:
    def context(self, engine, **options):
        hooks = {"include_object": clip_pg.alembic.include_object, "render_item": clip_pg.alembic.render_item}
        return MigrationContext.configure(engine.connect(), opts={**hooks, **options})

    def test_no_drift(self, plain):
        context = self.context(plain)
        ours = {*Base.metadata.tables, "queued"}

        def include_name(name, type_, parents):
            return type_ != "table" or name in ours

        context.opts["include_name"] = include_name
        differences = compare_metadata(context, Base.metadata)
        # The table that no model is of, and nothing else: not the index of what is pending in it.
        assert [difference[0] for difference in differences] == ["remove_table"]
        # What is not there in a model is told.
        queued = Table("queued", MetaData(), autoload_with=plain)
        index = next(iter(queued.indexes))
        assert index.name == "queued_vector_pending"
        queued.indexes.remove(index)
        ours.clear()
        ours.add("queued")
        assert compare_metadata(context, queued.metadata) == []
        context.opts["include_object"] = None
        unaware = MigrationContext.configure(context.connection, opts={"include_name": include_name})
        assert [difference[0] for difference in compare_metadata(unaware, queued.metadata)] == ["remove_index"]
        context.connection.close()

    def test_change_of_dimensions_is_told(self, plain):
        metadata = MetaData()
        table = Table("sqlalchemy_item", metadata, autoload_with=plain)
        table.c.embedding.type = ClipVector(4)
        context = self.context(plain, include_name=lambda name, type_, parents: type_ != "table" or name == table.name)
        [[difference]] = compare_metadata(context, metadata)
        assert difference[0] == "modify_type" and difference[-1].dims == 4
        context.connection.close()

    def test_a_migration_there_and_back(self, plain):
        metadata = MetaData()
        Base.metadata.tables["sqlalchemy_item"].to_metadata(metadata, name="migrated")
        table = metadata.tables["migrated"]
        for index in table.indexes:
            index.name = index.name.replace("sqlalchemy_item", "migrated")
        context = self.context(plain, include_name=lambda name, type_, parents: type_ != "table" or name == table.name)
        script = produce_migrations(context, metadata)
        code = render_python_code(script.upgrade_ops, render_item=clip_pg.alembic.render_item)
        assert "clip_pg.sqlalchemy.ClipVector(3)" in code and "clip_pg.sqlalchemy.ClipVector()" in code
        names = {"op": Operations(context), "sa": __import__("sqlalchemy"), "clip_pg": clip_pg}
        names["postgresql"] = __import__("sqlalchemy.dialects.postgresql", fromlist=["x"])
        exec(cleandoc(code), names)
        assert compare_metadata(context, metadata) == []
        down = render_python_code(script.downgrade_ops, render_item=clip_pg.alembic.render_item)
        exec(cleandoc(down), names)
        context.connection.close()


def test_other_drivers_are_refused():
    engine = create_engine("postgresql+pg8000://")
    with pytest.raises(ValueError, match="the driver pg8000 cannot be told"):
        register(engine)


def test_without_the_extension(without):
    engine = create_engine(url("psycopg"))
    register(engine)
    with pytest.raises(ExtensionMissing):
        engine.connect()
