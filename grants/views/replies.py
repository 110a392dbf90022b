"""What the script of the form reads after it saved something."""

from django.http import JsonResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import format_closing, format_closing_short
from core.money import format_euros, format_number
from core.text import listed
from grants.form_page import as_kept, budget_view
from grants.models import Application, Call
from grants.rules.conditions import holds
from grants.rules.schema import QuestionKind
from grants.services.drafting import Conflict, Saved
from grants.services.missing import form_facts, missing_of, question_problems
from grants.templatetags.grants_form import kept_text


def saved_reply(application: Application, saved: Saved) -> JsonResponse:
    """Versions, problems, conflicts, what is shown now, and the amounts computed by the server.

    What was saved is saved, also when another question of the same sending is in conflict (status 200: the script
    looks at ``conflicts`` and ``cells``).
    """
    facts = form_facts(application)
    questions = application.rules.questions
    missing = missing_of(application)
    by_section: dict[str, int] = {}
    for item in missing:
        by_section[item.section] = by_section.get(item.section, 0) + 1
    reply = {
        "saved": _saved(application, saved),
        "versions": saved.versions,
        "conflicts": [_conflict(application, conflict) for conflict in saved.conflicts],
        "cells": {
            code: [{"row": row, "column": column, "message": text} for (row, column), text in errors.items()]
            for code, errors in saved.table_errors.items()
        },
        "errors": {
            code: [str(text) for text in question_problems(application, questions[code], facts)]
            for code in saved.versions
        },
        "shown": [
            question.code
            for section in application.rules.sections
            for question in section.questions
            if holds(section.show_if, facts) and holds(question.show_if, facts)
        ],
        "missing": by_section,
        "missing_texts": {
            section: ngettext("%(counter)s missing", "%(counter)s missing", count) % {"counter": count}
            for section, count in by_section.items()
        },
        "missing_total": len(missing),
        "closes": closes(application.call),
    }
    if application.rules.question_of_kind(QuestionKind.BUDGET):
        reply["budget"] = _budget(application)
    return JsonResponse(reply)


def _saved(application: Application, saved: Saved) -> str:
    """When it was saved, or what was not; on a page that was left open, also that the call has closed meanwhile."""
    if not saved.ok:
        left = [*saved.table_errors, *(conflict.code for conflict in saved.conflicts)]
        labels = [str(application.rules.questions[code].label) for code in left]
        return _("Not saved: %(questions)s.") % {"questions": listed(labels)}
    at = {"time": date_format(timezone.localtime(saved.at), _("g:i A"))}
    if closed := application.call.closed_reason():
        return " ".join([_("Saved at %(time)s.") % at, closed])
    return _("Saved at %(time)s. You may close this page.") % at


def closes(call: Call) -> dict:
    """Until when the application may be filed, as it is now, with what the pages say until then and afterwards.

    A call may be changed while a page is open (``closing.js``).
    """
    closed = str(call.over_sentence)
    day, last = {"date": format_closing_short(call.closes_at)}, {"date": format_closing(call.closes_at)}
    return {
        "at": f"{call.closes_at.timestamp():.3f}",
        "notice": {"until": "", "afterwards": str(call.closed_sentence)},
        "task": {"until": _("Until %(date)s.") % last, "afterwards": str(call.closed_sentence)},
        "told": {"until": "", "afterwards": closed},
        "over": {"until": _("Until %(date)s.") % last, "afterwards": closed},
        "listed": {
            "until": _("closes on %(date)s") % day,
            "afterwards": _("closed on %(date)s: it can no longer be filed") % day,
        },
        "until": {
            "until": _("to be filed by %(date)s") % last,
            "afterwards": _("closed on %(date)s: it can no longer be filed") % day,
        },
    }


def _conflict(application: Application, conflict: Conflict) -> dict:
    return {
        "code": conflict.code,
        "message": conflict.message,
        "theirs": kept_text(as_kept(application, conflict.code)),
        "version": conflict.version,
    }


def _budget(application: Application) -> dict:
    view = budget_view(application)
    return {
        "request": str(view.request_amount),
        "request_text": format_number(view.request_amount),
        "aid": format_euros(view.aid.amount),
        "lines": [line.text for line in view.aid.lines],
        "retained": format_number(view.retained),
    }
