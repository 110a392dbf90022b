"""The page on which a committee decides one case year by year, or person by person."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from core.engine import versions
from core.money import sum_money
from grants import committee
from grants.admin.grid_forms import PlanForm
from grants.committee import SessionRefused
from grants.models import AgendaItem, SessionState
from grants.staff_permissions import may_run_session

TEMPLATE = "admin/grants/committeesession/plan.html"


class PlanOfItem:
    """Mixin of the session's admin: ``<session>/plan/<item>/``."""

    def plan(self, request: HttpRequest, object_id: int, item_id: int) -> HttpResponse:
        """Show the years or persons with what is proposed; record what the committee decides for each."""
        session = self.object_or_404(request, object_id)
        if refusal := may_run_session(request.user, session):
            raise PermissionDenied(refusal)
        joined = session.items.select_related("application__applicant", "application__call", "session", "decided_by")
        item = get_object_or_404(joined, pk=item_id)
        if not item.is_by_parts or session.state != SessionState.IN_SESSION:
            gone = _("This is no longer possible: the state has changed.")
            if request.method == "POST":
                versions.gone_on(request, item, gone, PlanForm(request.POST, item=item) if item.is_by_parts else None)
            messages.warning(request, gone)
            return HttpResponseRedirect(f"{self.change_url(session)}#item-{item.pk}")
        if request.method != "POST":
            return self._plan_page(request, session, item, PlanForm(item=item))
        shown = versions.carried(request.POST, item)
        with transaction.atomic():
            versions.lock(session)
            item = joined.get(pk=item_id)
            form = PlanForm(request.POST, item=item)
            versions.settle(form, item, shown, together=True)
            done = form.is_valid() and self._decide_parts(request, item, form)
        if not done:
            return self._plan_page(request, session, item, form, status=422)
        messages.success(request, _("Decision recorded: %(number)s.") % {"number": item.application.number})
        return HttpResponseRedirect(f"{self.change_url(session)}#item-{item.pk}")

    @staticmethod
    def _decide_parts(request: HttpRequest, item: AgendaItem, form: PlanForm) -> bool:
        amounts = form.amounts()
        try:
            committee.record_decision(
                item,
                "granted",
                actor=request.user,
                amount=sum_money(amounts.values()),
                amounts=amounts,
                reason=form.cleaned_data["reason"],
            )
        except SessionRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            return False
        return True

    def _plan_page(self, request: HttpRequest, session, item: AgendaItem, form: PlanForm, status: int = 200):
        title = _("Amounts granted to %(number)s") % {"number": item.application.number}
        back = f"{self.change_url(session)}#item-{item.pk}"
        response = self.page(request, TEMPLATE, title, session, item=item, form=form, back=back)
        response.status_code = status
        return response
