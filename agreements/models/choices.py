"""The words of agreements: states, kinds, payees, proration."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

STATES_BEFORE_FORCE = ("draft", "sent", "signed_by_beneficiary")


class AgreementState(models.TextChoices):
    """Where an agreement stands; the last three are final."""

    DRAFT = "draft", _("Draft")
    SENT = "sent", _("Sent for signature")
    SIGNED = "signed_by_beneficiary", _("Signed by the beneficiary")
    IN_FORCE = "in_force", _("In force")
    COMPLETED = "completed", _("Completed")
    TERMINATED = "terminated", _("Terminated")
    LAPSED = "lapsed", pgettext_lazy("feminine", "Lapsed")


class AgreementKind(models.TextChoices):
    """What the 23,000 EUR rule asks for (law 2000-321 art. 10, decree 2001-495)."""

    ACT = "act", _("Unilateral act")
    AGREEMENT = "agreement", _("Agreement")


class Payee(models.TextChoices):
    """Whose account is credited."""

    BENEFICIARY = "beneficiary", _("The beneficiary")
    PERSONS = "persons", _("Each person")
    COMPANY = "company", _("The company, for the persons")


class Proration(models.TextChoices):
    """What happens when less is spent than was planned (reference: france.md B5)."""

    NONE = "none", _("Fixed amount")
    TOLERANCE = "tolerance", _("Pro rata below a tolerance")
    STRICT = "strict", _("Strict pro rata")


class ProrationCut(models.TextChoices):
    """On which side of a tolerance the cut begins; two rules are in use (reference: france.md B5)."""

    FROM = "from", _("from the tolerance on")
    BEYOND = "beyond", _("beyond the tolerance")


LEGAL_MOVES = [
    ("draft", "sent"),
    ("sent", "draft"),
    ("signed_by_beneficiary", "draft"),
    ("sent", "signed_by_beneficiary"),
    ("sent", "in_force"),
    ("signed_by_beneficiary", "in_force"),
    ("in_force", "completed"),
    ("in_force", "terminated"),
    ("draft", "lapsed"),
    ("sent", "lapsed"),
    ("signed_by_beneficiary", "lapsed"),
    ("in_force", "lapsed"),
]

#: What an act says: it does not change once it was sent.
TERMS_OF_THE_ACT = [
    "number",
    "application_id",
    "beneficiary_id",
    "kind",
    "title",
    "granted_amount",
    "eligible_base",
    "rate",
    "start",
    "end",
    "payee",
    "proration",
    "proration_tolerance",
    "proration_cut",
    "cascade_allowed",
    "document_pdf_id",
    "document_docx_id",
]
#: What an agreement in force keeps for ever.
SIGNED_TERMS = [
    "terms",
    "terms_sha256",
    "commitment_id",
    "notified_on",
    "signed_sha256",
    "signed_document_id",
    "beneficiary_signatory",
    "beneficiary_signed_at",
    "confirmed_by_id",
    "region_signed_on",
    "region_signatory",
]
