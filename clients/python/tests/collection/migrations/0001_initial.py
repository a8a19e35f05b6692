# As makemigrations wrote it, but for the first operation and the last two.

import clip_pg.django
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        clip_pg.django.ClipPgExtension(),
        migrations.CreateModel(
            name='Photo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.TextField(blank=True, null=True)),
                ('caption', models.TextField(blank=True, null=True)),
                ('image', models.BinaryField(editable=True, null=True)),
                ('of_title', clip_pg.django.AutoEmbeddedField(dimensions=512)),
                ('of_caption', clip_pg.django.AutoEmbeddedField(dimensions=512)),
                ('of_image', models.GeneratedField(db_persist=True, expression=clip_pg.django.EmbedImage(models.F('image'), 'clip-mini'), output_field=clip_pg.django.ClipVectorField(dimensions=512, null=True))),
            ],
        ),
        migrations.CreateModel(
            name='Item',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('embedding', clip_pg.django.ClipVectorField(blank=True, dimensions=3, null=True)),
                ('free', clip_pg.django.ClipVectorField(blank=True, db_column='of any dimensions', null=True)),
                ('embeddings', django.contrib.postgres.fields.ArrayField(base_field=clip_pg.django.ClipVectorField(dimensions=3), blank=True, null=True, size=None)),
                ('numbers', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), blank=True, null=True, size=None)),
            ],
            options={
                'indexes': [clip_pg.django.ClipHnswIndex(fields=['embedding'], name='item_cosine'), clip_pg.django.ClipHnswIndex(condition=models.Q(('id__gt', 0)), ef_construction=32, fields=['embedding'], m=8, name='item_l2', opclasses=['clip_l2_ops']), clip_pg.django.ClipHnswIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.comparison.Cast('numbers', clip_pg.django.ClipVectorField(dimensions=3)), name='clip_ip_ops'), m=8, name='item_numbers'), clip_pg.django.ClipHnswIndex(django.contrib.postgres.indexes.OpClass('embedding', name='clip_ip_ops'), models.F('id'), models.F('numbers'), name='item_filtered')],
            },
        ),
        migrations.CreateModel(
            name='Recent',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('collection.photo',),
        ),
        clip_pg.django.ClipAutoEmbed('Photo', 'title', 'of_title', 'clip-mini'),
        clip_pg.django.ClipAutoEmbed('Photo', 'caption', 'of_caption', 'clip-mini'),
    ]
