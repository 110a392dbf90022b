"""The archiving list: what is kept until when, by which rule, and what has come to its term."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core.admin.base import EssorModelAdmin, date_display
from core.models.retention import Retention, RetentionQuerySet
from core.retention import documents_of, rule_of, rules
from core.roles import Role
from core.templatetags.essor import pill
from core.workbooks import Column, Cover, Sheet, write_workbook

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = [
    Column("subject", gettext_lazy("Case"), width=26),
    Column("rule", gettext_lazy("Rule that decides"), width=44),
    Column("source", gettext_lazy("Source"), width=60),
    Column("starts_on", gettext_lazy("From"), "date"),
    Column("until", gettext_lazy("Keep until"), "date"),
    Column("state", gettext_lazy("State"), width=18),
    Column("documents", gettext_lazy("Documents"), "integer", total=True),
]


class TermFilter(admin.SimpleListFilter):
    """At their term, or still to be kept."""

    title = gettext_lazy("term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin: "RetentionAdmin") -> list[tuple[str, str]]:
        return [("over", _("At its term")), ("kept", _("To be kept"))]

    def queryset(self, request: HttpRequest, queryset: RetentionQuerySet) -> QuerySet:
        today = timezone.localdate()
        wanted = {"over": {"until__lt": today}, "kept": {"until__gte": today}}
        return queryset.filter(**wanted.get(self.value(), {}))


class RuleFilter(admin.SimpleListFilter):
    """By the rule that decides."""

    title = gettext_lazy("rule")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: "RetentionAdmin") -> list[tuple[str, str]]:
        return [(rule.code, str(rule.label)) for rule in rules()]

    def queryset(self, request: HttpRequest, queryset: RetentionQuerySet) -> QuerySet:
        return queryset.filter(rule=self.value()) if self.value() else queryset


@admin.register(Retention)
class RetentionAdmin(EssorModelAdmin):
    """One line a case, with the rule that keeps it the longest. Nothing is destroyed here: the archives decide."""

    view_roles = (Role.ADMINISTRATOR, Role.AUDITOR)
    list_display = [
        "subject_column",
        "rule_column",
        date_display("starts_on", gettext_lazy("From")),
        date_display("until", gettext_lazy("Keep until")),
        "term_column",
    ]
    list_display_links = None
    list_filter = [TermFilter, RuleFilter]
    list_select_related = ["content_type"]
    ordering = ["until", "pk"]
    change_list_template = "admin/essor/archiving_list.html"
    fields = ["subject_column", "rule_column", "source_column", "starts_on", "until"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).decisive().prefetch_related("subject")

    @display(description=gettext_lazy("Case"))
    def subject_column(self, row: Retention) -> SafeString | str:
        kind: ContentType = row.content_type
        address = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[row.object_id])
        return format_html('<a href="{}">{}</a>', address, row.subject)

    @display(description=gettext_lazy("Rule that decides"), ordering="rule")
    def rule_column(self, row: Retention) -> str:
        return str(rule_of(row.rule).label)

    @display(description=gettext_lazy("Source"))
    def source_column(self, row: Retention) -> str:
        return str(rule_of(row.rule).source)

    @display(description=gettext_lazy("State"))
    def term_column(self, row: Retention) -> SafeString:
        return pill(_("At its term"), "act") if row.is_over else pill(_("To be kept"), "wait")

    def essor_urls(self) -> list[URLPattern]:
        return [path("liste.xlsx", self.admin_site.admin_view(self.download), name=self.url_name("download"))]

    def download(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered, as a workbook for the archives."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_changelist_instance(request).get_queryset(request)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "archivage.xlsx"
            cover = Cover(
                title=_("Archiving list"),
                facts=[(_("Made by"), str(request.user)), (_("Made on"), timezone.now())],
                notes=[
                    _(
                        "One line a case, with the rule that keeps it the longest. Its documents cannot be deleted before."
                    )
                ],
            )
            write_workbook(target, [Sheet(_("Archiving list"), COLUMNS, self._rows(found), key="archiving")], cover)
            content = target.read_bytes()
        headers = {"Content-Disposition": f'attachment; filename="{target.name}"'}
        return HttpResponse(content, content_type=WORKBOOK, headers=headers)

    @staticmethod
    def _rows(found: QuerySet) -> Iterator[dict]:
        for row in found.iterator(500):
            rule = rule_of(row.rule)
            yield {
                "subject": str(row.subject),
                "rule": str(rule.label),
                "source": str(rule.source),
                "starts_on": row.starts_on,
                "until": row.until,
                "state": _("At its term") if row.is_over else _("To be kept"),
                "documents": len(documents_of(row.subject)),
            }
