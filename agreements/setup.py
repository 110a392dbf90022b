"""What the app tells the others when it is ready: who reads its documents, its links, its work."""

from django.utils.translation import gettext_lazy as _

from agreements import receivers  # noqa: F401 - connects the receivers of the transitions
from agreements.case_links import links_of_case
from agreements.permissions import may_see_agreement, may_see_batch, may_see_claim
from core import navigation
from core.documents import register_access
from grants.case_links import register_case_links


def register() -> None:
    """Called once, when the app is ready."""
    register_access("agreements.Agreement", may_see_agreement)
    register_access("agreements.PaymentClaim", may_see_claim)
    register_access("agreements.PaymentBatch", may_see_batch)
    register_case_links(links_of_case)
    navigation.register_portal(
        _("My agreements"), "agreements:agreements", audience="applicant", order=30, prefix="/conventions/"
    )
