"""The staff's side of an application's life: every transition that is not the applicant's.

``Application`` inherits from this and declares the protected field ``state``. The bodies set fields and create rows;
mails go through the outbox in the same transaction.
"""

from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, F, When
from django.db.models.expressions import OrderBy
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models.workflow import WorkflowModel
from core.roles import Role
from core.transitions import workflow_transition
from grants import conditions, consultation, de_minimis, notices, staff_forms
from grants.rules.deadlines import Suspension, implied_decision_date
from grants.rules.scoring import ScoringResult, total_score
from grants.services.plans import plan_of_proposal
from grants.staff_permissions import (
    may_give_visa,
    may_lapse,
    may_work_on,
    reason_not_staff_of,
)
from grants.states import ApplicationState as State

INSTRUCTION = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE]
VISA = [Role.HEAD_OF_SERVICE]
SECRETARY = [Role.COMMITTEE_SECRETARY]


class InstructionWorkflow(WorkflowModel):
    """Transitions of the staff and the system, the clock of the implied decision, and shortcuts to the live rows."""

    UNDECIDED = (
        State.SUBMITTED,
        State.INCOMPLETE,
        State.ADMISSIBLE,
        State.IN_INSTRUCTION,
        State.INSTRUCTED,
        State.READY_FOR_COMMITTEE,
        State.SCHEDULED,
    )

    EVENTS_BESIDE = frozenset({"note", "message", "message_to_service"})

    class Meta:
        abstract = True

    @classmethod
    def due_first(cls) -> OrderBy:
        """The order of a queue: what waits for a decision, soonest first; what is decided comes last."""
        waits = Case(When(state__in=cls.UNDECIDED, then=F("decision_due_on")))
        return waits.asc(nulls_last=True)

    # --- the clock (france.md B7) ---------------------------------------------------------------------------

    def start_clock(self, received_on: date) -> None:
        """Set the day on which silence becomes a refusal; called when the application is filed."""
        self.decision_due_on = implied_decision_date(received_on, self.rules.deadlines.silence_months)
        self.clock_suspended_at = None

    def suspend_clock(self, due_on: date) -> None:
        """The service waits for pieces until ``due_on``: the limit is put off by the whole time given, which is what
        the law says as long as nobody answers (CRPA L114-5). Whoever reads ``decision_due_on`` has the true date."""
        self.clock_suspended_at = timezone.now()
        self._put_off(self._suspension(due_on).days(due_on))

    def resume_clock(self, due_on: date) -> None:
        """The pieces came: what is left of the time given is taken back, the days waited stay."""
        if self.clock_suspended_at is None:
            return
        suspension = self._suspension(due_on)
        self._put_off(suspension.days(timezone.localdate()) - suspension.days(due_on))
        self.clock_suspended_at = None

    @property
    def clock_stands_still(self) -> bool:
        """Whether the limit is suspended today: pieces are awaited, and the date given has not come."""
        if self.clock_suspended_at is None:
            return False
        due_on = self._answer_due_on()
        return due_on is None or self._suspension(due_on).runs(timezone.localdate())

    def _answer_due_on(self) -> date | None:
        """The date of the open request; a list has read it in one query for all (``with_request_date``)."""
        if "request_due_on" in self.__dict__:
            return self.__dict__["request_due_on"]
        request = self.open_piece_request()
        return request.due_on if request else None

    def _suspension(self, due_on: date) -> Suspension:
        return Suspension(timezone.localdate(self.clock_suspended_at), due_on)

    def _put_off(self, days: int) -> None:
        if self.decision_due_on is not None:
            self.decision_due_on += timedelta(days=days)

    # --- live rows; a page that prefetched the relation pays no query ---------------------------------------

    def live_proposal(self):
        """The proposal that stands, or None."""
        return next((item for item in self.proposals.all() if item.sent_back_at is None), None)

    def latest_computation(self):
        """The last computation of the aid, or None."""
        return max(self.computations.all(), key=lambda item: item.number, default=None)

    def open_piece_request(self):
        """The request for pieces that waits for an answer, or None."""
        return next((item for item in self.piece_requests.all() if item.answered_at is None), None)

    def live_agenda_item(self):
        """The line of the case on the agenda of a session that is not closed, or None."""
        if "agenda_items" in getattr(self, "_prefetched_objects_cache", {}):  # a page has read them already
            return next((item for item in self.agenda_items.all() if item.session.closed_at is None), None)
        return self.agenda_items.filter(session__closed_at__isnull=True).select_related("session").first()

    def decided_item(self):
        """The decided line of the case in a session under way, or None."""
        item = self.live_agenda_item()
        return item if item is not None and item.session.state == "in_session" and item.decision else None

    def scoring(self) -> ScoringResult:
        """The weighted total of the scores given so far."""
        return total_score(self.rules.criteria, {item.code: item.score for item in self.scores.all()})

    # --- admissibility --------------------------------------------------------------------------------------

    @workflow_transition(
        field="state",
        source=[State.SUBMITTED],
        target=State.INCOMPLETE,
        label=_("Ask for pieces"),
        icon="assignment_late",
        roles=INSTRUCTION,
        permission=may_work_on,
        form=staff_forms.RequestPiecesForm,
        comment="none",
        audience="staff",
        order=20,
        tone="quiet",
    )
    def request_pieces(self, *, actor, data, comment):
        """The applicant gets the list by mail, with the date and what happens without an answer."""
        request = self.piece_requests.create(
            pieces=data["pieces"], message=data["message"], due_on=data["deadline"], requested_by=actor
        )
        self.suspend_clock(request.due_on)
        notices.send_piece_request(self, request)

    @workflow_transition(
        field="state",
        source=[State.SUBMITTED],
        target=State.ADMISSIBLE,
        label=_("Declare admissible"),
        icon="task_alt",
        roles=INSTRUCTION,
        permission=may_work_on,
        conditions=[conditions.completeness_and_admissibility_hold, conditions.checks_rest_on_present_facts],
        comment="optional",
        audience="staff",
        order=10,
        tone="primary",
    )
    def declare_admissible(self, *, actor, data, comment):
        """The case is complete and may be instructed."""
        self.received_complete_on = self.received_complete_on or timezone.localdate()
        notices.send_admissible(self)

    @workflow_transition(
        field="state",
        source=[State.SUBMITTED, State.INCOMPLETE],
        target=State.INADMISSIBLE,
        label=_("Declare inadmissible"),
        icon="block",
        roles=INSTRUCTION,
        permission=may_work_on,
        conditions=[conditions.deadline_for_pieces_is_past],
        comment="required",
        audience="staff",
        order=90,
        tone="danger",
    )
    def declare_inadmissible(self, *, actor, data, comment):
        """The case ends here; the applicant reads the reason and how to contest it."""
        self.clock_suspended_at = None
        notices.send_inadmissible(self, comment)

    # --- instruction ----------------------------------------------------------------------------------------

    @workflow_transition(
        field="state",
        source=[State.ADMISSIBLE],
        target=State.IN_INSTRUCTION,
        label=_("Start the instruction"),
        icon="search",
        roles=INSTRUCTION,
        permission=may_work_on,
        form=staff_forms.StartInstructionForm,
        comment="none",
        audience="staff",
        order=10,
        tone="primary",
    )
    def start_instruction(self, *, actor, data, comment):
        """Someone takes the case."""
        self.instructor = data["instructor"]

    @workflow_transition(
        field="state",
        source=[State.IN_INSTRUCTION],
        target=State.INSTRUCTED,
        label=_("Submit the proposal for visa"),
        icon="forward",
        roles=INSTRUCTION,
        permission=may_work_on,
        conditions=[
            conditions.completeness_and_admissibility_hold,
            conditions.eligibility_is_answered,
            conditions.checks_rest_on_present_facts,
            conditions.eligibility_allows_favour,
            conditions.criteria_are_scored,
            conditions.opinions_are_received,
            conditions.opinions_rest_on_the_present_file,
            conditions.proposal_within_computed_aid,
            conditions.single_undertaking_is_known,
            conditions.register_was_consulted,
            conditions.de_minimis_allows_proposal,
        ],
        form=staff_forms.ProposeForm,
        comment="none",
        audience="staff",
        order=10,
        tone="primary",
    )
    def propose(self, *, actor, data, comment):
        """The amount proposed to the committee, with its reasons."""
        computation = self.latest_computation()
        plan = plan_of_proposal(self, data)
        proposal = self.proposals.create(
            computation=computation,
            favourable=data["favourable"],
            amount=data["proposed_amount"],
            eligible_base=computation.eligible_base if computation else Decimal("0.00"),
            plan=plan.as_json() if plan.parts else {},
            score=self.scoring().total,
            reasons=data["reasons"],
            made_by=actor,
            **consultation.kept(self, data, actor),
        )
        self.proposed_amount = proposal.amount

    @workflow_transition(
        field="state",
        source=[State.INSTRUCTED, State.READY_FOR_COMMITTEE],
        target=State.IN_INSTRUCTION,
        label=_("Send back to instruction"),
        icon="undo",
        roles=VISA,
        permission=may_work_on,
        comment="required",
        audience="staff",
        order=30,
        tone="quiet",
    )
    def send_back(self, *, actor, data, comment):
        """The proposal falls; another one will be made."""
        self.proposals.filter(sent_back_at__isnull=True).update(sent_back_by=actor, sent_back_at=timezone.now())
        self.proposed_amount = None

    @workflow_transition(
        field="state",
        source=[State.INSTRUCTED],
        target=State.READY_FOR_COMMITTEE,
        label=_("Give the visa"),
        icon="approval",
        roles=VISA,
        permission=may_give_visa,
        conditions=[
            conditions.figures_have_not_changed,
            conditions.proposal_rests_on_present_facts,
            conditions.undertaking_is_still_known,
            conditions.register_was_consulted_lately,
            conditions.opinions_rest_on_the_present_file,
        ],
        comment="optional",
        audience="staff",
        order=10,
        tone="primary",
    )
    def give_visa(self, *, actor, data, comment):
        """The proposal may go to the committee."""
        self.proposals.filter(sent_back_at__isnull=True).update(visa_by=actor, visa_at=timezone.now())

    # --- committee ------------------------------------------------------------------------------------------

    @workflow_transition(
        field="state",
        source=[State.READY_FOR_COMMITTEE],
        target=State.SCHEDULED,
        label=_("Put on an agenda"),
        icon="event",
        roles=SECRETARY,
        permission=reason_not_staff_of,
        conditions=[
            conditions.has_live_visa,
            conditions.figures_have_not_changed,
            conditions.proposal_rests_on_present_facts,
            conditions.undertaking_is_still_known,
            conditions.register_was_consulted_lately,
            conditions.session_takes_the_case,
            conditions.envelope_is_open,
        ],
        form=staff_forms.ScheduleForm,
        comment="none",
        audience="staff",
        order=10,
        tone="primary",
    )
    def schedule(self, *, actor, data, comment):
        """The case goes to the end of the session's agenda with its proposed amount."""
        data["session"].append(self)

    @workflow_transition(
        field="state",
        source=[State.SCHEDULED],
        target=State.READY_FOR_COMMITTEE,
        label=_("Take off the agenda"),
        icon="event_busy",
        roles=SECRETARY,
        permission=reason_not_staff_of,
        conditions=[conditions.session_is_being_prepared],
        comment="required",
        audience="staff",
        order=20,
        tone="quiet",
    )
    def unschedule(self, *, actor, data, comment):
        """The case waits for another session."""
        self.live_agenda_item().delete()

    @workflow_transition(
        field="state",
        source=[State.SCHEDULED],
        target=State.APPROVED,
        label=_("Granted by the committee"),
        icon="thumb_up",
        conditions=[
            conditions.DecidedAs("granted"),
            conditions.figures_have_not_changed,
            conditions.granted_amount_follows_the_rules,
            conditions.undertaking_is_still_known,
            conditions.register_was_consulted_before_the_vote,
            conditions.de_minimis_allows_grant,
        ],
        comment="optional",
        audience="system",
        order=10,
    )
    def approve(self, *, actor, data, comment):
        """The amount decided becomes the amount granted, for each person of a grouped case too."""
        item = self.decided_item()
        self.granted_amount, self.granted_plan = item.decided_amount, item.decided_plan
        by_person = {group.person: group.amount for group in item.grant_plan.persons()}
        for person in self.persons.all():
            person.granted_amount = by_person.get(str(person.pk))
            person.save(update_fields=["granted_amount"])
        de_minimis.record_granted(self, item.decided_amount, day=item.session.day, actor=actor)
        notices.send_granted(self, item)

    @workflow_transition(
        field="state",
        source=[State.SCHEDULED],
        target=State.REJECTED,
        label=_("Rejected by the committee"),
        icon="thumb_down",
        conditions=[conditions.DecidedAs("rejected")],
        comment="optional",
        audience="system",
        order=20,
    )
    def reject(self, *, actor, data, comment):
        """The case ends; the applicant reads the decision and how to contest it."""
        notices.send_rejected(self, self.decided_item())

    @workflow_transition(
        field="state",
        source=[State.SCHEDULED],
        target=State.READY_FOR_COMMITTEE,
        label=_("Deferred by the committee"),
        icon="history",
        conditions=[conditions.DecidedAs("deferred")],
        comment="optional",
        audience="system",
        order=30,
    )
    def defer(self, *, actor, data, comment):
        """The case waits for another session, or goes back to instruction."""
        notices.send_deferred(self, self.decided_item())

    # --- after the decision ---------------------------------------------------------------------------------

    @workflow_transition(
        field="state",
        source=[State.APPROVED],
        target=State.CONTRACTED,
        label=_("Agreement in force"),
        icon="handshake",
        comment="optional",
        audience="system",
        order=10,
    )
    def contract(self, *, actor, data, comment):
        """Taken when the agreement comes into force."""

    @workflow_transition(
        field="state",
        source=[State.CONTRACTED],
        target=State.CLOSED,
        label=_("Close"),
        icon="inventory_2",
        comment="optional",
        audience="system",
        order=20,
    )
    def close(self, *, actor, data, comment):
        """Taken when the agreement is completed."""

    @workflow_transition(
        field="state",
        source=[State.APPROVED, State.CONTRACTED],
        target=State.LAPSED,
        label=_("Declare lapsed"),
        icon="hourglass_disabled",
        roles=VISA,
        permission=may_lapse,
        comment="required",
        audience="staff",
        order=90,
        tone="danger",
        system_allowed=True,
    )
    def lapse(self, *, actor, data, comment):
        """The grant is lost. What was committed for it was given back by the end of its agreement, which settles it."""
        has_act = self.commitments.exists()
        if not has_act:
            de_minimis.withdraw_granted(self, actor=actor, reason=comment)
        notices.send_lapsed(self, comment, has_act=has_act)
