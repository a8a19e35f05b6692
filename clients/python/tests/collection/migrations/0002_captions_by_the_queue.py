import clip_pg.django
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [('collection', '0001_initial')]

    operations = [
        clip_pg.django.ClipAutoEmbedRemove('Photo', 'caption', 'of_caption', model='clip-mini'),
        clip_pg.django.ClipAutoEmbed('Photo', 'caption', 'of_caption', model='clip-mini', mode='queue'),
    ]
