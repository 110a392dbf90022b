"""The values of a form as they are compared: what is typed and what is kept read alike when they mean the same."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseForm, FileField

DIGEST = 16
"""The length of a digest."""


def plain(value: Any) -> str:
    """A value as a form shows it: what is typed and what is kept read alike when they mean the same."""
    if value is None:
        return ""
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return str(int(value.timestamp()))  # a form shows no microseconds
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, models.QuerySet | list | tuple | set | frozenset):
        return "\n".join(sorted(plain(item) for item in value))
    return str(value).replace("\r\n", "\n").strip()


def digest(value: Any) -> str:
    """A short digest of a value: enough to see that it changed; the token repeats no personal data."""
    return hashlib.sha256(plain(value).encode()).hexdigest()[:DIGEST]


def initial_values(form: BaseForm) -> dict[str, Any]:
    """What the fields of a form show before anything is typed, by the names of the page."""
    return {
        form.add_prefix(name): form.get_initial_for_field(item, name)
        for name, item in form.fields.items()
        if not isinstance(item, FileField)
    }


def typed_in(form: BaseForm, name: str) -> Any:
    """What came back in one field of a bound form: its value, or the text as it was sent where that is none."""
    item = form.fields[name]
    raw = item.widget.value_from_datadict(form.data, form.files, form.add_prefix(name))
    try:
        return item.clean(raw)
    except ValidationError:
        return raw
