"""What an application with Django might have."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast

from clip_pg.django import AutoEmbeddedField, ClipHnswIndex, ClipVectorField, EmbedImage


class Item(models.Model):
    embedding = ClipVectorField(dimensions=3, null=True, blank=True)
    free = ClipVectorField(null=True, blank=True, db_column="of any dimensions")
    embeddings = ArrayField(ClipVectorField(dimensions=3), null=True, blank=True)
    numbers = ArrayField(models.FloatField(), null=True, blank=True)

    class Meta:
        indexes = [
            ClipHnswIndex(fields=["embedding"], name="item_cosine"),
            ClipHnswIndex(
                fields=["embedding"],
                opclasses=["clip_l2_ops"],
                m=8,
                ef_construction=32,
                condition=Q(id__gt=0),
                name="item_l2",
            ),
            ClipHnswIndex(
                OpClass(Cast("numbers", ClipVectorField(dimensions=3)), name="clip_ip_ops"), m=8, name="item_numbers"
            ),
            ClipHnswIndex(OpClass("embedding", name="clip_ip_ops"), "id", "numbers", name="item_filtered"),
        ]


class Photo(models.Model):
    title = models.TextField(null=True, blank=True)
    caption = models.TextField(null=True, blank=True)
    image = models.BinaryField(null=True, editable=True)
    # By a trigger, by the queue, and generated.
    of_title = AutoEmbeddedField(dimensions=512)
    of_caption = AutoEmbeddedField(dimensions=512)
    of_image = models.GeneratedField(
        expression=EmbedImage(F("image"), "clip-mini"),
        output_field=ClipVectorField(dimensions=512, null=True),
        db_persist=True,
    )


class Recent(Photo):
    """The same table."""

    class Meta:
        proxy = True
