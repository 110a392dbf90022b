"""The screens of import and export: dry run first, errors by row, long files to a worker."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.base import File
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportExportModelAdmin
from import_export.forms import ConfirmImportForm
from import_export.tmp_storages import MediaStorage
from unfold.contrib.import_export.forms import ImportForm, SelectableFieldsExportForm
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin import EssorModelAdmin
from core.admin.reasons import FIELD
from core.admin_permissions import AdminRolesMixin
from core.documents import WORKBOOK_TYPES, DocumentRefused, accept_attribute
from core.engine import versions
from core.importexport.formats import CsvFormat, TableFormat, WorkbookFormat
from core.importexport.jobs import MAX_BYTES, MAX_ROWS, submit_import
from core.importexport.resources import EssorResource, EssorResult
from core.importexport.shown import TooOld, token_of
from core.importexport.shown import read as read_token
from core.views.stale import CONFLICT
from core.workbooks import RowProblem, TableReading, read_table
from core.workbooks.problems import LISTED_PROBLEMS

ROWS_IN_A_PAGE = 2_000
NAME = "import_file_name"
"""The field of the confirmation that names the file."""


class TableRefused(ValueError):
    """A file that cannot be read as a table; ``str()`` says what to do."""


class UploadForm(ImportForm):
    """The file, and why it is taken in; its type is told by its bytes."""

    change_reason = forms.CharField(
        label=gettext_lazy("Reason of the import"),
        help_text=gettext_lazy("Kept with each row that changes; the history shows it."),
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, formats: list, resources: list[type[EssorResource]], **kwargs: Any):
        super().__init__(formats, resources, **kwargs)
        self.resources = resources
        field = self.fields["import_file"]
        field.help_text = gettext_lazy(
            "Excel (.xlsx, .xls) or CSV, with a first row that names the columns. Nothing changes before you confirm."
        )
        field.widget.attrs["accept"] = accept_attribute(WORKBOOK_TYPES)
        self.fields["format"].widget = forms.HiddenInput()

    def clean_import_file(self) -> File:
        """Refuse what is not a table, in a sentence; keep what was read."""
        upload = self.cleaned_data["import_file"]
        columns = self.resources[0].imported_columns()
        self.reading = read_table(upload, columns, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
        if self.reading.is_refused:
            raise forms.ValidationError([str(problem) for problem in self.reading.problems])
        if self.reading.ignored and len(self.reading.all_rows) > ROWS_IN_A_PAGE:
            # A long file goes to a worker, which shows nothing before it writes.
            raise forms.ValidationError(self.reading.ignored_sentence)
        return upload


class ConfirmForm(ConfirmImportForm):
    """The file that was looked at, with the reason that was given for it, and what was shown of the rows it changes."""

    shown = forms.CharField(widget=forms.HiddenInput)
    change_reason = forms.CharField(max_length=1000, widget=forms.HiddenInput)
    # There is one format and one resource: see ``get_import_formats``.
    format = forms.ChoiceField(choices=[("0", "0")], widget=forms.HiddenInput)
    resource = forms.ChoiceField(choices=[("0", "0")], required=False, widget=forms.HiddenInput)


class ExportForm(SelectableFieldsExportForm):
    """Columns under their labels."""

    def _get_field_label(self, resource: EssorResource, field_name: str) -> str:
        labels = {column.key: str(column.label) for column in resource.columns}
        return labels.get(field_name, field_name)


class EssorImportExportAdmin(ImportExportModelAdmin, EssorModelAdmin):
    """Lists that go in and out as tables. Set ``resource_classes = [OneEssorResource]``.

    Importing needs the right to add and to change; exporting the right to see. A file of more than
    ``ROWS_IN_A_PAGE`` rows goes to a worker.
    """

    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    export_form_class = ExportForm
    tmp_storage_class = MediaStorage

    def has_import_permission(self, request: HttpRequest) -> bool:
        """By roles; the library would let everyone in."""
        return AdminRolesMixin.has_import_permission(self, request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """By roles; the library would let everyone in."""
        return AdminRolesMixin.has_export_permission(self, request)

    # --- import -----------------------------------------------------------------------------------------------------

    def get_import_formats(self) -> list[type]:
        """One: what the file is comes from its bytes, and what is in it from the resource's columns."""
        columns = self.resource_classes[0].imported_columns()

        class Table(TableFormat):
            def create_dataset(self, in_stream: bytes) -> Any:
                reading: TableReading = read_table(in_stream, columns, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
                if reading.is_refused:
                    raise TableRefused(" ".join(str(problem) for problem in reading.problems))
                return EssorResource.dataset(reading, columns)

        return [Table]

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        """The sentence of the reader, where it has one."""
        if isinstance(e, TableRefused):
            form.add_error("import_file", str(e))
        else:
            super().add_data_read_fail_error_to_form(form, e)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """A dry run on a page, or a job for a long file."""
        if request.method == "POST" and self.has_import_permission(request):
            form = self.create_import_form(request)
            if form.is_valid():
                if len(form.reading.all_rows) > ROWS_IN_A_PAGE:
                    return self._send_to_worker(request, form)
                if sentence := form.reading.ignored_sentence:
                    messages.warning(request, sentence)
        response = super().import_action(request, **kwargs)
        if isinstance(response, TemplateResponse):
            if confirm := response.context_data.get("confirm_form"):
                seen = response.context_data["result"].seen
                confirm.initial[versions.FIELD] = token_of(confirm.initial[NAME], self.opts.label_lower, seen)
            labels = [str(column.label) for column in self.resource_classes[0].imported_columns()]
            response.context_data["fields_list"] = [("", labels)]
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The confirmed file goes in over the rows that its preview showed; one that went in already is asked for again."""
        if request.method == "POST" and self.has_import_permission(request):
            try:
                carried = request.POST.get(versions.FIELD, ""), request.POST.get(NAME, "")
                request.essor_seen = read_token(*carried, self.opts.label_lower)
            except TooOld:
                return self._not_taken(
                    request, _("This form comes from no preview of this file: nothing was imported.")
                )
        try:
            return super().process_import(request, **kwargs)
        except FileNotFoundError:
            messages.error(
                request,
                _(
                    "The file of this import is no longer there: it was confirmed already, or never sent. Choose it again."
                ),
            )
            return redirect(request.path.replace("/process_import/", "/import/"))

    def process_result(self, result: EssorResult, request: HttpRequest) -> HttpResponse:
        """The list, or the rows that could not be written any more: nothing is imported then."""
        if not (result.has_errors() or result.has_validation_errors()):
            return super().process_result(result, request)
        refused = list(result.problems())
        sentence = ngettext(
            "Nothing was imported: %(refused)d row cannot be written as the preview showed it.",
            "Nothing was imported: %(refused)d rows cannot be written as the preview showed them.",
            len({problem.row for problem in refused}),
        )
        return self._not_taken(request, sentence % {"refused": len({problem.row for problem in refused})}, refused)

    def _not_taken(self, request: HttpRequest, sentence: str, problems: Sequence[RowProblem] = ()) -> HttpResponse:
        response = self.page(
            request,
            "admin/essor/import_refused.html",
            _("This was not imported"),
            sentence=sentence,
            problems=problems[:LISTED_PROBLEMS],
            again=reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"),
        )
        response.status_code = CONFLICT
        return response

    def get_confirm_form_initial(self, request: HttpRequest, import_form: forms.Form | None) -> dict[str, Any]:
        """The reason goes from the upload to its confirmation."""
        found = super().get_confirm_form_initial(request, import_form)
        return found | {FIELD: import_form.cleaned_data[FIELD]} if import_form else found

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """The reason goes on to the resource, which keeps it; and what the preview showed, once it is confirmed. A row that
        is refused then undoes them all."""
        form = kwargs.get("form")
        reason = form.cleaned_data.get(FIELD, "") if form is not None and form.is_valid() else ""
        more = {"reason": reason.strip(), "seen": getattr(kwargs.get("request"), "essor_seen", None)}
        return super().get_import_data_kwargs(**kwargs) | more | {"rollback_on_validation_errors": True}

    def _send_to_worker(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        upload = form.cleaned_data["import_file"]
        try:
            resource = self.choose_import_resource_class(form, request)
            job = submit_import(resource, upload, request.user, reason=form.cleaned_data[FIELD].strip())
        except DocumentRefused as error:
            messages.error(request, str(error))
            return redirect(request.path)
        messages.info(
            request,
            _("This file has %(rows)d rows: it is imported in the background. Nothing goes in if a row is wrong.")
            % {"rows": len(form.reading.all_rows)},
        )
        return redirect("core:job", pk=job.pk)

    def get_success_message(self, result: Any) -> str:
        """What was done."""
        return _("%(new)d rows added, %(update)d changed, %(skip)d already as in the file.") % {
            "new": result.totals["new"],
            "update": result.totals["update"],
            "skip": result.totals["skip"],
        }

    def add_success_message(self, result: Any, request: HttpRequest) -> None:
        """In our words."""
        messages.success(request, self.get_success_message(result))

    # --- export -----------------------------------------------------------------------------------------------------

    def get_export_formats(self) -> list[type]:
        """The workbook first."""
        return [WorkbookFormat, CsvFormat]

    def get_export_data(
        self, file_format: WorkbookFormat | CsvFormat, request: HttpRequest, queryset: models.QuerySet, **kwargs: Any
    ) -> bytes:
        """The rows of the screen with their filters, with the columns that were chosen."""
        form = kwargs.get("export_form")
        resource = self.choose_export_resource_class(form, request)()
        keys: Iterable[str] | None = self.get_export_resource_fields_from_form(form)
        cover = resource.cover(
            [
                (_("Taken by"), str(request.user)),
                (_("On"), timezone.localtime().strftime("%d/%m/%Y %H:%M")),
            ]
        )
        return file_format.bytes_of(resource.sheet(queryset, keys), cover)

    def get_export_filename(self, request: HttpRequest, queryset: models.QuerySet, file_format: WorkbookFormat) -> str:
        """applicants-2026-11-24.xlsx"""
        name = str(self.model._meta.model_name)
        return f"{name}-{timezone.localdate():%Y-%m-%d}.{file_format.get_extension()}"

    def get_valid_export_item_pks(self, request: HttpRequest) -> Iterable[int]:
        """The rows that this person sees."""
        return self.get_queryset(request).values_list("pk", flat=True)
