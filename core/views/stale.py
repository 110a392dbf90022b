"""The answer to a form that came from an old page: what is there now, what the person typed, and the two ways on."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.events import lines as event_lines
from core.admin.values import expander_of
from core.dates import format_date_long, format_moment
from core.engine import questions
from core.engine.versions import FIELD, Difference, Stale
from core.models.event import Event
from core.money import format_euros
from core.presentation import action_label, is_consequence
from core.roles import STAFF_ROLES
from core.site import not_saved, resumed
from core.text import colon, is_number
from core.views.resume import Kept, is_fragment, kept_from, page_before

CONFLICT = 409


@dataclass(frozen=True)
class Change:
    """What somebody did since the page was read."""

    when: datetime
    who: str
    what: str
    comment: str
    is_own: bool
    """Done by the reader, in another window or on another device."""
    values: tuple[tuple[str, str, str], ...] = ()


def stale_page(request: HttpRequest, stale: Stale, back: str = "") -> HttpResponse:
    """Both versions side by side (409); a script gets the sentence, its page keeps what was typed. ``back`` is the page
    where the form stood, where its view knows it better than the browser says."""
    changes = _changes(request, stale)
    if is_fragment(request):
        return JsonResponse({"refused": _sentence(stale, changes), "stale": True}, status=CONFLICT)
    kept = kept_from(request)
    if stale.refusal:  # what stands side by side is not said again below
        stale.left = stale.left | {item.name for item in stale.differences}
    answers = answers_of(request, stale)
    told = {question.name for question in _asked(stale)} | {*stale.rows} | stale.left
    answers += [item for item in kept.answers_besides(told) if item not in answers]
    besides, is_staff = _besides(stale), request.path.startswith(settings.ESSOR_STAFF_PREFIX)
    if is_staff and stale.differences and stale.besides is not None:
        answers = []  # what is disputed stands side by side, the rest is told on its own
    context = {
        "title": _title(stale, changes),
        "sentence": _sentence(stale, changes),
        "subject": stale.subject,
        "changes": changes,
        "differences": [(item.label, *_both(item)) for item in stale.differences],
        "address": kept.address,
        "fields": [(name, value) for name, value in kept.fields if name != FIELD],
        "files": kept.files_named,
        "field": FIELD,
        "token": stale.again(),
        "back": back or page_before(request),
        "was_carried": stale.shown is not None,
        "refusal": stale.refusal,
        "is_gone": any(item.name.startswith(not_saved.GONE) for item in stale.differences),
        "sums": [
            *stale.grounds_changed(),
            *((label, _sum_in_words(was), _sum_in_words(now)) for label, was, now in stale.sums_changed()),
        ],
        "answers": answers,
        "besides": [] if answers else besides,
        "typed": _untold(kept, stale, answers) if stale.refusal else [],
        "tells_what_was_typed": True,
    }
    if is_staff:
        not_saved.note(request, stale, _told(request, stale, answers))
        request.current_app = admin.site.name
        context = {**admin.site.each_context(request), **context}
        return render(request, "admin/essor/stale.html", context, status=CONFLICT)
    return render(request, "essor/stale.html", context, status=CONFLICT)


def _besides(stale: Stale) -> list[tuple[str, str]]:
    """What was typed besides what two people changed, in words, where a view knows it."""
    return [(item.label, _both(item)[1]) for item in stale.besides or ()]


def _told(request: HttpRequest, stale: Stale, answers: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """What waits until it is sent again, in words, with the name of its field; "" where two have the same label."""
    if stale.besides is not None:
        return [(item.label, _both(item)[1], item.name) for item in (*stale.besides, *not_saved.typed_in_gone(stale))]
    asked = [*_asked(stale), *resumed.questions(request.POST), questions.Question("comment", _("Comment"))]
    names: dict[str, set[str]] = {}
    for item in asked:
        names.setdefault(item.label, set()).add(item.name)
    alone = {label: min(found) for label, found in names.items() if len(found) == 1}
    return [(label, words, alone.get(label, "")) for label, words in answers]


def _title(stale: Stale, changes: list[Change]) -> str:
    if stale.refusal and not changes:
        return _("This was not recorded")
    return _("This changed while you were working on it")


def typed_of(kept: Kept) -> list[str]:
    """What the person typed and may want to take elsewhere: everything but what the page itself put in."""
    return [value for name, value in kept.fields if not not_saved.OF_THE_PAGE.fullmatch(name) and value.strip()]


def _untold(kept: Kept, stale: Stale, answers: list[tuple[str, str]]) -> list[str]:
    """What was typed and no answer repeats; nothing where the view or the page said all that was asked, in a form, in the
    token of its version or field by field: what is left then are its buttons and its marks."""
    if stale.form is not None or (stale.shown is not None and questions.ASKED in stale.shown.values):
        return []
    if any(name == resumed.ASKED for name, _value in kept.fields):
        return []
    told = {words for _label, words in answers}
    return [value for value in typed_of(kept) if value.strip() not in told]


def answers_of(request: HttpRequest, stale: Stale) -> list[tuple[str, str]]:
    """What the person typed, ticked or chose, by question, in the words of the page that they had read."""
    asked = [item for item in _asked(stale) if item.name not in stale.left]
    found = [(item.label, item.words(request.POST.getlist(item.name), stale.form)) for item in asked]
    for name, rows in stale.rows.items():
        keys = [value for value in request.POST.getlist(name) if is_number(value)]
        ticked = rows.filter(pk__in=keys)
        found.append((capfirst(rows.model._meta.verbose_name_plural), "\n".join(str(row) for row in ticked)))
    comment = request.POST.get("comment", "").strip()
    if comment and not resumed.asks(request.POST, "comment"):  # else told by the label of its page
        found.append((_("Comment"), comment))
    return [(label, words) for label, words in found if words]


def _asked(stale: Stale) -> list[questions.Question]:
    """What the page asked, as its token says; what the form asks now where it says nothing."""
    asked = questions.read(stale.shown.values) if stale.shown is not None else None
    return questions.questions_of(stale.form) if asked is None else asked


def _both(item: Difference) -> tuple[str, str]:
    """What is there now and what was typed, in words."""
    return tuple(in_words(value) for value in item.words or (item.theirs, item.mine))


def _sum_in_words(value: Any) -> str:
    """A sum of a page: an amount in euros, a count, or a day; a dash where there was none."""
    if isinstance(value, Decimal):
        return format_euros(value)
    if isinstance(value, date):
        return format_date_long(value)
    if value in (None, ""):
        return "–"
    return number_format(value, use_l10n=True, force_grouping=True) if isinstance(value, int) else str(value)


def _changes(request: HttpRequest, stale: Stale) -> list[Change]:
    """The staff read who did what, and from what to what; an applicant reads the names of those who act with them and
    what these changed of what stands on their page, else "the service"."""
    is_staff = request.path.startswith(settings.ESSOR_STAFF_PREFIX)
    model, events = type(stale.subject), steps_of(stale.events_since() or stale.last_event())
    if not is_staff:
        page = {name.rpartition("-")[2] for name in (*request.POST, *(stale.shown.values if stale.shown else ()))}
        for event in events:
            event.changes = {
                name: values for name, values in event.changes.items() if name in page or expander_of(model, name)
            }
    return [
        Change(
            when=line.event.created_at,
            who=_who(line.event, is_staff, request.user),
            is_own=line.event.actor_id is not None and line.event.actor_id == request.user.pk,
            what=action_label(model, line.event.action),
            comment=line.event.comment if is_staff else "",
            values=tuple(line.changes) if is_staff or _is_theirs(line.event) else (),
        )
        for line in event_lines(stale.subject, events)
    ]


def steps_of(events: list[Event]) -> list[Event]:
    """The events (newest first) without those that follow by themselves from another one; of what was done at once, the
    step that somebody took comes first."""
    done: dict[Any, list[Event]] = {}
    for event in events:
        done.setdefault((event.transaction or event.pk, event.actor_id), []).append(event)
    found = []
    for together in done.values():
        own = [event for event in together if not is_consequence(event.action)] or together
        found += sorted(own, key=lambda event: event.from_state == event.to_state)
    return found


def _is_theirs(event: Any) -> bool:
    """Whether somebody who acts for an applicant did it: what they changed is read by those who act with them."""
    return event.actor is not None and not event.actor.role_set & STAFF_ROLES


def _who(event: Any, is_staff: bool, reader: Any) -> str:
    if event.actor is None:
        return _("Essor")
    if event.actor_id == reader.pk:
        return _("you, in another window")
    if is_staff or not event.actor.role_set & STAFF_ROLES:
        return str(event.actor)
    return _("the service")


def _sentence(stale: Stale, changes: list[Change]) -> str:
    if not changes and stale.refusal:
        return _("%(reason)s Nothing of yours was recorded.") % {"reason": stale.refusal}
    if stale.shown is None:
        return _(
            "This form comes from a page that is too old, or that was not ours: nothing was recorded. Look at what "
            "is there now, then do it again."
        )
    if not changes:
        return _("This changed since you opened the page: nothing of yours was recorded yet.")
    words = {"person": changes[0].who, "when": format_moment(changes[0].when), "what": changes[0].what}
    if changes[0].is_own:
        return _own_sentence(stale, words)
    if stale.refusal:
        happened = _("Meanwhile, %(person)s did this on %(when)s: %(what)s. Nothing of yours was recorded.") % words
        return f"{stale.refusal} {happened}"
    sentence = _(
        "%(person)s changed this on %(when)s, after you had opened the page: nothing of yours was recorded yet."
    )
    return capfirst(sentence % words)


def _own_sentence(stale: Stale, words: dict[str, str]) -> str:
    """The reader went on in another window: nobody else did it."""
    if stale.refusal:
        happened = _(
            "You did this yourself on %(when)s, in another window: %(what)s. What you sent from this one was not recorded."
        )
        return f"{stale.refusal} {happened % words}"
    return (
        _("You changed this yourself on %(when)s, in another window: what you sent from this one is not recorded yet.")
        % words
    )


def in_words(value: Any) -> str:
    """A value of a form for reading."""
    if value is None or value == "":
        return "–"
    if isinstance(value, dict):
        return "\n".join(f"{label}{colon()} {in_words(item)}" for label, item in value.items()) or "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return number_format(value, use_l10n=True, force_grouping=True)
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    if isinstance(value, models.QuerySet | list | tuple | set):
        return ", ".join(in_words(item) for item in value) or "–"
    return str(value)
