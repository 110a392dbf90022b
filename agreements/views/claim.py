"""The page of a payment claim: amount, pieces, filing; what happens next once it is filed."""

from dataclasses import replace

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from agreements import claims
from agreements.claim_page import claim_context
from agreements.claims import ClaimRefused
from agreements.closed_claims import is_given_up, what_of_its_payment, why_not_again
from agreements.costs import costs_of, mark_of
from agreements.forms.portal import ReplyForm
from agreements.forms.transitions import SubmitClaimForm
from agreements.models import PaymentClaim
from agreements.permissions import may_edit_claim, may_reply, may_submit_claim
from agreements.settlements.falling import costs_of_giving_up
from agreements.views.access import add_refusal, claim_to_write, own_claim
from agreements.views.typed import (
    CONFIRMED,
    OF_THE_PAGE,
    files_aside,
    keep_typed,
    kept_of,
    pieces_of_page,
    put_errors,
    tell_of_files_aside,
    verify_page,
)
from core.documents import DocumentRefused
from core.engine import versions
from core.engine.once import once
from core.engine.second_click import Recorded, only_again, word_of
from core.portal import portal_login_required, with_word_to_device
from core.site.chosen_files import chosen_files
from core.site.known_fields import Under, takes
from core.site.post_only import posts_to
from core.transitions import TransitionRefused, available_transitions, perform, reasons_against

TEMPLATE = "agreements/claim.html"


def show(request: HttpRequest, claim: PaymentClaim, *, status: int = 200, **forms) -> HttpResponse:
    """The page, with the forms that were refused and what was typed in them."""
    context = claim_context(claim, request.user, request.POST, chosen_files(request), **forms)
    return render(request, TEMPLATE, context, status=status)


@portal_login_required
def claim(request: HttpRequest, number: str) -> HttpResponse:
    """Write a claim, or follow one that was filed."""
    return show(request, own_claim(request, number))


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number")
def amount(request: HttpRequest, number: str) -> HttpResponse:
    """Keep what the page holds, say what was done, and go on where the button leads."""
    found = claim_to_write(request, number)
    typed = keep_typed(request, found)
    if not typed.is_kept:
        return show(request, own_claim(request, number), status=422, **typed.refused_forms())
    tell_of_files_aside(request)
    if request.POST.get("then") == "line":
        return with_word_to_device(request, redirect("agreements:line_add", number))
    messages.success(request, _("Saved."))
    return redirect(found)


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#pieces")
@once
def add_piece(request: HttpRequest, number: str, code: str) -> HttpResponse:
    """Join one of the pieces that the payment asks for."""
    found = claim_to_write(request, number)
    typed = keep_typed(request, found, asked=code)
    if not typed.is_kept:
        if typed.joined:
            told = ngettext(
                "The file that you chose for another piece is joined.",
                "The files that you chose for other pieces are joined.",
                typed.joined,
            )
            messages.success(request, told)
        return show(request, own_claim(request, number), status=422, **typed.refused_forms())
    tell_of_files_aside(request)
    messages.success(request, ngettext("The file is joined.", "The files are joined.", typed.joined))
    return redirect(f"{found.get_absolute_url()}#pieces")


def is_sure(request: HttpRequest) -> bool:
    """Whether the removal was asked about and confirmed."""
    return bool(request.POST.get("sure"))


def ask_first(request: HttpRequest, claim: PaymentClaim, question: str, what: str, anchor: str) -> HttpResponse:
    """Ask before something is removed that cannot be brought back. What the page of the claim held is kept by now."""
    with transaction.atomic():
        versions.lock(claim)
        verify_page(request, claim)
        typed = keep_typed(request, claim)
    if not typed.is_kept:
        return show(request, own_claim(request, claim.number), status=422, **typed.refused_forms())
    tell_of_files_aside(request)
    context = {"claim": own_claim(request, claim.number), "question": question, "what": what, "anchor": anchor}
    return render(request, "agreements/remove.html", context)


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#pieces")
def remove_piece(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Take a piece out, once it was asked about."""
    found = claim_to_write(request, number)
    piece = found.pieces.select_related("document").filter(pk=pk).first()
    if piece is None:
        return _piece_gone(request, found)
    if not is_sure(request):
        return ask_first(request, found, _("Remove this piece?"), piece.document.name, "#pieces")
    try:
        with versions.unchanged(request, found):
            claims.remove_piece(piece, actor=request.user)
            typed = keep_typed(request, found)
    except ClaimRefused as refusal:
        versions.gone_on(request, found, str(refusal))
    if not typed.is_kept:
        return show(request, own_claim(request, number), status=422, **typed.refused_forms())
    tell_of_files_aside(request)
    messages.success(request, _("The piece is removed."))
    return redirect(f"{found.get_absolute_url()}#pieces")


def _piece_gone(request: HttpRequest, found: PaymentClaim) -> HttpResponse:
    """The button of a piece that was removed meanwhile.

    Raises:
        Http404: nothing happened to the claim, and no page of it showed this piece. Stale: something was typed beside it.
    """
    try:
        versions.verify(found, versions.carried(request.POST, found))
    except versions.Stale:
        sentence = _("This piece was removed meanwhile: nothing was changed.")
        only_again(request, found, sentence, kept_of(request, found))
        messages.error(request, sentence)
        return redirect(f"{found.get_absolute_url()}#pieces")
    raise Http404


@takes(Under("reply", ReplyForm))
@portal_login_required
@posts_to("agreements:claim", "number", at="#replies")
@once
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


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#submit")
def submit(request: HttpRequest, number: str) -> HttpResponse:
    """File the claim; filed once whatever the number of clicks."""
    with transaction.atomic():
        versions.lock(own_claim(request, number))
        found = own_claim(request, number)
        if reason := may_edit_claim(request.user, found):
            return _filed_already(request, found, reason)
        typed = keep_typed(request, found, whole=True)
        unread = typed.is_kept and _costs_unread(request, found)
        form = _file(request, found) if typed.is_kept and not unread else None
    if unread:
        return _confirm(request, own_claim(request, number))
    if form is not None or not typed.is_kept:
        found = own_claim(request, number)
        forms = typed.refused_forms() | ({"submit_form": form} if form is not None else {})
        return show(request, found, status=422, **forms)
    messages.success(request, _("Your claim is filed. An officer reads it; you follow it on this page."))
    return redirect(found)


def _filed_already(request: HttpRequest, found: PaymentClaim, reason: str) -> HttpResponse:
    """The page of a claim that was filed with what this form brings; anything else is given back."""
    if found.state != PaymentClaim.State.SUBMITTED:
        versions.gone_on(request, found, reason)
    kept = kept_of(request, found)
    form = SubmitClaimForm(request.POST, instance=found, actor=request.user)
    filed = replace(kept, values={**kept.values, "attested": True}, forms=[*kept.forms, form], beside=(CONFIRMED,))
    only_again(request, found, reason, filed)
    return redirect(found)


@takes("comment")
@portal_login_required
@require_http_methods(["GET", "POST"])
def abandon(request: HttpRequest, number: str) -> HttpResponse:
    """Give up a claim that was begun, after a page that says what becomes of it."""
    found = own_claim(request, number)
    option = next((item for item in available_transitions(found, request.user) if item.spec.name == "abandon"), None)
    if option is None or not option.allowed:
        reason = option.reason if option is not None else _why_not_given_up(request, found)
        if request.method == "POST":
            if not is_given_up(found):
                versions.gone_on(request, found, reason)
            only_again(request, found, reason, Recorded({"comment": word_of(found, "abandon")}))
            return redirect(found.agreement)
        messages.error(request, reason)
        return redirect(found)
    if request.method == "POST":
        try:
            with versions.unchanged(request, found, lambda: costs_of_giving_up(found)):
                perform(found, "abandon", actor=request.user, comment=request.POST.get("comment", "")[:2000])
        except TransitionRefused as refusal:
            versions.gone_on(request, found, str(refusal))
        messages.success(request, f"{_('The claim is given up.')} {what_of_its_payment(found)}".strip())
        return redirect(found.agreement)
    context = {"claim": found, "option": option, "closed": why_not_again(found)}
    context |= {"costs": costs_of_giving_up(found), "lines": found.lines.count(), "pieces": found.pieces.count()}
    return render(request, "agreements/claim_abandon.html", context)


def _costs_unread(request: HttpRequest, found: PaymentClaim) -> bool:
    """Whether filing what was sent costs something that its page of confirmation has not said yet, or not so; asked only
    of a claim that could be filed."""
    form = SubmitClaimForm(request.POST, instance=found, actor=request.user)
    refused = may_submit_claim(request.user, found) or files_aside(request) or not form.is_valid()
    if refused or reasons_against(found, "submit", request.user):
        return False
    costs = costs_of(found)
    return bool(costs) and request.POST.get(CONFIRMED) != mark_of(costs)


def _confirm(request: HttpRequest, found: PaymentClaim) -> HttpResponse:
    """What filing costs, before it is done. What was typed and chosen is kept on the claim by now."""
    costs = costs_of(found)
    context = {"claim": found, "agreement": found.agreement, "costs": costs, "name": CONFIRMED, "mark": mark_of(costs)}
    return render(request, "agreements/claim_confirm.html", context)


def _why_not_given_up(request: HttpRequest, found: PaymentClaim) -> str:
    """A claim that ended before it was ever filed says how; any other one was filed once."""
    never_filed = found.submitted_at is None and may_edit_claim(request.user, found)
    return never_filed or _("Only a claim that was never filed can be given up.")


def _file(request: HttpRequest, found: PaymentClaim) -> SubmitClaimForm | None:
    """File the claim; what stands against it otherwise. The amount that was typed stays kept."""
    form = SubmitClaimForm(request.POST, instance=found, actor=request.user)
    if waiting := files_aside(request):
        for sentence in waiting:
            form.add_error(None, sentence)
        form.add_error(None, _("To file without it, tick the box above the button “File the claim”."))
        return form
    try:
        perform(found, "submit", actor=request.user, data=request.POST)
    except TransitionRefused as refusal:
        if refusal.code == "permission":
            versions.gone_on(request, found, str(refusal))
        add_refusal(form, refusal)
        return form
    return None
