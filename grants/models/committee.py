"""Committee sessions: agenda, members, recusals, decisions, deliberation number.

A session is prepared (``draft``), convened, held (``in_session``) and closed. Closing it carries every decision of its
grid to the cases in one transaction. After that the database refuses any change of its agenda.
"""

from datetime import UTC, datetime

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, Max, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from core.dates import add_years, format_date_long
from core.days_in_sql import day_of
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import ZERO
from core.roles import Role
from core.transitions import workflow_transition
from grants import decisions, notices, staff_forms
from grants import session_conditions as conditions
from grants.interests import interest_in
from grants.models.agenda import CLOSED_SESSION_GUARD, AgendaItem
from grants.models.application import Application
from grants.models.guards import session_date_follows
from grants.staff_permissions import may_run_session

FROZEN_ONCE_CLOSED = """
    IF (NEW.state, NEW.held_at, NEW.quorum, NEW.deliberation_number, NEW.deliberation_on, NEW.closed_at)
        IS DISTINCT FROM
        (OLD.state, OLD.held_at, OLD.quorum, OLD.deliberation_number, OLD.deliberation_on, OLD.closed_at)
    THEN
        RAISE EXCEPTION 'the session is closed: its decision does not change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""

# Old rows are looked at when a day of theirs changes.
NOT_BEFORE_ITS_DAY = f"""
    IF TG_OP = 'UPDATE' AND (NEW.held_at, NEW.opened_at, NEW.closed_at, NEW.deliberation_on)
       IS NOT DISTINCT FROM (OLD.held_at, OLD.opened_at, OLD.closed_at, OLD.deliberation_on) THEN
        RETURN NEW;
    END IF;
    IF {day_of("least(NEW.opened_at, NEW.closed_at)")} < {day_of("NEW.held_at")} THEN
        RAISE EXCEPTION 'a session is neither opened nor closed before its day' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.deliberation_on IS NOT NULL AND NEW.closed_at IS NOT NULL
       AND NEW.deliberation_on > {day_of("NEW.closed_at")} THEN
        RAISE EXCEPTION 'a deliberation is not dated after the session was closed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


# What any database may hold; a session of today is held to its convening and to its cases (guards.py).
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class SessionState(models.TextChoices):
    """States of a committee session."""

    DRAFT = "draft", _("In preparation")
    CONVENED = "convened", pgettext_lazy("session", "Convened")
    IN_SESSION = "in_session", _("In session")
    CLOSED = "closed", pgettext_lazy("session", "Closed")


class CommitteeSessionQuerySet(models.QuerySet):
    """Sessions."""

    def for_user(self, user):
        """Sessions that take the programmes of a member of staff; all for those who see all."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR):
            return self
        return self.filter(
            Q(programmes__assignments__user=user) | Q(created_by=user, created_by__isnull=False)
        ).distinct()

    def with_figures(self):
        """Add ``item_count``, ``proposed_total`` and ``decided_total``, one subquery each."""
        items = AgendaItem.objects.filter(session=models.OuterRef("pk")).order_by().values("session")
        return self.annotate(
            item_count=models.Subquery(items.annotate(n=Count("id")).values("n")[:1]),
            proposed_total=models.Subquery(items.annotate(n=Sum("proposed_amount")).values("n")[:1]),
            decided_total=models.Subquery(items.annotate(n=Sum("decided_amount")).values("n")[:1]),
        )


@tracked
class CommitteeSession(WorkflowModel):
    """A dated meeting that decides on an agenda of cases."""

    State = SessionState

    title = models.CharField(_("title"), max_length=120, default="Commission permanente")
    held_at = models.DateTimeField(_("held on"))
    place = models.CharField(_("place"), max_length=200, blank=True)
    programmes = models.ManyToManyField(
        "grants.Programme", related_name="sessions", verbose_name=_("programmes"),
        help_text=_("The programmes whose cases may be put on the agenda."),
    )  # fmt: skip
    quorum = models.PositiveSmallIntegerField(
        _("quorum"), default=1, help_text=_("Voting members who must be present.")
    )
    deliberation_number = models.CharField(_("deliberation number"), max_length=60, blank=True)
    deliberation_on = models.DateField(_("date of the deliberation"), null=True, blank=True)
    legality_sent_on = models.DateField(_("sent to the control of legality on"), null=True, blank=True)
    legality_reference = models.CharField(_("receipt of the control of legality"), max_length=80, blank=True)
    state = FSMField(_("state"), default=SessionState.DRAFT, choices=SessionState.choices, protected=True)
    convened_at = models.DateTimeField(_("convened at"), null=True, blank=True, editable=False)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False,
        related_name="+", verbose_name=_("created by"),
    )  # fmt: skip

    objects = CommitteeSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("committee session")
        verbose_name_plural = _("committee sessions")
        ordering = ["-held_at", "-id"]
        indexes = [
            *for_lists("session", "held_at", "deliberation_number"),
            models.Index(fields=["state", "-held_at"], name="session_state_date"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="closed") | (~Q(deliberation_number="") & Q(closed_at__isnull=False)),
                name="session_closed_with_deliberation",
                violation_error_message=_("A session closes with its deliberation number."),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "convened"]) | Q(opened_at__isnull=False),
                name="session_held_was_opened",
            ),
            models.CheckConstraint(
                condition=Q(quorum__gte=1),
                name="session_quorum_positive",
                violation_error_message=_("The quorum is of one voting member at least."),
            ),
            models.CheckConstraint(
                condition=Q(held_at__gte=EARLIEST, held_at__lt=LATEST),
                name="session_date_plausible",
                violation_error_message=_("The date of a session is between 2000 and 2099: check the year."),
            ),
            models.UniqueConstraint(
                fields=["deliberation_number"],
                condition=~Q(deliberation_number=""),
                name="session_deliberation_number_unique",
                violation_error_message=_("Another session already has this deliberation number."),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="closed_session_is_not_deleted",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="closed"),
            ),
            pgtrigger.Trigger(
                name="closed_session_decision_is_frozen",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state="closed"),
                func=FROZEN_ONCE_CLOSED,
            ),
            pgtrigger.Trigger(
                name="session_not_before_its_day",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=NOT_BEFORE_ITS_DAY,
            ),
            session_date_follows(),
        ]

    def sums_shown(self):
        """The agenda: how many cases, and what is proposed for them (what is decided is shown at once)."""
        agenda = self.items.aggregate(count=Count("pk"), total=Sum("proposed_amount"))
        return {_("Cases"): agenda["count"], _("Proposed"): agenda["total"] or ZERO}

    def __str__(self):
        return f"{self.title} · {date_format(timezone.localtime(self.held_at), 'SHORT_DATE_FORMAT')}"

    def interest_of(self, user) -> str | None:
        """The people of any case on its agenda."""
        return interest_in(user, Application.objects.filter(agenda_items__session=self))

    def get_absolute_url(self):
        """The session's page, with its grid."""
        return reverse("admin:grants_committeesession_change", args=[self.pk])

    @property
    def day(self):
        """The day of the session, or of its deliberation once that is known."""
        return self.deliberation_on or timezone.localdate(self.held_at)

    def clean(self):
        """Say before the convening does that the date cannot be right."""
        if self.held_at is None or self.state != SessionState.DRAFT:
            return
        known = type(self).objects.filter(pk=self.pk).values_list("held_at", flat=True).first()
        if known != self.held_at and (reason := self.date_problem()):
            raise ValidationError({"held_at": reason})

    def date_problem(self) -> str | None:
        """Why the session cannot be convened for its day; None when it can."""
        day, today = timezone.localdate(self.held_at), timezone.localdate()
        if day < today:
            return gettext("The session is dated %(day)s, which is past: check the year.") % {
                "day": format_date_long(day)
            }
        if day > add_years(today, 1):
            return gettext("The session is dated %(day)s, more than a year ahead: check the year.") % {
                "day": format_date_long(day)
            }
        filed = self.pk and self.items.aggregate(last=Max("application__submitted_at"))["last"]
        if filed and day < timezone.localdate(filed):
            return gettext("A case of the agenda was filed on %(day)s, after the session: check the date.") % {
                "day": format_date_long(timezone.localdate(filed))
            }
        return None

    def append(self, application) -> AgendaItem:
        """Put a case at the end of the agenda, in the caller's transaction."""
        type(self).objects.select_for_update(of=("self",), no_key=True).get(pk=self.pk)
        last = self.items.aggregate(last=Max("rank"))["last"] or 0
        return self.items.create(application=application, rank=last + 1, proposed_amount=application.proposed_amount)

    @workflow_transition(
        field=state,
        source=[SessionState.DRAFT],
        target=SessionState.CONVENED,
        label=_("Convene"),
        icon="mail",
        roles=[Role.COMMITTEE_SECRETARY],
        permission=may_run_session,
        conditions=[
            conditions.session_has_agenda,
            conditions.session_has_members,
            conditions.session_date_holds,
            conditions.session_envelopes_are_open,
            conditions.notice_is_long_enough,
        ],
        form=staff_forms.ConveneForm,
        comment="optional",
        audience="staff",
        order=10,
        tone="primary",
    )
    def convene(self, *, actor, data, comment):
        """Send the agenda to the members."""
        self.convened_at = timezone.now()
        notices.send_convocation(self)

    @workflow_transition(
        field=state,
        source=[SessionState.CONVENED],
        target=SessionState.DRAFT,
        label=_("Change the agenda again"),
        icon="edit_calendar",
        roles=[Role.COMMITTEE_SECRETARY],
        permission=may_run_session,
        comment="required",
        audience="staff",
        order=30,
        tone="quiet",
    )
    def reopen_agenda(self, *, actor, data, comment):
        """Back to preparation; the members will be convened again."""
        self.convened_at = None

    @workflow_transition(
        field=state,
        source=[SessionState.CONVENED],
        target=SessionState.IN_SESSION,
        label=_("Open the session"),
        icon="gavel",
        roles=[Role.COMMITTEE_SECRETARY],
        permission=may_run_session,
        conditions=[conditions.session_day_has_come, conditions.session_has_quorum],
        comment="optional",
        audience="staff",
        order=20,
        tone="primary",
    )
    def open_session(self, *, actor, data, comment):
        """The members present have been ticked and the quorum is reached."""
        self.opened_at = timezone.now()

    @workflow_transition(
        field=state,
        source=[SessionState.IN_SESSION],
        target=SessionState.CONVENED,
        label=_("Adjourn the session"),
        icon="event_repeat",
        roles=[Role.COMMITTEE_SECRETARY],
        permission=may_run_session,
        comment="required",
        audience="staff",
        order=50,
        tone="quiet",
    )
    def adjourn(self, *, actor, data, comment):
        """Opened by mistake, or not brought to its end: back to convened, what was noted of the decisions is taken back."""
        decisions.take_back(self, actor=actor)
        self.members.update(is_present=False)
        self.opened_at = None

    @workflow_transition(
        field=state,
        source=[SessionState.IN_SESSION],
        target=SessionState.CLOSED,
        label=_("Close the session"),
        icon="verified",
        roles=[Role.COMMITTEE_SECRETARY],
        permission=may_run_session,
        conditions=[
            conditions.session_day_has_come,
            conditions.session_is_decided,
            conditions.decisions_fit_in_envelopes,
            conditions.decisions_fit_under_the_ceilings,
            conditions.someone_votes_on_each_case,
            conditions.session_envelopes_are_open,
            conditions.session_within_envelopes,
        ],
        form=staff_forms.CloseSessionForm,
        comment="optional",
        audience="staff",
        order=40,
        tone="primary",
    )
    def close_session(self, *, actor, data, comment):
        """Carry every decision to its case, all or none; the agenda is frozen."""
        self.deliberation_number = data["deliberation_number"]
        self.deliberation_on = data.get("deliberation_on") or timezone.localdate(self.held_at)
        self.closed_at = timezone.now()
        # The letters of decision quote the deliberation: it is written before them.
        type(self).objects.filter(pk=self.pk).update(
            deliberation_number=self.deliberation_number, deliberation_on=self.deliberation_on
        )
        decisions.apply(self, actor=actor)


@tracked
class SessionProgramme(CommitteeSession.programmes.through):
    """A programme whose cases a session may decide on."""

    class Meta:
        proxy = True
        verbose_name = _("programme of a session")
        verbose_name_plural = _("programmes of sessions")

    def __str__(self) -> str:
        return f"{self.committeesession_id}: {self.programme_id}"


@tracked(personal=["name", "email"])
class CommitteeMember(models.Model):
    """Someone who sits in a session."""

    session = models.ForeignKey(
        CommitteeSession, on_delete=models.CASCADE, related_name="members", verbose_name=_("session")
    )
    name = models.CharField(_("name"), max_length=120)
    capacity = models.CharField(_("capacity"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    is_voting = models.BooleanField(_("votes"), default=True)
    is_present = models.BooleanField(_("present"), default=False)

    class Meta:
        verbose_name = _("committee member")
        verbose_name_plural = _("committee members")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "name"],
                name="member_once_a_session",
                violation_error_message=_("This person already sits in the session."),
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="members_of_closed_session_are_frozen",
                operation=pgtrigger.Update | pgtrigger.Insert,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(session="NEW.session_id", then="RETURN NEW;"),
            ),
            pgtrigger.Trigger(
                name="members_of_closed_session_are_kept",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(session="OLD.session_id", then="RETURN OLD;"),
            ),
        ]

    def __str__(self):
        return self.name
