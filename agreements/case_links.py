"""What agreements add to the applicant's page of a case."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from agreements.models import Agreement
from agreements.models.querysets import HIDDEN_FROM_BENEFICIARY
from grants.case_links import CaseLink
from grants.states import GRANTED


def links_of_case(application, user) -> Iterator[CaseLink]:
    """The agreement of a granted case, and whether it waits for a signature. One query, none before the grant."""
    if application.state not in GRANTED:
        return
    agreement = Agreement.objects.filter(application=application).exclude(state__in=HIDDEN_FROM_BENEFICIARY).first()
    if agreement is None:
        return
    task = _("Your agreement is ready: read it and sign it.") if agreement.awaits_beneficiary else ""
    label = _("Agreement %(number)s and its payments") % {"number": agreement.number}
    yield CaseLink(label, agreement.get_absolute_url(), agreement.state_label("applicant"), task)
