"""Who learns by mail that a body is reached otherwise: where it was, where it is, and its people; nobody does it unseen.

Whoever takes hold of a body turns its mails and its calls away first (``france.md`` B8).
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from applicants.models import Applicant
from applicants.reached import warned_addresses
from core.models import Event
from core.outbox import enqueue_mail

#: Where a body is written to and called, and who is said to sign for it.
CONTACT = ("email", "phone", "representative_name")


def tell_of_contact(applicant: Applicant, event: Event, changes: Mapping[str, Any] | None = None) -> None:
    """From what to what, through whom, why: to the body's address of before and of now, and to who represents it; where the
    service did it, to everybody who acts for it. One mail each: an address that is wrong learns no other.

    ``changes`` are those of the ``event``, {field: [before, after]}, where it does not keep them itself.
    """
    said = event.changes if changes is None else changes
    changed = {name: said[name] for name in CONTACT if name in said and (said[name][0] or "") != (said[name][1] or "")}
    if not changed:
        return
    actor = event.actor
    by_service = actor is None or not applicant.memberships.filter(user=actor).exists()
    labels = {name: Applicant._meta.get_field(name).verbose_name for name in changed}
    context = {
        "applicant": applicant,
        "by": actor or event.actor_label,
        "by_service": by_service,
        "at": event.created_at,
        "reason": event.comment,
        "lines": [(labels[name], before, after) for name, (before, after) in changed.items()],
        "url": settings.ESSOR_SITE_URL + reverse("applicants:detail", args=[applicant.pk]),
    }
    told = [*changed.get("email", [applicant.email]), *warned_addresses(applicant, everybody=by_service)]
    for number, address in enumerate(dict.fromkeys(address.lower() for address in told if address)):
        enqueue_mail(
            to=[address],
            template="applicants/mail/contact_changed",
            context=context,
            subject_object=applicant,
            key=f"contact:{event.pk}:{number}",
        )
