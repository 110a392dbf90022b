"""Granted cases and what follows, driven through the same functions as the screens.

``in_force("CPO")`` gives an agreement in force with its people: ``house.instructor``, ``house.head``,
``house.finance``, ``house.member`` (the beneficiary's representative).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from agreements import claims, payments
from agreements.drafting import draft_agreement
from agreements.models import Agreement, ExpenditureLine, Instalment, PaymentBatch, PaymentClaim
from core.models import User
from core.roles import Role
from core.transitions import perform
from grants.models import Application
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, pdf, siret
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, compute, staff
from tests.factories.plans import plan_for
from tests.factories.worlds import lived_once

PREFIXES = {"PROGRESS1": "PROG", "CAPITAL-SCOP": "SCOP", "CPO": "CPO"}


@dataclass(frozen=True)
class House:
    """Who does what around one agreement."""

    instructor: User
    head: User
    finance: User
    member: User


@lived_once
def house_of(code: str = "PROGRESS1") -> House:
    """The staff of a programme, and somebody who represents a beneficiary."""
    return House(
        instructor=staff(Role.INSTRUCTOR, code),
        head=staff(Role.HEAD_OF_SERVICE, code),
        finance=staff(Role.FINANCE_OFFICER, code),
        member=UserFactory(applicant=True),
    )


@lived_once
def approved(
    code: str = "PROGRESS1",
    granted: str = "20000.00",
    *,
    house: House | None = None,
    persons: tuple[str, ...] = (),
    years: tuple[str, ...] = (),
    **extra: Any,
) -> tuple[Application, House]:
    """A case that the committee granted, of a project that has begun; ``years`` are the euros granted for each."""
    house = house or house_of(code)
    today = timezone.localdate()
    if "applicant" not in extra:
        extra["applicant"] = ApplicantFactory(representative=house.member, with_verified_account=True)
    values = {
        "programme_code": code,
        "state": "approved",
        "granted_amount": Decimal(granted),
        "instructor": house.instructor,
        "created_by": house.member,
        # The first two years of a multi-year project are over, so that their reports may be filed.
        "project_start": today - timedelta(days=800 if code == "CPO" else 90),
        "project_end": today + timedelta(days=290 if code == "CPO" else 270),
    }
    case = CaseFactory(**values | extra)
    for year in range(today.year, today.year + 4):
        case.call.envelope.payment_credits.get_or_create(
            year=year, defaults={"voted_amount": case.call.envelope.voted_amount}
        )
    for rank, amount in enumerate(persons, 1):
        case.persons.create(
            rank=rank,
            first_name="Alix",
            last_name=f"Moreau {rank}",
            email=f"alix{case.pk}-{rank}@scop.example",
            own_contribution=Decimal(amount),
            computed_amount=Decimal(amount),
            granted_amount=Decimal(amount),
        )
    if persons:
        case.granted_plan = plan_for(code, granted, list(case.persons.order_by("rank"))).as_json()
        case.save()
        compute(case)  # the aid rests on the persons too
    if years:
        parts = [part | {"amount": amount} for part, amount in zip(case.granted_plan["parts"], years, strict=True)]
        case.granted_amount, case.granted_plan = sum(map(Decimal, years)), {"way": "typed", "parts": parts}
        case.save()
    return case, house


@lived_once
def drafted(code: str = "PROGRESS1", granted: str = "20000.00", **extra: Any) -> tuple[Agreement, House]:
    """A draft with its documents."""
    case, house = approved(code, granted, **extra)
    return draft_agreement(case, actor=house.instructor), house


@lived_once
def sent(code: str = "PROGRESS1", granted: str = "20000.00", **extra: Any) -> tuple[Agreement, House]:
    """An act that its beneficiary has received."""
    agreement, house = drafted(code, granted, **extra)
    return perform(agreement, "send", actor=house.instructor), house


def signature(agreement: Agreement, **changes: Any) -> dict[str, Any]:
    """What the beneficiary types to sign."""
    return {
        "signatory": "Camille Martin",
        "quality": "Présidente",
        "sha256": agreement.document_pdf.file.sha256,
        "accepted": "on",
    } | changes


def entry(**changes: Any) -> dict[str, Any]:
    """What the Region types to sign and notify."""
    today = timezone.localdate().isoformat()
    return {"region_signatory": "La présidente", "region_signed_on": today, "notified_on": today} | changes


@lived_once
def in_force(code: str = "PROGRESS1", granted: str = "20000.00", **extra: Any) -> tuple[Agreement, House]:
    """An agreement in force."""
    agreement, house = sent(code, granted, **extra)
    if agreement.kind == Agreement.Kind.AGREEMENT:
        perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    return perform(agreement, "enter_force", actor=house.head, data=entry()), house


def instalment(agreement: Agreement, kind: str = "balance") -> Instalment:
    """The first instalment of this kind."""
    return agreement.instalments.filter(kind=kind).order_by("rank").first()


def opened(agreement: Agreement, house: House, kind: str = "balance") -> PaymentClaim:
    """A claim being written, its pieces joined."""
    claim = claims.open_claim(agreement, instalment(agreement, kind), actor=house.member)
    for piece in claim.instalment.required_pieces:
        if piece["required"]:
            claims.join_piece(claim, piece["code"], pdf(piece["code"]), actor=house.member)
    return claim


def line_values(**changes: Any) -> dict[str, Any]:
    """A right line of expenditure on the budget of ``CaseFactory``."""
    day = timezone.localdate() - timedelta(days=20)
    values = {
        "account_code": "604",
        "category": "Formation-action",
        "supplier_name": "Coopérative de formation",
        "supplier_siret": siret(77),
        "invoice_number": "F-2026-1",
        "invoice_date": day,
        "paid_on": day + timedelta(days=3),
        "description": "Formation-action du collectif",
        "invoice_total": Decimal("10000.00"),
        "declared_amount": Decimal("10000.00"),
    } | changes
    if "paid_on" not in changes and values["invoice_date"]:  # nobody is asked why it was paid before its invoice
        values["paid_on"] = max(values["paid_on"], values["invoice_date"])
    return values


def add_line(claim: PaymentClaim, house: House, *, proof: bool = True, **changes: Any) -> ExpenditureLine:
    """A line with its proof."""
    values = line_values(**changes)
    if claim.is_of_another_year(values["invoice_date"]):  # nobody is asked why here either
        values.setdefault("other_year_why", "Facture reçue l’année suivante")
    content = pdf(values["invoice_number"]) if proof else None
    return claims.add_line(claim, values, actor=house.member, proof=content, proof_name="facture.pdf")


def submitted(agreement: Agreement, house: House, kind: str = "advance", *lines: str) -> PaymentClaim:
    """A filed claim; ``lines`` are the euros of its invoices."""
    claim = opened(agreement, house, kind)
    for rank, euros in enumerate(lines, 1):
        amount = Decimal(euros)
        number, day = f"{claim.number}-{rank}", timezone.localdate() - timedelta(days=19 + rank)
        add_line(claim, house, invoice_number=number, invoice_date=day, invoice_total=amount, declared_amount=amount)
    return claims.submit(claim, actor=house.member)


def certified(agreement: Agreement, house: House, kind: str = "advance", *lines: str) -> PaymentClaim:
    """A certified claim, all its lines kept."""
    return review(submitted(agreement, house, kind, *lines), house)


def review(claim: PaymentClaim, house: House) -> PaymentClaim:
    """Certify a filed claim, all its lines kept."""
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (line.declared_amount, "") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    claim.refresh_from_db()
    due = claims.due_of(claim)
    reason = "" if due == claim.claimed_amount else "Dépenses inférieures."
    data = {"certified_amount": str(due), "certification_reason": reason}
    return perform(claim, "certify", actor=house.instructor, data=data)


def ordered(
    agreement: Agreement, house: House, kind: str = "advance", *lines: str
) -> tuple[PaymentClaim, PaymentBatch]:
    """A claim in an open batch."""
    claim = certified(agreement, house, kind, *lines)
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    return claim, batch


def pay(batch: PaymentBatch, house: House, day: date | None = None) -> None:
    """Close a batch and record that all of it was paid."""
    payments.close_batch(batch, actor=house.finance)
    payments.confirm_payments(batch.orders.all(), paid_on=day or timezone.localdate(), actor=house.finance)


def give_accounts(agreement: Agreement) -> None:
    """A verified bank account to each person of the act."""
    for share in agreement.shares.select_related("applicant"):
        BankAccountFactory(applicant=share.applicant, verified=True)
