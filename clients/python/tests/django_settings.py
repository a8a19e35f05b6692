"""Settings of Django for a database."""

import os
from collections.abc import Sequence

import django
from django.conf import settings


def configure(database: str, apps: Sequence[str] = ("collection",), **more: object) -> None:
    name = {"NAME": database, "USER": os.environ["PGUSER"], "HOST": os.environ["PGHOST"]}
    default = {"ENGINE": "django.db.backends.postgresql", "PORT": os.environ.get("PGPORT", ""), **name}
    # The same with parameters that the server puts in.
    bound = {**default, "OPTIONS": {"server_side_binding": True}}
    settings.configure(
        DATABASES={"default": default, **({"bound": bound} if more else {})},
        INSTALLED_APPS=["django.contrib.postgres", *apps],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        **more,
    )
    django.setup()
