"""Operations out of agreements, and corrections of what is known of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from agreements.models import Agreement
from core.events import record
from core.money import ZERO, sum_money
from core.sequences import next_number
from core.text import fold
from reporting.eu_programmes.at_the_end import end_of
from reporting.eu_programmes.doubts import drop_untrue_doubts
from reporting.eu_programmes.given_up import above_payable, granted_in_plan
from reporting.eu_programmes.not_asked import declares_nothing
from reporting.eu_programmes.rates import doubt_the_rate
from reporting.models import (
    BeneficiaryKind,
    CofinancingRule,
    EUBeneficiary,
    FinancingLine,
    FlagKind,
    Fund,
    Operation,
    OperationFlag,
    OperationVersion,
    SourceKind,
)
from reporting.rules.listing import name_key
from reporting.rules.shares import plan

CODE_PREFIX = "OPE"
# What a correction may change; the rest of a version is carried over.
CORRECTABLE = (
    "name", "purpose", "start_date", "end_date", "programmed_on", "fund", "priority", "specific_objective",
    "category_of_region", "intervention_field", "total_cost", "eligible_cost", "eu_amount", "location", "nuts",
)  # fmt: skip
# The sources that a change of the EU amount or of the eligible cost leaves as they are.
KEPT_SOURCES = (SourceKind.STATE, SourceKind.REGION, SourceKind.LOCAL, SourceKind.PUBLIC, SourceKind.PRIVATE)
# The accounts of subsidies in an association's budget, by the source that they come from. The Region's own (74region)
# is the grant itself, and European funds (74fe) are what the plan works out.
SOURCE_OF_ACCOUNT = {
    "74etat": SourceKind.STATE,
    "74agenceserv": SourceKind.STATE,
    "74dep": SourceKind.LOCAL,
    "74epci": SourceKind.LOCAL,
    "74com": SourceKind.LOCAL,
    "74orgasoc": SourceKind.PUBLIC,
    "74x": SourceKind.PUBLIC,
    "74aidespriv": SourceKind.PRIVATE,
}


def ensure_operation(agreement: Agreement, actor=None) -> Operation | None:
    """Return the operation of a co-financed agreement, created if need be; None when no fund co-finances it."""
    if not agreement.eu_fund:
        return None
    with transaction.atomic():
        Agreement.objects.select_for_update(of=("self",), no_key=True).get(pk=agreement.pk)
        known = Operation.objects.filter(agreement=agreement).first()
        return known or _create(agreement, actor)


def _create(agreement: Agreement, actor) -> Operation:
    fund = Fund.objects.get(code=agreement.eu_fund)
    rule = rule_for(agreement, fund)
    operation = Operation.objects.create(
        code=next_number(CODE_PREFIX, timezone.localdate().year),
        programme=rule.objective.priority.programme if rule else None,
        agreement=agreement,
        search_text=fold(f"{agreement.number} {agreement.title} {agreement.beneficiary.display_name}"),
    )
    Operation.objects.filter(pk=operation.pk).update(search_text=fold(f"{operation.code} {operation.search_text}"))
    add_version(operation, facts_of(agreement, fund, rule), financing_of(agreement, fund, rule), actor=actor)
    operation.refresh_from_db()
    record(operation, "create", actor=actor, data={"agreement": agreement.number, "fund": fund.code})
    if rule is None:
        OperationFlag.objects.create(operation=operation, kind=FlagKind.NO_PRIORITY, detail={"fund": fund.code})
    if operation.current.eu_amount and declares_nothing(agreement):
        detail = {"eu_amount": str(operation.current.eu_amount)}
        OperationFlag.objects.create(operation=operation, kind=FlagKind.NOTHING_TO_DECLARE, detail=detail)
    return operation


def rule_for(agreement: Agreement, fund: Fund) -> CofinancingRule | None:
    """Return the co-financing rule of the agreement's scheme, or the one that serves every scheme."""
    rules = CofinancingRule.objects.select_related("objective__priority__programme", "intervention_field")
    of_fund = rules.filter(fund=fund)
    return of_fund.filter(scheme=agreement.programme).first() or of_fund.filter(scheme=None).first()


def facts_of(agreement: Agreement, fund: Fund, rule: CofinancingRule | None) -> dict[str, Any]:
    """Return what a version says of an agreement."""
    beneficiary = beneficiary_of(agreement)
    natural = beneficiary.kind == BeneficiaryKind.NATURAL
    return {
        "name": agreement.title,
        "purpose": purpose_of(agreement),
        "beneficiary": beneficiary,
        "beneficiary_name": "" if natural else beneficiary.name,
        "start_date": agreement.start,
        "end_date": agreement.end,
        "programmed_on": agreement.decision_date or agreement.notified_on,
        "fund": fund,
        "priority": rule.objective.priority if rule else None,
        "specific_objective": rule.objective if rule else None,
        "category_of_region": rule.category_of_region if rule else "",
        "intervention_field": rule.intervention_field if rule else None,
        "total_cost": total_cost_of(agreement),
        "eligible_cost": eligible_of(agreement),
        "location": " ".join(part for part in (beneficiary.postcode, beneficiary.city) if part),
        "nuts": beneficiary.nuts2,
        "country": beneficiary.country,
    }


def purpose_of(agreement: Agreement) -> str:
    """Return what the operation is for: the scheme's purpose in one line."""
    return f"{agreement.title}. {agreement.programme.summary}"


def eligible_of(agreement: Agreement) -> Decimal:
    """Return the eligible cost: the agreement's base, never less than what is granted."""
    return max(agreement.eligible_base or agreement.granted_amount, agreement.granted_amount)


def total_cost_of(agreement: Agreement) -> Decimal:
    """Return the total cost: the charges of the annexed budget, never less than the eligible cost."""
    charges = agreement.budget_lines.filter(side="charge").values_list("amount", flat=True)
    return max(sum_money(charges), eligible_of(agreement))


def financing_of(agreement: Agreement, fund: Fund, rule: CofinancingRule | None) -> list[tuple[str, str, Decimal]]:
    """Return the financing plan as (kind, name, amount), adding up to the eligible cost."""
    others: dict[str, Decimal] = {}
    for account, amount in agreement.budget_lines.filter(side="product").values_list("account_code", "amount"):
        if kind := SOURCE_OF_ACCOUNT.get(account):
            others[kind] = others.get(kind, ZERO) + amount
    rate = rule.eu_rate if rule else Decimal(0)
    limit = agreement.application.call.eu_rate_limit
    rate = rate if limit is None else min(rate, limit)
    lines = plan(
        eligible_of(agreement), agreement.granted_amount, rate, total_cost_of(agreement), sorted(others.items())
    )
    return [(kind, fund.code if kind == SourceKind.EU else "", amount) for kind, amount in lines]


def beneficiary_of(agreement: Agreement) -> EUBeneficiary:
    """Return the EU record of the agreement's beneficiary, created if need be."""
    applicant = agreement.beneficiary
    natural = applicant.kind == "natural"
    beneficiary, _created = EUBeneficiary.objects.get_or_create(
        applicant=applicant,
        defaults={
            "kind": BeneficiaryKind.NATURAL if natural else BeneficiaryKind.LEGAL,
            "name": applicant.display_name,
            "first_name": applicant.first_name if natural else "",
            "surname": applicant.last_name if natural else "",
            "name_key": name_key(applicant.display_name),
            "postcode": applicant.postcode,
            "city": applicant.city,
            "nuts2": applicant.nuts2 or "",
        },
    )
    return beneficiary


def add_version(
    operation: Operation,
    facts: Mapping[str, Any],
    financing: list[tuple[str, str, Decimal]],
    *,
    actor=None,
    reason: str = "",
    answers: OperationFlag | None = None,
) -> OperationVersion:
    """Add a version with its financing plan, in the caller's transaction. ``eu_amount`` comes from the plan.

    What it makes doubtful is asked, what it makes untrue is asked no more; ``answers`` is the doubt that it answers.
    """
    last = operation.versions.order_by("-number").values_list("number", flat=True).first() or 0
    eu_amount = sum_money(amount for kind, _name, amount in financing if kind == SourceKind.EU)
    version = OperationVersion.objects.create(
        operation=operation, number=last + 1, recorded_by=actor, reason=reason, **{**facts, "eu_amount": eu_amount}
    )
    FinancingLine.objects.bulk_create(
        FinancingLine(version=version, rank=rank, kind=kind, label=name, amount=amount)
        for rank, (kind, name, amount) in enumerate(financing, 1)
    )
    drop_untrue_doubts(version, financing, actor=actor, but=answers)
    doubt_the_rate(version, financing)
    return version


def revise(
    operation: Operation, changes: Mapping[str, Any], *, actor, reason: str, answers: OperationFlag | None = None
) -> OperationVersion:
    """Correct what is known of an operation: a new version with ``changes``, the rest carried over.

    When the eligible cost, the EU amount or the fund changes, the EU line follows and the remainder goes to the line
    that bears it. Raises ValueError on a field that a correction may not change.
    """
    unknown = set(changes) - set(CORRECTABLE)
    if unknown:
        raise ValueError(f"A correction does not change {', '.join(sorted(unknown))}.")
    with transaction.atomic():
        Operation.objects.select_for_update(of=("self",), no_key=True).get(pk=operation.pk)
        operation.refresh_from_db()
        before = operation.current
        facts = facts_of_version(before) | changes
        plan = replan(before, facts)
        version = add_version(operation, facts, plan, actor=actor, reason=reason[:300], answers=answers)
        if facts["priority"] and not operation.programme_id:
            Operation.objects.filter(pk=operation.pk).update(programme=facts["priority"].programme)
        operation.refresh_from_db()
        record(operation, "revise", actor=actor, data={"fields": sorted(changes)}, comment=reason)
    return version


def facts_of_version(version: OperationVersion) -> dict[str, Any]:
    """Return what a version says of its operation: what the next one carries over."""
    return {
        field.name: getattr(version, field.name)
        for field in OperationVersion._meta.concrete_fields
        if field.name not in ("id", "operation", "number", "recorded_at", "recorded_by", "reason")
    }


def replan(before: OperationVersion, facts: Mapping[str, Any]) -> list[tuple[str, str, Decimal]]:
    """Return the financing plan of a corrected version."""
    lines = [(line.kind, line.label, line.amount) for line in before.financing.order_by("rank")]
    of_agreement = before.operation.agreement_id is not None
    counts_too_much = of_agreement and above_payable(before.operation.agreement, lines)
    same = facts["eligible_cost"] == before.eligible_cost and facts["eu_amount"] == before.eu_amount
    if same and not counts_too_much:
        name = facts["fund"].code if facts["fund"] else ""
        return [(kind, name if kind == SourceKind.EU else label, amount) for kind, label, amount in lines]
    kept = [line for line in lines if line[0] in KEPT_SOURCES]
    remainder_kind = SourceKind.UNKNOWN
    if of_agreement:
        remainder_kind = SourceKind.OWN
        kept = _with_grant_shared(kept, _granted_of(before.operation, kept, facts), facts["eu_amount"])
    return listed_financing(
        facts["fund"], facts["eligible_cost"], facts["eu_amount"], kept=kept, remainder_kind=remainder_kind
    )


def _granted_of(operation: Operation, kept: list[tuple[str, str, Decimal]], facts: Mapping[str, Any]) -> Decimal:
    """Return what the EU and the Region bear together: what the agreement grants; once it has ended, what is justified of
    it, within what the others leave of the eligible cost."""
    end = end_of(operation)
    if end is None:
        return granted_in_plan(operation.agreement)
    others = sum_money(amount for kind, _name, amount in kept if kind != SourceKind.REGION)
    return max(min(end.kept, facts["eligible_cost"] - others), ZERO)


def _with_grant_shared(
    kept: list[tuple[str, str, Decimal]], granted: Decimal, eu_amount: Decimal
) -> list[tuple[str, str, Decimal]]:
    """Return the kept lines with the Region's: of what is granted, what the EU does not bear."""
    others = [line for line in kept if line[0] != SourceKind.REGION]
    region = max(granted - eu_amount, ZERO)
    return [(SourceKind.REGION, "", region), *others] if region else others


def listed_financing(
    fund: Fund | None,
    eligible: Decimal,
    eu_amount: Decimal,
    *,
    kept: list[tuple[str, str, Decimal]] = (),
    remainder_kind: str = SourceKind.UNKNOWN,
) -> list[tuple[str, str, Decimal]]:
    """Return a plan of which only the eligible cost, the EU amount and perhaps some sources are known.

    When the EU amount exceeds the eligible cost the difference stands as a negative gap to be explained.
    """
    rest = eligible - eu_amount - sum_money(amount for _kind, _name, amount in kept)
    lines = [(SourceKind.EU, fund.code if fund else "", eu_amount), *kept]
    if rest:
        lines.append((remainder_kind if rest > 0 else SourceKind.UNEXPLAINED, "", rest))
    return [(str(kind), name, amount) for kind, name, amount in lines]
