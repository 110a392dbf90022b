"""For what accounts, acts, persons and lines of expenditure are still needed: money that waits, is ordered or may come."""

from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from agreements.models import Agreement, AgreementShare, ExpenditureLine, GivenUpPart, PaymentClaim
from agreements.settlements.services import OVER
from applicants.models import Applicant, BankAccount
from core.engine.needs import register_need
from core.text import listed

SHOWN = 5
ENDED = (Agreement.State.COMPLETED, Agreement.State.TERMINATED, Agreement.State.LAPSED)


def _some(numbers: list[str]) -> list[str]:
    numbers = list(dict.fromkeys(numbers))
    return [*numbers[:SHOWN], "…"] if len(numbers) > SHOWN else numbers


def money_to(applicant: Applicant) -> list[str]:
    """The claims of which something may still be paid to this applicant, and the acts on which it may claim."""
    own = Q(agreement__beneficiary=applicant) & ~Q(agreement__payee="persons")
    given_up = GivenUpPart.objects.filter(share__applicant=applicant).values("claim")
    person = Q(agreement__payee="persons", agreement__shares__applicant=applicant) & ~Q(pk__in=given_up)
    claims = PaymentClaim.objects.filter(own | person).exclude(state__in=OVER).order_by("pk").distinct()
    acts = Agreement.objects.filter(Q(beneficiary=applicant) | Q(shares__applicant=applicant)).exclude(state__in=ENDED)
    return _some(
        [*claims.values_list("number", flat=True), *acts.order_by("pk").distinct().values_list("number", flat=True)]
    )


def _account(account: BankAccount) -> Iterator[str]:
    waiting = account.payment_orders.filter(state="ordered").order_by("pk")
    rests = [f"{order.reference} ({order.claim.number})" for order in waiting.select_related("claim")]
    if account.state == BankAccount.State.VERIFIED:
        rests += money_to(account.applicant)
    if rests:
        yield _(
            "Money waits, or may come, on the bank account of “%(name)s”: %(what)s. Have another account verified, or pay, "
            "cancel or end these, then erase it."
        ) % {"name": account.applicant.display_name, "what": listed(_some(rests))}


def _applicant(applicant: Applicant) -> Iterator[str]:
    if rests := money_to(applicant):
        yield _("Money may still be paid to “%(name)s”: %(what)s. Take these to their end first.") % {
            "name": applicant.display_name, "what": listed(rests)
        }  # fmt: skip


def _under_way(act: Agreement) -> list[str]:
    """The act while it lives, and its claims that have not ended."""
    living = [act.number] if act.state not in ENDED else []
    return _some([*living, *act.claims.exclude(state__in=OVER).order_by("pk").values_list("number", flat=True)])


def _act(act: Agreement) -> Iterator[str]:
    if rests := _under_way(act):
        yield _("“%(name)s” is under way: %(what)s. Take it to its end first.") % {"name": act, "what": listed(rests)}


def _share(share: AgreementShare) -> Iterator[str]:
    if rests := _under_way(share.agreement):
        yield _("The share of “%(name)s” is of an act that is under way: %(what)s. Take it to its end first.") % {
            "name": share.person_name, "what": listed(rests)
        }  # fmt: skip


def _line(line: ExpenditureLine) -> Iterator[str]:
    if rests := _under_way(line.claim.agreement):
        yield _(
            "The invoice %(invoice)s is of an act that is under way, whose claims and credit notes are compared with it: "
            "%(what)s. Take it to its end first."
        ) % {"invoice": line.invoice_number, "what": listed(rests)}


def register() -> None:
    """Called once, when the app is ready."""
    register_need(BankAccount, _account)
    register_need(Applicant, _applicant)
    register_need(Agreement, _act)
    register_need(AgreementShare, _share)
    register_need(ExpenditureLine, _line)
