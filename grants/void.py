"""What rests on figures that changed is void until it is made again: the computation, the answers to checks, opinions.

A computation keeps the fingerprint of what it started from (``AidComputation.basis``, made by the database); an answer
keeps that of the facts of its check; an opinion the number of the file (the snapshot) on which it was given. Comparing
them with the case as it is now says what no longer holds, and why.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Left
from django.utils import translation
from django.utils.translation import gettext as _

from applicants.de_minimis.links import UndertakingQuestion, open_question
from applicants.models import Applicant
from core.money import format_euros
from core.text import listed
from grants.case_facts import case_facts
from grants.rules.automatic_checks import CaseFacts, fingerprint
from grants.rules.schema import CheckRule
from grants.services.amounts import budget_items, typed_request

NAMED = 3


# --- the computation -------------------------------------------------------------------------------------------------


def void_computation(application) -> str:
    """Why the newest computation no longer backs anything, in a sentence; "" when it holds, or when there is none."""
    computation = application.latest_computation()
    if computation is None or not computation.is_void():
        return ""
    changes = changed_figures(application, computation.facts)
    words = {"number": computation.number, "changes": listed(changes)}
    if not changes:
        return _("Computation no. %(number)s is void: what it rests on changed. Compute the aid again.") % words
    return _("Computation no. %(number)s is void: %(changes)s. Compute the aid again.") % words


def changed_figures(application, facts: dict[str, Any]) -> list[str]:
    """What changed since a computation, at most a few figures in words: "Communication: 9 500,00 € instead of…"."""
    before, now = _figures(facts.get("budget", [])), _figures(vars(item) for item in budget_items(application))
    found = [
        _("%(label)s: %(now)s instead of %(before)s")
        % {"label": label, "now": _euros(now.get(key)), "before": _euros(amount)}
        for key, amount in before.items()
        if (label := key[1]) and now.get(key) != amount
    ]
    asked, wanted = typed_request(application), facts.get("requested")
    if (str(asked) if asked is not None else None) != wanted and "requested" in facts:
        words = {"now": _euros(asked), "before": _euros(Decimal(wanted) if wanted else None)}
        found.append(_("amount asked: %(now)s instead of %(before)s") % words)
    return found[:NAMED]


def _figures(items: Iterable[dict[str, Any]]) -> dict[tuple[str, str, int], Decimal]:
    """What counts of each expense: the amount retained of it, else the whole; lines alike are told by their rank."""
    figures: dict[tuple[str, str, int], Decimal] = {}
    for item in items:
        if item["side"] != "charge":
            continue
        amount = item["amount"] if item.get("eligible") is None else item["eligible"]
        rank = sum(1 for account, label, _rank in figures if (account, label) == (item["account"], item["label"]))
        figures[item["account"], item["label"] or item["account"], rank] = Decimal(str(amount))
    return figures


def _euros(amount: Decimal | None) -> str:
    return format_euros(amount) if amount is not None else _("nothing")


# --- the checks ------------------------------------------------------------------------------------------------------


def present_facts(application) -> CaseFacts:
    """The facts of the case in the language of the house: a fingerprint does not depend on who looks."""
    with translation.override(settings.LANGUAGE_CODE):
        return case_facts(application)


def know_facts(application, facts: CaseFacts) -> None:
    """Keep, for the page that reads a case, the facts that it has computed already. Who writes reads the case again."""
    application.__dict__["_facts_of_page"] = (translation.get_language(), facts)


def void_checks(application, facts: CaseFacts | None = None) -> list[CheckRule]:
    """The checks that were answered on facts that changed since. ``facts``: the present ones, where they are known."""
    answers = {item.code: item.rests_on for item in application.check_answers.all() if item.rests_on}
    rules = [rule for rule in application.rules.checks if rule.code in answers]
    if not rules:
        return []
    language, known = application.__dict__.get("_facts_of_page", (translation.get_language(), facts))
    facts = facts or known
    if facts is None or language != settings.LANGUAGE_CODE:
        facts = present_facts(application)
    return [rule for rule in rules if fingerprint(rule.automatic, facts) != answers[rule.code]]


def void_answers(application) -> str:
    """Why a proposal in favour no longer has its checks, in a sentence; "" while they hold."""
    proposal = application.live_proposal()
    if proposal is None or not proposal.favourable:
        return ""
    stale = [str(check.label) for check in void_checks(application)]
    if not stale:
        return ""
    words = {"checks": listed(stale[:NAMED])}
    return _("What these checks rest on changed: %(checks)s. Send the case back to instruction.") % words


def with_other_establishments(proposals: QuerySet) -> QuerySet:
    """Proposals that know whether the enterprise of their applicant has others here: a page then asks nothing more."""
    own = OuterRef("application__applicant_id")
    others = Applicant.objects.annotate(_siren=Left("siret", 9)).exclude(pk=own)
    return proposals.annotate(
        has_other_establishments=Exists(others.filter(_siren=Left(OuterRef("application__applicant__siret"), 9)))
    )


def unknown_undertaking(application) -> str:
    """Why a proposal of de minimis aid no longer knows its enterprise, in a sentence; "" while it does.

    An establishment of it that appeared since, about which the service has not answered.
    """
    proposal = application.live_proposal()
    if proposal is None or not proposal.favourable or not application.rules.de_minimis:
        return ""
    if not proposal.__dict__.get("has_other_establishments", True):
        return ""
    question = open_question(application.applicant)
    return sentence_of(question) if question is not None else ""


def sentence_of(question: UndertakingQuestion) -> str:
    """What is still to be answered of an enterprise, and where."""
    sentence = _(
        "Several establishments of the enterprise %(siren)s are known here: answer on the applicant's page whether"
        " other enterprises are linked with it, for their de minimis aids add up."
    )
    return sentence % {"siren": question.siren}


# --- the opinions ----------------------------------------------------------------------------------------------------


def file_number(application) -> int | None:
    """The number of the file as it is now (its newest snapshot); None before any."""
    return application.snapshots.aggregate(last=Max("number"))["last"]


def file_read_by(opinion, given_on: date) -> int | None:
    """The number of the file that a body had when it gave its opinion on paper: what was filed before it was asked, or
    before that day. What was filed on the very day, it may not have seen."""
    seen = Q(taken_at__lte=opinion.asked_at) | Q(taken_at__date__lt=given_on)
    return opinion.application.snapshots.filter(seen).aggregate(last=Max("number"))["last"]


def void_opinions(application) -> list:
    """The opinions, of each body the newest, that were given before the file was completed or corrected."""
    newest = {(item.code, item.body): item for item in application.opinions.all() if item.result}
    if not newest:
        return []
    present = file_number(application) or 0
    return [item for item in newest.values() if max(item.file_number or 0, item.upheld_number or 0) < present]
