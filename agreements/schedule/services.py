"""The last days to claim of an agreement, read through its relations."""

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.schedule.rules import ClaimDays
from core.dates import format_date_long


def claim_days(agreement) -> ClaimDays:
    """The last days to claim; one query, only where the act says a day."""
    first, last = agreement.first_claim_deadline, agreement.claim_deadline
    if first is None and last is None:
        return ClaimDays(None, None)
    granted = max((item.until for item in agreement.extensions.all()), default=None)
    return ClaimDays(first, last, granted)


def why_too_late(agreement) -> str:
    """Why no claim of the agreement is filed any more, by the days of its act and the more time given since; empty when
    one is."""
    days, today = claim_days(agreement), timezone.localdate()
    if days.last_in_force and today > days.last_in_force:
        return _("The time to claim ended on %(date)s: write to the service, which may give more time.") % {
            "date": format_date_long(days.last_in_force)
        }
    first = days.first_in_force
    if first and today > first and not agreement.claims.filter(submitted_at__isnull=False).exists():
        sentence = _(
            "The first claim was to be filed by %(date)s at the latest: write to the service, which may give more time."
        )
        return sentence % {"date": format_date_long(first)}
    return ""


def extensions_of(agreement) -> list:
    """The more time that was given, with who gave it; no query where the act limits nothing or is not in force yet."""
    if agreement.notified_on is None or not (agreement.claim_deadline or agreement.first_claim_deadline):
        return []
    return list(agreement.extensions.select_related("granted_by"))


def extend(agreement, until, *, actor, reason: str):
    """Write down that claims are taken until ``until``. The transition ``extend_claims`` is the door."""
    return agreement.extensions.create(until=until, reason=reason.strip(), granted_by=actor)
