"""Django on psycopg2, which it takes where psycopg is not installed."""

import sys

sys.modules["psycopg"] = None  # type: ignore[assignment]

from django_settings import configure

configure(sys.argv[1])

from collection.models import Item, Photo
from django.core.management import call_command
from django.db import connection

from clip_pg import Vector
from clip_pg.django import CosineDistance, EmbedText, register

call_command("migrate", verbosity=0)
connection.close()
register()
for number in range(1, 4):
    Item.objects.create(embedding=[number, 1, 1], embeddings=[[1, 2, 3], Vector([4, 5, 6])])
nearest = Item.objects.order_by(CosineDistance("embedding", [3, 1, 1]))[0]
assert nearest.embedding == [3, 1, 1] and nearest.embeddings == [[1, 2, 3], [4, 5, 6]]
Item.objects.filter(embedding__within=([3, 1, 1], 0.001)).update(embedding=None)
assert Item.objects.filter(embedding=None).get() == nearest
for title in ("a dog", "a ship"):
    photo = Photo.objects.create(title=title)
    assert photo.of_title.dimensions() == 512
assert Photo.objects.order_by(CosineDistance("of_title", EmbedText("a ship", "clip-mini")))[0] == photo
connection.close()
print("as with psycopg")
