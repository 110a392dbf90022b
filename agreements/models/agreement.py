"""The agreement: the act or the signed convention by which the Region grants."""

from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy
from django_fsm import FSMField

from agreements import effects, permissions
from agreements.models.agreement_rules import (
    agreement_constraints,
    agreement_triggers,
)
from agreements.models.choices import (
    AgreementKind,
    AgreementState,
    Payee,
    Proration,
    ProrationCut,
)
from agreements.models.querysets import AgreementQuerySet
from agreements.rules.deadlines import first_claim_due_on
from agreements.schedule.services import claim_days, extend
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import MoneyField, sum_money
from core.roles import Role
from core.text import search_vector
from core.transitions import workflow_transition
from grants.eu_funds import EuFund


@tracked(personal=["title", "beneficiary_signatory", "beneficiary_quality", "terms", "search_text"])
class Agreement(WorkflowModel):
    """What is granted to one beneficiary for one application, and under which terms.

    Amounts are euros. ``ordered_amount`` and ``paid_amount`` are counted by the database from the
    payment orders. ``rate`` is a percentage (80.0000 for 80 %), null where the aid has no rate.
    """

    State = AgreementState
    Kind = AgreementKind

    STATE_LABELS_APPLICANT = {
        AgreementState.DRAFT: _("Being prepared"),
        AgreementState.SENT: _("Waiting for your signature"),
        AgreementState.SIGNED: _("Signed by you, waiting for the Region"),
        AgreementState.IN_FORCE: _("In force"),
        AgreementState.COMPLETED: _("Completed"),
        AgreementState.TERMINATED: _("Terminated"),
        AgreementState.LAPSED: pgettext_lazy("feminine", "Lapsed"),
    }

    number = models.CharField(_("number"), max_length=30, unique=True)
    application = models.OneToOneField(
        "grants.Application", on_delete=models.PROTECT, related_name="agreement", verbose_name=_("application")
    )
    beneficiary = models.ForeignKey(
        "applicants.Applicant", on_delete=models.PROTECT, related_name="agreements", verbose_name=_("beneficiary")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=AgreementKind.choices)
    kind_reason = models.TextField(_("why this kind"), blank=True)
    title = models.CharField(_("object"), max_length=300)
    state = FSMField(
        _("state"), default=AgreementState.DRAFT, choices=AgreementState.choices, protected=True, db_index=True
    )

    granted_amount = MoneyField(_("granted amount"))
    eligible_base = MoneyField(_("eligible base"), null=True, blank=True)
    rate = models.DecimalField(_("rate (%)"), max_digits=7, decimal_places=4, null=True, blank=True)
    start = models.DateField(_("start"))
    end = models.DateField(_("end"))
    claim_deadline = models.DateField(_("last day to claim"), null=True, blank=True)
    report_due_on = models.DateField(_("financial report due on"), null=True, blank=True)
    payee = models.CharField(_("paid to"), max_length=12, choices=Payee.choices, default=Payee.BENEFICIARY)
    proration = models.CharField(_("proration"), max_length=10, choices=Proration.choices, default=Proration.TOLERANCE)
    proration_tolerance = models.DecimalField(
        _("tolerance (%)"), max_digits=5, decimal_places=2, default=0, help_text=_("Under-spending that costs nothing.")
    )
    proration_cut = models.CharField(
        _("cut at the tolerance"), max_length=6, choices=ProrationCut.choices, default=ProrationCut.FROM
    )
    cascade_allowed = models.BooleanField(_("may be passed on to other bodies"), default=False)
    de_minimis_regime = models.CharField(_("de minimis regime"), max_length=40, blank=True)
    decision_reference = models.CharField(_("deliberation"), max_length=60, blank=True)
    decision_date = models.DateField(_("date of the deliberation"), null=True, blank=True)
    eu_fund = models.CharField(_("European fund"), max_length=8, blank=True, choices=EuFund.choices)

    commitment = models.OneToOneField(
        "grants.Commitment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="agreement",
        verbose_name=_("commitment"),
    )
    document_pdf = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("act (PDF)"),
    )
    document_docx = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("act (DOCX)"),
    )
    signed_document = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("signed copy"),
    )

    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("drafted by")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    beneficiary_signatory = models.CharField(_("signatory for the beneficiary"), max_length=200, blank=True)
    beneficiary_quality = models.CharField(_("quality of the signatory"), max_length=200, blank=True)
    beneficiary_signed_at = models.DateTimeField(_("signed by the beneficiary"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmed in the portal by"),
    )
    signed_sha256 = models.CharField(_("SHA-256 of what was signed"), max_length=64, blank=True)
    region_signatory = models.CharField(_("signatory for the Region"), max_length=200, blank=True)
    region_signed_on = models.DateField(_("signed by the Region"), null=True, blank=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("put in force by"),
    )
    notified_on = models.DateField(_("notified on"), null=True, blank=True, db_index=True)
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    terms = models.JSONField(_("terms"), default=dict, blank=True)
    terms_sha256 = models.CharField(_("SHA-256 of the terms"), max_length=64, blank=True)

    ordered_amount = MoneyField(_("ordered"), default=0, editable=False)
    paid_amount = MoneyField(_("paid"), default=0, editable=False)
    search_text = models.TextField(editable=False, blank=True)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["-created_at", "-pk"]
        indexes = [
            *for_lists("agreement", "kind", "eu_fund", "granted_amount", "ordered_amount", "paid_amount"),
            models.Index(fields=["-created_at", "-id"], name="agreement_recent"),
            models.Index(fields=["beneficiary", "notified_on"], name="agreement_beneficiary_year"),
            models.Index(fields=["state", "-created_at"], name="agreement_state_recent"),
            models.Index(fields=["eu_fund"], name="agreement_eu_fund", condition=~Q(eu_fund="")),
            GinIndex(search_vector(), name="agreement_search"),
        ]
        constraints = agreement_constraints()
        triggers = agreement_triggers()

    def __str__(self):
        return f"{self.number} — {self.title}"

    def interest_of(self, user):
        """The people of its case."""
        return reason_interested(user, self.application)

    def get_absolute_url(self):
        """Return the beneficiary's page of this agreement."""
        return reverse("agreements:agreement", args=[self.number])

    def state_label(self, audience: str = "staff") -> str:
        """The words for the state; an act that the Region signs alone awaits no signature of the beneficiary."""
        if self.state == AgreementState.SENT and self.kind != AgreementKind.AGREEMENT:
            if audience == "applicant":
                return str(_("Sent to you, waiting for the signature of the Region"))
            return str(_("Sent to the beneficiary, to be signed by the Region"))
        return super().state_label(audience)

    @property
    def instructor(self):
        """The officer of the case, who may never order its payments."""
        return self.application.instructor

    @property
    def programme(self):
        """The programme under which the application was filed."""
        return self.application.programme_version.programme

    @property
    def remaining_amount(self):
        """Euros granted and not yet ordered."""
        return self.granted_amount - self.ordered_amount

    @property
    def common_rate(self) -> Decimal | None:
        """The rate at which the whole is judged, in percent; None where each year has its own, or none has one."""
        rates = {year.rate and round(year.rate, 2) for year in self.tranches.all() if year.amount}
        return self.rate if len(rates) < 2 else None

    @cached_property
    def years_without_aid(self) -> list:
        """The tranches of nothing: no claim declares their expenditure. Fixed once the act was sent."""
        return [year for year in self.tranches.all() if not year.amount]

    def year_without_aid(self, day: date):
        """The year of ``day`` where nothing is granted for it; None elsewhere."""
        return next((year for year in self.years_without_aid if year.starts_on <= day <= year.ends_on), None)

    @property
    def beneficiary_signed_on(self) -> date | datetime | None:
        """When the beneficiary signed: the moment in the portal; of a signed copy the day, for a paper bears no hour."""
        moment = self.beneficiary_signed_at
        return moment if moment is None or self.confirmed_by_id else timezone.localdate(moment)

    @property
    def first_claim_deadline(self) -> date | None:
        """Last day of the first claim, where the programme sets one; it is part of the act."""
        months = self.application.rules.deadlines.first_claim_months
        decided_on = self.decision_date or self.notified_on
        return first_claim_due_on(decided_on, months) if months and decided_on else None

    @property
    def last_day_to_pay(self):
        """The last day on which an expenditure of the project may be paid: until it is claimed and reported."""
        return max(day for day in (self.end, self.claim_deadline, self.report_due_on) if day)

    def sums_shown(self):
        """What is ordered and paid; of one in force, the claims that its end would settle, and until when they are taken."""
        if not self.is_in_force:
            return super().sums_shown()
        claims = [claim for claim in self.claims.all() if not claim.is_over]
        at_stake = sum_money(
            claim.claimed_amount if claim.certified_amount is None else claim.payable_amount for claim in claims
        )
        days = claim_days(self)
        return super().sums_shown() | {
            _("Claims under way"): len(claims),
            _("At stake"): at_stake,
            _("First claim taken until"): days.first_in_force,
            _("Claims taken until"): days.last_in_force,
        }

    @property
    def is_in_force(self) -> bool:
        """True while payments may be claimed."""
        return self.state == AgreementState.IN_FORCE

    @property
    def in_words(self) -> str:
        """What its kind is called at the beginning of a sentence: "The agreement", or "The act" of the Region alone."""
        is_agreement = self.kind == AgreementKind.AGREEMENT
        return (
            pgettext("begins a sentence", "The agreement") if is_agreement else pgettext("begins a sentence", "The act")
        )

    @property
    def awaits_beneficiary(self) -> bool:
        """True when the beneficiary has something to do to let it enter in force."""
        return self.state == AgreementState.SENT and self.kind == AgreementKind.AGREEMENT

    @workflow_transition(
        field=state,
        source=["draft"],
        target="sent",
        label=_("Send to the beneficiary"),
        icon="send",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_work_on,
        conditions=[
            "agreements.conditions.acts_are_generated",
            "agreements.conditions.plan_adds_up",
            "agreements.conditions.annex_says_the_grant",
        ],
        comment="optional",
        audience="staff",
        order=10,
        tone="primary",
    )
    def send(self, *, actor, data, comment):
        """Freeze the act and give it to the beneficiary."""
        self.sent_at = timezone.now()

    @workflow_transition(
        field=state,
        source=["sent", "signed_by_beneficiary"],
        target="draft",
        label=_("Take back to draft"),
        icon="undo",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_work_on,
        comment="required",
        audience="staff",
        order=90,
        tone="quiet",
    )
    def recall(self, *, actor, data, comment):
        """Correct the act before it binds anyone; a signature already given falls."""
        self.sent_at = None
        self.confirmed_by = None
        self.beneficiary_signatory = self.beneficiary_quality = self.signed_sha256 = ""
        self.beneficiary_signed_at = None
        self.signed_document = None

    @workflow_transition(
        field=state,
        source=["sent"],
        target="signed_by_beneficiary",
        label=_("Sign"),
        applicant_label=_("Accept and sign"),
        icon="draw",
        roles=[Role.APPLICANT],
        permission=permissions.may_sign,
        form="agreements.forms.transitions.ConfirmationForm",
        conditions=["agreements.conditions.beneficiary_signs"],
        audience="applicant",
        order=10,
        tone="primary",
    )
    def confirm(self, *, actor, data, comment):
        """Record the beneficiary's consent to the exact file that was sent."""
        self.confirmed_by = actor
        self.beneficiary_signatory = data["signatory"]
        self.beneficiary_quality = data["quality"]
        self.beneficiary_signed_at = timezone.now()
        self.signed_sha256 = self.document_pdf.file.sha256

    @workflow_transition(
        field=state,
        source=["sent"],
        target="signed_by_beneficiary",
        label=_("Record the signed copy"),
        icon="upload_file",
        roles=[Role.INSTRUCTOR, Role.FINANCE_OFFICER],
        permission=permissions.may_work_on,
        form="agreements.forms.transitions.SignedCopyForm",
        conditions=["agreements.conditions.beneficiary_signs"],
        audience="staff",
        order=20,
        tone="primary",
    )
    def record_signed_copy(self, *, actor, data, comment):
        """Keep the copy that the beneficiary signed on paper or with another service."""
        effects.keep_signed_copy(self, data, actor)

    @workflow_transition(
        field=state,
        source=["sent"],
        target="signed_by_beneficiary",
        label=_("Send the signed copy"),
        icon="upload_file",
        roles=[Role.APPLICANT],
        permission=permissions.may_sign,
        form="agreements.forms.transitions.SignedCopyForm",
        conditions=["agreements.conditions.beneficiary_signs"],
        audience="applicant",
        order=20,
        tone="quiet",
    )
    def send_signed_copy(self, *, actor, data, comment):
        """The beneficiary sends the copy that was signed on paper or with another service."""
        effects.keep_signed_copy(self, data, actor)

    @workflow_transition(
        field=state,
        source=["sent", "signed_by_beneficiary"],
        target="in_force",
        label=_("Sign and notify"),
        icon="verified",
        roles=[Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER],
        permission=permissions.may_put_in_force,
        form="agreements.forms.transitions.EntryInForceForm",
        conditions=[
            "agreements.conditions.signature_is_there",
            "agreements.conditions.kind_still_right",
            "agreements.conditions.case_is_approved",
        ],
        comment="optional",
        audience="staff",
        order=30,
        tone="primary",
    )
    def enter_force(self, *, actor, data, comment):
        """Commit the money, freeze the terms and start the clock of the payments."""
        effects.commit_money(self, actor)
        self.entered_by = actor
        self.region_signatory = data["region_signatory"]
        self.region_signed_on = data["region_signed_on"]
        self.notified_on = data["notified_on"]
        effects.freeze_terms(self)

    @workflow_transition(
        field=state,
        source=["in_force"],
        target="in_force",
        label=_("Give more time to claim"),
        icon="more_time",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE],
        permission=permissions.may_work_on,
        form="agreements.schedule.forms.ExtensionForm",
        conditions=["agreements.schedule.conditions.act_limits_the_claims"],
        comment="required",
        audience="staff",
        order=60,
        tone="quiet",
    )
    def extend_claims(self, *, actor, data, comment):
        """Claims are taken until a later day than the act says, for a reason that the beneficiary reads."""
        extend(self, data["until"], actor=actor, reason=comment)

    @workflow_transition(
        field=state,
        source=["in_force"],
        target="completed",
        label=_("Complete"),
        icon="task_alt",
        roles=[Role.INSTRUCTOR, Role.FINANCE_OFFICER],
        permission=permissions.may_work_on,
        form="agreements.settlements.forms.SettlementForm",
        conditions=[
            "agreements.settlements.conditions.something_was_paid",
            "agreements.settlements.conditions.reports_are_read",
        ],
        system_allowed=True,
        comment="optional",
        audience="staff",
        order=50,
        tone="quiet",
    )
    def complete(self, *, actor, data, comment):
        """Everything due was paid, or is named by the settlement: the rest of the commitment is given back."""
        effects.end_agreement(self, "completed", data, actor, comment)

    @workflow_transition(
        field=state,
        source=["in_force"],
        target="terminated",
        label=_("Terminate"),
        icon="block",
        roles=[Role.HEAD_OF_SERVICE],
        permission=permissions.may_work_on,
        form="agreements.settlements.forms.SettlementForm",
        conditions=["agreements.settlements.conditions.reports_are_read"],
        comment="required",
        audience="staff",
        order=95,
        tone="danger",
    )
    def terminate(self, *, actor, data, comment):
        """End the agreement early, for a reason that the beneficiary reads; each claim under way is settled."""
        effects.end_agreement(self, "terminated", data, actor, comment)

    @workflow_transition(
        field=state,
        source=["draft", "sent", "signed_by_beneficiary", "in_force"],
        target="lapsed",
        label=_("Record the lapse"),
        icon="hourglass_disabled",
        roles=[Role.HEAD_OF_SERVICE],
        permission=permissions.may_work_on,
        form="agreements.settlements.forms.SettlementForm",
        conditions=["agreements.settlements.conditions.reports_are_read"],
        comment="required",
        audience="staff",
        order=96,
        tone="danger",
    )
    def lapse(self, *, actor, data, comment):
        """The time given to sign or to claim has run out; each claim under way is settled."""
        effects.end_agreement(self, "lapsed", data, actor, comment)
