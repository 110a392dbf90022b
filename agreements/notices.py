"""Mails about agreements and payments, through the outbox: one subject, one message, one link."""

from decimal import Decimal
from functools import partial

from django.conf import settings

from agreements.agreement_page import tasks_now
from agreements.closed_claims import why_not_again
from agreements.costs import costs_as_filed
from agreements.due import asked_back_of, ordered_above_of, reckoning_of
from agreements.settlements.rules import PAY
from agreements.settlements.services import overpaid_of, settlement_of, standing_of
from agreements.settlements.unjustified import Unjustified
from agreements.still_due import why_nothing_is_paid
from core.money import ZERO, sum_money
from core.outbox import enqueue_mail
from grants.notices import people_of

#: The transitions of a claim that its beneficiary is told of.
CLAIM_MAILS = frozenset(
    {
        "submit",
        "give_back",
        "reject",
        "suspend",
        "resume",
        "resume_payment",
        "certify",
        "certify_less",
        "close_without_payment",
        "give_up",
        "settle",
    }
)


def _send(agreement, template: str, key: str, link: str, **context) -> None:
    enqueue_mail(
        to=people_of(agreement.application),
        template=f"agreements/mail/{template}",
        context={
            "agreement": agreement,
            "contact": agreement.application.rules.contact,
            "link": f"{settings.ESSOR_SITE_URL}{link}",
        }
        | context,
        subject_object=agreement,
        key=key,
        reply_to=agreement.application.rules.contact.email,
    )


def send_agreement(agreement) -> None:
    """The act can be read; an agreement waits for its signature."""
    key = f"agreement-{agreement.pk}-sent-{agreement.events.count()}"
    _send(agreement, "sent", key, agreement.get_absolute_url())


def send_in_force(agreement) -> None:
    """Notification: the grant binds, payments may be claimed."""
    _send(agreement, "in_force", f"agreement-{agreement.pk}-in-force", agreement.get_absolute_url())


def send_more_time(agreement, until, reason: str) -> None:
    """Claims are taken until a later day than the act says."""
    key = f"agreement-{agreement.pk}-more-time-{until:%Y%m%d}"
    _send(agreement, "more_time", key, agreement.get_absolute_url(), until=until, reason=reason)


def send_ended(agreement, reason: str) -> None:
    """The agreement has ended: completed, terminated or lapsed; what is still paid, refused and given up."""
    key = f"agreement-{agreement.pk}-{agreement.state}"
    settlement = settlement_of(agreement)
    lines = list(settlement.lines.select_related("claim")) if settlement else []
    told = {
        "reason": reason,
        "settlement": settlement,
        "settlement_lines": lines,
        "takes_away": _takes_away(agreement, settlement, lines),
        "overpaid": overpaid_of(agreement),
        "tasks": partial(tasks_now, agreement),
    }
    _send(agreement, "ended", key, agreement.get_absolute_url(), **told)


def _takes_away(agreement, settlement, lines: list) -> bool:
    """Whether the Region takes something away by an end, which may be contested: a claim refused, accepted money not paid, or
    what a termination gives up."""
    if any(line.outcome != PAY or line.claim.given_up_amount for line in lines):
        return True
    return settlement is not None and agreement.state == "terminated" and settlement.freed_amount > 0


def send_asked_back(agreement, before: Unjustified, now: Unjustified, about) -> None:
    """What no expenditure justifies of an agreement that has ended is another amount than what was told last, since ``about``
    (a claim, an order) moved."""
    overpaid = overpaid_of(agreement)
    told = {
        "overpaid": overpaid,
        "overpaid_before": overpaid - now.paid + before.paid,
        "to_come": now.to_come,
        "to_come_before": before.to_come,
        "is_paid": now.paid > before.paid,
        "left": standing_of(agreement).left,
    }
    key = f"{about._meta.model_name}-{about.pk}-asked-back-{about.events.count()}"
    _send(agreement, "asked_back", key, agreement.get_absolute_url(), **told)


def send_report_accepted(report, following) -> None:
    """The year's report is accepted; the next tranche, if any, is open."""
    agreement = report.tranche.agreement
    key = f"report-{report.pk}-accepted"
    told = {"report": report, "following": following, "tasks": partial(tasks_now, agreement)}
    _send(agreement, "report_accepted", key, agreement.get_absolute_url(), **told)


def send_report_returned(report, reason: str) -> None:
    """The year's report lacks something."""
    agreement = report.tranche.agreement
    key = f"report-{report.pk}-returned-{report.events.count()}"
    _send(agreement, "report_returned", key, agreement.get_absolute_url(), report=report, reason=reason)


def send_claim(claim, name: str, reason: str, asked_back: Decimal = ZERO) -> None:
    """What became of a claim; ``name`` is its transition, one of ``CLAIM_MAILS``. ``asked_back`` are the euros that its
    agreement, where it has ended, has to ask back."""
    agreement, link = claim.agreement, claim.get_absolute_url()
    key = f"claim-{claim.pk}-{name}-{claim.events.count()}"
    told = {"claim": claim, "reason": reason, "overpaid": asked_back}
    match name:
        case "submit":
            told |= {"costs": partial(costs_as_filed, claim)}
            _send(agreement, "claim_filed", key, link, tasks=partial(tasks_now, agreement), **told)
        case "give_back":
            told |= {"nothing_paid": partial(why_nothing_is_paid, claim)}
            _send(agreement, "claim_returned", key, link, **told)
        case "reject":
            told |= {"standing": standing_of(agreement), "not_again": partial(why_not_again, claim)}
            _send(agreement, "claim_rejected", key, link, **told)
        case "suspend":
            _send(agreement, "claim_suspended", key, link, **told)
        case "resume":
            _send(agreement, "claim_resumed", key, link, **told)
        case "resume_payment":
            _send(agreement, "claim_payable", key, link, **told)
        case "certify" | "certify_less":
            above = asked_back_of(claim)
            ordered = ordered_above_of(claim, above)
            told |= {"overpaid": max(above - ordered, asked_back), "ordered_above": ordered}
            told |= {"reckoning": partial(reckoning_of, claim)}
            _send(agreement, "claim_certified", key, link, tasks=partial(tasks_now, agreement), **told)
        case "close_without_payment":
            told |= {"overpaid": max(claim.overpaid_amount, asked_back), "tasks": partial(tasks_now, agreement)}
            _send(agreement, "claim_closed", key, link, **told)
        case "give_up":
            told |= {"given_up": sum_money(claim.given_up.values_list("amount", flat=True))}
            _send(agreement, "claim_given_up", key, link, tasks=partial(tasks_now, agreement), **told)
        case "settle":
            _send(agreement, "claim_paid", key, link, tasks=partial(tasks_now, agreement), **told)
