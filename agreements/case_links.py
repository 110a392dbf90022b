"""What agreements add to the applicant's page of a case."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from agreements.models import Agreement, PaymentClaim, TrancheReport
from agreements.models.querysets import HIDDEN_FROM_BENEFICIARY
from agreements.settlements.rules import PAY
from grants.case_links import CaseLink
from grants.states import GRANTED


def cases_to_act_on(applications: QuerySet) -> QuerySet:
    """Those of the applications whose agreement is to be signed, or has a claim that was given back or that is suspended
    and not answered, or a report that was given back."""
    to_sign = Q(agreement__state=Agreement.State.SENT, agreement__kind=Agreement.Kind.AGREEMENT)
    waiting = may_be_filed_again() | may_be_answered()
    claims = PaymentClaim.objects.filter(waiting, agreement__application=OuterRef("pk"))
    reports = TrancheReport.objects.filter(
        state=TrancheReport.State.RETURNED, tranche__agreement__state=Agreement.State.IN_FORCE,
        tranche__agreement__application=OuterRef("pk"),
    )  # fmt: skip
    return applications.filter(to_sign | Exists(claims) | Exists(reports))


def may_be_filed_again() -> Q:
    """Claims given back to the beneficiary, of an agreement in force or that its settlement lets go on."""
    return Q(state=PaymentClaim.State.RETURNED) & _goes_on()


def may_be_answered() -> Q:
    """Suspended claims that their beneficiary has not answered since, of an agreement that may still pay them."""
    unanswered = PaymentClaim.objects.with_answers().filter(state=PaymentClaim.State.SUSPENDED)
    unanswered = unanswered.filter(Q(answered_at=None) | Q(answered_at__lt=F("suspended_at")))
    return Q(pk__in=unanswered.values("pk")) & _goes_on()


def _goes_on() -> Q:
    return Q(agreement__state=Agreement.State.IN_FORCE) | Q(settlement_line__outcome=PAY)


def links_of_case(application, user) -> Iterator[CaseLink]:
    """The agreement of a granted case, and whether it waits for a signature. One query, none before the grant."""
    if application.state not in GRANTED:
        return
    agreement = Agreement.objects.filter(application=application).exclude(state__in=HIDDEN_FROM_BENEFICIARY).first()
    if agreement is None:
        return
    task = _("Your agreement is ready: read it and sign it.") if agreement.awaits_beneficiary else ""
    for claim in agreement.claims.filter(may_be_filed_again() | may_be_answered()).order_by("pk"):
        sentence = _("The service returned the claim %(number)s: it says what to correct.")
        if claim.state == PaymentClaim.State.SUSPENDED:
            sentence = _("The claim %(number)s is suspended: read what the service asks, and answer there.")
        label = _("Claim %(number)s") % {"number": claim.number}
        yield CaseLink(
            label, claim.get_absolute_url(), claim.state_label("applicant"), sentence % {"number": claim.number}
        )
    label = _("Agreement %(number)s and its payments") % {"number": agreement.number}
    yield CaseLink(label, agreement.get_absolute_url(), agreement.state_label("applicant"), task)
