"""A body that was being created is registered before it asks to be paid: the condition (``claim_rules`` has the trigger)."""

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _


def beneficiary_is_registered(claim, data, actor):
    """The beneficiary has its number: nobody pays, or pays the people of, a body that does not exist yet."""
    body = claim.agreement.beneficiary
    if not body.in_formation:
        return None
    return {
        NON_FIELD_ERRORS: _(
            "“%(name)s” is still being created: once it is registered, add its SIRET number under “My organisation”,"
            " then file this claim."
        )
        % {"name": body.display_name}
    }
