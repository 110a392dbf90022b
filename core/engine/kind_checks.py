"""Of which kind the rows are that events speak of: the table of kinds is the library's, and the hashes of events say it.

Two kinds that are swapped would accuse every event of both; what is named is the kind.
"""

from collections.abc import Iterator
from itertools import zip_longest

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import fetch
from core.events import hash_of
from core.models.event import Event

FIRST_EVENTS = """
    SELECT first.id FROM django_content_type AS kind CROSS JOIN LATERAL (
        SELECT id FROM core_event WHERE content_type_id = kind.id ORDER BY object_id, sequence LIMIT 1
    ) AS first
"""


def _said() -> dict[int, str]:
    """What the table says, by number: "app.model"."""
    rows = ContentType.objects.values_list("pk", "app_label", "model")
    return {number: f"{app}.{model}" for number, app, model in rows}


def proven_kinds() -> dict[int, str]:
    """Each kind by its number: as the hash of its first event says it, or else as the table does."""
    said, kinds = _said(), _said()
    every = [model._meta.label_lower for model in apps.get_models(include_auto_created=True)]
    sure: set[str] = set()
    for event in Event.objects.filter(pk__in=[row["id"] for row in fetch(FIRST_EVENTS)]):
        number = event.content_type_id
        now = said.get(number, "?")
        if hash_of(event, now) == event.hash:
            sure.add(now)
        else:
            kinds[number] = next((label for label in every if hash_of(event, label) == event.hash), now)
    # the first event of a kind may be one that was moved there: a name that another kind proves is not its name
    return {number: said[number] if label in sure else label for number, label in kinds.items()}


def number_of_kind(model: type[models.Model]) -> int:
    """The number under which events speak of the rows of this model."""
    label = model._meta.concrete_model._meta.label_lower
    numbers = [number for number, proven in proven_kinds().items() if proven == label]
    return numbers[0] if len(numbers) == 1 else ContentType.objects.get_for_model(model).pk


def check_kinds() -> Iterator[Finding]:
    """No kind of rows was renamed: its first event and its rights say its name; each has the rights of its model."""
    said, proven = _said(), proven_kinds()
    renamed: set[int] = set()
    for number in sorted(said):
        if said[number] != proven[number]:
            renamed.add(number)
            sentence = _("the kind of rows “%(was)s” was renamed: the events about it were written under that name.")
            yield _finding(number, proven[number], said[number], sentence)
    query = """
        SELECT kind.id, kind.app_label || '.' || min(substr(held.codename, 6)) AS was FROM django_content_type AS kind
        JOIN auth_permission AS held ON held.content_type_id = kind.id AND held.codename LIKE 'view\\_%%'
        GROUP BY kind.id HAVING NOT bool_or(held.codename = 'view_' || kind.model) ORDER BY kind.id
    """
    for row in fetch(query):
        if said.get(row["id"]) == proven.get(row["id"]):
            renamed.add(row["id"])
            sentence = _("the kind of rows “%(was)s” was renamed: its rights are those of that name.")
            yield _finding(row["id"], row["was"], said[row["id"]], sentence)

    yield from _rights({number: label for number, label in said.items() if number not in renamed})


def _rights(kinds: dict[int, str]) -> Iterator[Finding]:
    """The rights of each kind are those that its model declares: pages and interfaces ask for them by name.

    A kind whose model went with an older version keeps its rights: nobody asks for them.
    """
    declared = {
        model._meta.label_lower: {
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(codename for codename, _name in model._meta.permissions),
        }
        for model in apps.get_models()
    }
    held: dict[int, dict[str, int]] = {number: {} for number in kinds}
    for pk, number, codename in Permission.objects.values_list("pk", "content_type_id", "codename"):
        if number in held:
            held[number][codename] = pk
    for number in sorted(kinds):
        if (expected := declared.get(kinds[number])) is None:
            continue
        for wanted, there in zip_longest(
            sorted(expected - held[number].keys()), sorted(held[number].keys() - expected)
        ):
            pk = held[number].get(there, "*")
            sentence = _("the rights of the kind of rows “%(kind)s” are not those that it declares.")
            yield Finding("auth_permission", pk, "codename", wanted, there, None, sentence, {"kind": kinds[number]})


def _finding(number: int, was: str, now: str, sentence: str) -> Finding:
    return Finding("django_content_type", number, "model", was, now, None, sentence, {"was": was})
