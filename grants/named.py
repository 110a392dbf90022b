"""Bodies that name a member of the staff, who answers each: until then they act on none of its cases.

An invitation, the address of the body, that of a person of one of its cases: the other side alone wrote them. What lifts
them is an answer to all that stands then (:mod:`applicants.people`), so one body is one thing to do however often it
names somebody; what it writes elsewhere later is another one.
"""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.interests import (
    ADDRESS,
    INVITATION,
    answers,
    answers_in_case,
    kept_namings,
    tied_to,
    unanswered_invitations,
)
from applicants.models import Applicant, Invitation, KeptInterest
from core.navigation import WorkItem
from core.roles import STAFF_ROLES, Role
from grants.models import PersonLine

SHOWN = 30

PLACES = (Applicant, Invitation, PersonLine)
"""Where a body writes addresses of people: what :func:`applicants.models.triggers.namings` and the cases read."""


def bodies_that_name(user) -> QuerySet:
    """The applicants that wait for the answer of ``user``: one query. ``invitation_id`` and ``answer_by`` are those of
    an invitation whose link still works; ``own_address`` is that of the body, ``case_number`` the first case that names them."""
    if not _written_anywhere(user):
        return Applicant.objects.none()
    invited = (
        unanswered_invitations(user).exclude(applicant__in=answers(user, INVITATION).values("applicant_id")).order_by()
    )
    cases = PersonLine.objects.filter(email__iexact=user.email).order_by("application_id")
    cases = cases.exclude(Exists(answers_in_case(user, "application__applicant_id", "application_id")))
    own = Q(own_address=user.email) & ~Q(pk__in=answers(user, ADDRESS).values("applicant_id"))
    of_a_case = Q(pk__in=cases.order_by().values("application__applicant_id"))
    once = Q(pk__in=invited.values("applicant_id")) | Q(pk__in=kept_namings(user).values("applicant_id"))
    lone = (own | of_a_case | once) & ~Q(pk__in=tied_to(user))
    now_open = Invitation.objects.open().filter(pk__in=invited.values("pk"))
    first = now_open.filter(applicant=OuterRef("pk")).order_by("pk")
    return (
        Applicant.objects.alias(own_address=Lower("email"))
        .filter(Q(pk__in=now_open.order_by().values("applicant_id")) | lone)
        .annotate(
            invitation_id=Subquery(first.values("pk")[:1]),
            answer_by=Subquery(first.values("expires_at")[:1]),
            own_address=Lower("email"),
            case_number=Subquery(cases.filter(application__applicant=OuterRef("pk")).values("application__number")[:1]),
            named_in_a_case=Exists(cases.filter(application__applicant=OuterRef("pk"))),
        )
        .order_by(F("answer_by").asc(nulls_last=True), "pk")
    )


def _written_anywhere(user) -> bool:
    """Whether a body writes, or wrote, the address of ``user`` at all: hardly ever, and then the whole question, which
    costs a work page a fifth of its time, is not asked."""
    here = (model.objects.alias(address=Lower("email")).filter(address=user.email) for model in PLACES)
    kept = KeptInterest.objects.filter(user=user, tie=KeptInterest.Tie.NAMED)
    first, *others = (rows.order_by().values("pk") for rows in (*here, kept))
    return first.union(*others, all=True).exists()


def work_on_bodies_that_name(user) -> Iterator[WorkItem]:
    """One item a body, with the page on which its invitation or its address is answered."""
    if not user.has_role(*STAFF_ROLES) or user.has_role(Role.AUDITOR):
        return
    for body in bodies_that_name(user)[:SHOWN]:
        why, due, title = _why(body, user), None, body.display_name
        url = reverse("applicants:no_interest", args=[body.pk])
        if body.invitation_id:
            due = timezone.localdate(body.answer_by)
            url = reverse("applicants:my_invitation", args=[body.invitation_id])
        elif body.case_number:
            title = f"{body.case_number} · {title}"
        yield WorkItem(due=due, title=title, why=why, url=url, action=_("Answer"), tone="act")


def _why(body: Applicant, user) -> str:
    if body.invitation_id:
        return _("This body invites you: until you answer, you do not act on its cases")
    if body.own_address == user.email:
        return _("The address of this body is yours: until you answer, you do not act on its cases")
    if body.named_in_a_case:
        return _("Your address is that of a person of one of its cases: until you answer, you do not act on them")
    return _("This body named you, and no longer does: until you answer, you do not act on its cases")
