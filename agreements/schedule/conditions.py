"""What must hold before more time to claim is given: errors by field, or None."""

from django.utils.translation import gettext as _

from agreements.schedule.services import claim_days
from core.transitions import precondition

GENERAL = "__all__"


@precondition
def act_limits_the_claims(agreement, data, actor):
    """The act says a last day to claim."""
    days = claim_days(agreement)
    if days.first or days.last:
        return None
    return {GENERAL: _("The act says no last day to claim: claims are taken as long as it is in force.")}
