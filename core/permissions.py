"""Who may see and do what the engine holds. Predicates return None (allowed) or the reason it is not."""

from django.utils.translation import gettext as _

from core.models.job import Job


def may_see_job(user, job: Job) -> str | None:
    """The person who asked for it, auditors and administrators."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return _("Sign in to do this.")
    if job.requested_by_id == user.pk or user.sees_everything:
        return None
    return _("Only the person who asked for this job may see it.")


def may_cancel_job(user, job: Job) -> str | None:
    """Whoever asked for it; an administrator, but not an auditor, who changes nothing."""
    if job.requested_by_id == getattr(user, "pk", None) and user.is_active:
        return None
    if user.has_role("administrator"):
        return None
    return _("Only the person who asked for this job may cancel it.")
