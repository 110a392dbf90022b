"""What the case pages after the vote share: the actions of a page, and a refused form shown again."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import prefetch_related_objects
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern

from core.admin import EssorModelAdmin
from core.admin_permissions import has_any_role
from core.engine import versions
from core.roles import Role
from core.transitions import Option

Handler = Callable[[models.Model, HttpRequest], tuple[Form, str, str | None]]


class CasePageAdmin(EssorModelAdmin):
    """A page that is read, with ``<id>/do/<action>/`` for its forms; nothing is typed in Django's own form.

    ``actions_of_page`` maps a name to ``handler(row, request) -> (form, anchor, sentence)``; without a sentence the
    page comes back with the form, what was typed and why it was refused.
    """

    show_form = False
    fields = ()
    list_filter_submit = False
    actions_of_page: dict[str, Handler] = {}
    ticked_rows: dict[str, type[models.Model]] = {}  # whose rows the boxes of an action stand for, by their name
    settled_actions: frozenset[str] = frozenset()  # compared field by field (``request.page_shown``) by the handler
    action_roles = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER)

    class Media:
        css = {"all": ["grants/staff.css", "agreements/staff.css"]}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None):
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            prefetch_related_objects([request.user], "programme_assignments")
        return found

    def transition_options(self, request: HttpRequest, obj: models.Model) -> list[Option]:
        """Those of the staff; the beneficiary's own never show here."""
        return [item for item in super().transition_options(request, obj) if item.spec.audience == "staff"]

    def essor_urls(self) -> list[URLPattern]:
        return [self.posted("<int:object_id>/do/<slug:action>/", self.page_action, "do")]

    def page_action(self, request: HttpRequest, object_id: int, action: str) -> HttpResponse:
        """Carry out one action of the page and come back to its section."""
        found = self.object_or_404(request, object_id)
        handler = self.actions_of_page.get(action)
        if handler is None:
            raise Http404
        if not has_any_role(request.user, self.action_roles) or request.user.has_role(Role.AUDITOR):
            raise PermissionDenied
        with transaction.atomic():
            request.page_shown = versions.carried(request.POST, found)
            versions.lock(found)
            found.refresh_from_db()
            done, form = None, self.refused_choice(found, request, action)
            if form is None:
                if action not in self.settled_actions:
                    self._verify(found, request)
                form, anchor, done = handler(found, request)
        if done is None:
            return self._page_with(request, found, action, form)
        messages.success(request, done)
        return HttpResponseRedirect(f"{self.change_url(found)}#{anchor}")

    def refused_choice(self, found: models.Model, request: HttpRequest, action: str) -> Form | None:
        """The form of an action in which somebody ticked a row that can be chosen no more, else None.

        Said before what else changed on the page: to do it all the same could only fail.
        """
        return None

    def _verify(self, found: models.Model, request: HttpRequest) -> None:
        """Compare; a refusal tells in words which rows were ticked."""
        try:
            versions.verify(found, request.page_shown)
        except versions.Stale as stale:
            stale.rows = {name: model._base_manager.all() for name, model in self.ticked_rows.items()}
            raise

    def _page_with(self, request: HttpRequest, found: models.Model, action: str, form: Form) -> HttpResponse:
        request.page_forms = {action: form}
        page = self.shown_again(request, found, form)
        for text in dict.fromkeys(str(text) for errors in form.errors.values() for text in errors):
            messages.error(request, text)
        return page

    @staticmethod
    def refused(request: HttpRequest, action: str) -> Form | None:
        """The form of this action that was refused, with what was typed."""
        return getattr(request, "page_forms", {}).get(action)
