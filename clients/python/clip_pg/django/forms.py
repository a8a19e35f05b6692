"""The field of a form that a vector is written in as text."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..vector import Vector, check_dimensions, vector

__all__ = ["ClipVectorFormField"]


class ClipVectorFormField(forms.CharField):
    """A text like `[0.1,-2]`; the value is a vector, or None where there is no text."""

    default_error_messages = {"invalid": _("Enter a vector, as in [0.1,-2]: %(reason)s.")}

    def __init__(self, *, dimensions: int | None = None, **kwargs: Any) -> None:
        self.dimensions = dimensions
        super().__init__(**{**kwargs, "empty_value": None})

    def to_python(self, value: Any) -> Vector | None:
        text = super().to_python(None if isinstance(value, Vector) else value)
        given = value if isinstance(value, Vector) else text
        if given is None:
            return None
        try:
            return check_dimensions(vector(given), self.dimensions)
        except (TypeError, ValueError) as error:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"reason": str(error)}
            ) from error

    def prepare_value(self, value: Any) -> Any:
        # What was entered stays as it was entered.
        return value if value is None or isinstance(value, str) else vector(value).to_text()

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            before = None if initial is None else vector(initial)
            return bool(before != self.to_python(data))
        except (ValidationError, ValueError):
            return True
