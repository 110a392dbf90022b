"""The states of an application, with the words of the staff and those of the applicant."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApplicationState(TextChoices):
    """States of ``Application.state``; see ``docs/states.md`` for the transitions."""

    DRAFT = "draft", pgettext_lazy("application", "Draft")
    SUBMITTED = "submitted", pgettext_lazy("application", "Submitted")
    INCOMPLETE = "incomplete", pgettext_lazy("application", "Incomplete")
    ADMISSIBLE = "admissible", pgettext_lazy("application", "Admissible")
    INADMISSIBLE = "inadmissible", pgettext_lazy("application", "Inadmissible")
    IN_INSTRUCTION = "in_instruction", pgettext_lazy("application", "In instruction")
    INSTRUCTED = "instructed", pgettext_lazy("application", "Proposal awaiting visa")
    READY_FOR_COMMITTEE = "ready_for_committee", pgettext_lazy("application", "Ready for committee")
    SCHEDULED = "scheduled", pgettext_lazy("application", "On the agenda")
    APPROVED = "approved", pgettext_lazy("application", "Approved")
    REJECTED = "rejected", pgettext_lazy("application", "Rejected")
    CONTRACTED = "contracted", pgettext_lazy("application", "Under agreement")
    CLOSED = "closed", pgettext_lazy("application", "Closed")
    WITHDRAWN = "withdrawn", pgettext_lazy("application", "Withdrawn")
    LAPSED = "lapsed", pgettext_lazy("application", "Lapsed")


# What the applicant reads: what is going on, never a decision that is not taken yet.
APPLICANT_LABELS = {
    ApplicationState.DRAFT: _("Draft, not filed yet"),
    ApplicationState.SUBMITTED: _("Filed, pieces being checked"),
    ApplicationState.INCOMPLETE: _("An answer is expected from you"),
    ApplicationState.ADMISSIBLE: _("Admissible, soon under instruction"),
    ApplicationState.INADMISSIBLE: _("Not admissible"),
    ApplicationState.IN_INSTRUCTION: _("Under instruction"),
    ApplicationState.INSTRUCTED: _("Under instruction"),
    ApplicationState.READY_FOR_COMMITTEE: _("Instruction finished, before the committee"),
    ApplicationState.SCHEDULED: _("On the agenda of the committee"),
    ApplicationState.APPROVED: _("Granted"),
    ApplicationState.REJECTED: _("Refused"),
    ApplicationState.CONTRACTED: _("Granted, agreement in force"),
    ApplicationState.CLOSED: _("Case closed"),
    ApplicationState.WITHDRAWN: _("Withdrawn by you"),
    ApplicationState.LAPSED: _("Lapsed"),
}

BEFORE_DECISION = (
    ApplicationState.DRAFT,
    ApplicationState.SUBMITTED,
    ApplicationState.INCOMPLETE,
    ApplicationState.ADMISSIBLE,
    ApplicationState.IN_INSTRUCTION,
    ApplicationState.INSTRUCTED,
    ApplicationState.READY_FOR_COMMITTEE,
    ApplicationState.SCHEDULED,
)
GRANTED = (ApplicationState.APPROVED, ApplicationState.CONTRACTED, ApplicationState.CLOSED)
FINAL = (
    ApplicationState.INADMISSIBLE,
    ApplicationState.REJECTED,
    ApplicationState.CLOSED,
    ApplicationState.WITHDRAWN,
    ApplicationState.LAPSED,
)
