"""European programmes, listed operations, and the chain from an agreement to a payment application.

``OperationFactory()`` is an operation of an official list; traits: ``published``, ``natural``, ``fund_unknown``,
``above_eligible``. ``cofinanced()`` gives an operation that an agreement in force made, with its people; ``declared``,
``under_control``, ``controlled`` and ``applied`` take it further through the same functions as the screens.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import factory
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from agreements import claims, reports
from agreements.models import PaymentClaim
from core.models import User
from core.roles import Role
from core.transitions import perform
from reporting.models import (
    BeneficiaryKind,
    CategoryOfRegion,
    CofinancingRule,
    ErrorType,
    EUBeneficiary,
    EUProgramme,
    ExpenditureDeclaration,
    ExpenditureItem,
    Fund,
    Operation,
    OperationFlag,
    PaymentApplication,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
from reporting.operations import add_version, listed_financing
from reporting.payment_applications import open_application
from tests.factories import agreements
from tests.factories.agreements import House
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.factories.worlds import lived_once

TRANSITION = CategoryOfRegion.TRANSITION


class EUProgrammeFactory(factory.django.DjangoModelFactory):
    """A programme of 2021-2027; ``listed=True`` for one of 2014-2020."""

    class Meta:
        model = EUProgramme

    class Params:
        listed = factory.Trait(period="2014-2020")

    code = factory.Sequence(lambda number: f"po-{number}")
    name = factory.Sequence(lambda number: f"Programme opérationnel {number}")
    period = "2021-2027"


class EUBeneficiaryFactory(factory.django.DjangoModelFactory):
    """A legal person named by a list; ``natural=True`` for a person."""

    class Meta:
        model = EUBeneficiary

    class Params:
        natural = factory.Trait(kind=BeneficiaryKind.NATURAL, first_name="Alix", surname="Moreau", nuts2="FRF2")

    name = factory.Sequence(lambda number: f"Association {number}")
    name_key = factory.LazyAttribute(lambda beneficiary: beneficiary.name.lower())
    postcode = "01000"


class OperationFactory(factory.django.DjangoModelFactory):
    """An operation of an official list with its first version and financing."""

    class Meta:
        model = Operation
        skip_postgeneration_save = True

    class Params:
        published = factory.Trait(first_published_on=date(2026, 1, 1))

    programme = factory.SubFactory(EUProgrammeFactory, listed=True)
    code = factory.Sequence(lambda number: f"1420-{number:06d}")
    source_key = factory.LazyAttribute(lambda operation: operation.code)
    search_text = factory.LazyAttribute(lambda operation: operation.code.lower())

    @factory.post_generation
    def version(self, create, extracted, **changes):
        """``version__name=…`` changes what is known; ``version__fund="NR"`` leaves the fund unknown."""
        if not create:
            return
        code = changes.pop("fund", "ERDF")
        fund = None if code == "NR" else Fund.objects.get(code=code)
        eligible = Decimal(changes.pop("eligible_cost", "1000.00"))
        eu_amount = Decimal(changes.pop("eu_amount", "400.00"))
        beneficiary = changes.pop("beneficiary", None) or EUBeneficiaryFactory()
        facts = {
            "name": f"Atelier {self.code}",
            "beneficiary": beneficiary,
            "beneficiary_name": "" if beneficiary.kind == BeneficiaryKind.NATURAL else beneficiary.name,
            "start_date": date(2015, 1, 1),
            "end_date": date(2015, 12, 31),
            "fund": fund,
            "eligible_cost": eligible,
            "location": beneficiary.postcode,
        }
        with transaction.atomic():  # the database compares a version with its financing at the end
            add_version(self, facts | changes, listed_financing(fund, eligible, eu_amount))
        self.refresh_from_db()

    @factory.post_generation
    def doubt(self, create, extracted, **detail):
        """``doubt="fund_unknown"`` opens this doubt."""
        if create and extracted:
            OperationFlag.objects.create(operation=self, kind=extracted, detail=detail)


def rule(fund: str = "ESF+", *, rate: str = "40", basis: str = "total", scheme=None) -> CofinancingRule:
    """The rule that co-finances agreements by a fund, with its programme, priority and objective."""
    found = CofinancingRule.objects.filter(fund__code=fund, scheme=scheme).first()
    if found:
        return found
    programme = EUProgramme.objects.filter(code="po-region").first() or EUProgrammeFactory(code="po-region")
    its_fund = Fund.objects.get(code=fund)
    priority = Priority.objects.create(programme=programme, code=f"P-{fund}", label_fr=f"Priorité {fund}")
    PriorityAllocation.objects.create(
        priority=priority, fund=its_fund, category_of_region=TRANSITION, basis=basis, eu_rate=Decimal(60)
    )
    objective = SpecificObjective.objects.create(priority=priority, code="4.h", label_fr="Inclusion active")
    return CofinancingRule.objects.create(
        scheme=scheme, fund=its_fund, objective=objective, category_of_region=TRANSITION, eu_rate=Decimal(rate)
    )


@dataclass(frozen=True)
class Case:
    """An operation with the people around it; ``controller`` took no part in the case."""

    operation: Operation
    house: House
    controller: User

    @property
    def agreement(self):
        return self.operation.agreement

    @property
    def declaration(self) -> ExpenditureDeclaration:
        return ExpenditureDeclaration.objects.filter(operation=self.operation).order_by("-pk").first()

    @property
    def items(self) -> list[ExpenditureItem]:
        return list(self.declaration.items.order_by("rank"))


@lived_once
def cofinanced(fund: str = "ESF+", *, code: str = "PROGRESS1", granted: str = "20000.00", **extra: Any) -> Case:
    """An agreement in force that a fund co-finances, and its operation."""
    if not extra.pop("without_rule", False):
        rule(fund)
    agreement, house = agreements.in_force(code, granted, eu_fund=fund, **extra)
    return Case(agreement.operation, house, staff(Role.EU_CONTROLLER, code))


def certified(case: Case, *euros: str, kind: str = "balance") -> PaymentClaim:
    """A certified claim; its declaration is a draft."""
    return agreements.certified(case.agreement, case.house, kind, *euros)


def paid(case: Case, *euros: str, kind: str = "balance") -> PaymentClaim:
    """A claim paid to the beneficiary."""
    claim, batch = agreements.ordered(case.agreement, case.house, kind, *euros)
    agreements.pay(batch, case.house)
    claim.refresh_from_db()
    return claim


def declared(case: Case, *euros: str, kind: str = "balance") -> ExpenditureDeclaration:
    """A declaration that waits for its control."""
    certified(case, *euros, kind=kind)
    return perform(case.declaration, "submit", actor=case.house.instructor)


def under_control(case: Case, *euros: str, kind: str = "balance") -> ExpenditureDeclaration:
    """A declaration that the controller took up."""
    return perform(declared(case, *euros, kind=kind), "start_control", actor=case.controller)


def cut(item: ExpenditureItem, controller: User, euros: str, error: str = "LINK") -> ExpenditureItem:
    """Reject these euros of an item."""
    data = {"rejected_amount": euros, "error_type": ErrorType.objects.get(code=error).pk}
    return perform(item, "reject_partly", actor=controller, data=data, comment="Sans lien avec l’opération.")


def controlled(case: Case, *euros: str, kind: str = "balance") -> ExpenditureDeclaration:
    """A controlled declaration, everything accepted: it has its certificate."""
    declaration = under_control(case, *euros, kind=kind)
    for item in declaration.items.all():
        perform(item, "accept", actor=case.controller)
    return perform(declaration, "conclude", actor=case.controller)


def controlled_of_year(case: Case, rank: int, *euros: str) -> ExpenditureDeclaration:
    """The balance of one year of a multi-year agreement, claimed and controlled; the year before is reported on."""
    house, year = case.house, case.agreement.tranches.get(rank=rank)
    before = case.agreement.tranches.filter(rank=rank - 1).first()
    if before:
        upload = SimpleUploadedFile("bilan.pdf", pdf(f"bilan {before.pk}"), "application/pdf")
        report = reports.file_report(
            before, summary="Fait.", spent_amount=Decimal(1), upload=upload, actor=house.member
        )
        perform(report, "accept", actor=house.instructor)
    claim = claims.open_claim(case.agreement, year.instalments.get(kind="balance"), actor=house.member)
    for piece in claim.instalment.required_pieces:
        if piece["required"]:
            claims.join_piece(claim, piece["code"], pdf(piece["code"]), actor=house.member)
    for number, amount in enumerate(map(Decimal, euros), 1):
        invoice = {"invoice_number": f"{claim.number}-{number}", "invoice_total": amount, "declared_amount": amount}
        agreements.add_line(claim, house, **invoice)
    claims.submit(claim, actor=house.member)
    agreements.review(claim, house)
    declaration = perform(case.declaration, "submit", actor=house.instructor)
    declaration = perform(declaration, "start_control", actor=case.controller)
    for item in declaration.items.all():
        perform(item, "accept", actor=case.controller)
    return perform(declaration, "conclude", actor=case.controller)


def opened(case: Case, finance: User | None = None) -> PaymentApplication:
    """An open payment application of the case's programme and fund, nothing taken in."""
    finance = finance or UserFactory(finance_officer=True)
    return open_application(case.operation.programme, case.operation.current.fund, actor=finance)


def applied(case: Case, finance: User | None = None) -> PaymentApplication:
    """A closed payment application with all that is certified."""
    finance = finance or UserFactory(finance_officer=True)
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    return perform(application, "close", actor=finance)
