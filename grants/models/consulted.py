"""What a proposal of de minimis aid says of the central register, held by the database; the form asks ``grants.consultation``."""

from django.db.models import CheckConstraint, F, Q
from django.utils.translation import gettext_lazy as _

from applicants.models.de_minimis import NACE

ASKS_NOTHING = Q(de_minimis_regime="") | Q(favourable=False)


def of_the_register() -> list[CheckConstraint]:
    """The register was consulted on a day that had come, with a proof, or why it was not is said; the sector is given."""
    return [
        CheckConstraint(
            condition=ASKS_NOTHING
            | ~Q(register_unavailable="")
            | (
                Q(register_consulted_on__isnull=False)
                & (~Q(register_reference="") | Q(register_document__isnull=False))
            ),
            name="proposal_consulted_the_register",
            violation_error_message=_("Say how the register of de minimis aid was consulted, or why it was not."),
        ),
        CheckConstraint(
            condition=ASKS_NOTHING | Q(register_sector__regex=NACE),
            name="proposal_names_the_sector",
            violation_error_message=_("Give the sector of the activity: the central register asks for it."),
        ),
        CheckConstraint(
            condition=Q(register_consulted_on__isnull=True) | Q(register_consulted_on__lte=F("made_at__date")),
            name="proposal_consulted_on_a_day_that_has_come",
            violation_error_message=_("The register is consulted on the day of the proposal at the latest."),
        ),
    ]
