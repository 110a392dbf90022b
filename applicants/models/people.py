"""The people who act for an applicant: memberships, invitations by e-mail, requests to join."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from applicants.conditions import (
    an_editor_awaits_confirmation,
    representatives_had_their_time,
    requester_is_not_a_member,
    service_says_why,
)
from applicants.forms.people import AnswerRequestForm
from applicants.models.applicant import Applicant
from applicants.models.joining import ANSWERED_AFTER_ITS_PEOPLE, ENDED_BY_ITS_PEOPLE, GIVEN_AFTER_ITS_PEOPLE
from applicants.models.triggers import ends_declarations, impartial, interest_stays
from applicants.permissions import (
    answers_for_service,
    has_representative,
    may_confirm_representative,
    may_decide_on_request,
    may_withdraw_request,
)
from applicants.represented import WAITS_AT_LEAST
from core.dates import end_of_day
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.roles import STAFF_ROLES, Role
from core.transitions import workflow_transition
from core.triggers import never_deleted

if TYPE_CHECKING:
    from core.models import User

INVITATION_DAYS = 14


class MemberRole(models.TextChoices):
    """What a person may do for an applicant."""

    REPRESENTATIVE = "representative", _("representative")
    EDITOR = "editor", _("editor")


ROLE_HELP = {
    MemberRole.REPRESENTATIVE: _("Writes, submits and signs; manages the people and the bank details."),
    MemberRole.EDITOR: _("Writes applications and claims, but neither submits nor signs."),
}


class OfApplicantQuerySet(models.QuerySet):
    """Rows that belong to an applicant: seen by those who see the applicant."""

    def for_user(self, user: "User") -> "OfApplicantQuerySet":
        """The rows of the applicants that ``user`` sees."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.has_role(*STAFF_ROLES):
            return self
        return self.filter(applicant__memberships__user=user)


@tracked
class Membership(models.Model):
    """A person's right to act for an applicant."""

    user = models.ForeignKey("core.User", models.PROTECT, related_name="memberships", verbose_name=_("person"))
    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="memberships", verbose_name=_("applicant"))
    role = models.CharField(_("role"), max_length=14, choices=MemberRole.choices)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    objects = OfApplicantQuerySet.as_manager()

    class Meta:
        verbose_name = _("person acting for an applicant")
        verbose_name_plural = _("people acting for an applicant")
        ordering = ["applicant", "role", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "applicant"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role"),
        ]
        triggers = [
            ends_declarations(),
            interest_stays("acted", pgtrigger.Delete),
            pgtrigger.Trigger(
                name="of_one_person",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.user_id <> NEW.user_id OR OLD.applicant_id <> NEW.applicant_id"),
                func="""
                    RAISE EXCEPTION 'a membership stays that of its person and body' USING ERRCODE = 'check_violation';
                """,
            ),
            pgtrigger.Trigger(
                name="given_after_its_people",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("role"),
                func=GIVEN_AFTER_ITS_PEOPLE,
            ),
            pgtrigger.Trigger(
                name="ended_by_its_people",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=ENDED_BY_ITS_PEOPLE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.applicant}"

    @property
    def role_help(self) -> str:
        """What the role allows, in one sentence."""
        return str(ROLE_HELP[self.role])


def _invitation_end() -> Any:
    """The end of the last day: the day that the invitation names is in."""
    return end_of_day(timezone.localdate() + timedelta(days=INVITATION_DAYS))


class InvitationQuerySet(OfApplicantQuerySet):
    """Invitations."""

    def sent(self) -> "InvitationQuerySet":
        """Those that were sent, not those that were withheld."""
        return self.filter(withheld=False)

    def open(self) -> "InvitationQuerySet":
        """Those whose link still works."""
        return self.sent().filter(accepted_at=None, revoked_at=None, declined_at=None, expires_at__gt=timezone.now())


@tracked(personal=["email"])
class Invitation(models.Model):
    """An invitation to act for an applicant, sent to one e-mail address and good for one answer.

    Only a hash of the link's secret is kept: who reads the database cannot use the link.
    """

    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="invitations", verbose_name=_("applicant"))
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=14, choices=MemberRole.choices, default=MemberRole.EDITOR)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey("core.User", models.PROTECT, related_name="+", verbose_name=_("invited by"))
    created_at = models.DateTimeField(_("sent at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"), default=_invitation_end)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("accepted by")
    )
    revoked_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    declined_at = models.DateTimeField(_("declined at"), null=True, blank=True)
    # The address is of the Region's staff, who are not invited: no mail, no effect; the body is not told.
    withheld = models.BooleanField(_("withheld: works for the Region"), default=False, db_default=False, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        triggers = [never_deleted()]
        indexes = [models.Index(Lower("email"), name="invitation_address")]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="invitation_role"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | Q(
                    accepted_at__isnull=False,
                    accepted_by__isnull=False,
                    revoked_at__isnull=True,
                    declined_at__isnull=True,
                ),
                name="invitation_one_answer",
            ),
            models.CheckConstraint(
                condition=Q(withheld=False) | Q(accepted_at__isnull=True, declined_at__isnull=True),
                name="invitation_withheld_has_no_answer",
            ),
            models.UniqueConstraint(
                fields=["applicant", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True, declined_at__isnull=True),
                name="invitation_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.applicant}"

    @property
    def is_open(self) -> bool:
        """Whether the link still works."""
        return not (self.accepted_at or self.revoked_at or self.declined_at) and self.expires_at > timezone.now()


class JoinRequestQuerySet(OfApplicantQuerySet):
    """Requests to join."""

    def for_user(self, user: "User") -> "JoinRequestQuerySet":
        """Those of the applicants that ``user`` sees, and one's own."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.has_role(*STAFF_ROLES):
            return self
        return self.filter(Q(user=user) | Q(applicant__in=Applicant.objects.for_user(user)))


@tracked(personal=["message", "reason"])
class JoinRequest(WorkflowModel):
    """Someone asks to act for an applicant that exists already: its representatives decide.

    The service does where there is none, or where they had their time (``ESSOR_JOIN_WAITS_DAYS``); beside a representative
    it lets an editor in, whom a representative or a second officer may raise.
    """

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("request to join", "to be answered")
        ACCEPTED = "accepted", pgettext_lazy("request to join", "accepted")
        REFUSED = "refused", pgettext_lazy("request to join", "refused")
        WITHDRAWN = "withdrawn", pgettext_lazy("request to join", "withdrawn")

    STATE_TONES = {"pending": "act", "accepted": "ok", "refused": "no", "withdrawn": "idle"}

    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="join_requests", verbose_name=_("applicant"))
    user = models.ForeignKey("core.User", models.PROTECT, related_name="join_requests", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=14, choices=MemberRole.choices, default=MemberRole.EDITOR)
    message = models.TextField(_("message"), blank=True, max_length=2000)
    state = FSMField(_("state"), default=State.PENDING, choices=State.choices, protected=True, db_index=True)
    created_at = models.DateTimeField(_("asked at"), default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("answered by")
    )
    decided_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    service_waits_until = models.DateTimeField(
        _("its representatives decide until"), null=True, blank=True, editable=False
    )
    reason = models.CharField(_("reason of the service"), max_length=500, blank=True)
    confirmed_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

    objects = JoinRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request to join")
        verbose_name_plural = _("requests to join")
        ordering = ["-created_at"]
        indexes = for_lists("join", "created_at", "role")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "accepted", "refused", "withdrawn"]), name="join_request_state"
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="join_request_role"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(state="withdrawn") | ~Q(decided_by=models.F("user")),
                name="join_request_decided_by_another",
            ),
            models.UniqueConstraint(
                fields=["applicant", "user"], condition=Q(state="pending"), name="join_request_one_pending"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | (Q(confirmed_at__isnull=False, decided_by__isnull=False) & ~Q(confirmed_by=models.F("decided_by"))),
                name="join_request_confirmed_by_another",
            ),
        ]
        triggers = [
            never_deleted(),
            ends_declarations(),
            impartial(["confirmed_by_id"], "SELECT NEW.applicant_id, NULL::text, NULL::text"),
            pgtrigger.ReadOnly(
                name="request_is_fixed", fields=["applicant", "user", "role", "created_at", "service_waits_until"]
            ),
            pgtrigger.Trigger(
                name="answered_after_its_people",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                func=ANSWERED_AFTER_ITS_PEOPLE,
            ),
            interest_stays(
                "asked",
                pgtrigger.Update,
                pgtrigger.Condition("OLD.state = 'pending' AND NEW.state IN ('refused', 'withdrawn')"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.applicant}"

    @property
    def service_answers_after(self) -> datetime:
        """The moment until which the representatives of the body decide alone, where it has one."""
        return self.service_waits_until or self.created_at + WAITS_AT_LEAST

    @property
    def awaits_confirmation(self) -> bool:
        """Whether the person asked to represent the body and was let in as editor, until somebody else says more."""
        return (
            self.state == self.State.ACCEPTED
            and self.role == MemberRole.REPRESENTATIVE
            and self.confirmed_at is None
            and self.applicant.memberships.filter(user=self.user_id, role=MemberRole.EDITOR).exists()
        )

    def interest_of(self, user: "User") -> str | None:
        """Whoever asks, and the people of the applicant."""
        return self.applicant.interest_of(user) or (_("This is your own request.") if user.pk == self.user_id else None)

    @workflow_transition(
        field=state,
        source=[State.PENDING],
        target=State.ACCEPTED,
        label=_("Accept"),
        icon="how_to_reg",
        roles=[Role.APPLICANT, Role.INSTRUCTOR],
        permission=may_decide_on_request,
        conditions=[requester_is_not_a_member, representatives_had_their_time, service_says_why],
        form=AnswerRequestForm,
        audience="applicant",
        order=10,
        tone="primary",
    )
    def accept(self, *, actor: "User", data: dict, comment: str) -> None:
        """The person becomes a member with the role asked for; an editor for now where the service decides beside a
        representative."""
        beside = answers_for_service(actor, self) and has_representative(self.applicant, but=self.user)
        self._decide(actor)
        self.reason = data.get("reason", "")
        Membership.objects.create(
            user=self.user, applicant=self.applicant, role=MemberRole.EDITOR if beside else self.role
        )

    @workflow_transition(
        field=state,
        source=[State.PENDING],
        target=State.REFUSED,
        label=_("Refuse"),
        icon="block",
        roles=[Role.APPLICANT, Role.INSTRUCTOR],
        permission=may_decide_on_request,
        conditions=[representatives_had_their_time, service_says_why],
        form=AnswerRequestForm,
        audience="applicant",
        order=20,
        tone="danger",
    )
    def refuse(self, *, actor: "User", data: dict, comment: str) -> None:
        """The person stays outside."""
        self._decide(actor)
        self.reason = data.get("reason", "")

    @workflow_transition(
        field=state,
        source=[State.ACCEPTED],
        target=None,
        label=_("Confirm as representative"),
        icon="verified_user",
        roles=[Role.HEAD_OF_SERVICE],
        permission=may_confirm_representative,
        conditions=[an_editor_awaits_confirmation],
        comment="required",
        audience="staff",
        order=25,
        tone="primary",
    )
    def confirm(self, *, actor: "User", data: dict, comment: str) -> None:
        """The editor whom the service let in represents the body: a second officer says so, and why."""
        self.confirmed_by, self.confirmed_at = actor, timezone.now()
        membership = self.applicant.memberships.get(user=self.user)
        membership.role = MemberRole.REPRESENTATIVE
        membership.save(update_fields=["role"])

    @workflow_transition(
        field=state,
        source=[State.PENDING],
        target=State.WITHDRAWN,
        label=_("Withdraw my request"),
        icon="undo",
        roles=[Role.APPLICANT],
        permission=may_withdraw_request,
        audience="applicant",
        order=30,
        tone="quiet",
    )
    def withdraw(self, *, actor: "User", data: dict, comment: str) -> None:
        """The person no longer asks."""
        self._decide(actor)

    def _decide(self, actor: "User") -> None:
        self.decided_by = actor
        self.decided_at = timezone.now()
