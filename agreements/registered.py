"""A body that was being created is registered before it asks to be paid: the condition (``claim_rules`` has the trigger)."""

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _


def beneficiary_is_registered(claim, data, actor):
    """The beneficiary has its number: nobody pays, or pays the people of, a body that does not exist yet."""
    refusal = why_not_paid_yet(claim.agreement.beneficiary)
    return {NON_FIELD_ERRORS: refusal} if refusal else None


def beneficiary_is_registered_still(claim, data, actor):
    """The beneficiary has its number when its claim is certified too."""
    body = claim.agreement.beneficiary
    if not body.awaits_siret:
        return None
    sentence = _(
        "“%(name)s” has no SIRET number yet: return the claim to its beneficiary, who adds it and files again."
    )
    return {NON_FIELD_ERRORS: sentence % {"name": body.display_name}}


def why_not_paid_yet(body) -> str | None:
    """Why no claim is filed for a beneficiary yet, said wherever one may be begun; None when one may be."""
    if not body.awaits_siret:
        return None
    words = {"name": body.display_name}
    if body.in_formation:
        return (
            _(
                "“%(name)s” is still being created: once it is registered, add its SIRET number under"
                " “My organisation”, then file this claim."
            )
            % words
        )
    return (
        _(
            "“%(name)s” has no SIRET number: an RNA number or a local register is enough for an association alone."
            " Add it under “My organisation”, then file this claim."
        )
        % words
    )
