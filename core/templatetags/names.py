"""What people and bodies were called on the day of which a page speaks."""

from datetime import datetime

from django import template
from django.db import models

from core.admin.values import Names

register = template.Library()


@register.filter
def called_on(row: models.Model | None, moment: datetime | None) -> str:
    """A person, a body, as they were called at an instant, with today's name where it is another one; a query."""
    if row is None:
        return "–"
    names = Names()
    names.know(row)
    return names.of(type(row)._meta.concrete_model, row.pk, moment)
