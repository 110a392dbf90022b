"""From a decision to the draft of its act: terms, annexes, payments, documents. Screens and commands call this."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from agreements.acts import OFFICIAL_LANGUAGE, generate
from agreements.annexed_budget import copy_budget, put_the_grant
from agreements.due import kind_for
from agreements.models import Agreement, AgreementShare, Instalment, Payee, Tranche
from agreements.rules.deadlines import accounts_close_on, report_due_on
from agreements.rules.proration import policy_of
from agreements.rules.schedule import plan_instalments, year_period
from applicants.people import ensure_person
from core.dates import add_months, add_years
from core.events import record
from core.sequences import next_number
from core.text import fold
from grants.eu_funds import is_fund_or_none
from grants.instruction import fund_of_act
from grants.models import Application
from grants.programmes.grant_plan import Group, rate_of
from grants.staff_permissions import may_work_on
from grants.void import void_computation

PREFIX = "CONV"
PAYEES = {"person": Payee.PERSONS, "company": Payee.COMPANY}
ON_EXPENDITURE = ("interim", "balance")


class DraftingRefused(Exception):
    """Why no act can be drawn up; ``str()`` is a sentence a person can act on."""


def draft_agreement(application: Application, *, actor, eu_fund: str | None = None) -> Agreement:
    """Draw up the act of an approved application, with its annexes, its payments and its documents.

    Args:
        eu_fund: ``""``, ``"ESF+"`` or ``"ERDF"``; None takes what was noted during the instruction, else the case follows.

    Raises:
        DraftingRefused: the case is not approved, has an agreement already, or is not this person's.
    """
    with transaction.atomic():
        locked = Application.objects.select_for_update(of=("self",), no_key=True).get(pk=application.pk)
        _check(locked, actor)
        fund = locked.eu_fund if eu_fund is None else eu_fund
        fund_of_act(locked, fund, actor=actor)
        number = next_number(PREFIX, timezone.localdate().year)
        agreement = Agreement.objects.create(
            number=number,
            application=locked,
            beneficiary=locked.applicant,
            kind=Agreement.Kind.ACT,
            title=locked.title[:300],
            granted_amount=locked.granted_amount,
            eu_fund=fund,
            drafted_by=actor,
            search_text=fold(f"{number} {locked.number} {locked.title} {locked.applicant.display_name}"),
            **_terms(locked, fund),
        )
        with translation.override(OFFICIAL_LANGUAGE):  # what is annexed to an act is in the language of the act
            _write_annexes(agreement)
        record(agreement, "draft", actor=actor, data={"application": locked.number})
        write_act(agreement, actor=actor)
    return agreement


def write_act(agreement: Agreement, *, actor) -> Agreement:
    """Write the documents of a draft, again if they were written before; the kind follows the year's grants, the annexed
    budget and the eligible base what is granted.

    Raises:
        DraftingRefused: the act was sent.
    """
    if refusal := may_work_on(actor, agreement.application):
        raise DraftingRefused(refusal)
    with transaction.atomic():
        locked = Agreement.objects.select_for_update(of=("self",), no_key=True).get(pk=agreement.pk)
        if locked.state != Agreement.State.DRAFT:
            raise DraftingRefused(_("This act was sent: take it back to draft to change it."))
        with translation.override(OFFICIAL_LANGUAGE):
            put_the_grant(locked)
        if locked.application.grant_plan.parts:  # a grant of before the plans keeps its base
            locked.eligible_base, locked.rate = _base(locked.application)
            _put_the_costs(locked)
        decision = kind_for(locked)
        locked.kind, locked.kind_reason = decision.kind, decision.reason
        locked.document_pdf, locked.document_docx = generate(locked, actor)
        locked.save()
        record(locked, "write_act", actor=actor, data={"pdf": locked.document_pdf, "docx": locked.document_docx})
    agreement.refresh_from_db()
    return agreement


def choose_fund(agreement: Agreement, eu_fund: str, *, actor) -> Agreement:
    """Say which European fund co-finances a draft, or none; the act is written again. The one that it has already changes
    nothing: somebody may have chosen it meanwhile.

    Raises:
        DraftingRefused: the act was sent, or the fund is unknown.
    """
    if not is_fund_or_none(eu_fund):
        raise DraftingRefused(_("Choose ESF+, ERDF, or no fund."))
    if refusal := may_work_on(actor, agreement.application):
        raise DraftingRefused(refusal)
    with transaction.atomic():
        locked = Agreement.objects.select_for_update(of=("self",), no_key=True).get(pk=agreement.pk)
        if locked.state != Agreement.State.DRAFT:
            raise DraftingRefused(_("This act was sent: take it back to draft to change it."))
        if locked.eu_fund == eu_fund:
            return locked
        before, locked.eu_fund = locked.eu_fund, eu_fund
        fund_of_act(Application.objects.select_for_update(of=("self",), no_key=True).get(pk=locked.application_id), eu_fund,
                    actor=actor)  # fmt: skip
        rule = locked.application.rules.proration
        locked.proration = policy_of(rule, granted=locked.granted_amount, eu_fund=eu_fund)
        locked.save()
        record(locked, "choose_fund", actor=actor, changes={"eu_fund": [before, eu_fund]})
        write_act(locked, actor=actor)
    agreement.refresh_from_db()
    return agreement


# --- terms ----------------------------------------------------------------------------------------------------------


def _check(application: Application, actor) -> None:
    if refusal := may_work_on(actor, application):
        raise DraftingRefused(refusal)
    if application.state != "approved":
        raise DraftingRefused(
            _("The application is not approved: its state is “%(state)s”.") % {"state": application.state_label()}
        )
    if reason := void_computation(application):
        raise DraftingRefused(reason)
    if Agreement.objects.filter(application=application).exists():
        raise DraftingRefused(_("This case has its agreement already."))


def _terms(application: Application, eu_fund: str) -> dict:
    rules = application.rules
    start = application.project_start or timezone.localdate()
    years = rules.tranches.count if rules.tranches else 1
    end = application.project_end or add_years(start, years) - timedelta(days=1)
    if rules.tranches:  # an act over several years covers its last one
        end = max(end, add_years(start, years) - timedelta(days=1))
    decision = _decision(application)
    base, rate = _base(application)
    deadline = rules.deadlines.balance_months
    return {
        "eligible_base": base,
        "rate": rate,
        "start": start,
        "end": end,
        "claim_deadline": max(end, add_months(decision.on, deadline)) if deadline else None,
        "report_due_on": report_due_on(accounts_close_on(end), rules.deadlines.report_months),
        "payee": _payee(application),
        "proration": policy_of(rules.proration, granted=application.granted_amount, eu_fund=eu_fund),
        "proration_tolerance": rules.proration.tolerance * 100,
        "proration_cut": rules.proration.cut,
        "de_minimis_regime": rules.de_minimis,
        "decision_reference": decision.reference,
        "decision_date": decision.on,
    }


def _base(application: Application) -> tuple[Decimal | None, Decimal | None]:
    """The eligible base of the act and its rate: of the years, persons and axes that are granted something, no other."""
    plan = application.grant_plan
    # What each person gets follows their own contribution: a rate over all of them would say nothing.
    rate = None if application.persons.exists() else rate_of(plan.amount, plan.funded_cost)
    return plan.funded_cost or None, rate


@dataclass(frozen=True)
class DecisionReference:
    """The deliberation that granted."""

    reference: str
    on: date


def _decision(application: Application) -> DecisionReference:
    item = (
        application.agenda_items.filter(decision="granted", session__closed_at__isnull=False)
        .select_related("session")
        .order_by("-session__closed_at")
        .first()
    )
    if item is None:
        return DecisionReference("", timezone.localdate())
    return DecisionReference(item.session.deliberation_number, item.session.day)


def _payee(application: Application) -> str:
    if not application.persons.exists():
        return Payee.BENEFICIARY
    return PAYEES[application.rules.payee]


# --- annexes --------------------------------------------------------------------------------------------------------


def _write_annexes(agreement: Agreement) -> None:
    application = agreement.application
    copy_budget(agreement)
    granted = {group.person: group for group in application.grant_plan.persons() if group.amount > 0}
    helped = [person for person in application.persons.order_by("rank") if str(person.pk) in granted]
    for rank, person in enumerate(helped, start=1):
        if agreement.payee == Payee.PERSONS and person.applicant is None:
            _open_file(person, agreement.drafted_by)
        AgreementShare.objects.create(
            agreement=agreement,
            rank=rank,
            applicant=person.applicant,
            person_name=person.full_name,
            amount=granted[str(person.pk)].amount,
            cost=granted[str(person.pk)].funded_cost,
        )
    _write_payments(agreement, _write_tranches(agreement))


def _open_file(person, actor) -> None:
    """A person who is to be paid has a file of their own, where their bank account is verified."""
    person.applicant = ensure_person(
        first_name=person.first_name, last_name=person.last_name, email=person.email, actor=actor
    )
    person.save(update_fields=["applicant"])


def _write_tranches(agreement: Agreement) -> list[Tranche]:
    """The years of the plan that was granted, as they are: amount of each, and cost of what it is granted for."""
    years = agreement.application.grant_plan.years()
    tranches = []
    for year in years:
        starts_on, ends_on = year_period(agreement.start, year.year)
        tranches.append(
            Tranche.objects.create(
                agreement=agreement,
                rank=year.year,
                label=year.label,
                amount=year.amount,
                cost=_cost_of_year(year),
                starts_on=starts_on,
                ends_on=min(ends_on, agreement.end) if year is years[-1] else ends_on,
            )
        )
    return tranches


def _cost_of_year(year: Group) -> Decimal:
    """What a year costs: of the parts that are granted something, or, where none is, all that was planned."""
    return year.funded_cost if year.amount else year.cost


def _put_the_costs(agreement: Agreement) -> None:
    """The years and persons of a draft cost what is granted something, as its base; those of an older draft too."""
    plan = agreement.application.grant_plan
    for year in plan.years():
        years = agreement.tranches.filter(rank=year.year)
        years.exclude(cost=_cost_of_year(year)).update(cost=_cost_of_year(year))
    persons = {group.person: group for group in plan.persons() if group.amount > 0}
    helped = [person for person in agreement.application.persons.order_by("rank") if str(person.pk) in persons]
    for rank, person in enumerate(helped, start=1):
        cost = persons[str(person.pk)].funded_cost
        agreement.shares.filter(rank=rank).exclude(cost=cost).update(cost=cost)


def _write_payments(agreement: Agreement, tranches: list[Tranche]) -> None:
    rules = agreement.application.rules.instalments
    by_rank = {tranche.rank: tranche for tranche in tranches}
    plans = plan_instalments(
        agreement.granted_amount, [rule.share for rule in rules], [tranche.amount for tranche in tranches]
    )
    for rank, plan in enumerate(plans, start=1):
        rule, tranche = rules[plan.part], by_rank.get(plan.tranche)
        label = str(Instalment.Kind(rule.kind).label)
        Instalment.objects.create(
            agreement=agreement,
            tranche=tranche,
            rank=rank,
            kind=rule.kind,
            label=f"{tranche.label} – {label}" if tranche else label,
            amount=plan.amount,
            trigger_text=str(rule.trigger)[:300],
            needs_expenditure=rule.kind in ON_EXPENDITURE,
            required_pieces=_pieces(rule),
        )


def _pieces(rule) -> list[dict]:
    """The proofs of an instalment; where expenditure is declared line by line, its list is the claim itself."""
    return [
        {"code": f"proof{rank}", "label": str(proof), "required": rank == 1 or rule.kind not in ON_EXPENDITURE}
        for rank, proof in enumerate(rule.proofs, start=1)
    ]
