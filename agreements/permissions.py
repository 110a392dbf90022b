"""Who may do what with agreements, claims and payments: ``None`` is yes, a sentence says why not.

Models are reached through their relations: the models' own transitions name these predicates.
"""

from django.utils.translation import gettext as _

from agreements.closed_claims import why_no_reply, why_not_written
from applicants.permissions import may_act_for, may_submit_for
from core.roles import STAFF_ROLES
from grants.staff_permissions import reason_not_staff_of


def may_see_agreement(user, agreement) -> str | None:
    """The staff of the programme, and the people of the beneficiary once it was sent."""
    if type(agreement).objects.for_user(user).filter(pk=agreement.pk).exists():
        return None
    return _("This agreement is not one of yours.")


def may_see_claim(user, claim) -> str | None:
    """As the agreement."""
    return may_see_agreement(user, claim.agreement)


def may_see_batch(user, batch) -> str | None:
    """A batch holds many cases: staff only."""
    if user.is_active and user.has_role(*STAFF_ROLES):
        return None
    return _("Only the staff sees payment batches.")


def may_sign(user, agreement) -> str | None:
    """Signing engages the beneficiary: a representative."""
    return may_submit_for(user, agreement.beneficiary)


def may_write_claims(user, agreement) -> str | None:
    """Opening and writing a claim, filing a report: anyone of the beneficiary."""
    return may_act_for(user, agreement.beneficiary)


def may_edit_claim(user, claim) -> str | None:
    """Typing lines and joining proofs: anyone of the beneficiary, while the claim is being written."""
    if refusal := may_act_for(user, claim.agreement.beneficiary):
        return refusal
    return why_not_written(claim, user)


def may_reply(user, claim) -> str | None:
    """Answering on a suspended claim: anyone of the beneficiary."""
    if refusal := may_act_for(user, claim.agreement.beneficiary):
        return refusal
    if claim.state != "suspended":
        return why_no_reply(claim)
    return None


def may_submit_claim(user, claim) -> str | None:
    """Filing a claim engages the beneficiary: a representative."""
    return may_submit_for(user, claim.agreement.beneficiary)


def may_report_on(user, report) -> str | None:
    """Filing a report again: anyone of the beneficiary."""
    return may_act_for(user, report.tranche.agreement.beneficiary)


def may_work_on(user, agreement) -> str | None:
    """The staff of the programme."""
    return reason_not_staff_of(user, agreement.application)


def may_put_in_force(user, agreement) -> str | None:
    """The Region signs by somebody else than who instructs the case or wrote the act."""
    if refusal := may_work_on(user, agreement):
        return refusal
    if user.pk in {agreement.application.instructor_id, agreement.drafted_by_id}:
        return _("You prepared this agreement: someone else signs it for the Region.")
    return None


def may_review(user, claim) -> str | None:
    """Reviewing a claim: the staff of the programme, who did not file it."""
    if refusal := may_work_on(user, claim.agreement):
        return refusal
    if user.pk == claim.submitted_by_id:
        return _("You filed this claim: someone else reviews it.")
    if user.pk == claim.opened_by_id:
        return _("You began this claim for its beneficiary: someone else reviews it.")
    return None


def may_reject(user, claim) -> str | None:
    """As reviewing; a claim that is still being written is its beneficiary's alone, unless the end of its agreement kept it."""
    if claim.state == "draft" and claim.agreement.is_in_force:
        return _("The beneficiary is still writing this claim.")
    return may_review(user, claim)


def may_review_report(user, report) -> str | None:
    """Deciding on a report: the staff of the programme, who did not file it."""
    if user.pk == report.filed_by_id:
        return _("You filed this report: someone else decides on it.")
    return may_work_on(user, report.tranche.agreement)


def may_order(user, claim) -> str | None:
    """Ordering: neither who certified the claim nor who instructs the case."""
    if refusal := may_work_on(user, claim.agreement):
        return refusal
    if user.pk == claim.certified_by_id:
        return _("You certified this claim: someone else orders its payment.")
    if user.pk == claim.agreement.application.instructor_id:
        return _("You instruct this case: someone else orders its payments.")
    return None


def may_pay(user, order) -> str | None:
    """Recording a payment or cancelling an order: as ordering."""
    return may_order(user, order.claim)


def may_close_batch(user, batch) -> str | None:
    """Closing a batch: not who certified one of its claims, nor who instructs one of its cases."""
    live = batch.orders.exclude(state="cancelled")
    if live.filter(claim__certified_by=user).exists():
        return _("You certified a claim of this batch: someone else closes it.")
    if live.filter(claim__agreement__application__instructor=user).exists():
        return _("You instruct a case of this batch: someone else closes it.")
    return None
