"""Lines of expenditure, typed one by one, and the proofs that several of them share."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agreements import claims
from agreements.axes import axis_choices
from agreements.budget_accounts import BudgetAccount, accounts_of, labels_of
from agreements.claim_page import alike_sentence, lines_of
from agreements.claims import ClaimRefused
from agreements.duplicates import typed_again
from agreements.forms.portal import LineForm, LineProofForm, ProofForm
from agreements.line_problems import line_problems
from agreements.models import ExpenditureLine, PaymentClaim
from agreements.permissions import may_edit_claim
from agreements.views.access import claim_to_write, own_claim
from agreements.views.claim import ask_first, is_sure, show
from agreements.views.typed import (
    OF_THE_PAGE,
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
from core.engine.second_click import only_again
from core.money import format_euros
from core.portal import portal_login_required
from core.site.chosen_files import chosen_files, taken
from core.site.known_fields import takes
from core.site.post_only import posts_to

MAX_CATEGORY = 120


@takes(LineForm, LineProofForm, "another")
@portal_login_required
@require_http_methods(["GET", "POST"])
@once
def add(request: HttpRequest, number: str) -> HttpResponse:
    """A new line, with its proof when it is at hand."""
    claim = claim_to_write(request, number)
    if refusal := may_edit_claim(request.user, claim):
        messages.error(request, refusal)
        return redirect(claim)
    accounts = accounts_of(claim.agreement)
    posted = request.method == "POST"
    form = LineForm(
        request.POST if posted else None, claim=claim, accounts=accounts, axes=axis_choices(claim.agreement)
    )
    proof_form = LineProofForm(request.POST if posted else None, request.FILES if posted else None)
    if posted and form.is_valid() and proof_form.is_valid():
        if line := _add(request, claim, form, proof_form, accounts):
            messages.success(request, _("Line %(rank)s is added.") % {"rank": line.rank})
            _tell_of_lines_alike(request, claim, line)
            if "another" in request.POST:
                return redirect("agreements:line_add", claim.number)
            return redirect(f"{claim.get_absolute_url()}#lines")
    elif posted and form.is_valid():
        _tell_of_the_line(form, claim, accounts)
    return _form_page(request, claim, form, proof_form)


def _tell_of_lines_alike(request: HttpRequest, claim: PaymentClaim, line: ExpenditureLine) -> None:
    """The line is kept; the person who types reads at once which other line has its supplier and number."""
    if others := typed_again(claim.lines.all()).get(line.rank):
        messages.warning(request, alike_sentence(others))


def _tell_of_the_line(form: LineForm, claim: PaymentClaim, accounts: list[BudgetAccount]) -> None:
    """Its file is refused: what is wrong with the line is told with it, not at the next try."""
    if problems := line_problems(claim, _values(form, accounts), accounts):
        put_errors(form, ClaimRefused("", problems))


def _add(
    request: HttpRequest,
    claim: PaymentClaim,
    form: LineForm,
    proof_form: LineProofForm,
    accounts: list[BudgetAccount],
):
    """The line, or None with what is wrong on the forms."""
    try:
        return claims.add_line(
            claim, _values(form, accounts), actor=request.user, proof=proof_form.cleaned_data["proof"] or None
        )
    except ClaimRefused as refusal:
        put_errors(form, refusal)
    except DocumentRefused as refusal:
        proof_form.add_error("proof", str(refusal))
    return None


def _values(form: LineForm, accounts: list[BudgetAccount]) -> dict:
    labels = labels_of(accounts)
    values = {"paid_before_why": "", "other_year_why": ""} | form.cleaned_data
    return values | {"category": labels.get(values["account_code"], "")[:MAX_CATEGORY]}


@takes(LineForm, LineProofForm)
@portal_login_required
@require_http_methods(["GET", "POST"])
@transaction.atomic
def change(request: HttpRequest, number: str, rank: int) -> HttpResponse:
    """Correct a line."""
    claim = claim_to_write(request, number)
    if request.method == "POST":
        versions.lock(claim)
    line = claim.lines.select_related("claim__agreement", "proof__file").filter(rank=rank).first()
    if line is None:
        return _typed_in_a_gone_line(request, claim, rank) or _gone(request, claim, rank)
    if refusal := may_edit_claim(request.user, claim):
        messages.error(request, refusal)
        return redirect(claim)
    accounts = accounts_of(claim.agreement)
    initial = {name: getattr(line, name) for name in claims.LINE_FIELDS}
    posted = request.method == "POST"
    form = LineForm(
        request.POST if posted else None,
        claim=claim,
        accounts=accounts,
        axes=axis_choices(claim.agreement),
        initial=initial,
    )
    proof_form = LineProofForm(request.POST if posted else None, request.FILES if posted else None)
    if posted:
        versions.settle(form, claim, versions.carried(request.POST, claim))
    if posted and form.is_valid() and proof_form.is_valid():
        try:
            claims.change_line(
                line, _values(form, accounts), actor=request.user, proof=proof_form.cleaned_data["proof"] or None
            )
        except ClaimRefused as refusal:
            put_errors(form, refusal)
        except DocumentRefused as refusal:
            proof_form.add_error("proof", str(refusal))
        else:
            messages.success(request, _("Line %(rank)s is saved.") % {"rank": line.rank})
            _tell_of_lines_alike(request, claim, line)
            return redirect(f"{claim.get_absolute_url()}#lines")
    elif posted and form.is_valid():
        _tell_of_the_line(form, claim, accounts)
    return _form_page(request, claim, form, proof_form, line)


def _typed_in_a_gone_line(request: HttpRequest, claim: PaymentClaim, rank: int) -> HttpResponse | None:
    """What was typed on the page of a line that was removed meanwhile, ready to be put in as a new one; None where no line
    can be added. Nothing is recorded by this page."""
    if not 0 < rank <= claim.last_rank or may_edit_claim(request.user, claim):
        return None
    posted = request.method == "POST"
    form = LineForm(
        request.POST if posted else None,
        claim=claim,
        accounts=accounts_of(claim.agreement),
        axes=axis_choices(claim.agreement),
    )
    if not posted:  # what was typed without a connection is kept on the device under this line
        return _form_page(request, claim, form, LineProofForm(), removed=rank)
    left = versions.left_alone(form, versions.carried(request.POST, claim))
    if left >= {form.add_prefix(name) for name in form.fields} and not chosen_files(request):
        return _told_gone(request, claim, rank)  # nothing was typed: there is nothing to give back
    page = _form_page(request, claim, form, LineProofForm(request.POST, request.FILES), removed=rank)
    page.status_code = 409
    return page


def _gone(request: HttpRequest, claim: PaymentClaim, rank: int) -> HttpResponse:
    """The page of a line that was removed: its number is not given again, so nothing is done to another one.

    Raises:
        Http404: the claim never had a line of this number. Stale: something was typed, on its page or beside its button.
    """
    if not 0 < rank <= claim.last_rank:
        raise Http404
    if request.method == "POST":
        only_again(request, claim, _removed_meanwhile(rank), kept_of(request, claim))
    return _told_gone(request, claim, rank)


def _removed_meanwhile(rank: int) -> str:
    return _("Line %(rank)s was removed meanwhile: nothing was changed.") % {"rank": rank}


def _told_gone(request: HttpRequest, claim: PaymentClaim, rank: int) -> HttpResponse:
    messages.error(request, _removed_meanwhile(rank))
    return redirect(f"{claim.get_absolute_url()}#lines")


def _form_page(
    request: HttpRequest,
    claim: PaymentClaim,
    form: LineForm,
    proof_form: LineProofForm,
    line: ExpenditureLine | None = None,
    removed: int | None = None,
) -> HttpResponse:
    context = {
        "claim": claim,
        "agreement": claim.agreement,
        "form": form,
        "proof_form": proof_form,
        "line": line,
        "removed": removed,
    }
    return render(request, "agreements/line.html", context, status=422 if request.method == "POST" else 200)


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#lines")
def remove(request: HttpRequest, number: str, rank: int) -> HttpResponse:
    """Take a line out, once it was asked about."""
    claim = claim_to_write(request, number)
    line = claim.lines.filter(rank=rank).first()
    if line is None:
        return _gone(request, claim, rank)
    if not is_sure(request):
        what = f"{line.supplier_name}, {line.invoice_number}, {format_euros(line.declared_amount)}"
        return ask_first(request, claim, _("Remove line %(rank)s?") % {"rank": rank}, what, "#lines")
    try:
        with versions.unchanged(request, claim):
            claims.remove_line(line, actor=request.user)
            typed = keep_typed(request, claim)
    except ClaimRefused as refusal:
        versions.gone_on(request, claim, str(refusal))
    if not typed.is_kept:
        return show(request, own_claim(request, number), status=422, **typed.refused_forms())
    tell_of_files_aside(request)
    messages.success(request, _("Line %(rank)s is removed.") % {"rank": rank})
    return redirect(reverse("agreements:claim", args=[claim.number]) + "#lines")


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#lines")
def proof(request: HttpRequest, number: str) -> HttpResponse:
    """One file for one or several lines."""
    claim = claim_to_write(request, number)
    lines = lines_of(claim)
    form = ProofForm(request.POST, request.FILES, lines=lines)
    if form.is_valid():
        chosen = [line for line in lines if line.rank in form.cleaned_data["lines"]]
        try:
            with transaction.atomic():
                versions.lock(claim)
                verify_page(request, claim)
                claims.attach_proof(claim, chosen, form.cleaned_data["proof"], actor=request.user)
        except (ClaimRefused, DocumentRefused) as refusal:
            form.add_error("proof", str(refusal))
        else:
            taken(request, "proof")
            messages.success(request, _("The proof is joined."))
    typed = keep_typed(request, claim)
    if form.is_valid() and typed.is_kept:
        tell_of_files_aside(request, but="proof")
        return redirect(f"{claim.get_absolute_url()}#lines")
    forms = typed.refused_forms() | ({} if form.is_valid() else {"proof_form": form})
    return show(request, own_claim(request, number), status=422, **forms)
