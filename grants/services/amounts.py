"""From an application to the facts of its aid, and the amounts that follow from what was typed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from core.dates import add_months
from core.money import ZERO, sum_money
from grants.rules.aid import OF_A_COST, AidFacts, AidResult, PersonFacts, TrancheFacts, compute, years_of
from grants.rules.answers import parse_amount
from grants.rules.budget import BudgetItem, retained
from grants.rules.schema import QuestionKind
from grants.services.facts import answer_that_counts


def months_between(start: date, end: date) -> int:
    """Months begun between two days, both included: 1 January to 31 December is twelve."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months + 1 if add_months(start, months) <= end else months


def budget_item(line) -> BudgetItem:
    """A budget line as the rules read it."""
    return BudgetItem(
        side=line.side,
        account=line.account_code,
        amount=line.amount,
        axis=line.axis,
        eligible=line.eligible_amount,
        status=line.financer_status,
        label=line.label,
    )


def budget_items(application) -> tuple[BudgetItem, ...]:
    """The budget lines as the rules read them."""
    return tuple(budget_item(line) for line in application.budget_lines.all())


def retained_of_lines(application) -> dict[int, Decimal]:
    """Euros of each expense, by its id, that count for the aid: what an instructor retained of it, else what the rules do; none
    of what is given in kind. Nothing is said of the expenses of a budget on which no aid rests."""
    bases = {axis.base.axis: axis.base for axis in application.rules.aid.axes if axis.base.kind in OF_A_COST}
    return {
        line.pk: retained(budget_item(line), bases[line.axis].accounts, bases[line.axis].excluded_accounts)
        for line in application.budget_lines.all()
        if line.side == "charge" and line.axis in bases
    }


def tranche_rows(application) -> list[dict[str, Any]]:
    """The rows of the table of years as typed: ``{"year": 1, "summary", "cost", "requested"}``."""
    question = application.rules.question_of_kind(QuestionKind.TRANCHES)
    return list(answer_that_counts(application, question) or [])


def facts_of(application) -> AidFacts:
    """What the aid rules look at. Reads the relations of the application (prefetch them on a list)."""
    start, end = application.project_start, application.project_end
    return AidFacts(
        budget=budget_items(application),
        persons=tuple(
            PersonFacts(str(person.pk), person.full_name, person.own_contribution)
            for person in application.persons.all()
        ),
        tranches=tuple(
            TrancheFacts(
                rank=row["year"],
                cost=parse_amount(str(row.get("cost") or "")) or ZERO,
                requested=parse_amount(str(row.get("requested") or "")) or ZERO,
            )
            for row in tranche_rows(application)
        ),
        years=years_of(months_between(start, end)) if start and end and end >= start else 1,
        requested=typed_request(application),
    )


def typed_request(application) -> Decimal | None:
    """The amount that the applicant asks for where the programme lets them say it; None when nothing is typed."""
    if application.rules.aid.requested != "typed":
        return None
    question = application.rules.question_for("requested_amount")
    return parse_amount(str(answer_that_counts(application, question) or ""))


def computed_aid(application) -> AidResult:
    """The aid by the rules under which the case was filed, within the amount asked."""
    return compute(application.rules, facts_of(application))


def possible_aid(application) -> AidResult:
    """The aid that would be possible whatever the amount asked."""
    return compute(application.rules, replace(facts_of(application), requested=None))


def declared_aid(application) -> AidResult:
    """The aid on what the applicant declared, whatever an instructor retained of it since."""
    facts = facts_of(application)
    declared = tuple(replace(item, eligible=None) for item in facts.budget)
    return compute(application.rules, replace(facts, budget=declared))


def refresh_amounts(application) -> AidResult:
    """Set the amounts that follow from the answers: the aid computed, the amount asked, the line of the budget that
    this request finances, and the aid of each person. Saves the rows; the caller saves the application.
    """
    result = computed_aid(application)
    application.computed_amount = result.amount
    if application.rules.aid.requested == "typed" and application.rules.question_of_kind(QuestionKind.TRANCHES):
        application.requested_amount = sum_money(tranche.requested for tranche in facts_of(application).tranches)
    else:
        typed = typed_request(application)
        application.requested_amount = result.amount if typed is None else typed
    application.budget_lines.filter(financer_status="this_request").update(amount=application.requested_amount)
    by_person = {person.key: person.amount for person in result.per_person}
    for person in application.persons.all():
        if person.computed_amount != by_person.get(str(person.pk)):
            person.computed_amount = by_person.get(str(person.pk))
            person.save(update_fields=["computed_amount"])
    return result
