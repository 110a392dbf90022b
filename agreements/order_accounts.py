"""What became of the account of an order that waits for its payment, in one sentence for every page that shows it."""

from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.rules.identifiers import mask_iban
from core.dates import format_date_long


def account_warning(order) -> str:
    """Say that the account was replaced, or is about to be; empty when all is well or the order waits no more.

    ``order`` comes from ``OrderQuerySet.with_accounts``, with its account.
    """
    if order.state != "ordered":
        return ""
    if order.bank_account.state == "superseded":
        sentence = _(
            "This account was replaced after the order, since %(day)s: %(old)s → %(new)s. If the order was not paid,"
            " cancel it and order it again."
        )
        return sentence % {
            "day": _day(order.replaced_at or order.bank_account.superseded_at),
            "old": order.bank_account.masked_iban,
            "new": mask_iban(order.new_iban) if order.new_iban else "–",
        }
    if order.change_at:
        sentence = _("A change of this account waits to be verified since %(day)s: the payment waits for it.")
        return sentence % {"day": _day(order.change_at)}
    return ""


def _day(moment) -> str:
    return format_date_long(timezone.localdate(moment)) if moment else "–"
