"""peewee: the field of a column, and its distances."""

import numpy as np
import pytest
from databases import DATABASE
from peewee import Model, PostgresqlDatabase, fn

from clip_pg import Vector
from clip_pg.peewee import ClipVectorField

database = PostgresqlDatabase(DATABASE)


class Item(Model):
    embedding = ClipVectorField(dimensions=3, null=True)
    free = ClipVectorField(null=True)

    class Meta:
        database = database
        table_name = "peewee_item"


Item.add_index(Item.index(Item.embedding, using="clip_hnsw"))


@pytest.fixture(autouse=True)
def items():
    with database.connection_context(), database.atomic() as transaction:
        database.create_tables([Item])
        for id, vector in {1: [1, 1, 1], 2: [2, 2, 2], 3: np.array([1, 1, 2])}.items():
            Item.create(id=id, embedding=vector, free=vector)
        yield
        transaction.rollback()


def ids(order):
    return [item.id for item in Item.select().order_by(order, Item.id)]


def test_values():
    item = Item.get_by_id(3)
    assert item.embedding == item.free == Vector([1, 1, 2])
    assert Item.get(Item.embedding == Vector([2, 2, 2])).id == 2
    item.embedding = None
    item.save()
    assert Item.get(Item.embedding.is_null()).embedding is None
    average = fn.avg(Item.embedding).converter(Item.embedding.python_value)
    assert Item.select(average).where(Item.id < 3).scalar() == Vector([1.5, 1.5, 1.5])
    with pytest.raises(ValueError, match="expected 3 dimensions, not 2"):
        Item.create(embedding=[1, 2])


def test_distances():
    assert ids(Item.embedding.l2_distance([1, 1, 1])) == [1, 3, 2]
    assert ids(Item.embedding.l1_distance(np.array([1, 1, 1]))) == [1, 3, 2]
    assert ids(Item.embedding.max_inner_product("[1,1,1]")) == [2, 3, 1]
    assert ids(Item.embedding.cosine_distance(Vector([1, 1, 1]))) == [1, 2, 3]
    assert ids(Item.embedding.l2_distance(Item.free)) == [1, 2, 3]
    assert [item.id for item in Item.select().where(Item.embedding.within([2, 2, 2], 0.01)).order_by(Item.id)] == [1, 2]
