"""The page of a payment claim: amount, pieces, filing; what happens next once it is filed."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from agreements import claims
from agreements.claim_page import claim_context
from agreements.claims import ClaimRefused
from agreements.forms.portal import AmountForm, PieceForm, ReplyForm
from agreements.forms.transitions import SubmitClaimForm
from agreements.models import PaymentClaim
from agreements.permissions import may_reply
from agreements.views.access import add_refusal, claim_to_write, own_claim
from core.documents import DocumentRefused
from core.engine import versions
from core.portal import portal_login_required
from core.transitions import TransitionRefused, perform

TEMPLATE = "agreements/claim.html"


def show(request: HttpRequest, claim: PaymentClaim, *, status: int = 200, **forms) -> HttpResponse:
    """The page, with the forms that were refused and what was typed in them."""
    return render(request, TEMPLATE, claim_context(claim, request.user, **forms), status=status)


@portal_login_required
def claim(request: HttpRequest, number: str) -> HttpResponse:
    """Write a claim, or follow one that was filed."""
    return show(request, own_claim(request, number))


@portal_login_required
@require_POST
def amount(request: HttpRequest, number: str) -> HttpResponse:
    """Change what is asked, and say what was done."""
    found = claim_to_write(request, number)
    shown = versions.carried(request.POST, found)
    try:
        with transaction.atomic():
            versions.lock(found)
            found.refresh_from_db()
            form = AmountForm(
                request.POST, initial={"claimed_amount": found.claimed_amount, "statement": found.statement}
            )
            versions.settle(form, found, shown)
            if form.is_valid():
                data = form.cleaned_data
                claims.set_amount(found, data["claimed_amount"], actor=request.user, statement=data["statement"])
    except ClaimRefused as refusal:
        put_errors(form, refusal)
    if form.is_valid():
        messages.success(request, _("Saved."))
        return redirect(found)
    return show(request, found, amount_form=form, status=422)


@portal_login_required
@require_POST
def add_piece(request: HttpRequest, number: str, code: str) -> HttpResponse:
    """Join one of the pieces that the payment asks for."""
    found = claim_to_write(request, number)
    form = PieceForm(request.POST, request.FILES, prefix=code)
    if form.is_valid():
        try:
            claims.join_piece(found, code, form.cleaned_data["file"], actor=request.user)
        except (ClaimRefused, DocumentRefused) as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, _("The file is joined."))
            return redirect(f"{found.get_absolute_url()}#pieces")
    return show(request, found, piece_form=(code, form), status=422)


@portal_login_required
@require_POST
def remove_piece(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take a piece out."""
    found = claim_to_write(request, number)
    piece = get_object_or_404(found.pieces, pk=pk)
    try:
        with versions.unchanged(request, found):
            claims.remove_piece(piece, actor=request.user)
    except ClaimRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(f"{found.get_absolute_url()}#pieces")


@portal_login_required
@require_POST
def reply(request: HttpRequest, number: str) -> HttpResponse:
    """Answer on a suspended claim."""
    found = own_claim(request, number)
    if reason := may_reply(request.user, found):
        versions.gone_on(request, found, reason)
    form = ReplyForm(request.POST, request.FILES, prefix="reply")
    if form.is_valid():
        data = form.cleaned_data
        try:
            claims.reply(found, data["text"], actor=request.user, upload=data["file"])
        except ClaimRefused as refusal:
            put_errors(form, refusal)
        except DocumentRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(
                request, _("Your answer is sent. The officer reads it; you follow the claim on this page.")
            )
            return redirect(f"{found.get_absolute_url()}#replies")
    return show(request, found, reply_form=form, status=422)


@portal_login_required
@require_POST
def submit(request: HttpRequest, number: str) -> HttpResponse:
    """File the claim; filed once whatever the number of clicks."""
    found = own_claim(request, number)
    if found.state == PaymentClaim.State.SUBMITTED:
        return redirect(found)
    try:
        perform(found, "submit", actor=request.user, data=request.POST, expected=versions.carried(request.POST, found))
    except TransitionRefused as refusal:
        if refusal.code == "permission":
            versions.gone_on(request, found, str(refusal))
        form = SubmitClaimForm(request.POST, instance=found, actor=request.user)
        add_refusal(form, refusal)
        return show(request, found, submit_form=form, status=422)
    messages.success(request, _("Your claim is filed. An officer reads it; you follow it on this page."))
    return redirect(found)


def put_errors(form, refusal: ClaimRefused) -> None:
    """Put the sentences beside the fields they are about, the rest at the top."""
    for name, text in refusal.errors.items():
        form.add_error(name if name in form.fields else None, text)
    if not refusal.errors:
        form.add_error(None, str(refusal))
