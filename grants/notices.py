"""Mails of the instruction. They go through the outbox, in the transaction of what they tell.

A mail has one subject, one message and one link, and says what happens if nothing is done. Nothing of a case's content
is in it beyond what its decision requires.
"""

from django.conf import settings

from core.outbox import enqueue_mail
from grants.staff_forms import heads_of, instructors_of


def people_of(application) -> list[str]:
    """Addresses of the applicant: its own, those of its representatives, and of who filed the case.

    An account that was closed gets nothing, unless there is nobody else to write to.
    """
    found = [application.applicant.email]
    for membership in application.applicant.memberships.select_related("user"):
        if membership.user.is_active and membership.role == "representative":
            found.append(membership.user.email)
    filer = application.submitted_by or application.created_by
    if filer.is_active or not any(found):
        found.append(filer.email)
    seen: dict[str, str] = {}
    for address in found:
        if address:
            seen.setdefault(address.lower(), address)
    return list(seen.values())


def service_of(application) -> list[str]:
    """Addresses of those who answer for a case: its instructor, in their absence the others of the programme, then its
    heads of service, who give it to somebody, else the service's own. Somebody whose account was closed, or who left
    the programme, reads nothing any more."""
    if application.instructor_id is None:
        return [application.rules.contact.email]
    programme = application.programme_version.programme_id
    officers = list(instructors_of(programme))
    own = [person for person in officers if person.pk == application.instructor_id]
    readers = own or officers or heads_of(programme)
    return [person.email for person in readers] or [application.rules.contact.email]


def _link(application) -> str:
    return f"{settings.ESSOR_SITE_URL}{application.get_absolute_url()}"


def _send(application, template: str, key: str, **context) -> None:
    enqueue_mail(
        to=people_of(application),
        template=f"grants/mail/{template}",
        context={
            "application": application,
            "programme": application.programme_version.programme,
            "contact": application.rules.contact,
            "link": _link(application),
        }
        | context,
        subject_object=application,
        key=f"application-{application.pk}-{key}",
        reply_to=application.rules.contact.email,
    )


def send_piece_request(application, request) -> None:
    """What is missing, until when, and what happens without an answer."""
    _send(
        application,
        "piece_request",
        f"request-{request.pk}",
        request=request,
        pieces=[application.rules.piece(code).label for code in request.pieces],
    )


def send_admissible(application) -> None:
    """The case is complete and will be instructed."""
    _send(application, "admissible", f"admissible-{application.events.count()}")


def send_inadmissible(application, reason: str) -> None:
    """The case ends, why, and how to contest it."""
    _send(application, "inadmissible", "inadmissible", reason=reason)


def send_granted(application, item) -> None:
    """The committee granted the aid."""
    _send(application, "granted", f"item-{item.pk}", item=item, session=item.session)


def send_rejected(application, item) -> None:
    """The committee rejected the case, why, and how to contest it."""
    _send(application, "rejected", f"item-{item.pk}", item=item, session=item.session)


def send_deferred(application, item) -> None:
    """The committee put its decision off."""
    _send(application, "deferred", f"item-{item.pk}", item=item, session=item.session)


def send_lapsed(application, reason: str, *, has_act: bool = False) -> None:
    """The grant is lost, why, and how to contest it; of one with an act (``has_act``), that its own mail says what becomes of
    its payments."""
    _send(application, "lapsed", "lapsed", reason=reason, has_act=has_act)


def send_message(application, message) -> None:
    """There is a message to read; its content stays in the portal."""
    _send(application, "message", f"message-{message.pk}")


def send_opinion_request(opinion, link: str) -> None:
    """A body outside the Region is asked for its opinion, with the link to what it needs."""
    _write_to_body(opinion, "opinion_request", link, key=f"opinion-{opinion.pk}")


def remind_opinion(opinion, link: str) -> None:
    """The date draws near: the same, with a fresh link."""
    _write_to_body(opinion, "opinion_reminder", link, key=f"opinion-{opinion.pk}-reminder")


def _write_to_body(opinion, template: str, link: str, *, key: str) -> None:
    application = opinion.application
    enqueue_mail(
        to=[opinion.email],
        template=f"grants/mail/{template}",
        context={
            "application": application,
            "opinion": opinion,
            "programme": application.programme_version.programme,
            "contact": application.rules.contact,
            "link": link,
        },
        subject_object=application,
        key=key,
        reply_to=application.rules.contact.email,
    )


def tell_opinion_received(opinion) -> None:
    """The body answered by its link: the service reads it, and accepts it or not."""
    application = opinion.application
    enqueue_mail(
        to=service_of(application),
        template="grants/mail/opinion_received",
        context={"application": application, "opinion": opinion, "site_url": settings.ESSOR_SITE_URL},
        subject_object=application,
        key=f"opinion-{opinion.pk}-received-{opinion.answered_at:%Y%m%d%H%M%S}",
    )


def send_convocation(session) -> None:
    """The agenda, to every member with an address; a new convocation after a change is sent again."""
    items = list(session.items.select_related("application__applicant", "application__programme_version__programme"))
    addresses = {member.email for member in session.members.all() if member.email}
    if not addresses:
        return
    for address in sorted(addresses):
        enqueue_mail(
            to=[address],
            template="grants/mail/convocation",
            context={"session": session, "items": items},
            subject_object=session,
            key=f"session-{session.pk}-{session.events.count()}-{address}",
        )
