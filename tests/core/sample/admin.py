"""The sample case on the staff site: every feature of the base class on one page."""

from django.contrib import admin

from core.admin import CaseHeader, EssorModelAdmin, Panel, money_display
from core.roles import Role
from tests.core.sample.models import Case


@admin.register(Case)
class CaseAdmin(EssorModelAdmin):
    view_roles = (Role.INSTRUCTOR,)
    add_roles = change_roles = (Role.INSTRUCTOR, Role.AUDITOR)  # an auditor named by mistake still changes nothing
    list_display = ["title", "owner", money_display("asked", "Asked"), "state_column"]
    list_filter = ["state"]
    list_select_related = ["owner"]
    search_fields = ["title"]
    fields = ["title", "owner", "asked", "state"]
    without_reason = dict.fromkeys(("title", "owner", "asked"), "an example: reasons have tests of their own")

    def case_header(self, request, obj: Case) -> CaseHeader:
        return CaseHeader(number=f"CASE-{obj.pk}", title=obj.title, amounts=[("Asked", obj.asked), ("Granted", None)])

    def panels(self, request, obj: Case) -> list[Panel]:
        return [
            Panel("Owner", "sample/owner_panel.html", {"owner": obj.owner}),
            Panel("Beside", "sample/owner_panel.html", {"owner": obj.owner}, side=True),
        ]
