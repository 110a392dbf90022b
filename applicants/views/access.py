"""What the portal pages of an applicant share: whose they are, where to go next."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from applicants.models import Applicant
from core.engine import versions
from core.portal import own_address
from core.transitions import TransitionRefused


def my_applicant(request: HttpRequest, pk: int) -> Applicant:
    """An applicant for which the person acts; Http404 for any other, also for the staff (who have their own site)."""
    return get_object_or_404(versions.with_number(Applicant.objects.filter(memberships__user=request.user)), pk=pk)


def next_address(request: HttpRequest) -> str:
    """Where the person came from (``?next=``), if it is an address of this site."""
    return own_address(request, request.POST.get("next") or request.GET.get("next") or "")


def tell_refusal(request: HttpRequest, error: ValidationError | TransitionRefused) -> None:
    """Say on the next page why something was not done."""
    messages.error(request, str(error) if isinstance(error, TransitionRefused) else " ".join(error.messages))


def add_refusal(form: Form, error: ValidationError | TransitionRefused) -> None:
    """Put the reasons beside the fields they are about."""
    if isinstance(error, TransitionRefused):
        for name, texts in error.errors.items():
            for text in texts:
                form.add_error(name if name in form.fields else None, text)
    else:
        form.add_error(None, error)
