"""Expenditure by workbook: the template, the file sent, the preview, the rows taken in."""

import re
import tempfile
from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from agreements import intake
from agreements.claims import ClaimRefused
from agreements.expenditure_form import write_form
from agreements.forms.portal import WorkbookForm
from agreements.line_versions import HERE, WORKBOOK, NotAnswered
from agreements.models import ExpenditureUpload
from agreements.views.access import claim_to_write, own_claim
from agreements.views.claim import show
from agreements.views.typed import OF_THE_PAGE, keep_typed, pieces_of_page, tell_of_files_aside
from core.documents import DocumentRefused
from core.engine import versions
from core.engine.once import once
from core.engine.second_click import Recorded, only_again
from core.file_types import XLSX
from core.portal import portal_login_required, with_word_to_device
from core.site.chosen_files import judged, taken
from core.site.known_fields import takes
from core.site.post_only import posts_to

SHOWN = 500
READ = "read"
OF_A_LINE = re.compile(r"line-[0-9]{1,9}")


@portal_login_required
@require_GET
def template(request: HttpRequest, number: str) -> HttpResponse:
    """The workbook to fill, with the lines that the claim has already."""
    claim = own_claim(request, number)
    name = _("expenditure-%(number)s") % {"number": claim.number}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xlsx"
        write_form(path, claim)
        response = HttpResponse(path.read_bytes(), content_type=XLSX.media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


@takes(*OF_THE_PAGE, more=pieces_of_page)
@portal_login_required
@posts_to("agreements:claim", "number", at="#workbook")
@once
def upload(request: HttpRequest, number: str) -> HttpResponse:
    """Read a file; nothing is written before the person has seen the preview."""
    claim = claim_to_write(request, number)
    form = WorkbookForm(request.POST, request.FILES)
    typed = keep_typed(request, claim)
    if not typed.is_kept:
        return show(request, own_claim(request, number), status=422, **typed.refused_forms())
    if form.is_valid():
        try:
            kept, found = intake.preview(claim, form.cleaned_data["workbook"], actor=request.user)
        except (ClaimRefused, DocumentRefused) as refusal:
            form.add_error("workbook", str(refusal))
        else:
            return with_word_to_device(request, _checked(request, claim, kept, found))
    # What this very button sent was read and refused: the other buttons of the page ask for it no more.
    if judged(form, "workbook"):
        taken(request, "workbook")
    return show(request, own_claim(request, number), workbook_form=form, status=422)


def _checked(request: HttpRequest, claim, kept: ExpenditureUpload | None, found: intake.Intake) -> HttpResponse:
    """The page of the check of a workbook that was read: to be confirmed, or of no use as a whole."""
    if kept is None:
        return _page(request, claim, None, found, status=422)
    tell_of_files_aside(request, but="workbook")
    return redirect("agreements:workbook_preview", claim.number, kept.pk)


@takes("checked", READ, OF_A_LINE)
@portal_login_required
@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """What the file would do; the button takes its good rows in."""
    claim = claim_to_write(request, number)
    kept = get_object_or_404(claim.uploads.select_related("document__file", "rejected__file"), pk=pk)
    if kept.state == ExpenditureUpload.State.TAKEN:
        sentence = _("This workbook was taken in already.")
        if request.method == "POST":  # the same rows are taken in once; a choice about a line may be another one
            only_again(request, claim, sentence, Recorded({}, beside=("checked", READ)))
        else:
            messages.info(request, sentence)
        return redirect(f"{claim.get_absolute_url()}#lines")
    if request.method == "POST":
        try:
            with versions.unchanged(request, claim):
                done = _take_in(request, kept)
        except (intake.CheckedOtherwise, NotAnswered) as refusal:
            messages.error(request, str(refusal))
            status = 422 if isinstance(refusal, NotAnswered) else 409
            return _page(request, own_claim(request, number), kept, intake.read_again(kept), status=status)
        except ClaimRefused as refusal:
            versions.gone_on(request, claim, str(refusal))
        if done.pk != kept.pk:
            messages.info(request, _("The same file was taken in already: nothing was changed."))
        else:
            messages.success(request, _taken_sentence(done))
        return redirect(f"{claim.get_absolute_url()}#lines")
    return _page(request, claim, kept, intake.read_again(kept))


def _take_in(request: HttpRequest, kept: ExpenditureUpload) -> ExpenditureUpload:
    """Take the rows in as the person chose on the page of the check."""
    return intake.take_in(
        kept,
        actor=request.user,
        checked=request.POST.get("checked", ""),
        choices={name: value for name, value in request.POST.items() if OF_A_LINE.fullmatch(name)},
        read=READ in request.POST,
    )


def _taken_sentence(taken: ExpenditureUpload) -> str:
    added = ngettext("%(count)s line added", "%(count)s lines added", taken.rows_added) % {"count": taken.rows_added}
    changed = ngettext("%(count)s changed", "%(count)s changed", taken.rows_changed) % {"count": taken.rows_changed}
    if not taken.rows_refused:
        return f"{added}, {changed}."
    left = ngettext("%(count)s row left out", "%(count)s rows left out", taken.rows_refused) % {
        "count": taken.rows_refused
    }
    return f"{added}, {changed}, {left}."


def _page(request: HttpRequest, claim, kept, found: intake.Intake, status: int = 200) -> HttpResponse:
    problems = found.problems
    for change in found.clashing:
        change.chosen = request.POST.get(change.name, "")
    already = kept is not None and claim.uploads.filter(sha256=kept.sha256, state="taken").exists()
    context = {
        "claim": claim,
        "agreement": claim.agreement,
        "upload": kept,
        "intake": found,
        "problems": problems[:SHOWN],
        "hidden_problems": max(0, max(found.reading.problems.count, len(problems)) - SHOWN),
        "already_taken": already,
        "changes": found.plain[:SHOWN],
        "hidden_changes": max(0, len(found.plain) - SHOWN),
        "sides": [(HERE, _("Keep what is on the site")), (WORKBOOK, _("Write what is in the workbook"))],
        "read_box": READ,
        "is_read": READ in request.POST,
    }
    return render(request, "agreements/workbook.html", context, status=status)
