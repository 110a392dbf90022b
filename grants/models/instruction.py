"""What instruction leaves on a case: checks, scores, opinions, computed aid, proposals and visas, internal notes."""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.lib.planned_days import MOST_ANSWER_DAYS, within
from core.models.document import Document
from core.money import MoneyField
from core.triggers import never_deleted
from grants.models.consulted import of_the_register
from grants.models.plan_columns import PlanField, plan_adds_up, plan_within_computed
from grants.models.present_facts import (
    proposal_of_known_undertaking,
    proposal_on_present_opinions,
    proposal_on_present_seat,
)
from grants.programmes.grant_plan import GrantPlan


class Answer(models.TextChoices):
    """The answer to a check."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    NOT_APPLICABLE = "na", _("Not applicable")


class Stage(models.TextChoices):
    """When a check is asked."""

    COMPLETENESS = "completeness", _("Completeness")
    ADMISSIBILITY = "admissibility", _("Admissibility")
    ELIGIBILITY = "eligibility", _("Eligibility")


@tracked
class CheckAnswer(models.Model):
    """The present answer to one check of the programme; earlier answers stay in the row history and the events."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="check_answers", verbose_name=_("application")
    )
    code = models.CharField(_("check"), max_length=60)
    stage = models.CharField(_("stage"), max_length=20, choices=Stage.choices)
    answer = models.CharField(_("answer"), max_length=3, choices=Answer.choices)
    reason = models.TextField(_("reason"), blank=True)
    is_automatic = models.BooleanField(_("automatic"), default=False)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("answered by"),
    )  # fmt: skip
    answered_at = models.DateTimeField(_("answered at"), default=timezone.now)
    rests_on = models.CharField(
        _("fingerprint of its facts"), max_length=64, blank=True, db_default="", default="", editable=False,
        help_text=_("Empty for a check of which the product knows no fact."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("answer to a check")
        verbose_name_plural = _("answers to checks")
        ordering = ["application_id", "code"]
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["application", "code"], name="check_answered_once"),
            models.CheckConstraint(
                condition=Q(is_automatic=True) | Q(answered_by__isnull=False), name="check_answered_by_someone"
            ),
            models.CheckConstraint(
                condition=Q(answer="yes") | ~Q(reason=""),
                name="check_refusal_has_reason",
                violation_error_message=_("Say why the answer is not yes."),
            ),
        ]

    def __str__(self):
        return f"{self.code}: {self.get_answer_display()}"


@tracked
class Score(models.Model):
    """The score of a case on one criterion of its programme."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="scores", verbose_name=_("application")
    )
    code = models.CharField(_("criterion"), max_length=60)
    score = models.DecimalField(_("score"), max_digits=6, decimal_places=2)
    max_score = models.DecimalField(_("highest score"), max_digits=6, decimal_places=2, default=Decimal(20))
    comment = models.TextField(_("comment"), blank=True)
    scored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("scored by")
    )
    scored_at = models.DateTimeField(_("scored at"), default=timezone.now)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ["application_id", "code"]
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["application", "code"], name="criterion_scored_once"),
            models.CheckConstraint(
                condition=Q(score__gte=0) & Q(score__lte=F("max_score")),
                name="score_within_scale",
                violation_error_message=_("The score lies outside its scale."),
            ),
        ]

    def __str__(self):
        return f"{self.code}: {self.score}"


class OpinionResult(models.TextChoices):
    """What a consulted body answers."""

    FAVOURABLE = "favourable", _("Favourable")
    RESERVED = "reserved", _("Favourable with reservations")
    UNFAVOURABLE = "unfavourable", _("Unfavourable")


@tracked(personal=["email"])
class Opinion(models.Model):
    """An opinion asked from a body outside the Region, then its answer with the proof."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="opinions", verbose_name=_("application")
    )
    code = models.CharField(_("opinion"), max_length=60)
    body = models.CharField(_("body consulted"), max_length=200)
    email = models.EmailField(_("e-mail address"))
    question = models.TextField(_("question"), blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)
    due_on = models.DateField(_("expected by"))
    # The link of the body (grants.opinion_links): only a hash of its secret is kept.
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    link_expires_at = models.DateTimeField(_("link open until"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True)
    shared_pieces = ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("pieces shown"))
    # What the body sent by its link, before an officer accepts it.
    answer_result = models.CharField(_("answer received"), max_length=20, choices=OpinionResult.choices, blank=True)
    answer_summary = models.TextField(_("summary received"), blank=True)
    answer_document = models.ForeignKey(
        Document, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("document received")
    )
    answered_by_name = models.CharField(_("answered by"), max_length=160, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    result = models.CharField(_("opinion given"), max_length=20, choices=OpinionResult.choices, blank=True)
    given_on = models.DateField(_("given on"), null=True, blank=True)
    summary = models.TextField(_("summary"), blank=True)
    document = models.ForeignKey(
        Document, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("proof")
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("recorded by"),
    )  # fmt: skip
    recorded_at = models.DateTimeField(_("recorded at"), null=True, blank=True)
    # The number of the snapshot of the file on which the body gave its opinion; a file that was completed or corrected
    # since has a later one. ``upheld_number``: the snapshot for which an officer said that the opinion holds all the same.
    file_number = models.PositiveSmallIntegerField(_("given on the file no."), null=True, blank=True, editable=False)
    upheld_number = models.PositiveSmallIntegerField(
        _("upheld for the file no."), null=True, blank=True, editable=False
    )
    upheld_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False,
        verbose_name=_("upheld by"),
    )  # fmt: skip
    upheld_reason = models.TextField(_("why it still holds"), blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("opinion")
        verbose_name_plural = _("opinions")
        ordering = ["application_id", "asked_at", "id"]
        triggers = [never_deleted()]
        indexes = [models.Index(fields=["due_on"], condition=Q(result=""), name="opinion_awaited")]
        constraints = [
            models.CheckConstraint(
                condition=within("due_on", "asked_at", MOST_ANSWER_DAYS),
                name="opinion_due_plausible",
                violation_error_message=_("Two years at most are given to give an opinion."),
            ),
            models.UniqueConstraint(
                fields=["application", "code"],
                condition=Q(result=""),
                name="opinion_asked_once_at_a_time",
                violation_error_message=_("This opinion has been asked and is still awaited."),
            ),
            models.UniqueConstraint(fields=["token_hash"], condition=~Q(token_hash=""), name="opinion_link_opens_one"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer_result="", answer_document__isnull=True)
                | (
                    Q(answered_at__isnull=False, answer_document__isnull=False)
                    & ~Q(answer_result="")
                    & ~Q(answered_by_name="")
                ),
                name="opinion_answer_is_whole",
            ),
            models.CheckConstraint(
                condition=(Q(result="") & Q(given_on__isnull=True) & Q(recorded_by__isnull=True))
                | (
                    ~Q(result="") & Q(given_on__isnull=False) & Q(recorded_by__isnull=False) & Q(document__isnull=False)
                ),
                name="opinion_given_with_date_and_proof",
                violation_error_message=_("A recorded opinion needs its date and its proof."),
            ),
            models.CheckConstraint(
                condition=Q(upheld_number__isnull=True, upheld_by__isnull=True, upheld_reason="")
                | (Q(upheld_number__isnull=False, upheld_by__isnull=False) & ~Q(upheld_reason="") & ~Q(result="")),
                name="opinion_upheld_for_a_reason",
                violation_error_message=_("Say why the opinion still holds."),
            ),
        ]

    def __str__(self):
        return f"{self.body} · {self.get_result_display() or _('awaited')}"


# ``grants_aid_basis(case)`` is a function of the database (grants.aid_basis): one fingerprint of what the aid rests on.

# A proposal in favour, its visa, its place on an agenda and the grant rest on the newest computation, and on one whose
# figures have not changed since.
PROPOSAL_ON_PRESENT_FIGURES = """
    IF NEW.favourable AND (TG_OP = 'INSERT' OR (NEW.visa_by_id IS NOT NULL AND OLD.visa_by_id IS NULL)) THEN
        PERFORM 1 FROM grants_aidcomputation computation
            WHERE computation.id = NEW.computation_id
                AND computation.application_id = NEW.application_id
                AND computation.basis = grants_aid_basis(NEW.application_id)
                AND NOT EXISTS (
                    SELECT 1 FROM grants_aidcomputation later
                    WHERE later.application_id = NEW.application_id AND later.number > computation.number);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the proposal rests on a computation whose figures changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_on_present_figures';
        END IF;
    END IF;
    RETURN NEW;
"""


class ComputationQuerySet(models.QuerySet):
    def with_basis_now(self) -> "ComputationQuerySet":
        """Each with the fingerprint of what the aid of its case rests on now (``basis_now``)."""
        now = models.Func("application_id", function="grants_aid_basis", output_field=models.CharField())
        return self.annotate(basis_now=now)


@tracked
class AidComputation(models.Model):
    """One computation of the aid, with the lines that explain it. Append-only: a new one follows, none is edited."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="computations", verbose_name=_("application")
    )
    number = models.PositiveIntegerField(_("number"))
    amount = MoneyField(_("computed amount"))
    eligible_base = MoneyField(_("eligible base"))
    facts = models.JSONField(_("facts"), help_text=_("What the computation started from."))
    lines = models.JSONField(_("explanation"), help_text=_("[{text, amount}] in the order of the reasoning."))
    per_person = models.JSONField(_("amounts by person"), default=list, blank=True)
    plan = PlanField(_("plan of the grant"))
    refusals = models.JSONField(_("reasons against the aid"), default=list, blank=True)
    computed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("asked by"),
    )  # fmt: skip
    computed_at = models.DateTimeField(_("computed at"), default=timezone.now)
    basis = models.CharField(
        _("fingerprint of what it rests on"), max_length=64, blank=True, db_default="", default="", editable=False,
        help_text=_("Made by the database from the budget, the persons, the answers, the dates and the rules."),
    )  # fmt: skip

    objects = ComputationQuerySet.as_manager()

    class Meta:
        verbose_name = _("computation of the aid")
        verbose_name_plural = _("computations of the aid")
        ordering = ["application_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="computation_number_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="computation_amount_not_negative"),
        ]
        triggers = [
            pgtrigger.Protect(name="computation_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="computation_keeps_its_basis",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="NEW.basis := grants_aid_basis(NEW.application_id); RETURN NEW;",
            ),
            plan_adds_up("plan", "amount", cost="eligible_base"),
        ]

    def __str__(self):
        return f"{self.application_id} · {self.number}"

    def is_void(self) -> bool:
        """Whether what the computation rests on changed since: it then backs nothing until it is made again."""
        if "basis_now" not in self.__dict__:
            self.basis_now = type(self).objects.with_basis_now().values_list("basis_now", flat=True).get(pk=self.pk)
        return self.basis != self.basis_now

    @property
    def grant_plan(self) -> GrantPlan:
        """What was computed, by year, person and axis."""
        return GrantPlan.from_json(self.plan)


@tracked
class Proposal(models.Model):
    """The instructor's proposal and the visa of someone else.

    ``seat_mark`` is made by the database of the address that the applicant has when the proposal is made.
    """

    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="proposals", verbose_name=_("application")
    )
    computation = models.ForeignKey(
        AidComputation, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("computation")
    )
    favourable = models.BooleanField(_("in favour"), default=True)
    amount = MoneyField(_("proposed amount"))
    eligible_base = MoneyField(_("eligible base"))
    plan = PlanField(_("plan of the grant"))
    score = models.DecimalField(_("score out of 20"), max_digits=5, decimal_places=2, null=True, blank=True)
    reasons = models.TextField(_("reasons"))
    # Where State aid applies: what shows that the register of de minimis aid was consulted, or why it could not be
    de_minimis_regime = models.CharField(_("de minimis regime"), max_length=12, blank=True, default="", db_default="")
    register_consulted_on = models.DateField(_("register consulted on"), null=True, blank=True)
    register_reference = models.CharField(
        _("reference of the consultation"), max_length=120, blank=True, default="", db_default=""
    )
    register_document = models.ForeignKey(
        Document, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("proof of the consultation"),
    )  # fmt: skip
    register_unavailable = models.TextField(
        _("why the register could not be consulted"), blank=True, default="", db_default=""
    )
    register_sector = models.CharField(_("sector (NACE)"), max_length=7, blank=True, default="", db_default="")
    seat_mark = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    made_at = models.DateTimeField(_("proposed at"), default=timezone.now)
    visa_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("visa by"),
    )  # fmt: skip
    visa_at = models.DateTimeField(_("visa at"), null=True, blank=True)
    sent_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("sent back by"),
    )  # fmt: skip
    sent_back_at = models.DateTimeField(_("sent back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["application_id", "-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(sent_back_at__isnull=True), name="proposal_one_live_a_case"
            ),
            models.CheckConstraint(
                condition=Q(visa_by__isnull=True) | ~Q(visa_by=F("made_by")),
                name="proposal_visa_by_someone_else",
                violation_error_message=_("Who makes the proposal does not give the visa."),
            ),
            models.CheckConstraint(
                condition=Q(visa_by__isnull=True, visa_at__isnull=True)
                | Q(visa_by__isnull=False, visa_at__isnull=False),
                name="proposal_visa_is_dated",
            ),
            models.CheckConstraint(
                condition=Q(sent_back_by__isnull=True, sent_back_at__isnull=True)
                | Q(sent_back_by__isnull=False, sent_back_at__isnull=False),
                name="proposal_sent_back_is_dated",
            ),
            models.CheckConstraint(
                condition=(Q(favourable=True, amount__gt=0) | Q(favourable=False, amount=0)) & Q(eligible_base__gte=0),
                name="proposal_amount_follows_opinion",
                violation_error_message=_("A proposal in favour has an amount; a proposal against has none."),
            ),
            models.CheckConstraint(condition=~Q(reasons=""), name="proposal_has_reasons"),
            *of_the_register(),
        ]
        triggers = [
            impartial(["made_by_id", "visa_by_id"], bodies_of_case("NEW.application_id")),
            pgtrigger.ReadOnly(
                name="proposal_terms_are_frozen",
                fields=[
                    "application",
                    "computation",
                    "favourable",
                    "amount",
                    "eligible_base",
                    "plan",
                    "score",
                    "reasons",
                    "de_minimis_regime",
                    "register_consulted_on",
                    "register_reference",
                    "register_document",
                    "register_unavailable",
                    "register_sector",
                    "seat_mark",
                    "made_by",
                    "made_at",
                ],
            ),
            plan_adds_up("plan", "amount", cost="eligible_base"),
            plan_within_computed("plan", "SELECT plan FROM grants_aidcomputation WHERE id = NEW.computation_id"),
            pgtrigger.Protect(name="proposal_is_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="proposal_on_present_figures",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=PROPOSAL_ON_PRESENT_FIGURES,
            ),
            proposal_on_present_opinions(),
            proposal_on_present_seat(),
            proposal_of_known_undertaking(),
        ]

    def __str__(self):
        return f"{self.application_id} · {self.amount}"

    @property
    def grant_plan(self) -> GrantPlan:
        """What is proposed, by year, person and axis."""
        return GrantPlan.from_json(self.plan)


@tracked(personal=["body"])
class Note(models.Model):
    """An internal note on a case: staff only, never shown to the applicant. Append-only."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="notes", verbose_name=_("application")
    )
    body = models.TextField(_("note"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("author")
    )
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)

    class Meta:
        verbose_name = _("internal note")
        verbose_name_plural = _("internal notes")
        ordering = ["application_id", "-created_at", "-id"]
        constraints = [models.CheckConstraint(condition=~Q(body=""), name="note_not_empty")]
        triggers = [pgtrigger.Protect(name="note_is_not_edited", operation=pgtrigger.Update), never_deleted()]

    def __str__(self):
        return self.body[:60]
