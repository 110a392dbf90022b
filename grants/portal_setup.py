"""What the applicant's side of grants tells the others when the app is ready: menu, home page, documents."""

from django.utils.translation import gettext_lazy as _

from core import navigation
from core.documents import register_access
from grants.permissions import may_see
from grants.views.catalogue import open_calls


def register() -> None:
    """Called once, when the app is ready."""
    navigation.register_portal(_("Grants"), "grants:catalogue", audience="all", order=10)
    navigation.register_portal(
        _("My cases"), "grants:my_cases", audience="applicant", order=20, prefix="/mes-dossiers/"
    )
    navigation.register_applicant_home("grants:my_cases")
    navigation.register_open_calls(open_calls)
    register_access("grants.Application", may_see)
