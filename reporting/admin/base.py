"""What the admin classes of reporting share."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import EssorModelAdmin
from core.roles import Role

EU_ROLES = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE, Role.INSTRUCTOR)
EU_STAFF = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER)


def link(model: str, pk: int | None, text: object) -> SafeString | str:
    """A link to a row's page in the staff site; the text alone without a row. ``model`` is ``app_model``."""
    if pk is None:
        return str(text or "–")
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)


class ReadOnlyAdmin(EssorModelAdmin):
    """Rows that transitions and reports make: read here, never typed."""

    view_roles = EU_ROLES
    show_form = False

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> list:
        return [field.name for field in self.model._meta.concrete_fields]
