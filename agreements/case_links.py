"""What agreements add to the applicant's page of a case."""

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from agreements.agreement_page import tasks_alone
from agreements.models import Agreement
from agreements.models.querysets import HIDDEN_FROM_BENEFICIARY
from agreements.settlements.services import in_the_register
from agreements.turns import AwaitsBeneficiary
from applicants.de_minimis.told import Told
from grants.case_links import CaseLink
from grants.states import GRANTED


def awaits_beneficiary() -> Q:
    """The condition, on applications, that the beneficiary has something to do on the agreement."""
    return Q(AwaitsBeneficiary(), state__in=GRANTED)


def links_of_case(application, user) -> Iterator[CaseLink]:
    """The agreement of a granted case, and what its beneficiary has to do on it. No query before the grant."""
    if application.state not in GRANTED:
        return
    agreement = Agreement.objects.filter(application=application).exclude(state__in=HIDDEN_FROM_BENEFICIARY).first()
    if agreement is None:
        return
    here = agreement.get_absolute_url()
    for task in tasks_alone(agreement):
        if task.is_theirs:
            url = f"{here}{task.url}" if task.url.startswith("#") else task.url
            yield CaseLink(task.action, url, task=task.text)
    words = {"kind": agreement.get_kind_display(), "number": agreement.number}
    label = _("%(kind)s %(number)s and its payments") % words
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


def told_in_register(case_number: str) -> Told | None:
    """What the page of a grant in the de minimis register says: what is to be asked back of it, and where that stands."""
    found = Agreement.objects.filter(
        application__number=case_number, ended_on__isnull=False, settlement__unjustified_paid_amount__gt=0
    )
    agreement = found.select_related("settlement").first()
    if agreement is None:
        return None
    url = reverse("admin:agreements_agreement_change", args=[agreement.pk])
    return Told(
        in_the_register(agreement), f"{url}#settlement", _("Settlement of %(number)s") % {"number": agreement.number}
    )
