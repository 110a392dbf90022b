"""What a page showed, what is there now, what the person typed: nobody writes over what they have not seen.

Every form that writes carries a signed token (the hidden field ``shown``, tag ``{% shown %}``): which row the page was
about, the number of its newest event, and a digest of each value that a field showed (sums and questions stand in it as
they were read). When the form comes back, under the lock of the row,

* a decision (a button, a transition) is taken only when nothing happened to the row since, and what its page sums up
  of other rows (``WorkflowModel.sums_shown``) still comes to the same (:func:`verify`);
* a form of several fields is settled field by field (:func:`settle`): what the person did not touch keeps the value
  that it has now, what somebody else changed and the person changed too is refused.

A refusal is :class:`Stale`; :class:`core.middleware.StaleMiddleware` answers it with both versions side by side.
The reasons are in ``docs/adr/0011-versions-of-forms.md``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from django.core import signing
from django.db import models, transaction
from django.db.models import IntegerField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.forms import BaseForm, FileField
from django.http import HttpRequest
from django.utils.text import capfirst

from core.engine import grounds as resting
from core.engine.digests import DIGEST, digest, plain, typed_in
from core.engine.kinds import kind_of
from core.engine.questions import words_of
from core.models.event import Event
from core.text import is_number

FIELD = "shown"
"""The name of the hidden field that carries the token."""

SUMS = "+sums"
"""The name, among the values of a token, of the digest of what the page sums up of the rows under its own."""
WERE = "+were"
"""The name, among the values of a token, of these sums as they were read: the refusal says what became of them."""

REACHED = "+"
"""What stands between a token and the number that the page's own script has reached since (``shown.js``)."""
REACHED_HEADER = "Essor-Reached"
"""The header by which an answer to a script says it: the row, its number before and after what the script did."""

_SALT = "essor.shown"
_BETWEEN = "_"


@dataclass(frozen=True)
class Shown:
    """What a page showed of a row: ``app.model:id``, the number of its newest event, digests of values by field."""

    subject: str
    number: int
    values: dict[str, str] = field(default_factory=dict)

    def token(self) -> str:
        """The text of the hidden field."""
        return signing.dumps([self.subject, self.number, self.values], salt=_SALT, compress=True)


@dataclass(frozen=True)
class Difference:
    """One field that two people changed: its label, what is there now, what the second one typed.

    ``words`` are both as the field says them, where it has choices. Of a row of a table that is gone, ``mine`` is what was
    typed in it, by label.
    """

    name: str
    label: str
    theirs: Any
    mine: Any
    words: tuple[str, str] | None = None


class Stale(Exception):
    """A write that rests on what is no longer so.

    ``shown`` is None when the form carried no version at all; ``again`` is the token with which the person may write
    theirs on top, having seen the difference. ``refusal`` says why it cannot be done at all any more: nothing is offered
    but what was typed, to be taken elsewhere.
    """

    def __init__(
        self,
        subject: models.Model,
        shown: Shown | None,
        differences: Iterable[Difference] = (),
        values: Mapping[str, Any] | None = None,
        refusal: str = "",
    ):
        self.subject, self.shown = _itself(subject), shown
        self.differences, self.values = list(differences), values or {}
        self.refusal = refusal
        self.form: BaseForm | None = None  # of now, where a view knows it: the words of what was typed
        self.left: set[str] = set()  # the fields that came back as they were shown: nobody typed in them
        self.grounds: Mapping[str, str] | None = None  # on which the answer would rest now, where its page said some
        self.rows: Mapping[str, models.QuerySet] = {}  # of which some were ticked, by the name of the boxes
        self.besides: list[Difference] | None = None  # what else was typed, that nobody disputes, where a view knows it
        super().__init__(label_of(subject))

    def events_since(self) -> list[Event]:
        """What happened to the row since the page was read, newest first; nothing when that is not known."""
        return list(self.since().select_related("actor").order_by("-pk")[:20])

    def since(self) -> models.QuerySet:
        """All of it, however long, oldest first."""
        if self.shown is None:
            return Event.objects.none()
        events = Event.objects.of(self.subject).filter(sequence__gt=self.shown.number)
        return events.exclude(action__in=_beside(type(self.subject)))

    def last_event(self) -> list[Event]:
        """Who wrote what differs, where it was there when the page was read once more: the newest event of the row, with
        what was written with it."""
        if self.shown is None or not self.differences:
            return []
        events = Event.objects.of(self.subject).exclude(action__in=_beside(type(self.subject)))
        events = list(events.select_related("actor").order_by("-sequence")[:5])
        at = [(item.transaction or item.pk, item.actor_id) for item in events]
        return [item for item, own in zip(events, at, strict=True) if own == at[0]]

    def grounds_changed(self) -> list[tuple[str, str, str]]:
        """What the answer rests on, where it is no longer what the page said: (label, then, now)."""
        then = resting.read(self.shown.values) if self.shown is not None else None
        return resting.changed(then, self._grounds() or {}) if then is not None else []

    def _grounds(self) -> Mapping[str, str] | None:
        return resting.of(self.form) if self.grounds is None else self.grounds

    def sums_changed(self) -> list[tuple[str, Any, Any]]:
        """What the page summed up and what it comes to now, where they differ: (label, then, now)."""
        if self.shown is None or WERE not in self.shown.values:
            return []
        then, now = self.shown.values[WERE].split(_BETWEEN), sums_of(self.subject, fresh=True)
        if len(then) != len(now):
            return []
        pairs = zip(now.items(), then, strict=True)
        return [(label, _read(was, value), value) for (label, value), was in pairs if plain(value) != was]

    def again(self) -> str:
        """The same page, read once more: what differed is now seen, what the person left alone stays as it was."""
        number = number_of(self.subject, fresh=True)
        if self.shown is None:
            return Shown(label_of(self.subject), number).token()
        seen = {item.name: digest(item.theirs) for item in self.differences}
        seen |= {name: digest(value) for name, value in self.values.items()} | _digest_of_sums(self.subject, fresh=True)
        seen |= resting.written(self._grounds())
        return replace(self.shown, number=number, values=self.shown.values | seen).token()


def _itself(subject: models.Model) -> models.Model:
    """The row itself, whose class the page of the conflict asks: the account of a request is a proxy, read by its key."""
    return getattr(subject, "_wrapped", subject) if subject.pk else subject


# --- the number of a row -------------------------------------------------------------------------------------------


def label_of(subject: models.Model) -> str:
    """``app.model:id``."""
    return f"{subject._meta.concrete_model._meta.label_lower}:{subject.pk}"


def _beside(model: type[models.Model]) -> frozenset[str]:
    """The events of a model on which no decision rests: a note, a message (``EVENTS_BESIDE``)."""
    return getattr(model, "EVENTS_BESIDE", frozenset())


def with_number(queryset: models.QuerySet) -> models.QuerySet:
    """The rows with the number of their newest event, read in the same query as the row that the page shows."""
    model = queryset.model
    if not isinstance(model._meta.pk, models.IntegerField):
        return queryset
    events = Event.objects.filter(content_type=kind_of(model), object_id=OuterRef("pk"))
    newest = events.exclude(action__in=_beside(model)).order_by("-sequence").values("sequence")[:1]
    return queryset.annotate(_version=Coalesce(Subquery(newest), Value(0), output_field=IntegerField()))


def number_of(subject: models.Model, *, fresh: bool = False) -> int:
    """The number of the newest event of a row: as it was when the row was read where :func:`with_number` read it."""
    if not fresh and "_version" in subject.__dict__:
        return subject._version
    if not isinstance(subject._meta.pk, models.IntegerField):
        return 0
    events = Event.objects.of(subject).exclude(action__in=_beside(type(subject)))
    number = events.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    if not fresh:
        subject._version = number
    return number


def shown_of(subject: models.Model, values: Mapping[str, Any] | None = None) -> Shown:
    """What a page that is being made shows of a row."""
    digests = {name: digest(value) for name, value in (values or {}).items()}
    return Shown(label_of(subject), number_of(subject), digests | _digest_of_sums(subject))


def sums_of(subject: models.Model, *, fresh: bool = False) -> dict[str, Any]:
    """What the page of a row sums up of the rows under it, by label: they change without an event of its own."""
    if not fresh and "_sums" in subject.__dict__:
        return subject._sums
    sums = subject.sums_shown() if hasattr(subject, "sums_shown") else {}
    if not fresh:
        subject._sums = sums
    return sums


def _digest_of_sums(subject: models.Model, *, fresh: bool = False) -> dict[str, str]:
    sums = [plain(value) for value in sums_of(subject, fresh=fresh).values()]
    return {SUMS: digest(sums), WERE: _BETWEEN.join(sums)} if sums else {}


def _read(was: str, like: Any) -> Any:
    """A sum of a token, as a value of the kind that the page shows now."""
    try:
        if isinstance(like, date):
            return date.fromisoformat(was)
        return type(like)(was) if isinstance(like, Decimal | int) else was
    except (ArithmeticError, ValueError):
        return was


def seen_of(subject: models.Model) -> str:
    """What a page showed of a row, for the address of a button that leads to another page: :func:`seen_in` reads it."""
    sums = _digest_of_sums(subject)
    return "~".join([f"{number_of(subject)}-{sums[SUMS]}", sums[WERE]]) if sums else str(number_of(subject))


def seen_in(text: str, shown: Shown) -> Shown:
    """``shown`` as the page saw it from which ``text`` (:func:`seen_of`) comes; unchanged when that is no such text."""
    seen, _tilde, were = text.partition("~")
    number, _dash, sums = seen.partition("-")
    if not is_number(number) or len(number) > DIGEST:
        return shown
    values = dict(shown.values)
    if sums and sums != values.get(SUMS):
        values[SUMS] = sums[:DIGEST]
        values.pop(WERE, None)
        if digest(were.split(_BETWEEN)) == sums and re.fullmatch(r"[-\d._]*", were):
            values[WERE] = were
    return replace(shown, number=int(number), values=values)


# --- a form that comes back ----------------------------------------------------------------------------------------


def not_carried(subject: models.Model) -> Shown:
    """A form without a version, or of another row: an old page, or no page of ours."""
    raise Stale(subject, None)


def read(token: str) -> Shown | None:
    """What a token says; None where it is none of ours."""
    try:
        return Shown(*signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def carried(data: Mapping[str, Any], subject: models.Model, name: str = FIELD) -> Shown:
    """The version that a posted form carries; :class:`Stale` when it has none for this row."""
    token, _plus, reached = str(data.get(name, "")).partition(REACHED)
    shown = read(token)
    if shown is None or shown.subject != label_of(subject):
        return not_carried(subject)
    return replace(shown, number=int(reached)) if is_number(reached) and len(reached) <= DIGEST else shown


def lock(subject: models.Model) -> None:
    """Hold the row until the transaction ends: what is compared stays so until it is written."""
    rows = subject._meta.concrete_model._base_manager.select_for_update(of=("self",), no_key=True)
    list(rows.filter(pk=subject.pk).values_list("pk"))


def verify(subject: models.Model, shown: Shown | None, values: Mapping[str, Any] | None = None) -> None:
    """Refuse when anything happened to the (locked) row since it was shown, whoever did it: the same person in another
    window has not seen it in this one. None is a caller who has just read it.

    Args:
        values: what else the page showed, that leaves no event (the answers of a draft), as it is now.
    """
    if shown is None:
        return
    now = {name: digest(value) for name, value in (values or {}).items()}
    if SUMS in shown.values:
        now |= {name: value for name, value in _digest_of_sums(subject, fresh=True).items() if name == SUMS}
    moved = any(shown.values.get(name, value) != value for name, value in now.items())
    if moved or shown.subject != label_of(subject) or number_of(subject, fresh=True) != shown.number:
        raise Stale(subject, shown, values=values)


def verify_grounds(subject: models.Model, shown: Shown | None, grounds: Mapping[str, str] | None) -> None:
    """Refuse an answer that rests on other facts than its page said (``core.engine.grounds``)."""
    then = resting.read(shown.values) if shown is not None else None
    if then is not None and then != (grounds or {}):
        stale = Stale(subject, shown)
        stale.grounds = grounds
        raise stale


def picked(shown: Shown | None, offered: Mapping[str, str], labels: Iterable[str]) -> dict[str, str]:
    """What a page said of the rows of its list, with what those that were picked there (``labels``) are now: whoever picks
    a row picks it as it was shown, and what else the list offered decides nothing. For :func:`verify_grounds`."""
    then = resting.read(shown.values) if shown is not None else None
    return (then or {}) | {label: offered[label] for label in labels if label in offered}


@contextmanager
def reached(subject: models.Model) -> Iterator[dict[str, str]]:
    """What the script of a page does inside leads the page from one number of the (locked) row to the next: the yielded
    headers of the answer say so once it is done. A page that showed another number before stays as old as it is."""
    headers: dict[str, str] = {}
    with transaction.atomic():
        lock(subject)
        before = number_of(subject, fresh=True)
        yield headers
        after = number_of(subject, fresh=True)
    if after != before:
        headers[REACHED_HEADER] = f"{label_of(subject)} {before} {after}"


def gone_on(request: HttpRequest, subject: models.Model, reason: str, form: BaseForm | None = None) -> NoReturn:
    """The form of a page whose row has moved on, so that what it asks is no longer possible: ``reason`` says why, and
    what was typed is given back, in the words of ``form`` (bound) where the view knows it. For the pages of the staff and
    of the applicants alike.

    Raises:
        Stale: always.
    """
    try:
        shown = carried(request.POST, subject)
    except Stale:
        shown = None  # a page that adds something carries no version
    stale = Stale(subject, shown, refusal=str(reason))
    if form is not None:
        stale.form, stale.left = form, left_alone(form, shown) if shown is not None else set()
    raise stale


def left_alone(form: BaseForm, shown: Shown) -> set[str]:
    """The names, on the page, of the fields that came back as it showed them."""
    names = {name: form.add_prefix(name) for name, item in form.fields.items() if not isinstance(item, FileField)}
    return {
        on_page
        for name, on_page in names.items()
        if on_page in shown.values and digest(typed_in(form, name)) == shown.values[on_page]
    }


@contextmanager
def unchanged(
    request: HttpRequest, subject: models.Model, grounds: Callable[[], Mapping[str, str]] | None = None
) -> Iterator[None]:
    """What is done inside rests on the row as the page showed it: it is locked, compared, then written. ``grounds`` reads,
    under the lock, what else the answer rests on."""
    shown = carried(request.POST, subject)
    with transaction.atomic():
        lock(subject)
        if grounds is not None:
            verify_grounds(subject, shown, grounds())
        verify(subject, shown)
        yield


def settle(
    form: BaseForm, subject: models.Model, shown: Shown, *, together: bool = False, whole: bool = False
) -> set[str]:
    """Compare, field by field, what was shown, what is there now (the bound form's initial) and what was typed.

    The form is cleaned: fields that the person did not touch keep the value that they have now, whatever was sent.

    Args:
        together: the fields are one fact (an answer and its reason): who touches one of them says them all.
        whole: what the page shows is about to be decided on as it stands: every field of it is said.

    Returns:
        The fields that the person touched.

    Raises:
        Stale: a field was touched here and changed there.
    """
    left, differences = compared(form, subject, shown, together=together, whole=whole)
    if differences:
        stale = Stale(subject, shown, differences)
        stale.form, stale.left = form, {form.add_prefix(name) for name in left}  # told in its words
        stale.besides = undisputed(form, subject, shown, differences)
        raise stale
    with _kept(form, left):
        form.full_clean()
    return set(form.fields) - left


def compared(
    form: BaseForm, subject: models.Model, shown: Shown, *, together: bool = False, whole: bool = False
) -> tuple[set[str], list[Difference]]:
    """The fields that say what the page said, and those changed both here and there: with them, where they are one
    fact, all that this fact is now. A row of a table on the page of ``subject`` says which one it is."""
    known = [name for name, item in form.fields.items() if not isinstance(item, FileField)]
    known = [name for name in known if form.add_prefix(name) in shown.values]
    typed = {name: typed_in(form, name) for name in known}
    left = {name for name in known if digest(typed[name]) == shown.values[form.add_prefix(name)]}
    if whole or (together and len(left) < len(known)):
        left = set()
    now = {name: form.get_initial_for_field(form.fields[name], name) for name in known}
    differ = [
        name
        for name in known
        if name not in left and digest(now[name]) not in (shown.values[form.add_prefix(name)], digest(typed[name]))
    ]
    if differ and together:
        differ = [name for name in known if not form.fields[name].widget.is_hidden]
    return left, [difference(form, name, now[name], typed[name], subject) for name in differ]


def difference(form: BaseForm, name: str, theirs: Any, mine: Any, subject: models.Model) -> Difference:
    """What is there now and what was typed in a field, told with the row of a table that it is of."""
    row, label = getattr(form, "instance", None), str(form[name].label)
    if isinstance(row, models.Model) and row.pk is None:
        label = f"{capfirst(row._meta.verbose_name)} – {label}"
    elif isinstance(row, models.Model) and label_of(row) != label_of(subject):
        label = f"{row} – {label}"
    told = [words_of(form.fields[name], value) for value in (theirs, mine)]
    return Difference(form.add_prefix(name), label, theirs, mine, None if None in told else tuple(told))


def undisputed(form: BaseForm, subject: models.Model, shown: Shown, told: Iterable[Difference]) -> list[Difference]:
    """What the person typed in a (bound) form besides what is ``told``: as long as nothing is recorded, it is told too."""
    known = {item.name for item in told}
    found = []
    for name, item in form.fields.items():
        on_page = form.add_prefix(name)
        if on_page in known or isinstance(item, FileField) or item.widget.is_hidden or item.disabled:
            continue
        now, typed = form.get_initial_for_field(item, name), typed_in(form, name)
        if digest(typed) not in (shown.values.get(on_page), digest(now)):
            found.append(difference(form, name, now, typed, subject))
    return found


@contextmanager
def _kept(form: BaseForm, left: set[str]) -> Iterator[None]:
    """While the form is cleaned, what was left alone has its present value: to Django, a disabled field."""
    before = {name: form.fields[name].disabled for name in left}
    for name in left:
        form.fields[name].disabled = True
    try:
        yield
        _ = form.changed_data  # worked out, and kept, meanwhile
    finally:
        for name, disabled in before.items():
            form.fields[name].disabled = disabled


def settling(
    form_class: type[BaseForm],
    shown: Shown,
    subject: models.Model,
    beside: Callable[[], tuple[list[Difference], list[Difference]]] = lambda: ([], []),
) -> type[BaseForm]:
    """The form class, settled before it is cleaned: for forms that others make (the staff site's own).

    ``beside`` gives the differences of the tables under the form, and what was typed there besides: all are told at once.
    """

    def _clean_fields(self):
        left, differences = (set(), []) if self.instance.pk is None else compared(self, subject, shown)
        of_rows, typed_there = beside()
        if found := [*differences, *of_rows]:
            stale = Stale(subject, shown, found)
            stale.besides = [*undisputed(self, subject, shown, found), *typed_there]
            raise stale
        with _kept(self, left):
            super(settled, self)._clean_fields()

    settled = type(form_class)(form_class.__name__, (form_class,), {"_clean_fields": _clean_fields})
    return settled
