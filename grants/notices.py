"""Mails of the instruction. They go through the outbox, in the transaction of what they tell.

A mail has one subject, one message and one link, and says what happens if nothing is done. Nothing of a case's content
is in it beyond what its decision requires.
"""

from django.conf import settings

from core.outbox import enqueue_mail


def people_of(application) -> list[str]:
    """Addresses of the applicant: its own, those of its representatives, and of who filed the case."""
    found = [application.applicant.email]
    for membership in application.applicant.memberships.select_related("user"):
        if membership.user.is_active and membership.role == "representative":
            found.append(membership.user.email)
    found.append((application.submitted_by or application.created_by).email)
    seen: dict[str, str] = {}
    for address in found:
        if address:
            seen.setdefault(address.lower(), address)
    return list(seen.values())


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


def send_lapsed(application, reason: str) -> None:
    """The grant is lost, why, and how to contest it."""
    _send(application, "lapsed", "lapsed", reason=reason)


def send_message(application, message) -> None:
    """There is a message to read; its content stays in the portal."""
    _send(application, "message", f"message-{message.pk}")


def send_opinion_request(opinion) -> None:
    """A body outside the Region is asked for its opinion."""
    application = opinion.application
    enqueue_mail(
        to=[opinion.email],
        template="grants/mail/opinion_request",
        context={
            "application": application,
            "opinion": opinion,
            "programme": application.programme_version.programme,
            "contact": application.rules.contact,
        },
        subject_object=application,
        key=f"opinion-{opinion.pk}",
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
