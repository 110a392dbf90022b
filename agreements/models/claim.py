"""The payment claim: what a beneficiary files to be paid for one instalment."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from agreements import permissions
from agreements.certified import why_it_stays
from agreements.due import forecast_of
from agreements.models.claim_facts import ClaimFacts, person
from agreements.models.claim_payment import ClaimPayment
from agreements.models.claim_rules import claim_constraints, claim_triggers
from agreements.models.claim_states import LABELS_APPLICANT, LEGAL_MOVES, TONES, ClaimState
from agreements.models.querysets import ClaimQuerySet
from agreements.models.retained_accounts import kept_above_says_why
from agreements.models.triggers import CASE_OF_AGREEMENT, counted_by_database, legal_moves, never_deleted
from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import MoneyField
from core.roles import Role
from core.transitions import workflow_transition


@tracked
class PaymentClaim(ClaimFacts, ClaimPayment, WorkflowModel):
    """A claim of one instalment, with its expenditure and its proofs.

    ``claimed_amount`` is the aid asked for and ``certified_amount`` the aid due, both in euros;
    ``declared_total`` and ``certified_total`` are the expenditure behind it, counted by the database
    from the lines, as ``ordered_amount`` and ``paid_amount`` are from the orders, and ``given_up_amount`` from the parts
    that nobody is paid any more.
    """

    State = ClaimState
    STATE_LABELS_APPLICANT = LABELS_APPLICANT
    STATE_TONES = TONES
    EVENTS_BESIDE = frozenset({"workbook_sent"})

    number = models.CharField(_("number"), max_length=30, unique=True)
    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.PROTECT, related_name="claims", verbose_name=_("agreement")
    )
    instalment = models.ForeignKey(
        "agreements.Instalment", on_delete=models.PROTECT, related_name="claims", verbose_name=_("instalment")
    )
    state = FSMField(_("state"), default=ClaimState.DRAFT, choices=ClaimState.choices, protected=True, db_index=True)
    claimed_amount = MoneyField(_("amount asked"))
    certified_amount = MoneyField(_("amount certified"), null=True, blank=True)
    # Written by the database at each certificate; unknown of those of before this was kept.
    due_as_certified = MoneyField(_("due, when it was certified"), null=True, blank=True, editable=False)
    certification_reason = models.TextField(_("reason of a cut"), blank=True)
    # Of an account of which the instruction, or the rules, retained less than was planned (agreements.budget_accounts).
    kept_above_reason = models.TextField(_("why more is kept than was retained"), blank=True, default="", db_default="")
    statement = models.TextField(_("what was done with the money"), blank=True)
    declared_total = MoneyField(_("declared expenditure"), default=0, editable=False)
    certified_total = MoneyField(_("certified expenditure"), default=0, editable=False)
    # A number is given to one line: what is said of line 8 after its removal is not said of another one.
    last_rank = models.PositiveIntegerField(_("last number of a line"), default=0, db_default=0, editable=False)
    ordered_amount = MoneyField(_("ordered"), default=0, editable=False)
    paid_amount = MoneyField(_("paid"), default=0, editable=False)
    given_up_amount = MoneyField(
        _("given up"), default=0, editable=False, help_text=_("Euros that were certified and are not paid any more.")
    )

    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("opened by")
    )
    opened_at = models.DateTimeField(_("opened on"), default=timezone.now, editable=False)
    submitted_by = person(pgettext_lazy("feminine", "filed by"))
    submitted_at = models.DateTimeField(pgettext_lazy("feminine", "filed on"), null=True, blank=True)
    certified_by = person(_("certified by"))
    certified_at = models.DateTimeField(_("certified on"), null=True, blank=True)
    ordered_by = person(pgettext_lazy("feminine", "ordered by"))
    ordered_at = models.DateTimeField(_("ordered on"), null=True, blank=True)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    overpaid_amount = MoneyField(
        _("paid above what is due"), default=0,
        help_text=_("Euros that earlier payments of the same part exceed what its expenditure makes due."),
    )  # fmt: skip
    # What its beneficiary was told when filing it, were all accepted; unknown of claims filed before this was kept.
    due_as_filed = MoneyField(_("due, as said at the filing"), null=True, blank=True, editable=False)
    asked_back_as_filed = MoneyField(_("asked back, as said at the filing"), null=True, blank=True, editable=False)
    # … of these, what was accepted and not paid: it would not be paid.
    unpaid_as_filed = MoneyField(
        _("accepted and not paid, as said at the filing"), null=True, blank=True, editable=False
    )
    lost_as_filed = MoneyField(_("no longer paid, as said at the filing"), null=True, blank=True, editable=False)
    # Of the other payments of its part: those that its filing left out; those filed before it, and what they lose.
    left_out_as_filed = MoneyField(_("payments left out by the filing"), null=True, blank=True, editable=False)
    beside_as_filed = MoneyField(_("claims under way at the filing"), null=True, blank=True, editable=False)
    beside_lost_as_filed = MoneyField(
        _("not due on them, as said at the filing"), null=True, blank=True, editable=False
    )
    whole_as_filed = MoneyField(
        _("due were all accepted, as said at the filing"), null=True, blank=True, editable=False
    )
    answer_due_on = models.DateField(
        _("answer expected by"),
        null=True,
        blank=True,
        help_text=_("Of a claim given back to its beneficiary, or kept unfiled when its agreement ended."),
    )

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment claim")
        verbose_name_plural = _("payment claims")
        ordering = ["-opened_at", "-pk"]
        indexes = [
            *for_lists("claim", "submitted_at", "claimed_amount", "declared_total", "certified_amount", "paid_on"),
            models.Index(fields=["-opened_at", "-id"], name="claim_recent"),
            models.Index(fields=["state", "submitted_at"], name="claim_queue"),
        ]
        constraints = claim_constraints()
        triggers = [
            impartial(["certified_by_id", "ordered_by_id"], bodies_of_case(CASE_OF_AGREEMENT)),
            legal_moves(LEGAL_MOVES),
            counted_by_database(
                ["declared_total", "certified_total", "ordered_amount", "paid_amount", "given_up_amount", "last_rank"]
            ),
            never_deleted(),
            *claim_triggers(),
            kept_above_says_why(),
        ]

    def __str__(self):
        return self.number

    @workflow_transition(
        field=state,
        source=["draft"],
        target="rejected",
        label=_("Give up this claim"),
        icon="close",
        roles=[Role.APPLICANT],
        permission=permissions.may_edit_claim,
        comment="optional",
        audience="applicant",
        order=20,
        tone="danger",
    )
    def abandon(self, *, actor, data, comment):
        """Its beneficiary does not file it: what it holds stays readable, and the payment may be claimed again."""

    @workflow_transition(
        field=state,
        source=["draft", "returned"],
        target="submitted",
        label=_("File the claim"),
        icon="send",
        roles=[Role.APPLICANT],
        permission=permissions.may_submit_claim,
        form="agreements.forms.transitions.SubmitClaimForm",
        conditions=[
            "agreements.conditions.agreement_pays",
            "agreements.closing.account_is_open",
            "agreements.conditions.claim_is_complete",
            "agreements.registered.beneficiary_is_registered",
            "agreements.conditions.expenditure_is_eligible",
            "agreements.conditions.credit_notes_have_their_invoice",
        ],
        audience="applicant",
        order=10,
        tone="primary",
    )
    def submit(self, *, actor, data, comment):
        """The beneficiary asks to be paid."""
        self.submitted_by = actor
        self.submitted_at = timezone.now()
        self.answer_due_on = None
        for name, amount in vars(forecast_of(self)).items():
            setattr(self, f"{name}_as_filed", amount)

    @workflow_transition(
        field=state,
        source=["submitted"],
        target="under_review",
        label=_("Take up the review"),
        icon="fact_check",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review,
        conditions=["agreements.settlements.conditions.claim_may_go_on"],
        audience="staff",
        order=10,
        tone="primary",
    )
    def start_review(self, *, actor, data, comment):
        """An instructor reads the claim."""

    @workflow_transition(
        field=state,
        source=["under_review"],
        target="certified",
        label=_("Certify (service performed)"),
        icon="verified",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review,
        form="agreements.forms.transitions.CertificationForm",
        conditions=[
            "agreements.settlements.conditions.claim_may_go_on",
            "agreements.settlements.conditions.tranche_is_open",
            "agreements.closing.account_is_open",
            "agreements.registered.beneficiary_is_registered_still",
            "agreements.conditions.lines_are_reviewed",
            "agreements.conditions.duplicates_are_answered",
            "agreements.conditions.invoices_within_their_total",
            "agreements.conditions.credit_notes_follow_their_invoice",
            "agreements.conditions.within_what_is_due",
            "agreements.settlements.conditions.within_what_is_kept",
        ],
        comment="optional",
        audience="staff",
        order=20,
        tone="primary",
    )
    def certify(self, *, actor, data, comment):
        """The instructor certifies that the service was performed and what is due for it."""
        self.write_certification(actor, data)

    @workflow_transition(
        field=state,
        source=["certified"],
        target="certified",
        label=_("Certify what is due now"),
        icon="published_with_changes",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review,
        form="agreements.forms.transitions.CertificationForm",
        conditions=[
            "agreements.settlements.conditions.claim_may_go_on",
            "agreements.still_due.due_has_changed",
            "agreements.conditions.within_what_is_due",
            "agreements.settlements.conditions.within_what_is_kept",
        ],
        comment="optional",
        audience="staff",
        order=25,
        tone="primary",
    )
    def certify_less(self, *, actor, data, comment):
        """Another amount is due than when the claim was certified: expenditure of another claim was cut, or one that was
        counted fell. The amount alone is certified again: the lines stay, and what was declared of them to a fund. The
        move bears the name of the days when it was only ever for less, as events do."""
        self.write_certification(actor, data)

    @workflow_transition(
        field=state,
        source=["under_review"],
        target="returned",
        label=_("Return to the beneficiary"),
        icon="reply",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review,
        form="agreements.forms.transitions.GiveBackForm",
        conditions=["agreements.settlements.conditions.claim_may_go_on"],
        comment="required",
        audience="staff",
        order=30,
        tone="quiet",
    )
    def give_back(self, *, actor, data, comment):
        """Something is missing or wrong: the comment says what, the beneficiary corrects it before a day."""
        self.answer_due_on = data["answer_due_on"]

    @workflow_transition(
        field=state,
        source=["submitted", "under_review", "suspended", "returned", "draft"],
        target="rejected",
        label=_("Reject"),
        icon="block",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_reject,
        form="agreements.forms.rejecting.RejectForm",
        conditions=[
            "agreements.conditions.answer_is_late",
            "agreements.certified.certification_may_go",
            "agreements.still_due.no_final_claim_counted_it",
        ],
        comment="required",
        audience="staff",
        order=90,
        tone="danger",
    )
    def reject(self, *, actor, data, comment):
        """Nothing is due for this claim; the instalment may be claimed again. One that is still being written, only where its
        agreement has ended and the day to file it is past."""

    @workflow_transition(
        field=state,
        source=["draft", "returned", "submitted", "under_review", "suspended", "certified"],
        target="rejected",
        label=_("Refused by the settlement"),
        icon="block",
        comment="required",
        audience="system",
        order=95,
        tone="danger",
    )
    def refuse_at_end(self, *, actor, data, comment):
        """The agreement ends and its settlement does not keep this claim."""
        self.forget_certification()

    @workflow_transition(
        field=state,
        source=["submitted", "under_review", "certified"],
        target="suspended",
        label=_("Suspend"),
        icon="pause",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER],
        permission=permissions.may_review,
        conditions=["agreements.settlements.conditions.claim_may_go_on"],
        comment="required",
        audience="staff",
        order=80,
        tone="danger",
    )
    def suspend(self, *, actor, data, comment):
        """A fault is open: nothing is paid until it is settled. What was declared to a fund keeps its certification."""
        if why_it_stays(self) is None:
            self.forget_certification()

    @workflow_transition(
        field=state,
        source=["suspended"],
        target="under_review",
        label=_("Resume"),
        icon="play_arrow",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE],
        permission=permissions.may_review,
        conditions=[
            "agreements.certified.nothing_stays_certified",
            "agreements.settlements.conditions.claim_may_go_on",
        ],
        comment="required",
        audience="staff",
        order=10,
        tone="primary",
    )
    def resume(self, *, actor, data, comment):
        """The fault is settled: the claim is reviewed anew."""

    @workflow_transition(
        field=state,
        source=["suspended"],
        target="certified",
        label=_("Lift the suspension of the payment"),
        icon="play_arrow",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE],
        permission=permissions.may_review,
        conditions=["agreements.certified.certification_stayed", "agreements.settlements.conditions.claim_may_go_on"],
        comment="required",
        audience="staff",
        order=15,
        tone="primary",
    )
    def resume_payment(self, *, actor, data, comment):
        """The fault is settled: what was certified, and declared to a fund, may be paid."""

    @workflow_transition(
        field=state,
        source=["certified"],
        target="under_review",
        label=_("Send back to the instructor"),
        icon="undo",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_order,
        conditions=["agreements.certified.certification_may_go"],
        comment="required",
        audience="staff",
        order=60,
        tone="quiet",
    )
    def send_back(self, *, actor, data, comment):
        """Finance cannot order what was certified: the comment says why."""
        self.forget_certification()
