"""The beneficiary's agreements: the list, the page of one, signature, opening a claim, yearly reports."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agreements import claims, reports
from agreements.agreement_page import ended_claims_of, load, payments_of, tasks_of, timeline_of, years_of
from agreements.forms.reports import TrancheReportForm
from agreements.forms.transitions import ConfirmationForm, SignedCopyForm
from agreements.models import Agreement, Tranche, TrancheReport
from agreements.permissions import may_sign, may_write_claims
from agreements.reduction import reduction_of
from agreements.reports import why_not_now
from agreements.schedule.services import claim_days
from agreements.settlements.services import overpaid_of, settlement_of, standing_of, why_it_ended
from agreements.views.access import add_refusal, own_agreement, own_agreements
from core.dates import format_moment
from core.documents import DocumentRefused
from core.engine.once import once
from core.engine.second_click import Recorded, against_now, is_about, is_again, only_again
from core.engine.versions import Stale, carried, gone_on, verify
from core.models.user import User
from core.portal import portal_login_required
from core.site.known_fields import takes
from core.site.post_only import posts_to
from core.transitions import TransitionRefused, perform

PAGE = 20


@portal_login_required
def agreements(request: HttpRequest) -> HttpResponse:
    """The agreements of those one acts for, the latest first."""
    page = Paginator(own_agreements(request).with_case(), PAGE).get_page(request.GET.get("page"))
    return render(request, "agreements/agreements.html", {"page_obj": page})


@portal_login_required
def agreement(request: HttpRequest, number: str) -> HttpResponse:
    """Everything about one agreement."""
    return _show(request, own_agreement(request, number))


def _show(
    request: HttpRequest,
    agreement: Agreement,
    *,
    form: ConfirmationForm | None = None,
    copy_form: SignedCopyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    load(agreement)
    payments, years = payments_of(agreement), years_of(agreement)
    if agreement.awaits_beneficiary:
        signatory = request.user.get_full_name()
        initial = {"signatory": signatory, "sha256": agreement.document_pdf.file.sha256}
        form = form or ConfirmationForm(instance=agreement, actor=request.user, initial=initial)
        initial = {"signatory": signatory, "signed_on": timezone.localdate()}
        copy_form = copy_form or SignedCopyForm(
            instance=agreement, actor=request.user, initial=initial, auto_id="id_copy_%s"
        )
    settlement = settlement_of(agreement) if agreement.ended_on else None
    context = {
        "agreement": agreement,
        "settlement": settlement,
        "end_reason": "" if settlement or not agreement.ended_on else why_it_ended(agreement),
        "overpaid": overpaid_of(agreement),
        "standing": standing_of(agreement) if settlement else None,
        "settlement_lines": settlement.lines.select_related("claim__instalment") if settlement else [],
        "application": agreement.application,
        "contact": agreement.application.rules.contact,
        "payments": payments,
        "years": years,
        "reduction": reduction_of(agreement),
        "tasks": tasks_of(agreement, payments, years),
        "ended_claims": ended_claims_of(agreement),
        "claim_days": claim_days(agreement),
        "has_claimed": any(claim.submitted_at for claim in agreement.claims.all()),
        "timeline": timeline_of(agreement, payments),
        "sign_form": form if agreement.awaits_beneficiary else None,
        "copy_form": copy_form,
        "sign_refusal": may_sign(request.user, agreement) if agreement.awaits_beneficiary else None,
        "write_refusal": may_write_claims(request.user, agreement),
    }
    return render(request, "agreements/agreement.html", context, status=status)


@takes(ConfirmationForm)
@portal_login_required
@posts_to("agreements:agreement", "number", at="#sign")
def sign(request: HttpRequest, number: str) -> HttpResponse:
    """Accept the very file that was shown; signed once whatever the number of clicks."""
    agreement = own_agreement(request, number)
    form = ConfirmationForm(request.POST, instance=agreement, actor=request.user)
    if not agreement.awaits_beneficiary:
        is_so = agreement.confirmed_by_id is not None
        recorded = _signature_of(agreement) | {"sha256": agreement.signed_sha256, "accepted": is_so}
        only_again(request, agreement, _no_signature_awaited(), Recorded(recorded, forms=[form]))
        return redirect(agreement)
    try:
        perform(agreement, "confirm", actor=request.user, data=request.POST, expected=carried(request.POST, agreement))
    except TransitionRefused as refusal:
        if refusal.code == "permission":
            gone_on(request, agreement, str(refusal))
        add_refusal(form, refusal)
        return _show(request, agreement, form=form, status=422)
    messages.success(request, _("You have signed. The Region signs next; we write to you when it is in force."))
    return redirect(agreement)


def _signature_of(agreement: Agreement) -> dict[str, str]:
    """Who signed for the beneficiary, by the names of the fields."""
    return {"signatory": agreement.beneficiary_signatory, "quality": agreement.beneficiary_quality}


def _no_signature_awaited() -> str:
    return _("This act does not await a signature any more.")


@takes(SignedCopyForm)
@portal_login_required
@posts_to("agreements:agreement", "number", at="#sign")
def signed_copy(request: HttpRequest, number: str) -> HttpResponse:
    """Take the copy that was signed on paper; a second sending of it changes nothing."""
    agreement = own_agreement(request, number)
    form = SignedCopyForm(request.POST, request.FILES, instance=agreement, actor=request.user, auto_id="id_copy_%s")
    if not agreement.awaits_beneficiary:
        recorded = _signature_of(agreement) | {"signed_on": agreement.beneficiary_signed_on}
        files = {"file": [agreement.signed_sha256] if agreement.signed_document_id else []}
        only_again(request, agreement, _no_signature_awaited(), Recorded(recorded, files, [form]))
        return redirect(agreement)
    if form.is_valid():
        try:
            perform(
                agreement,
                "send_signed_copy",
                actor=request.user,
                data=request.POST,
                files=request.FILES,
                expected=carried(request.POST, agreement),
            )
        except TransitionRefused as refusal:
            if refusal.code == "permission":
                gone_on(request, agreement, str(refusal))
            add_refusal(form, refusal)
        except DocumentRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(
                request, _("Your signed copy is received. The Region signs next; we write to you when it is in force.")
            )
            return redirect(agreement)
    return _show(request, agreement, copy_form=form, status=422)


@portal_login_required
@posts_to("agreements:agreement", "number")
@once
def open_claim(request: HttpRequest, number: str, rank: int) -> HttpResponse:
    """Open the claim of an instalment; twice the same button gives the same claim."""
    agreement = own_agreement(request, number)
    instalment = get_object_or_404(agreement.instalments, rank=rank)
    try:
        claim = claims.open_claim(agreement, instalment, actor=request.user)
    except claims.ClaimRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(agreement)
    return redirect(claim)


@takes(TrancheReportForm)
@portal_login_required
@require_http_methods(["GET", "POST"])
@once
def report(request: HttpRequest, number: str, rank: int) -> HttpResponse:
    """The report on a year: filed for the first time, completed when the service asked for more, or read."""
    agreement = own_agreement(request, number)
    tranche = get_object_or_404(agreement.tranches, rank=rank)
    found = tranche.reports.select_related("document__file").first()
    subject = found or TrancheReport(tranche=tranche)
    waits = why_not_now(subject)
    writes = waits is None and (found is None or found.state != TrancheReport.State.ACCEPTED)
    form = None
    if writes:
        initial = {"summary": found.summary, "spent_amount": found.spent_amount} if found else {}
        form = TrancheReportForm(instance=subject, actor=request.user, initial=initial)
    status = 200
    if request.method == "POST":
        if form is None:
            gone_on(
                request,
                subject if found else agreement,
                waits or _("This report was accepted: it does not change any more."),
            )
        form = TrancheReportForm(
            request.POST, request.FILES, instance=subject, actor=request.user, initial=form.initial
        )
        if found is not None and _is_reported_elsewhere(request, form, found):
            return redirect(agreement)
        if _file_report(request, form, found, tranche):
            messages.success(request, _("Your report is filed. We write to you when the service has read it."))
            return redirect(agreement)
        status = 422
    context = {"agreement": agreement, "tranche": tranche, "report": found, "form": form, "waits": waits}
    return render(request, "agreements/report.html", context, status=status)


def _is_reported_elsewhere(request: HttpRequest, form: TrancheReportForm, found: TrancheReport) -> bool:
    """Whether another page filed the very report of this form.

    Raises:
        Stale: another report was filed since the page was opened: both stand side by side.
    """
    now = {"summary": found.summary, "spent_amount": found.spent_amount}
    recorded = Recorded(now, {"document": [found.document.file.sha256]}, [form], beside=TrancheReportForm.BOXES)
    if is_about(request.POST, found.tranche):  # no report was there when the page was opened
        only_again(request, found, _filed_meanwhile(found, request.user), recorded)
        return True
    try:
        verify(found, carried(request.POST, found))
    except Stale as stale:
        if stale.shown is not None and found.state == TrancheReport.State.FILED and is_again(request, recorded):
            return True
        stale.differences = against_now(form, now) if stale.shown is not None else []
        raise
    return False


def _filed_meanwhile(found: TrancheReport, reader: User) -> str:
    """That the year has its report by now, and of whom."""
    words = {"person": found.filed_by, "when": format_moment(found.filed_at)}
    if found.filed_by_id == reader.pk:
        return _("You filed the report of this year yourself on %(when)s, in another window.") % words
    return _("%(person)s filed the report of this year on %(when)s, after you had opened the page.") % words


def _file_report(request: HttpRequest, form: TrancheReportForm, found: TrancheReport | None, tranche: Tranche) -> bool:
    """Whether it was filed; what is wrong is on the form."""
    if not form.is_valid():
        return False
    data = form.cleaned_data
    try:
        if found is not None:
            perform(
                found,
                "file_again",
                actor=request.user,
                data=request.POST,
                files=request.FILES,
                expected=carried(request.POST, found),
            )
        else:
            reports.file_report(
                tranche,
                summary=data["summary"],
                spent_amount=data["spent_amount"],
                upload=data["document"],
                actor=request.user,
                amount_is_right=bool(data.get("amount_is_right")),
            )
    except TransitionRefused as refusal:
        add_refusal(form, refusal)
    except DocumentRefused as refusal:
        form.add_error("document", str(refusal))
    except reports.ReportRefused as refusal:
        form.add_error(None, str(refusal))
    else:
        return True
    return False
