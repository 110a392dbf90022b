"""What the preview of a file showed of the rows that the file names: confirmed over newer values, it is refused.

The preview signs, by the number of the row in the file, a digest of the values that it read in the columns of the file.
When the file is confirmed, each row that it would write is locked, read again and compared. A long file has no preview:
it is compared with the rows as they were when it was sent, by the number of the newest line of their history.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Max
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.dates import format_moment
from core.engine.hands import last_hand
from core.engine.versions import digest, plain
from core.history import history_model_of, key_of
from core.money import format_euros
from core.text import listed

NEW = ""
"""In the place of a digest: the preview found no such row."""

Seen = Mapping[str, str]
"""By the number of a row in the file, as a text."""

_SALT = "essor.import"


class TooOld(ValueError):
    """A confirmation without the preview of its own file, or of another one."""


def token_of(file_name: str, table: str, seen: Seen) -> str:
    """The text of the hidden field of the confirmation of this file."""
    return signing.dumps([file_name, table, dict(seen)], salt=_SALT, compress=True)


def read(token: str, file_name: str, table: str) -> dict[str, str]:
    """What the preview of this file showed. Raises TooOld."""
    try:
        name, label, seen = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise TooOld from error
    if (name, label) != (file_name, table):
        raise TooOld
    return seen


def digest_of(instance: models.Model, fields: Iterable[Any]) -> str:
    """The values of a row in the columns of a file, and which row it is."""
    values = [f"{field.attribute}={plain(kept(instance, field.attribute))}" for field in fields]
    return digest([str(instance.pk), *values])


def kept(instance: models.Model, name: str) -> Any:
    """A value as an event keeps it: a link by its key."""
    return getattr(instance, instance._meta.get_field(name).attname)


def held(instance: models.Model) -> models.Model | None:
    """The row as it is now, held until the transaction ends; None when it is gone."""
    rows = type(instance)._base_manager.select_for_update(of=("self",), no_key=True)
    return rows.filter(pk=instance.pk).first()


def newest_line(model: type[models.Model]) -> int:
    """The number of the newest line of the history of a table."""
    return history_model_of(model).objects.aggregate(found=Max("pgh_id"))["found"] or 0


def is_newer(now: models.Model, line: int) -> bool:
    """Whether the row has a line in its history after the one of this number."""
    model = type(now)
    return history_model_of(model).objects.filter(**{key_of(model): now.pk}, pgh_id__gt=line).exists()


def refusal(instance: models.Model, now: models.Model | None, fields: Iterable[Any]) -> ValidationError:
    """What the row holds now beside what the file says, and who wrote it."""
    if now is None:
        return ValidationError(_("This row was there in the preview and is gone since."))
    told = []
    for field in fields:
        theirs, mine = (getattr(row, field.attribute) for row in (now, instance))
        if plain(theirs) != plain(mine):
            words = {"label": field.widget.column.label, "now": _words(field, theirs), "file": _words(field, mine)}
            told.append(_("%(label)s: “%(now)s” now, “%(file)s” in the file") % words)
    hand = last_hand(type(now), now.pk)
    words = {"values": listed(told), "person": (hand and hand.user) or "Essor"}
    words["when"] = format_moment(hand.at) if hand else "–"
    sentence = _("%(person)s changed this row on %(when)s, after the file was sent. %(values)s.")
    return ValidationError(capfirst(sentence % words))


def _words(field: Any, value: Any) -> str:
    """A value as a page says it."""
    column = field.widget.column
    if value in (None, ""):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal) and column.kind == "money":
        return format_euros(value)
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    return str(dict(column.choices or ()).get(value) or field.widget.render(value))
