"""What core writes by itself, to be read: events, jobs, messages, documents. Nobody edits it here."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.base import EssorChangeList, EssorModelAdmin, Panel
from core.admin.values import Names, field_of, register_row_name
from core.engine import versions
from core.file_types import type_words
from core.job_runner import kinds
from core.mail_answers import answer_failed, waits_for_answer
from core.models.document import Document
from core.models.event import Event
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.workflow import WorkflowModel
from core.presentation import document_kinds, mail_words
from core.roles import STAFF_ROLES, Role
from core.templatetags.essor import file_size
from core.text import PastedTextMixin

READERS = (Role.AUDITOR, Role.ADMINISTRATOR)
# The text of these mails holds a link that opens an account, a body, or a case to somebody without an account.
SECRET_MAILS = (
    "essor/mail/",
    "applicants/mail/invitation",
    "grants/mail/opinion_request",
    "grants/mail/opinion_reminder",
)


def subject_link(row: Event | OutboxMessage | Document) -> SafeString | str:
    """A link to the page of what an event, a message or a document is about, by its name."""
    content_type, object_id = row.content_type, row.object_id
    if content_type is None or object_id is None:
        return "–"
    model = content_type.model_class()
    if model is None:
        return f"{content_type.model} {object_id}"
    names = getattr(row, "subject_names", None) or Names()
    text = f"{capfirst(str(model._meta.verbose_name))} {names.of(model, object_id)}"
    try:
        url = reverse(f"admin:{content_type.app_label}_{content_type.model}_change", args=[object_id])
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', url, text)


def state_words(model: type[models.Model] | None, state: str) -> str:
    """A state that an event tells of, in the words of its subject."""
    if not state or model is None:
        return state or "–"
    if issubclass(model, WorkflowModel):
        return model.state_label_of(state)
    found = field_of(model, "state")
    return str(dict(found.flatchoices).get(state, state)) if found else state


class NamedChangeList(EssorChangeList):
    """A list that reads the names of all that its rows are about at once, table by table."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = Names()
        kinds = document_kinds() if self.model is Document else {}
        for row in self.result_list:
            if row.content_type and row.object_id and (model := row.content_type.model_class()):
                names.want(model, row.object_id)
            row.subject_names, row.kind_words = names, kinds


class KindFilter(admin.AllValuesFieldListFilter):
    """Documents by what they are to their subject."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        words = document_kinds()
        for choice in super().choices(changelist):
            yield choice | {"display": words.get(choice["display"], choice["display"])}


class MailFilter(admin.AllValuesFieldListFilter):
    """Mails by what they tell."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        for choice in super().choices(changelist):
            yield choice | {"display": mail_words(choice["display"])}


class JobKindFilter(admin.AllValuesFieldListFilter):
    """Jobs by what they do."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        words = {kind.name: str(kind.label) for kind in kinds()}
        for choice in super().choices(changelist):
            yield choice | {"display": words.get(choice["display"], choice["display"])}


class FileTypeFilter(admin.AllValuesFieldListFilter):
    """Documents by the type of their file."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        for choice in super().choices(changelist):
            yield choice | {"display": type_words(choice["display"])}


class ReadOnlyAdmin(EssorModelAdmin):
    """A list and a page to read."""

    view_roles = READERS
    list_select_related = True

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        return list(self.fields or super().get_readonly_fields(request, obj))


def may_answer(user: Any) -> bool:
    """Whether this person answers for mails that were given up: an auditor reads."""
    return user.has_role(Role.ADMINISTRATOR) and not user.has_role(Role.AUDITOR)


def kind_words(job: Job) -> str:
    """What a job does, in words."""
    return next((str(kind.label) for kind in kinds() if kind.name == job.kind), job.kind)


register_row_name(Job, lambda job: f"{job.pk} ({kind_words(job)})")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Long jobs: one's own, or all of them for those who see everything."""

    view_roles = STAFF_ROLES
    list_display = ["created_at", "kind_column", "state_column", "percent_column", "requested_by", "open_column"]
    list_filter = ["state", ("kind", JobKindFilter)]
    list_select_related = ["requested_by"]
    ordering = ["-created_at", "-id"]
    search_fields = ["kind", "key"]
    fields = [
        "kind_column",
        "state_column",
        "percent_column",
        "message",
        "totals_words",
        "reason",
        "file_column",
        "requested_by",
        "created_at",
        "started_at",
        "finished_at",
        "attempts",
        "open_column",
    ]

    @admin.display(description=gettext_lazy("Kind of work"), ordering="kind")
    def kind_column(self, job: Job) -> str:
        return kind_words(job)

    @admin.display(description=gettext_lazy("Totals"))
    def totals_words(self, job: Job) -> SafeString | str:
        """The totals that the job says in words; those with parts of their own are for programs."""
        return format_html_join(" · ", "{}: {}", job.told_totals().items()) or "–"

    @admin.display(description=gettext_lazy("File"))
    def file_column(self, job: Job) -> SafeString | str:
        if job.file is None:
            return "–"
        return format_html('<a href="{}">{}</a>', job.file.get_absolute_url(), job.file.name)

    @admin.display(description=gettext_lazy("Progress"))
    def percent_column(self, job: Job) -> str:
        return f"{job.percent} %"

    @admin.display(description=gettext_lazy("Follow"))
    def open_column(self, job: Job) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("core:job", args=[job.pk]), _("Follow"))


class MailAnswerForm(PastedTextMixin, forms.Form):
    """What a person did about a mail that was given up."""

    AGAIN, TOLD = "again", "told"
    reason = forms.CharField(label=gettext_lazy("What was mended, or how they were told"), max_length=1000)
    answer = forms.ChoiceField(choices=[(AGAIN, AGAIN), (TOLD, TOLD)], widget=forms.HiddenInput)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    """Mails that left or wait. The text of the mails that open an account is not shown. An administrator answers for those
    that were given up."""

    list_display = ["created_at", "recipients", "subject_line", "state_column", "sent_at", "subject_column"]
    list_filter = ["state", ("template", MailFilter)]
    sortable_by = ["created_at", "state_column", "sent_at"]
    list_select_related = ["content_type"]
    ordering = ["-created_at", "-id"]
    search_fields = ["subject_line"]
    fields = [
        "created_at",
        "recipients",
        "subject_line",
        "text",
        "template_words",
        "subject_column",
        "state_column",
        "attempts",
        "next_attempt_at",
        "sent_at",
        "reason",
    ]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """By subject, or by the whole address of a recipient."""
        if not search_term:
            return queryset, False
        by_subject = queryset.filter(subject_line__icontains=search_term)
        return by_subject | queryset.filter(to__contains=[search_term.strip().lower()]), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NamedChangeList

    def panels(self, request: HttpRequest, obj: OutboxMessage) -> list[Panel]:
        if not may_answer(request.user) or not waits_for_answer(obj):
            return []
        form = getattr(request, "refused_form", None) or MailAnswerForm()
        return [Panel(title=_("It did not leave"), template="admin/essor/mail_answer.html", context={"form": form})]

    def essor_urls(self) -> list[URLPattern]:
        return [self.posted("<int:object_id>/answer/", self.answer, "answer")]

    def answer(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """It is sent again, or those it was for were told otherwise."""
        message, form = self.object_or_404(request, object_id), MailAnswerForm(request.POST)
        if not may_answer(request.user):
            raise PermissionDenied
        if not form.is_valid():
            request.refused_form = form
            messages.error(request, " ".join(text for errors in form.errors.values() for text in errors))
            return self.shown_again(request, message, form)
        again = form.cleaned_data["answer"] == form.AGAIN
        if not answer_failed(message, actor=request.user, reason=form.cleaned_data["reason"], again=again):
            sentence = _("This mail waits for no answer any more: it left, or somebody has answered.")
            versions.gone_on(request, message, sentence, form)
        elif again:
            messages.success(request, _("The mail is sent again within some minutes."))
        else:
            messages.success(request, _("It is kept that they were told otherwise."))
        return redirect(self.change_url(message))

    @admin.display(description=gettext_lazy("To"))
    def recipients(self, message: OutboxMessage) -> str:
        return ", ".join(message.to)

    @admin.display(description=gettext_lazy("What it tells"), ordering="template")
    def template_words(self, message: OutboxMessage) -> str:
        return mail_words(message.template)

    @admin.display(description=gettext_lazy("Text"))
    def text(self, message: OutboxMessage) -> str:
        if message.template.startswith(SECRET_MAILS):
            return _("Not shown: this message holds a link that is for its recipient alone.")
        return format_html('<div class="es-mail">{}</div>', message.body)

    @admin.display(description=gettext_lazy("About"))
    def subject_column(self, message: OutboxMessage) -> SafeString | str:
        return subject_link(message)


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Every file of the store with its hash, its case and what the scanner said."""

    list_display = [
        "uploaded_at",
        "name_column",
        "kind_column",
        "size_column",
        "scan_column",
        "subject_column",
        "uploaded_by",
    ]
    list_filter = [("kind", KindFilter), "file__scan_state", ("file__media_type", FileTypeFilter)]
    sortable_by = ["uploaded_at", "name_column", "kind_column"]
    list_select_related = ["file", "content_type", "uploaded_by"]
    ordering = ["-uploaded_at", "-id"]
    search_fields = ["name", "=file__sha256"]
    fields = [
        "name_column",
        "kind_column",
        "subject_column",
        "size_column",
        "hash_column",
        "scan_column",
        "uploaded_by",
        "uploaded_at",
        "retention_until",
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NamedChangeList

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def kind_column(self, document: Document) -> str:
        words = getattr(document, "kind_words", None) or document_kinds()
        return words.get(document.kind, document.kind) or "–"

    @admin.display(description=gettext_lazy("Name"), ordering="name")
    def name_column(self, document: Document) -> SafeString:
        return format_html('<a href="{}">{}</a>', document.get_absolute_url(), document.name)

    @admin.display(description=gettext_lazy("Size"), ordering="file__size")
    def size_column(self, document: Document) -> str:
        return file_size(document.file.size)

    @admin.display(description=gettext_lazy("SHA-256"))
    def hash_column(self, document: Document) -> str:
        return document.file.sha256

    @admin.display(description=gettext_lazy("Scan"), ordering="file__scan_state")
    def scan_column(self, document: Document) -> str:
        return document.file.get_scan_state_display()

    @admin.display(description=gettext_lazy("About"))
    def subject_column(self, document: Document) -> SafeString | str:
        return subject_link(document)
