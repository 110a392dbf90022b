"""What was paid and is to be asked back: by the claims that were closed for nothing, and by the settlements of ends."""

from collections.abc import Callable, Iterable, Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from core.money import format_euros
from core.navigation import WorkItem

#: Claims that ended with more paid before than what is due, and those paid on an act that ended without the expenditure
#: that makes them due.
TO_ASK_BACK = Q(overpaid_amount__gt=0) | Q(
    agreement__settlement__unjustified_paid_amount__gt=0, state="paid", paid_amount__gt=0
)


def asked_back(claims: Iterable, address: Callable[[object], str]) -> Iterator[WorkItem]:
    """The work of finance on these claims (``TO_ASK_BACK``): each that was closed, each act that ended.

    They come with their agreement and its beneficiary, and with ``unjustified``, what its settlement asks back.
    """
    ends = set()
    for claim in claims:
        agreement, about = claim.agreement, claim
        amount, words = (
            claim.overpaid_amount,
            _("Paid above what is due: %(amount)s to be asked back, repayment awaited"),
        )
        if not amount:
            if agreement.pk in ends:
                continue
            ends.add(agreement.pk)
            amount, about = claim.unjustified, agreement
            words = _("Ended with %(amount)s paid that no expenditure justifies: to be asked back, repayment awaited")
        yield WorkItem(
            due=None,
            title=f"{about.number} · {agreement.beneficiary.display_name}",
            why=words % {"amount": format_euros(amount)},
            url=address(about),
            action=_("Read"),
        )
