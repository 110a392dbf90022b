"""The applicant's side of an application's life: filing, answering a request for pieces, withdrawing."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models.workflow import WorkflowModel
from core.roles import Role
from core.sequences import next_number
from core.transitions import workflow_transition
from grants import filing_conditions as conditions
from grants import receipts
from grants.permissions import may_file
from grants.states import ApplicationState as State


class ApplicantWorkflow(WorkflowModel):
    """Transitions taken by a representative of the applicant. The clock is that of ``InstructionWorkflow``."""

    class Meta:
        abstract = True

    @workflow_transition(
        field="state",
        source=[State.DRAFT],
        target=State.SUBMITTED,
        label=_("File the application"),
        icon="send",
        roles=[Role.APPLICANT],
        permission=may_file,
        conditions=[
            conditions.call_is_open,
            conditions.nothing_is_missing,
            conditions.project_starts_after_filing,
            conditions.seat_is_in_the_region,
        ],
        inputs=["token"],
        audience="applicant",
        order=10,
        tone="primary",
    )
    def submit(self, *, actor, data, comment):
        """The case gets its number and its date; what was typed is frozen; the receipt leaves by mail."""
        self.submitted_at = timezone.now()
        self.submitted_by = actor
        self.submission_token = data.get("token")
        self.number = next_number(self.rules.number_prefix, timezone.localdate(self.submitted_at).year)
        self.start_clock(timezone.localdate(self.submitted_at))
        receipts.acknowledge_filing(self, actor)

    @workflow_transition(
        field="state",
        source=[State.INCOMPLETE],
        target=State.SUBMITTED,
        label=_("Send the missing pieces"),
        icon="task",
        roles=[Role.APPLICANT],
        permission=may_file,
        conditions=[conditions.requested_pieces_are_there],
        comment="optional",
        audience="applicant",
        order=10,
        tone="primary",
    )
    def complete(self, *, actor, data, comment):
        """The request for pieces is answered; a new snapshot is kept; the clock of the decision runs again, if
        the time given had not made it run before."""
        request = self.open_piece_request()
        request.answered_at = timezone.now()
        request.answered_by = actor
        request.save(update_fields=["answered_at", "answered_by"])
        self.resume_clock(request.due_on)
        receipts.acknowledge_completion(self, actor, clock_was_stopped=request.stopped_the_clock_until_answered)

    @workflow_transition(
        field="state",
        source=[
            State.DRAFT,
            State.SUBMITTED,
            State.INCOMPLETE,
            State.ADMISSIBLE,
            State.IN_INSTRUCTION,
            State.INSTRUCTED,
            State.READY_FOR_COMMITTEE,
            State.SCHEDULED,
        ],
        target=State.WITHDRAWN,
        label=_("Withdraw the application"),
        icon="cancel",
        roles=[Role.APPLICANT],
        permission=may_file,
        conditions=[conditions.committee_is_not_sitting_on_it],
        comment="optional",
        audience="applicant",
        order=90,
        tone="danger",
    )
    def withdraw(self, *, actor, data, comment):
        """The case ends at the applicant's request; it leaves the agenda of a session that is being prepared."""
        self.clock_suspended_at = None
        item = self.live_agenda_item()
        if item is not None:
            item.delete()
        if self.submitted_at is not None:
            receipts.acknowledge_withdrawal(self)
