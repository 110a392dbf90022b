"""The eight roles of Essor. Each one is a Django group of the same name, ensured after every migration."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    APPLICANT = "applicant", _("Applicant")
    INSTRUCTOR = "instructor", _("Instructor")
    HEAD_OF_SERVICE = "head_of_service", _("Head of service")
    COMMITTEE_SECRETARY = "committee_secretary", _("Committee secretary")
    FINANCE_OFFICER = "finance_officer", _("Finance officer")
    EU_CONTROLLER = "eu_controller", _("EU controller")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


STAFF_ROLES = frozenset(role for role in Role if role is not Role.APPLICANT)
# Those who do something: the auditor reads everything and changes nothing.
ACTING_ROLES = STAFF_ROLES - {Role.AUDITOR}
# Those who see every case, whatever the programmes they are assigned to.
SEES_EVERYTHING = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
