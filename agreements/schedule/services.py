"""The last days to claim of an agreement, read through its relations."""

from agreements.schedule.rules import ClaimDays


def claim_days(agreement) -> ClaimDays:
    """The last days to claim; one query, only where the act says a day."""
    first, last = agreement.first_claim_deadline, agreement.claim_deadline
    if first is None and last is None:
        return ClaimDays(None, None)
    granted = max((item.until for item in agreement.extensions.all()), default=None)
    return ClaimDays(first, last, granted)


def extensions_of(agreement) -> list:
    """The more time that was given, with who gave it; no query where the act limits nothing or is not in force yet."""
    if agreement.notified_on is None or not (agreement.claim_deadline or agreement.first_claim_deadline):
        return []
    return list(agreement.extensions.select_related("granted_by"))


def extend(agreement, until, *, actor, reason: str):
    """Write down that claims are taken until ``until``. The transition ``extend_claims`` is the door."""
    return agreement.extensions.create(until=until, reason=reason.strip(), granted_by=actor)
