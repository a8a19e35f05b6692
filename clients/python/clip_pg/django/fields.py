"""The fields of models: a vector that the application writes, and one that the extension keeps current."""

from __future__ import annotations

from enum import Enum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Model
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from ..catalogue import NAME
from ..vector import Vector, check_dimensions, vector
from .forms import ClipVectorFormField

__all__ = ["AutoEmbeddedField", "ClipVectorField"]


class _Empty:
    """What counts as no value; to an array of NumPy it is not compared."""

    def __contains__(self, value: Any) -> bool:
        return value is None or (isinstance(value, str) and value == "")


class ClipVectorField(models.Field):
    """A column of the type `clip_vector(dimensions)`.

    Values are vectors; lists, arrays of NumPy and texts are taken for such.
    """

    description = _("Vector of half-precision numbers")
    default_error_messages = {"invalid": _("“%(value)s” is no vector: %(reason)s.")}
    empty_strings_allowed = False
    empty_values = _Empty()

    def __init__(self, *args: Any, dimensions: int | None = None, **kwargs: Any) -> None:
        self.dimensions = dimensions
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[Any, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        if self.dimensions is not None:
            kwargs["dimensions"] = self.dimensions
        return name, path.replace(".fields.", "."), args, kwargs

    def db_type(self, connection: Any) -> str:
        return NAME if self.dimensions is None else f"{NAME}({self.dimensions})"

    def get_internal_type(self) -> str:
        return "ClipVectorField"

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """With its type, so that a driver that binds parameters on the server need not guess."""
        return f"%s::{NAME}"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> tuple[str, Any]:
        """The same, as Django 6.1 and later ask for it."""
        placeholder = self.get_placeholder(value, compiler, connection)
        if hasattr(value, "as_sql"):
            sql, params = compiler.compile(value)
            return placeholder % sql, params
        return placeholder, (value,)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Vector | None:
        # A text, or a vector where the driver knows the type.
        return None if value is None else vector(value)

    def to_python(self, value: Any) -> Vector | None:
        if value in self.empty_values:
            return None
        try:
            return check_dimensions(vector(value), self.dimensions)
        except (TypeError, ValueError) as error:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value, "reason": str(error)}
            ) from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return check_dimensions(vector(value), self.dimensions).to_text()

    def value_to_string(self, obj: Model) -> str | None:
        """For fixtures: the text form."""
        value = self.value_from_object(obj)
        return None if value is None else vector(value).to_text()

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{"form_class": ClipVectorFormField, "dimensions": self.dimensions, **kwargs},
        )


class _Stale(Enum):
    """In place of a value that is to be read when somebody asks for it."""

    STALE = 1


class _AutoEmbedded(DeferredAttribute):
    """Reads the value that has come about since the row was written, when it is asked for."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is not None and instance.__dict__.get(self.field.attname) is _Stale.STALE:
            # One that is not in the database, since it could not be saved, say, has none.
            if instance._state.adding or instance.pk is None:
                return None
            instance.refresh_from_db(fields=[self.field.attname])
        if instance is not None and self.field.attname in instance.__dict__:
            return instance.__dict__[self.field.attname]
        return super().__get__(instance, cls)

    # With this, the attribute is asked before what the instance holds.
    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class AutoEmbeddedField(ClipVectorField):
    """A column that `clip_auto_embed` keeps current, made by the operation `ClipAutoEmbed`.

    `save()` and `bulk_create()` never write it, whatever the instance holds, and after them the value is read from the
    database when it is next asked for: a vector, or None while the row is pending. `update()` and `bulk_update()` that
    name the field do write it. A generated column is Django's `GeneratedField`, with `EmbedImage` or `EmbedText` as its
    expression.
    """

    description = _("Embedding that the database keeps current")
    descriptor_class = _AutoEmbedded

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["null"] = True
        kwargs["blank"] = True
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[Any, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        for always in ("null", "blank", "editable"):
            del kwargs[always]
        return name, path, args, kwargs

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        setattr(model_instance, self.attname, _Stale.STALE)
        return None if add else F(self.attname)
