"""How long a case and its documents are kept: rules, the events that start them, and the documents that follow.

A rule says for how many years, and from when they count. The event that starts it (the end of a case, a payment by an
EU fund, a de minimis grant) calls :func:`start`; the longest rule of a case decides, and every document of the case is
kept until then: the database refuses to delete it earlier.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from core.dates import add_years
from core.documents import keep_until
from core.events import record
from core.models.document import Document
from core.models.retention import Retention


@dataclass(frozen=True)
class RetentionRule:
    """One reason to keep. ``setting`` names the setting that holds the years; ``source`` says where they come from.

    ``least`` are the years of the law: a setting may keep for longer, never for less.
    """

    code: str
    label: str | Promise
    source: str | Promise
    setting: str
    from_end_of_year: bool = False
    least: int = 1

    @property
    def set_to(self) -> int:
        """The years that the setting says."""
        return getattr(settings, self.setting)

    @property
    def years(self) -> int:
        """For how many years."""
        return max(self.set_to, self.least)

    def until(self, day: date) -> date:
        """The last day on which what started on ``day`` is kept."""
        start = date(day.year, 12, 31) if self.from_end_of_year else day
        return add_years(start, self.years)


def years_are_lawful(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """No setting keeps for less than the law: Essor does not start so, and would keep for the law's years all the same."""
    return [
        Error(
            f"{rule.setting} says {rule.set_to}, and at least {rule.least} are due. {rule.source}.",
            id="essor.E003",
        )
        for rule in rules()
        if rule.set_to < rule.least
    ]


DocumentsOf = Callable[[models.Model], QuerySet[Document]]
_rules: dict[str, RetentionRule] = {}
_documents: dict[type[models.Model], list[DocumentsOf]] = {}


def register_rule(rule: RetentionRule) -> None:
    """Declare a rule, once, when the app is ready."""
    _rules[rule.code] = rule


def rule_of(code: str) -> RetentionRule:
    """The rule of this code. Raises LookupError when nobody declared it."""
    if code not in _rules:
        raise LookupError(f"No retention rule is called {code!r}.")
    return _rules[code]


def rules() -> list[RetentionRule]:
    """Every rule, by its code."""
    return [_rules[code] for code in sorted(_rules)]


def register_documents(model: type[models.Model], documents: DocumentsOf) -> None:
    """Say which documents are kept with a row of ``model``; each app adds those that it knows."""
    _documents.setdefault(model, []).append(documents)


def start(subject: models.Model, code: str, day: date) -> Retention:
    """Keep ``subject`` and its documents by a rule that ``day`` started; a date that is already later stays.

    Raises:
        LookupError: the rule was never declared.
    """
    rule = rule_of(code)
    until = rule.until(day)
    with transaction.atomic():
        row = Retention.objects.of(subject).filter(rule=code).select_for_update().first()
        if row is None:
            row = Retention.objects.create(subject=subject, rule=code, starts_on=day, until=until)
        elif row.until < until:
            row.starts_on, row.until = day, until
            row.save(update_fields=["starts_on", "until"])
        else:
            return row
        record(subject, "retention", data={"rule": str(rule.label), "from": day, "until": until})
        keep_documents(subject)
    return row


def until_of(subject: models.Model, code: str) -> date | None:
    """Until when a rule keeps ``subject``; None when it was not started."""
    return Retention.objects.of(subject).filter(rule=code).values_list("until", flat=True).first()


CatchUp = Callable[[], int]
_catch_ups: list[CatchUp] = []


def register_catch_up(catch_up: CatchUp) -> None:
    """What the nightly job calls: starts what an event before this rule should have started."""
    _catch_ups.append(catch_up)


def nightly() -> None:
    """Start what was missed, then keep the documents that came since."""
    for catch_up in _catch_ups:
        catch_up()
    keep_all_documents()


def keep_documents(subject: models.Model) -> int:
    """Keep every document of ``subject`` as long as its longest rule says; how many dates moved."""
    longest = Retention.objects.of(subject).first()
    if longest is None:
        return 0
    moved = 0
    for document in _not_kept_until(_documents_of(subject), longest.until):
        keep_until(document, longest.until)
        moved += 1
    return moved


def keep_all_documents() -> int:
    """As :func:`keep_documents` for everything under retention: documents that came after the event that started it."""
    return sum(keep_documents(row.subject) for row in Retention.objects.decisive().iterator(500))


def documents_of(subject: models.Model) -> list[Document]:
    """The documents that are kept with ``subject``, each once."""
    return list({document.pk: document for documents in _documents_of(subject) for document in documents}.values())


def _documents_of(subject: models.Model) -> Iterable[QuerySet[Document]]:
    for documents in _documents.get(type(subject)._meta.concrete_model, ()):
        yield documents(subject)


def _not_kept_until(found: Iterable[QuerySet[Document]], until: date) -> Iterable[Document]:
    for documents in found:
        yield from documents.filter(Q(retention_until__isnull=True) | Q(retention_until__lt=until))
