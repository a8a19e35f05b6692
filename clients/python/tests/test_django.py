"""Django: fields, queries, forms, and that migrations are as the models are."""

import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import psycopg
import pytest
from databases import DJANGO, MIGRATED, OLDER_DRIVER
from django_settings import configure

# Modules of models take settings.
configure(DJANGO, DATABASE_ROUTERS=["collection.router.Router"])

import django
from collection.models import Item, Photo, Recent
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.db.models import Avg, F, Sum, Value
from django.db.models.functions import Cast
from django.forms import ModelForm
from django.test.utils import CaptureQueriesContext

from clip_pg import Vector
from clip_pg.django import (
    AutoEmbeddedField,
    ClipAutoEmbed,
    ClipAutoEmbedRemove,
    ClipHnswIndex,
    ClipVectorField,
    CosineDistance,
    EmbedImage,
    EmbedText,
    L1Distance,
    L2Distance,
    MaxInnerProduct,
    Similarity,
    Within,
    register,
)

VECTORS = {1: [1, 1, 1], 2: [2, 2, 2], 3: [1, 1, 2]}


@pytest.fixture(scope="module", autouse=True)
def database():
    register()
    call_command("migrate", verbosity=0)
    # The first connection was there before the extension.
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture(params=["default", "bound"])
def using(request):
    return request.param


@pytest.fixture(autouse=True)
def rolled_back(request):
    """Nothing stays of a test."""
    with transaction.atomic("default"), transaction.atomic("bound"):
        yield
        for name in ("default", "bound"):
            transaction.set_rollback(True, using=name)


@pytest.fixture
def items(using):
    objects = Item.objects.using(using)
    for id, vector in VECTORS.items():
        objects.create(id=id, embedding=vector, free=vector, numbers=vector)
    return objects


@pytest.fixture
def queries():
    return lambda using: CaptureQueriesContext(connections[using])


def ids(query):
    return [item.id for item in query]


class TestQueries:
    def test_values(self, items):
        item = items.get(pk=3)
        assert item.embedding == item.free == [1, 1, 2] and isinstance(item.embedding, Vector)
        for value in (np.array([1, 2, 3]), Vector([1, 2, 3]), "[1,2,3]", (1, 2, 3)):
            item.embedding = value
            item.save()
            item.refresh_from_db()
            assert item.embedding == [1, 2, 3]
        item.embedding = None
        item.save()
        item.refresh_from_db()
        assert item.embedding is None
        assert items.filter(embedding=None).get() == item
        assert items.get(embedding=[2, 2, 2]).id == 2
        assert ids(items.filter(embedding__in=[[1, 1, 1], [2, 2, 2]]).order_by("id")) == [1, 2]
        assert items.get_or_create(embedding=[2, 2, 2])[1] is False
        items.filter(id=1).update(embedding=F("free") * Value(2.0))
        assert items.get(id=1).embedding == [2, 2, 2]
        items.bulk_update([Item(id=1, embedding=[7, 7, 7]), Item(id=2)], ["embedding"])
        assert [item.embedding for item in items.filter(id__lt=3).order_by("id")] == [[7, 7, 7], None]

    def test_refused(self, items):
        for value, message in (([1, 2], "expected 3 dimensions"), ([1, "two", 3], "element 2")):
            with pytest.raises((TypeError, ValueError), match=message):
                items.create(embedding=value)

    @pytest.mark.parametrize("one", [[1, 1, 1], Vector([1, 1, 1]), np.array([1, 1, 1]), "[1,1,1]"], ids=str)
    def test_distances(self, items, one):
        assert ids(items.order_by(L2Distance("embedding", one))) == [1, 3, 2]
        assert ids(items.order_by(L1Distance("embedding", one))) == [1, 3, 2]
        assert ids(items.order_by(MaxInnerProduct("embedding", one))) == [2, 3, 1]
        assert ids(items.order_by(CosineDistance("embedding", one), "id")) == [1, 2, 3]
        distance = L2Distance("embedding", one)
        assert [item.distance for item in items.annotate(distance=distance).order_by(distance)] == [
            0,
            1,
            pytest.approx(3**0.5),
        ]
        assert ids(items.alias(distance=distance).filter(distance__lt=1)) == [1]

    def test_other_expressions(self, items):
        assert items.annotate(s=Similarity("embedding", [3, 3, 3])).get(id=2).s == pytest.approx(1)
        assert {item.d for item in items.annotate(d=L2Distance("embedding", "free"))} == {0}
        assert {item.d for item in items.annotate(d=L2Distance("embedding", None))} == {None}
        numbers = L2Distance(Cast("numbers", ClipVectorField()), [1, 1, 1])
        assert ids(items.order_by(numbers)) == [1, 3, 2]
        nearest = CosineDistance("embedding", items.filter(id=3).values("embedding"))
        assert ids(items.order_by(nearest)[:1]) == [3]

    def test_within(self, items):
        assert ids(items.filter(embedding__within=([2, 2, 2], 0.01)).order_by("id")) == [1, 2]
        assert ids(items.filter(Within("embedding", [2, 2, 2], 0.01)).order_by("id")) == [1, 2]
        assert ids(items.filter(Within("embedding", F("free"), F("id") / 1000.0)).order_by("id")) == [1, 2, 3]
        assert ids(items.exclude(embedding__within=(F("free"), 0.01))) == []
        with pytest.raises(ValueError, match="within takes a vector and a distance"):
            ids(items.filter(embedding__within=[1, 2, 3]))
        with pytest.raises(FieldError):
            ids(items.filter(id__within=([1, 2, 3], 1)))

    def test_aggregates(self, items):
        assert items.filter(id__lt=3).aggregate(Avg("embedding")) == {"embedding__avg": [1.5, 1.5, 1.5]}
        assert items.aggregate(Sum("embedding")) == {"embedding__sum": [4, 4, 5]}
        assert items.filter(id=0).aggregate(Avg("embedding"), Sum("embedding")) == {
            "embedding__avg": None,
            "embedding__sum": None,
        }

    def test_arrays(self, items):
        items.create(id=4, embeddings=[[1, 2, 3], Vector([4, 5, 6])])
        assert items.get(id=4).embeddings == [[1, 2, 3], [4, 5, 6]]
        with connections[items.db].cursor() as cursor:
            cursor.execute("SELECT embedding FROM collection_item WHERE id = 1")
            assert cursor.fetchone() == (Vector([1, 1, 1]),)

    def test_plans(self, items):
        with connections[items.db].cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        for index, order in (
            ("item_cosine", CosineDistance("embedding", [1, 2, 3])),
            ("item_cosine", CosineDistance("embedding", EmbedText("a dog"))),
            ("item_numbers", MaxInnerProduct(Cast("numbers", ClipVectorField(dimensions=3)), [1, 2, 3])),
        ):
            plan = items.order_by(order)[:1].explain()
            assert f"Index Scan using {index}" in plan, plan
        plan = items.filter(id__gt=0).order_by(L2Distance("embedding", [1, 2, 3]))[:1].explain()
        assert "Index Scan using item_l2" in plan, plan
        plan = items.filter(id__lt=9).order_by(MaxInnerProduct("embedding", [1, 2, 3]))[:1].explain()
        assert "Index Scan using item_filtered" in plan and "Index Cond: (id < " in plan, plan


class TestAutoEmbedded:
    def test_comes_and_follows(self, using, picture, queries):
        photo = Photo.objects.using(using).create(title="a dog", image=picture)
        with queries(using) as asked:
            first = photo.of_title
            assert photo.of_title is first
        assert len(asked) == 1
        assert first.dimensions() == 512
        assert Photo.objects.using(using).annotate(e=EmbedText("a dog", "clip-mini")).get().e == first
        assert Photo.objects.using(using).annotate(e=EmbedText(F("title"))).get().e == first
        assert photo.of_image == Photo.objects.using(using).annotate(e=EmbedImage(picture, "clip-mini")).get().e
        photo.title = "a ship"
        photo.save()
        assert photo.of_title not in (first, None)
        photo.title = None
        photo.save()
        assert photo.of_title is None

    def test_save_never_writes_it(self):
        photo = Photo.objects.create(title="a dog")
        right = photo.of_title
        for names in (None, ["of_title"], ["title"], ["title", "of_title"]):
            photo.of_title = [1] * 512
            photo.save(update_fields=names)
            if names == ["title"]:
                # Django does not look at other fields then.
                assert photo.of_title == [1] * 512
                photo.refresh_from_db()
            assert photo.of_title == right
        assert Photo(title="a dog", of_title=[1] * 512).of_title == [1] * 512
        # A row that another process has deleted is written again, as with any field.
        Photo.objects.all().delete()
        photo.save()
        assert photo.of_title == right
        [made] = Photo.objects.bulk_create([Photo(title="a dog", of_title=[1] * 512)])
        assert made.of_title == right
        updated, created = Photo.objects.update_or_create(id=made.id, defaults={"title": "a ship"})
        assert not created and updated.of_title not in (right, None)

    def test_by_hand(self):
        photo = Photo.objects.create(title="a dog")
        Photo.objects.update(of_title=[1] * 512)
        photo.refresh_from_db()
        assert photo.of_title == [1] * 512

    def test_queue(self):
        photo = Photo.objects.create(caption="a dog")
        assert photo.of_caption is None
        assert Photo.objects.filter(of_caption=None).get() == photo

    def test_proxies_deferral_and_pickling(self, queries):
        photo = Recent.objects.create(title="a dog")
        right = photo.of_title
        photo.save()
        assert pickle.loads(pickle.dumps(photo)).of_title == right
        later = Recent.objects.defer("of_title").get()
        assert "of_title" in later.get_deferred_fields()
        with queries("default") as asked:
            assert later.of_title == right
        assert len(asked) == 1
        assert Photo().of_title is None
        unsaved = Photo(title="a dog", image=b"none")
        with pytest.raises(django.db.DataError), transaction.atomic():
            unsaved.save()
        assert unsaved.of_title is None
        assert isinstance(Photo.of_title.field, AutoEmbeddedField)

    def test_validation_and_forms_leave_it_out(self):
        photo = Photo(title="a dog")
        photo.full_clean(exclude=["image"])

        class PhotoForm(ModelForm):
            class Meta:
                model = Photo
                fields = "__all__"

        assert "of_title" not in PhotoForm().fields
        assert Photo._meta.get_field("of_title").deconstruct()[1:] == (
            "clip_pg.django.AutoEmbeddedField",
            [],
            {"dimensions": 512},
        )


class ItemForm(ModelForm):
    class Meta:
        model = Item
        fields = ["embedding"]


class TestForms:
    def test_shows(self):
        assert 'value="[1, 2, 3]"' in str(ItemForm(data={"embedding": "[1, 2, 3]"}))
        assert 'value="[1,2.5,3]"' in str(ItemForm(instance=Item(embedding=[1, 2.5, 3])))
        assert "value=" not in str(ItemForm(instance=Item())["embedding"])

    def test_saves(self):
        item = Item.objects.create(embedding=[1, 2, 3])
        assert not ItemForm(instance=item, data={"embedding": "[1, 2, 3.0]"}).has_changed()
        form = ItemForm(instance=item, data={"embedding": "[4, 5, 6]"})
        assert form.has_changed() and form.is_valid() and form.save()
        assert Item.objects.get().embedding == [4, 5, 6]
        form = ItemForm(instance=item, data={"embedding": ""})
        assert form.is_valid() and form.save()
        assert Item.objects.get().embedding is None
        field = form.fields["embedding"]
        assert field.clean(Vector([1, 2, 3])) == [1, 2, 3] and not field.has_changed(None, "")

    @pytest.mark.parametrize(
        ("text", "message"),
        [("[1,2]", "expected 3 dimensions, not 2"), ("[1,a,2]", "invalid text"), ("no", "not of the form")],
    )
    def test_refuses(self, text, message):
        form = ItemForm(data={"embedding": text})
        assert form.has_changed() and not form.is_valid()
        assert message in form.errors["embedding"][0] and "as in [0.1,-2]" in form.errors["embedding"][0]

    def test_clean(self):
        Item(embedding=np.array([1, 2, 3])).full_clean()
        with pytest.raises(ValidationError, match="is no vector: expected 3 dimensions, not 2"):
            Item(embedding=[1, 2]).full_clean()
        assert ClipVectorField().to_python("") is None


@pytest.mark.parametrize("form", ["json", "jsonl", "xml"])
def test_serialization(form):
    Item.objects.create(embedding=[1, 0.1, 3])
    Item.objects.create()
    photo = Photo.objects.create(title="a dog")
    data = serializers.serialize(form, [*Item.objects.all(), photo])
    if form == "json":
        assert json.loads(data)[0]["fields"]["embedding"] == "[1,0.1,3]"
    Item.objects.all().delete()
    Photo.objects.all().delete()
    for made in serializers.deserialize(form, data):
        made.save()
    assert [item.embedding for item in Item.objects.order_by("id")] == [Vector([1, 0.1, 3]), None]
    assert Photo.objects.get().of_title == photo.of_title


class TestMigrations:
    def test_no_drift(self):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)

    def test_there_and_back(self):
        assert run("django_migrates.py", MIGRATED) == "trigger trigger, trigger queue, trigger trigger, 0 tables\n"

    def test_sql(self):
        out = io.StringIO()
        call_command("sqlmigrate", "collection", "0001", stdout=out)
        sql = out.getvalue()
        assert "SELECT clip_auto_embed('\"collection_photo\"', 'title', 'of_title', 'clip-mini', 'trigger')" in sql
        assert 'USING clip_hnsw ("embedding" clip_l2_ops) WITH (m = 8, ef_construction = 32)' in sql
        assert '"of any dimensions" clip_vector NULL' in sql

    def test_operations_are_written(self):
        for operation in (
            ClipAutoEmbed("Photo", "title", "of_title"),
            ClipAutoEmbedRemove("Photo", "title", "of_title", model="clip-mini", mode="queue"),
        ):
            name, args, kwargs = operation.deconstruct()
            assert type(operation)(*args, **kwargs).deconstruct() == (name, args, kwargs)
            assert operation.describe().lower().endswith("current with photo.title")
            assert operation.migration_name_fragment.startswith("photo_of_title_auto_embed")
            state = ProjectState()
            operation.state_forwards("collection", state)
            assert state.models == {}

    def test_other_databases_are_left_alone(self):
        state = ProjectState.from_apps(django.apps.apps)
        operation = ClipAutoEmbed("Photo", "caption", "of_title")
        with connections["bound"].schema_editor(collect_sql=True) as editor:
            operation.database_forwards("collection", editor, state, state)
            operation.database_backwards("collection", editor, state, state)
        assert editor.collected_sql == []

    def test_field_and_index(self):
        index = ClipHnswIndex(fields=["embedding"], name="i", m=8)
        assert index.deconstruct() == (
            "clip_pg.django.ClipHnswIndex",
            (),
            {"fields": ["embedding"], "name": "i", "m": 8},
        )
        assert ClipHnswIndex(fields=["embedding"], name="i").get_with_params() == []
        written, _ = MigrationWriter.serialize(EmbedText(F("title"), "clip-mini"))
        assert written == "clip_pg.django.EmbedText(models.F('title'), 'clip-mini')"
        assert ClipVectorField(dimensions=3).clone().db_type(connection) == "clip_vector(3)"
        assert isinstance(ClipVectorField().formfield(), django.forms.CharField)


def test_register_leaves_other_databases_as_they_are(without):
    """Without the extension, as before a migration, and of others than PostgreSQL."""
    from clip_pg.django.registration import _connected

    class Other:
        vendor = "sqlite"

    _connected(Other())
    with psycopg.connect() as plain:
        Other.vendor, Other.connection = "postgresql", plain
        _connected(Other())


def test_psycopg2():
    assert run("django_with_psycopg2.py", OLDER_DRIVER) == "as with psycopg\n"


def run(program, *arguments):
    """What a program of this folder says; in a process of its own, since Django has one set of settings for each."""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here.parent), str(here)])
    command = [sys.executable, "-B", "-W", "error", here / program, *arguments]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
