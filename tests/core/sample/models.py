"""A small case with every kind of transition."""

from django.core.exceptions import ValidationError
from django.db import models
from django_fsm import FSMField

from core.models.user import User
from core.models.workflow import WorkflowModel
from core.roles import Role
from core.transitions import precondition, workflow_transition


class CaseState(models.TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"
    ARCHIVED = "archived", "Archived"


def may_submit(user, case) -> str | None:
    return None if case.owner_id == user.pk else "Only the owner submits this case."


@precondition
def has_title(instance, data, actor):
    """The case has a title."""
    return None if instance.title else {"title": "Give the case a title."}


def amount_within_asked(instance, data, actor):
    """The amount accepted is at most the amount asked."""
    return {"amount": "More than what was asked."} if data["amount"] > instance.asked else None


class Case(WorkflowModel):
    STATE_LABELS_APPLICANT = {CaseState.SUBMITTED: "Received"}

    title = models.CharField(max_length=50, blank=True)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked = models.DecimalField(max_digits=17, decimal_places=2, default=0)
    amount = models.DecimalField(max_digits=17, decimal_places=2, null=True, blank=True)
    runs = models.IntegerField(default=0)
    state = FSMField(protected=True, choices=CaseState.choices, default=CaseState.DRAFT)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True) | models.Q(amount__lte=1000),
                name="sample_case_amount_capped",
                violation_error_message="The database allows at most 1,000.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def interest_of(self, user: User) -> str | None:
        """The owner's."""
        return "This is your own case." if user.pk == self.owner_id else None

    @workflow_transition(
        field=state,
        source=CaseState.DRAFT,
        target=CaseState.SUBMITTED,
        label="Submit",
        applicant_label="Send",
        roles=[Role.APPLICANT],
        permission=may_submit,
        conditions=[has_title],
        audience="applicant",
        order=1,
    )
    def submit(self, *, actor, data, comment):
        """The applicant sends the case."""
        self.runs += 1

    @workflow_transition(
        field=state,
        source=[CaseState.SUBMITTED],
        target=CaseState.ACCEPTED,
        label="Accept",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE],
        conditions=[amount_within_asked],
        form="tests.core.sample.forms.AcceptForm",
        comment="optional",
        order=2,
    )
    def accept(self, *, actor, data, comment):
        self.amount = data["amount"]
        self.runs += 1

    @workflow_transition(
        field=state,
        source=[CaseState.SUBMITTED, CaseState.ACCEPTED],
        target=CaseState.REFUSED,
        label="Refuse",
        roles=[Role.INSTRUCTOR],
        comment="required",
        tone="danger",
        order=3,
    )
    def refuse(self, *, actor, data, comment):
        self.amount = None

    @workflow_transition(
        field=state,
        source=[CaseState.ACCEPTED, CaseState.REFUSED],
        target=CaseState.ARCHIVED,
        label="Archive",
        audience="system",
        order=4,
    )
    def archive(self, *, actor, data, comment):
        self.runs += 1

    @workflow_transition(
        field=state, source="*", target=None, label="Invalidate", roles=[Role.INSTRUCTOR], system_allowed=True, order=5
    )
    def invalidate(self, *, actor, data, comment):
        raise ValidationError({"title": "This title is taken."})
