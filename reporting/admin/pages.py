"""The pages of reports and imports, in the frame of the staff site."""

from collections import defaultdict

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.documents import WORKBOOK_TYPES, DocumentRefused, accept_attribute, store
from core.job_runner import kind_of
from core.jobs import default_key, submit
from core.models.job import Job
from core.money import ZERO
from core.past_days import PastDayField
from core.site.chosen_files import ChosenFileField, ChosenFileInput
from core.text import PastedTextMixin
from reporting.imports import MAX_BYTES
from reporting.models import CertificateAllocation, EUProgramme, Fund, Operation, SourceKind
from reporting.models.financing import name_in_words
from reporting.permissions import may_import_operations, may_make_reports, may_publish_list
from reporting.rules.ends import certified_above
from reporting.rules.listing import PERIOD_STARTS
from reporting.tasks import COFINANCING, IMPORT, IMPORT_KEY, OPERATIONS

RECENT = 20


class ReportForm(PastedTextMixin, forms.Form):
    """Which report, about what, up to when."""

    report = forms.ChoiceField(
        label=gettext_lazy("Report"),
        choices=[
            (COFINANCING, gettext_lazy("Co-financing workbook")),
            (OPERATIONS, gettext_lazy("List of operations (Article 49)")),
        ],
    )
    format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        choices=[("xlsx", gettext_lazy("Excel workbook")), ("csv", gettext_lazy("CSV (list of operations only)"))],
    )
    programme = forms.ModelChoiceField(
        EUProgramme.objects.all(), label=gettext_lazy("EU programme"), required=False, empty_label=gettext_lazy("All")
    )
    fund = forms.ModelChoiceField(
        Fund.objects.all(), label=gettext_lazy("Fund"), required=False, empty_label=gettext_lazy("All")
    )
    cut_off = PastDayField(
        label=gettext_lazy("Cut-off date"),
        help_text=gettext_lazy(
            "What was recorded by the end of this day. A day that is over gives the same figures later."
        ),
        future=gettext_lazy("Choose today or a day in the past: nothing is known of the future."),
    )
    publish = forms.BooleanField(
        label=gettext_lazy("This list is published"),
        help_text=gettext_lazy("The names of natural persons leave the list two years after their first publication."),
        required=False,
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        if may_publish_list(user):
            del self.fields["publish"]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("report") == COFINANCING and cleaned.get("format") == "csv":
            self.add_error("format", _("The co-financing workbook has several sheets: choose Excel."))
        if cleaned.get("report") == COFINANCING and cleaned.get("publish"):
            self.add_error("publish", _("Only the list of operations is published."))
        return cleaned

    def parameters(self) -> dict:
        """Return the parameters of the job."""
        given = self.cleaned_data
        return {
            "programme": given["programme"].code if given["programme"] else None,
            "fund": given["fund"].code if given["fund"] else None,
            "cut_off": given["cut_off"].isoformat(),
            "format": given["format"],
            "publish": given.get("publish", False),
        }


class ImportForm(forms.Form):
    """The list to import, and what to do with its refused rows."""

    file = ChosenFileField(
        label=gettext_lazy("List of operations"),
        help_text=gettext_lazy("Excel (.xlsx, .xls) or CSV, with a row of headers."),
        widget=ChosenFileInput(attrs={"accept": accept_attribute(WORKBOOK_TYPES)}),
    )
    period = forms.ChoiceField(label=gettext_lazy("Programming period"), choices=[(p, p) for p in PERIOD_STARTS])
    mode = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[
            ("dry_run", gettext_lazy("Dry run: say what would be done, write nothing")),
            ("good_rows", gettext_lazy("Import the good rows; refused rows come back as a workbook")),
            ("all_or_nothing", gettext_lazy("Import everything, or nothing when a row is refused")),
        ],
        widget=forms.RadioSelect,
        initial="dry_run",
    )


class _JobPage:
    """A form that asks for a job, above the recent jobs of its kinds. The job has its own page, with its progress."""

    template = ""
    title = ""
    kinds: tuple[str, ...] = ()

    def __init__(self, model_admin):
        self.model_admin = model_admin

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if refusal := self.refusal(request.user):
            raise PermissionDenied(refusal)
        form = self.form(request)
        if request.method == "POST" and form.is_valid():
            try:
                return redirect("core:job", pk=self.ask(request, form).pk)
            except DocumentRefused as refused:
                form.add_error("file", str(refused))
        jobs = Job.objects.for_user(request.user).filter(kind__in=self.kinds).select_related("file", "requested_by")
        lines = [(job, kind_of(job.kind).label) for job in jobs[:RECENT]]
        return self.model_admin.page(request, self.template, self.title, form=form, lines=lines)


class ReportsPage(_JobPage):
    """Ask for a report; take the recent ones."""

    template = "admin/reporting/reports.html"
    title = gettext_lazy("Reports")
    kinds = (COFINANCING, OPERATIONS)

    def refusal(self, user) -> str | None:
        return may_make_reports(user)

    def form(self, request: HttpRequest) -> ReportForm:
        return ReportForm(request.POST or None, user=request.user, initial={"cut_off": timezone.localdate()})

    def ask(self, request: HttpRequest, form: ReportForm) -> Job:
        report, parameters = form.cleaned_data["report"], form.parameters()
        # A report holds what its asker may see: somebody else's, under way with the same parameters, is not this one.
        key = default_key(f"{report}:{request.user.pk}", parameters)
        return submit(report, parameters=parameters, user=request.user, key=key)


class ImportPage(_JobPage):
    """Import an official list of operations."""

    template = "admin/reporting/import.html"
    title = gettext_lazy("Import a list of operations")
    kinds = (IMPORT,)

    def refusal(self, user) -> str | None:
        return may_import_operations(user)

    def form(self, request: HttpRequest) -> ImportForm:
        return ImportForm(request.POST or None, request.FILES or None)

    def ask(self, request: HttpRequest, form: ImportForm) -> Job:
        upload, mode = form.cleaned_data["file"], form.cleaned_data["mode"]
        document = store(
            upload, name=upload.name, subject=None, user=request.user, kind="import", allowed=WORKBOOK_TYPES,
            max_bytes=MAX_BYTES,
        )  # fmt: skip
        job = submit(
            IMPORT,
            parameters={
                "document": document.pk,
                "period": form.cleaned_data["period"],
                "dry_run": mode == "dry_run",
                "all_or_nothing": mode == "all_or_nothing",
            },
            user=request.user,
            key=IMPORT_KEY,
        )
        if job.parameters.get("document") != document.pk:
            messages.warning(request, _("Another import is under way: this is it. Send your file when it has ended."))
        return job


def financing_of(operation: Operation) -> dict:
    """Return the financing plan of an operation with what each source bears of the certified expenditure."""
    borne: dict[tuple[str, str], object] = defaultdict(lambda: ZERO)
    for allocation in CertificateAllocation.objects.filter(certificate__operation=operation).select_related("source"):
        borne[allocation.kind, allocation.source.label if allocation.source else ""] += allocation.amount
    lines = [
        {"line": line, "name": _name_of(line, operation), "certified": borne.pop((line.kind, line.label), ZERO)}
        for line in operation.current.financing.all()
    ]
    for item in lines:
        item["above"] = certified_above(item["line"].kind, item["line"].amount, item["certified"])
    # A source that the plan has no longer keeps its name beside what is certified on it.
    gone = [
        {
            "kind": SourceKind(kind).label,
            "name": name_in_words(kind, label),
            "certified": amount,
            "above": certified_above(kind, ZERO, amount),
        }
        for (kind, label), amount in borne.items()
        if amount
    ]
    return {
        "lines": lines,
        "gone": gone,
        "planned": sum((item["line"].amount for item in lines), ZERO),
        "certified": sum((item["certified"] for item in [*lines, *gone]), ZERO),
    }


def _name_of(line, operation: Operation) -> str:
    """Return the name of a source as people know it: the fund in their language."""
    fund = operation.current.fund
    return fund.label if fund and line.kind == SourceKind.EU else line.label
