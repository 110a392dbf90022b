"""The European side of the demonstration: the programme of the Region, the control of expenditure, what is asked."""

from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from core.events import record
from core.models import User
from core.transitions import perform
from grants.models import Programme
from reporting.models import (
    CategoryOfRegion,
    CofinancingRule,
    ErrorType,
    EUProgramme,
    ExpenditureDeclaration,
    Fund,
    InterventionField,
    PaymentApplication,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
from reporting.payment_applications import open_application

Row = TypeVar("Row", bound=models.Model)

SOCIAL_ECONOMY = "138"  # Regulation (EU) 2021/1060, Annex I: support for social economy and social enterprises
TRANSITION = CategoryOfRegion.TRANSITION
# Fund, priority, objective, and the euros that the programme gives to the priority. Codes and sums are invented.
OBJECTIVES = {
    "ESF+": ("1", "Emploi et inclusion", "4.h", "Favoriser l’inclusion active", "12000000.00"),
    "ERDF": ("2", "Entreprises et territoires", "1.iii", "Renforcer la croissance des PME", "30000000.00"),
}
# Percent of the eligible cost that the fund pays, by programme: the rest of the grant is the Region's.
RATES = {"PROGRESS1": Decimal("40"), "CPO": Decimal("30"), "CAPITAL-SCOP": Decimal("60")}
REJECTED = Decimal("85.50")


@transaction.atomic
def build_programme(finance: User) -> EUProgramme:
    """The Region's programme with one priority for each fund, and the rule of each scheme, entered by ``finance``."""
    programme = _created(
        finance, EUProgramme,
        code="programme-regional-2021-2027",
        name="Programme régional FEDER-FSE+ 2021-2027 (démonstration)",
        period="2021-2027",
        decision="C(2022) 0000",
        decided_on=date(2022, 12, 1),
    )  # fmt: skip
    field = InterventionField.objects.filter(code=SOCIAL_ECONOMY).first()
    for code, (priority_code, priority_label, objective_code, objective_label, amount) in OBJECTIVES.items():
        fund = Fund.objects.get(code=code)
        priority = _created(finance, Priority, programme=programme, code=priority_code, label_fr=priority_label)
        _created(
            finance, PriorityAllocation,
            priority=priority, fund=fund, category_of_region=TRANSITION, eu_rate=Decimal(60), amount=Decimal(amount),
        )  # fmt: skip
        objective = _created(
            finance, SpecificObjective, priority=priority, code=objective_code, label_fr=objective_label
        )
        for scheme in Programme.objects.all():
            _created(
                finance, CofinancingRule,
                scheme=scheme,
                fund=fund,
                objective=objective,
                category_of_region=TRANSITION,
                intervention_field=field,
                eu_rate=RATES[scheme.code],
            )  # fmt: skip
    return programme


def _created(finance: User, model: type[Row], **values: Any) -> Row:
    """A new row with the event that its page leaves."""
    row = model.objects.create(**values)
    record(row, "create", actor=finance)
    return row


def control(declaration: ExpenditureDeclaration, instructor: User, controller: User, *, rank: int) -> None:
    """Declare, then decide on each item: most are accepted, one is cut, one waits for its proof of payment."""
    perform(declaration, "submit", actor=instructor)
    perform(declaration, "start_control", actor=controller)
    items = list(declaration.items.order_by("rank"))
    for position, item in enumerate(items):
        if position == 1:
            perform(
                item,
                "reject_partly",
                actor=controller,
                data={"rejected_amount": str(REJECTED), "error_type": ErrorType.objects.get(code="LINK").pk},
                comment="Part de la facture sans lien avec l’opération.",
            )
        elif position == 2 and rank % 2:
            perform(item, "park", actor=controller, comment="Relevé bancaire demandé au bénéficiaire.")
        else:
            perform(item, "accept", actor=controller)
    perform(declaration, "conclude", actor=controller, comment="Contrôle sur pièces achevé.")


def ask_the_commission(programme: EUProgramme, fund_code: str, finance: User) -> PaymentApplication:
    """Open a payment application and take in what is certified."""
    application = open_application(programme, Fund.objects.get(code=fund_code), actor=finance)
    perform(application, "collect", actor=finance)
    return application


def send(application: PaymentApplication, finance: User) -> None:
    """Freeze the lines and record the sending."""
    perform(application, "close", actor=finance)
    perform(application, "send", actor=finance, data={"national_reference": f"DP-{application.pk:04d}"})


def accept(application: PaymentApplication, finance: User) -> None:
    """The Commission accepted it."""
    perform(
        application,
        "accept",
        actor=finance,
        data={"accepted_on": timezone.localdate().isoformat(), "commission_reference": f"CE-{application.pk:04d}"},
    )
