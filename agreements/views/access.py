"""What the pages of agreements share: whose they are, and how a refusal is told."""

from django.forms import Form
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from agreements.models import Agreement, PaymentClaim
from agreements.models.querysets import HIDDEN_FROM_BENEFICIARY
from agreements.permissions import may_edit_claim
from core.engine import versions
from core.transitions import TransitionRefused


def own_agreements(request: HttpRequest):
    """The agreements of those one acts for, once the Region sent them (the staff have their own site)."""
    return Agreement.objects.filter(beneficiary__memberships__user=request.user).exclude(
        state__in=HIDDEN_FROM_BENEFICIARY
    )


def own_agreement(request: HttpRequest, number: str) -> Agreement:
    """One of them; Http404 for any other."""
    return get_object_or_404(versions.with_number(own_agreements(request).with_case()), number=number)


def own_claim(request: HttpRequest, number: str) -> PaymentClaim:
    """A payment claim of one of them; Http404 for any other."""
    claims = PaymentClaim.objects.filter(agreement__beneficiary__memberships__user=request.user)
    return get_object_or_404(versions.with_number(claims.with_case()), number=number)


def claim_to_write(request: HttpRequest, number: str) -> PaymentClaim:
    """One of them that the person may still write in; a form sent once it was filed is given back with why."""
    claim = own_claim(request, number)
    if request.method == "POST" and (reason := may_edit_claim(request.user, claim)):
        versions.gone_on(request, claim, reason)
    return claim


def add_refusal(form: Form, refusal: TransitionRefused) -> None:
    """Put the reasons beside the fields they are about."""
    for name, texts in refusal.errors.items():
        for text in texts:
            if text not in form.errors.get(name, []):
                form.add_error(name if name in form.fields else None, text)
