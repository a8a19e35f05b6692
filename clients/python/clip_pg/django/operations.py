"""Operations of migrations; all of them can be reversed."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import CreateExtension
from django.db import router
from django.db.migrations.operations.base import Operation

__all__ = ["ClipAutoEmbed", "ClipAutoEmbedRemove", "ClipPgExtension"]


class ClipPgExtension(CreateExtension):
    """`CREATE EXTENSION clip_pg`, which takes a superuser; nothing where it is there."""

    def __init__(self) -> None:
        super().__init__("clip_pg")


class ClipAutoEmbed(Operation):
    """Has the extension keep the field `target` current with the field `source`, of images or texts.

    `model` is the name of a registered one, the one of `clip_pg.model` unless given, and `mode` is `trigger` or
    `queue`. What is in the table already is pending, and embedded by `CALL clip_backfill`, outside migrations.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self, model_name: str, source: str, target: str, model: str | None = None, mode: str = "trigger"
    ) -> None:
        self.model_name = model_name
        self.source = source
        self.target = target
        self.model = model
        self.mode = mode

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs = {"model_name": self.model_name, "source": self.source, "target": self.target}
        if self.model is not None:
            kwargs["model"] = self.model
        if self.mode != "trigger":
            kwargs["mode"] = self.mode
        return type(self).__qualname__, [], kwargs

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models are the same."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._begin(app_label, schema_editor, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._end(app_label, schema_editor, to_state)

    def _table(self, app_label: str, schema_editor: Any, state: Any) -> Any:
        """The model of the table, None where the migration is not for this database."""
        model = state.apps.get_model(app_label, self.model_name)
        return model if router.allow_migrate_model(schema_editor.connection.alias, model) else None

    def _begin(self, app_label: str, schema_editor: Any, state: Any) -> None:
        model = self._table(app_label, schema_editor, state)
        if model is not None:
            columns = [model._meta.get_field(name).column for name in (self.source, self.target)]
            _call(schema_editor, "clip_auto_embed", model, *columns, self.model, self.mode)

    def _end(self, app_label: str, schema_editor: Any, state: Any) -> None:
        model = self._table(app_label, schema_editor, state)
        if model is not None:
            _call(schema_editor, "clip_auto_embed_remove", model, model._meta.get_field(self.target).column)

    def describe(self) -> str:
        return f"Keep {self.model_name}.{self.target} current with {self.model_name}.{self.source}"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_{self.target.lower()}_auto_embed"


class ClipAutoEmbedRemove(ClipAutoEmbed):
    """Ends what `ClipAutoEmbed` with the same arguments began; the vectors stay."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._end(app_label, schema_editor, from_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._begin(app_label, schema_editor, to_state)

    def describe(self) -> str:
        return f"No longer keep {self.model_name}.{self.target} current with {self.model_name}.{self.source}"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_{self.target.lower()}_auto_embed_remove"


def _call(schema_editor: Any, function: str, model: Any, *arguments: Any) -> None:
    table = schema_editor.quote_name(model._meta.db_table)
    places = ", ".join(["%s"] * (1 + len(arguments)))
    schema_editor.execute(f"SELECT {function}({places})", [table, *arguments])
