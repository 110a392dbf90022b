"""The content type of a model, only looked for: which tables exist is made by migrations, never while a page is read."""

from django.contrib.contenttypes.models import ContentType
from django.db import models


def kind_of(model: type[models.Model] | models.Model) -> int | None:
    """The key of the content type of a model, or of a row's model; None for a table that has none, and of which no event can speak.

    ``ContentType.objects.get_for_model`` adds the one that it does not find, which the role of the application may not.
    """
    concrete = model._meta.concrete_model._meta
    if concrete.auto_created:  # the table of a many-to-many field: migrations make no content type for it
        return None
    try:
        return ContentType.objects.get_by_natural_key(concrete.app_label, concrete.model_name).pk
    except ContentType.DoesNotExist:
        return None
