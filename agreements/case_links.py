"""What agreements add to the applicant's page of a case."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from agreements.agreement_page import load, payments_of, tasks_of, whose_turn_it_is, years_of
from agreements.models import Agreement, PaymentClaim
from agreements.models.claim_states import FINAL
from agreements.models.querysets import HIDDEN_FROM_BENEFICIARY
from grants.case_links import CaseLink
from grants.states import GRANTED


def cases_to_act_on(applications: QuerySet) -> QuerySet:
    """Those of the applications on whose agreement the beneficiary has something to do: what its page says
    (``agreement_page.tasks_of``), looked at where the agreement is not over."""
    going_on = Q(state__in=[Agreement.State.SENT, Agreement.State.IN_FORCE]) | Exists(
        PaymentClaim.objects.exclude(state__in=FINAL).filter(agreement=OuterRef("pk"))
    )
    agreements = Agreement.objects.filter(going_on, application__in=applications.filter(state__in=GRANTED))
    shown = agreements.exclude(state__in=HIDDEN_FROM_BENEFICIARY).select_related("beneficiary")
    return applications.filter(pk__in=[agreement.application_id for agreement in whose_turn_it_is(shown)])


def links_of_case(application, user) -> Iterator[CaseLink]:
    """The agreement of a granted case, and what its beneficiary has to do on it. No query before the grant."""
    if application.state not in GRANTED:
        return
    agreement = (
        Agreement.objects.filter(application=application)
        .exclude(state__in=HIDDEN_FROM_BENEFICIARY)
        .select_related("beneficiary")
        .first()
    )
    if agreement is None:
        return
    load(agreement)
    here = agreement.get_absolute_url()
    for task in tasks_of(agreement, payments_of(agreement), years_of(agreement)):
        if task.is_theirs:
            url = f"{here}{task.url}" if task.url.startswith("#") else task.url
            yield CaseLink(task.action, url, task=task.text)
    label = _("Agreement %(number)s and its payments") % {"number": agreement.number}
    yield CaseLink(label, here, agreement.state_label("applicant"), step=_signature(agreement))


def _signature(agreement: Agreement) -> str:
    """Where the signature of the act stands, for the timeline of the case; empty once it is in force."""
    if agreement.awaits_beneficiary:
        return _("It was sent to you, and awaits your signature.")
    if agreement.state == Agreement.State.SENT:
        return _("It was sent to you; the Region signs it and notifies it. You have nothing to sign.")
    if agreement.state == Agreement.State.SIGNED:
        return _("You have signed; the Region signs next.")
    return ""
