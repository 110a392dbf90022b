"""Bank accounts: entered by one person, verified by another, never changed, replaced in the open."""

from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from applicants.conditions import a_change_without_known_number, call_back_was_made, no_holder_doubt_left
from applicants.forms.bank_account import RejectBankAccountForm, VerifyBankAccountForm, VouchForm
from applicants.known_contacts import KnownNumber, known_numbers, long_before
from applicants.known_days import days_known
from applicants.models.account_rules import CALL_IS_TRUE, CHANGE_IS_A_FACT, CHANGE_IS_PROVED
from applicants.models.applicant import Applicant
from applicants.models.people import OfApplicantQuerySet
from applicants.models.triggers import impartial
from applicants.permissions import may_verify_bank_account, may_vouch_for_bank_account
from applicants.rules.identifiers import format_iban, holder_resembles, mask_iban
from core.documents import IMAGE_TYPES, store
from core.engine.erasure import NO_IBAN
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.roles import Role
from core.transitions import perform, workflow_transition

if TYPE_CHECKING:
    from core.models import User


class BankAccountQuerySet(OfApplicantQuerySet):
    """Bank accounts."""

    def verified(self) -> "BankAccountQuerySet":
        """Those that may be paid."""
        return self.filter(state="verified")

    def changes_under_way(self) -> "BankAccountQuerySet":
        """Changes that nobody has verified or rejected: no payment of their applicants leaves meanwhile."""
        return self.filter(state="entered", is_change=True)

    def waiting(self) -> "BankAccountQuerySet":
        """Those that someone must verify, oldest first."""
        return self.filter(state="entered").order_by("entered_at")


@tracked(personal=["holder_name", "iban", "bic"])
class BankAccount(WorkflowModel):
    """Where an applicant is paid.

    Its number, holder and proof never change: another account is another row, verified anew, so that a change
    of bank (the usual fraud, see france.md B8) is always seen by two people of whom one has called back.
    """

    class State(models.TextChoices):
        ENTERED = "entered", pgettext_lazy("bank account", "to be verified")
        VERIFIED = "verified", pgettext_lazy("bank account", "verified")
        REJECTED = "rejected", pgettext_lazy("bank account", "rejected")
        SUPERSEDED = "superseded", pgettext_lazy("bank account", "replaced")
        ERASED = "erased", pgettext_lazy("bank account", "erased by law")

    STATE_LABELS_APPLICANT = {
        "entered": pgettext_lazy("bank account", "being checked by the service"),
        "verified": pgettext_lazy("bank account", "used for payments"),
        "rejected": pgettext_lazy("bank account", "refused"),
        "superseded": pgettext_lazy("bank account", "replaced"),
        "erased": pgettext_lazy("bank account", "erased by law"),
    }
    STATE_TONES = {"entered": "wait", "verified": "ok", "rejected": "no", "superseded": "idle", "erased": "idle"}

    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="bank_accounts", verbose_name=_("applicant"))
    holder_name = models.CharField(_("account holder"), max_length=140)
    iban = models.CharField(_("IBAN"), max_length=34)
    bic = models.CharField(_("BIC"), max_length=11, blank=True)
    bank_name = models.CharField(_("bank"), max_length=120, blank=True)
    proof = models.ForeignKey(
        "core.Document", models.PROTECT, related_name="+", verbose_name=_("bank details document (RIB)")
    )
    is_change = models.BooleanField(
        _("change of account"),
        default=False,
        help_text=_(
            "An account was verified, or another person had entered one, or who entered it had just joined: it is verified by"
            " a call to a number known before."
        ),
    )
    state = FSMField(_("state"), default=State.ENTERED, choices=State.choices, protected=True, db_index=True)
    entered_by = models.ForeignKey("core.User", models.PROTECT, related_name="+", verbose_name=_("entered by"))
    entered_at = models.DateTimeField(_("entered at"), default=timezone.now)
    verified_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("verified by")
    )
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    proof_dated = models.DateField(_("date of the proof"), null=True, blank=True)
    decision_note = models.CharField(_("note or reason"), max_length=500, blank=True)
    other_proof = models.ForeignKey(
        "core.Document", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("other proof")
    )
    other_reason = models.CharField(_("how the change was made sure of"), max_length=500, blank=True)
    vouched_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("other proof given by")
    )
    vouched_at = models.DateTimeField(_("other proof given at"), null=True, blank=True)
    superseded_at = models.DateTimeField(_("replaced at"), null=True, blank=True)

    objects = BankAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        ordering = ["-entered_at", "-pk"]
        indexes = [
            *for_lists("account", "entered_at", "holder_name", "is_change"),
            models.Index(fields=["state", "entered_at"], name="bank_account_queue"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["entered", "verified", "rejected", "superseded", "erased"]),
                name="bank_account_state",
            ),
            models.CheckConstraint(
                condition=~Q(iban__startswith=NO_IBAN) | Q(state__in=["rejected", "superseded", "erased"]),
                name="bank_account_erased_is_not_used",
                violation_error_message=_(
                    "The number of this account was erased by law: it is neither verified nor paid. Ask for bank details (RIB)."
                ),
            ),
            models.CheckConstraint(
                condition=Q(iban__regex=r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$"), name="bank_account_iban_shape"
            ),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True) | ~Q(verified_by=F("entered_by")),
                name="bank_account_verified_by_another",
                violation_error_message=_("The person who entered an account cannot verify it."),
            ),
            models.CheckConstraint(
                condition=~Q(state="verified")
                | Q(verified_by__isnull=False, verified_at__isnull=False, proof_dated__isnull=False),
                name="bank_account_verified_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(vouched_by__isnull=True, vouched_at__isnull=True, other_proof__isnull=True, other_reason="")
                | (
                    Q(vouched_by__isnull=False, vouched_at__isnull=False, other_proof__isnull=False)
                    & ~Q(other_reason="")
                ),
                name="bank_account_other_proof_whole",
            ),
            models.CheckConstraint(
                condition=Q(vouched_by__isnull=True)
                | (
                    ~Q(vouched_by=F("entered_by"))
                    & (Q(verified_by__isnull=True) | ~Q(vouched_by=F("verified_by")))
                    & ~Q(other_proof=F("proof"))
                ),
                name="bank_account_other_proof_by_another",
                violation_error_message=_("Who enters, who gives the other proof and who verifies are three people."),
            ),
            models.UniqueConstraint(
                fields=["applicant"],
                condition=Q(state="verified"),
                name="bank_account_one_verified",
                violation_error_message=_("This applicant has another verified account: reload the page."),
            ),
            models.UniqueConstraint(
                fields=["applicant"],
                condition=Q(state="entered"),
                name="bank_account_one_waiting",
                violation_error_message=_("Another account of this applicant waits to be verified."),
            ),
        ]
        triggers = [
            impartial(["verified_by_id"], "SELECT NEW.applicant_id, NULL::text, NULL::text"),
            pgtrigger.ReadOnly(
                name="account_is_fixed",
                fields=["applicant", "holder_name", "iban", "bic", "proof", "is_change", "entered_by", "entered_at"],
            ),
            pgtrigger.Trigger(
                name="change_is_a_fact", when=pgtrigger.Before, operation=pgtrigger.Insert, func=CHANGE_IS_A_FACT
            ),
            pgtrigger.Trigger(
                name="change_is_proved",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__state="verified", new__is_change=True) & ~pgtrigger.Q(old__state="verified"),
                func=CHANGE_IS_PROVED,
            ),
            pgtrigger.FSM(
                name="account_states",
                field="state",
                transitions=[
                    ("entered", "verified"),
                    ("entered", "rejected"),
                    ("entered", "superseded"),
                    ("verified", "superseded"),
                    ("verified", "erased"),
                ],
            ),
            pgtrigger.Protect(name="account_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.masked_iban} · {self.holder_name}"

    def interest_of(self, user: "User") -> str | None:
        """The applicant's people."""
        return reason_interested(user, self.applicant)

    def numbers_known_before(self) -> list[KnownNumber]:
        """The numbers that were on file long before this account was entered: those that prove something."""
        return known_numbers(self.applicant, at=long_before(self.entered_at))

    def in_place_of(self) -> "BankAccount | None":
        """The account that still waited to be verified when this one was entered, and that nobody verifies any more."""
        before = self.applicant.bank_accounts.filter(pk__lt=self.pk).select_related("entered_by").order_by("pk").last()
        return before if before is not None and before.was_passed_over else None

    def taken_over_by(self) -> "BankAccount | None":
        """The account that was entered while this one waited to be verified."""
        if not self.was_passed_over:
            return None
        return self.applicant.bank_accounts.filter(pk__gt=self.pk).select_related("entered_by").order_by("pk").first()

    @property
    def was_passed_over(self) -> bool:
        """Whether another account took its place before anybody verified it."""
        return self.state == self.State.SUPERSEDED and self.verified_at is None

    @property
    def masked_iban(self) -> str:
        """The IBAN with its middle hidden: enough to recognise, not enough to copy."""
        return str(_("number erased by law")) if self.iban.startswith(NO_IBAN) else mask_iban(self.iban)

    @property
    def grouped_iban(self) -> str:
        """The IBAN in groups of four."""
        if self.iban.startswith(NO_IBAN):
            return self.masked_iban
        return format_iban(self.iban)

    @property
    def holder_matches(self) -> bool:
        """Whether the holder's name resembles the applicant's."""
        return holder_resembles(self.holder_name, self.applicant.display_name, self.applicant.acronym)

    @property
    def is_foreign(self) -> bool:
        """Whether the account is kept outside France: allowed, but looked at twice."""
        return not self.iban.startswith(("FR", NO_IBAN))

    @workflow_transition(
        field=state,
        source=[State.ENTERED],
        target=State.VERIFIED,
        label=_("Verify"),
        icon="verified",
        roles=[Role.FINANCE_OFFICER],
        permission=may_verify_bank_account,
        conditions=[call_back_was_made, no_holder_doubt_left],
        form=VerifyBankAccountForm,
        audience="staff",
        order=10,
        tone="primary",
    )
    def verify(self, *, actor: "User", data: dict, comment: str) -> None:
        """The account may be paid; the one before it is replaced; the telephone call is kept."""
        current = BankAccount.objects.verified().filter(applicant=self.applicant).first()
        if current:
            perform(current, "supersede", actor=actor, system=True)
        if data.get("phone"):
            CallBack.objects.create(
                bank_account=self,
                phone=data["phone"],
                person=data["person"],
                called_at=data["called_at"],
                called_by=actor,
                note=data.get("note", ""),
                known_days=days_known(),
            )
        self.verified_by = actor
        self.verified_at = timezone.now()
        self.proof_dated = data["proof_dated"]
        self.decision_note = data.get("note", "")

    @workflow_transition(
        field=state,
        source=[State.ENTERED],
        target=None,
        label=_("Give another proof"),
        icon="history_edu",
        roles=[Role.INSTRUCTOR, Role.FINANCE_OFFICER],
        permission=may_vouch_for_bank_account,
        conditions=[a_change_without_known_number],
        form=VouchForm,
        audience="staff",
        order=15,
        tone="quiet",
    )
    def vouch(self, *, actor: "User", data: dict, comment: str) -> None:
        """Nobody can be called on a number known long before: how the change was made sure of, with a document."""
        self.other_proof = store(
            data["document"], name=data["document"].name, subject=self.applicant, user=actor, kind="bank_other_proof",
            allowed=IMAGE_TYPES,
        )  # fmt: skip
        self.other_reason = data["reason"]
        self.vouched_by = actor
        self.vouched_at = timezone.now()

    @workflow_transition(
        field=state,
        source=[State.ENTERED],
        target=State.REJECTED,
        label=_("Reject"),
        icon="block",
        roles=[Role.FINANCE_OFFICER],
        permission=may_verify_bank_account,
        form=RejectBankAccountForm,
        audience="staff",
        order=20,
        tone="danger",
    )
    def reject(self, *, actor: "User", data: dict, comment: str) -> None:
        """The account will not be paid; the applicant reads the reason and sends another."""
        self.decision_note = data["reason"]

    @workflow_transition(
        field=state,
        source=[State.ENTERED, State.VERIFIED],
        target=State.SUPERSEDED,
        label=_("Replace"),
        icon="swap_horiz",
        audience="system",
        order=30,
        tone="quiet",
    )
    def supersede(self, *, actor: "User | None", data: dict, comment: str) -> None:
        """Another account takes its place; this one stays readable."""
        self.superseded_at = timezone.now()

    @workflow_transition(
        field=state,
        source=[State.VERIFIED],
        target=State.ERASED,
        label=_("Erase by law"),
        icon="block",
        audience="system",
        order=40,
        tone="quiet",
    )
    def erase_by_law(self, *, actor: "User | None", data: dict, comment: str) -> None:
        """Its number is emptied (``core.engine.erasure``): nothing can be paid on it any more."""


@tracked(personal=["phone", "person", "note"])
class CallBack(models.Model):
    """A telephone call made to check a bank account, on a number known before (never the one in the request)."""

    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="call_backs", verbose_name=_("bank account")
    )
    called_at = models.DateTimeField(_("called at"))
    phone = models.CharField(_("number called"), max_length=30)
    person = models.CharField(_("person spoken to"), max_length=120)
    note = models.CharField(_("what was said"), max_length=500, blank=True)
    called_by = models.ForeignKey("core.User", models.PROTECT, related_name="+", verbose_name=_("called by"))
    # Not kept of the calls of before
    known_days = models.PositiveSmallIntegerField(_("days on file asked of the number"), null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("call back")
        verbose_name_plural = _("calls back")
        ordering = ["called_at"]
        triggers = [
            pgtrigger.Protect(name="call_back_is_kept", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="call_is_true",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("account", "applicants_bankaccount%ROWTYPE"), ("known_before", "TIMESTAMPTZ")],
                func=CALL_IS_TRUE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phone} · {self.person}"
