"""The budget annexed to an act: that of the case, with the grant as it is granted.

The applicant's budget balances with what it asked of the Region. Where less is granted the line of the Region is the
grant, and what is missing stands on a line of its own, to be found by the beneficiary: the plan of financing stays
balanced (``france.md`` B2) and says what the act and the European operation say, whose Region, European Union and
beneficiary bear the same amounts.
"""

from django.db.models import Max
from django.utils.translation import gettext as _

from agreements.models import AgreementBudgetLine
from core.money import ZERO
from grants.models import BudgetLine
from grants.services.amounts import retained_of_lines

OWN_FUNDS = "insufprevisionnel"


def copy_budget(agreement) -> None:
    """Annex the budget of the case to a new draft, and put the grant on it; a case without a budget has none."""
    lines = agreement.application.budget_lines.order_by("side", "rank")
    counted = retained_of_lines(agreement.application)
    AgreementBudgetLine.objects.bulk_create(
        AgreementBudgetLine(
            agreement=agreement,
            rank=rank,
            side=line.side,
            account_code=line.account_code,
            label=line.label[:200],
            axis=line.axis,
            amount=line.amount,
            eligible_amount=counted.get(line.pk, line.eligible_amount),
            **_asked(line.amount if line.financer_status == BudgetLine.FinancerStatus.THIS_REQUEST else None),
        )
        for rank, line in enumerate(lines, start=1)
    )
    put_the_grant(agreement)


def put_the_grant(agreement) -> None:
    """Set the Region's line of a draft to what is granted, and the line of what is to be found to the rest of what was
    asked. Nothing changes where they say so already."""
    line = _line_of_the_grant(agreement)
    if line is None:
        return
    missing = max(line.asked_amount - agreement.granted_amount, ZERO)
    if line.amount != agreement.granted_amount:
        line.amount = agreement.granted_amount
        line.save()
    to_find = agreement.budget_lines.filter(financing=AgreementBudgetLine.Financing.TO_FIND).first()
    if to_find is None and missing:
        to_find = AgreementBudgetLine(
            agreement=agreement,
            rank=agreement.budget_lines.aggregate(last=Max("rank"))["last"] + 1,
            side="product",
            account_code=OWN_FUNDS,
            label=_("To be found by the beneficiary: asked of the Region and not granted"),
            financing=AgreementBudgetLine.Financing.TO_FIND,
            amount=ZERO,
        )
    if to_find is not None and to_find.amount != missing:
        to_find.amount = missing
        to_find.save()


def _line_of_the_grant(agreement) -> AgreementBudgetLine | None:
    """The Region's line. A draft of before knows it by the account and the amount of the request, and is marked."""
    products = agreement.budget_lines.filter(side="product")
    line = products.filter(financing=AgreementBudgetLine.Financing.GRANT).first()
    if line is not None:
        return line
    request = agreement.application.budget_lines.filter(financer_status=BudgetLine.FinancerStatus.THIS_REQUEST).first()
    if request is None:
        return None
    line = products.filter(account_code=request.account_code, amount=request.amount).order_by("rank").first()
    if line is not None:
        for name, value in _asked(request.amount).items():
            setattr(line, name, value)
        line.save()
    return line


def _asked(amount) -> dict:
    if amount is None:
        return {}
    return {"financing": AgreementBudgetLine.Financing.GRANT, "asked_amount": amount}
