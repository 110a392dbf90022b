"""Cells to values and back, with sentences for what cannot be read."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.widgets import Widget

from core.personal_numbers import without_national_numbers
from core.workbooks import Column
from core.workbooks.values import CellRefused, is_empty, read_value, to_text


def _shown(raw: Any) -> str:
    text = without_national_numbers(to_text(raw))
    return text if len(text) <= 60 else f"{text[:57]}…"


class ColumnWidget(Widget):
    """Reads a cell as its column says; the sentence names the value found."""

    def __init__(self, column: Column, empty: Any):
        super().__init__()
        self.column = column
        self.empty = empty

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The typed value. Raises ValueError with the value and what to type instead."""
        if is_empty(value):
            if self.column.required:
                raise ValueError(_("The cell is empty. Fill it in."))
            return self.empty
        try:
            return read_value(self.column, _without_apostrophe(value))
        except CellRefused as refused:
            raise ValueError(_("“%(value)s”: %(reason)s.") % {"value": _shown(value), "reason": refused}) from refused

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """The text of the dry run's comparison."""
        return "" if value is None else _shown(value)


class LinkWidget(ColumnWidget):
    """Reads the natural key of a row of another table, looked up once per key."""

    def __init__(self, column: Column, model: type[models.Model], key: str):
        super().__init__(column, None)
        self.model = model
        self.key = key
        self._found: dict[str, models.Model] = {}

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> models.Model | None:
        """The row. Raises ValueError when there is none."""
        text = super().clean(value, row, **kwargs)
        if text is None:
            return None
        if text not in self._found:
            found = self.model._default_manager.filter(**{self.key: text}).first()
            if found is None:
                raise ValueError(
                    _("“%(value)s”: there is no such %(name)s. Check the spelling, or add it first.")
                    % {"value": _shown(value), "name": self.model._meta.verbose_name}
                )
            self._found[text] = found
        return self._found[text]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """The natural key."""
        return "" if value is None else str(getattr(value, self.key))


def _without_apostrophe(value: Any) -> Any:
    """A text as it was before an export put an apostrophe in front of it."""
    if isinstance(value, str) and value[:1] == "'" and value[1:2] in {"=", "+", "-", "@", "\t", "\r"}:
        return value[1:]
    return value


class EssorField(Field):
    """A field of a resource whose errors are sentences about one cell."""

    def clean(self, row: Any, **kwargs: Any) -> Any:
        """The value of the cell. Raises ValueError."""
        try:
            return self.widget.clean(row.get(self.column_name), row=row, **kwargs)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
