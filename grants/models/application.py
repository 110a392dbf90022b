"""An application (dossier de demande): what an applicant files under a call."""

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.models.indexes import for_lists
from core.money import MoneyField
from core.text import fold, matching, search_vector
from core.triggers import never_deleted
from grants.eu_funds import FUND_OR_NONE, NO_FUND, EuFund
from grants.interests import interest_in
from grants.models.call import Call
from grants.models.call_window import filed_within_its_window
from grants.models.envelope_guards import grant_fits_its_envelope
from grants.models.filing import ApplicantWorkflow
from grants.models.guards import (
    case_keeps_its_applicant,
    case_keeps_its_call,
    given_to_who_instructs,
    grant_on_an_open_envelope,
)
from grants.models.plan_columns import PlanField, plan_adds_up
from grants.models.programme import ProgrammeVersion
from grants.models.workflow import InstructionWorkflow
from grants.permissions import visible_applications
from grants.programmes.grant_plan import GrantPlan
from grants.states import APPLICANT_LABELS, ApplicationState


class ApplicationQuerySet(models.QuerySet):
    """Deny by default: ``for_user`` is the only way screens and API reach applications."""

    def for_user(self, user):
        """Cases of the applicants ``user`` acts for, and filed cases of the programmes of a member of staff."""
        return visible_applications(self, user)

    def search(self, typed: str):
        """By words of the number, the title or the applicant, without regard to accents and capitals."""
        return matching(self, typed)

    def with_relations(self):
        """What a list or a case page shows, without a query per row."""
        return self.select_related(
            "applicant", "call", "programme_version__programme", "instructor", "created_by", "submitted_by"
        )


def amount_not_negative(field: str) -> models.CheckConstraint:
    """The amount is unknown or at least zero."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gte": 0}),
        name=f"application_{field}_not_negative",
    )


@tracked(personal=["title", "answers", "early_start_reason", "search_text"])
class Application(ApplicantWorkflow, InstructionWorkflow):
    """One case, from the draft to its end. ``answers`` holds ``{question code: value}``; tables have their own rows.

    ``answer_versions`` holds ``{question code: {"v": version, "by": name, "id": account, "at": ISO instant}}`` so that two tabs or
    two people never overwrite one another silently.
    """

    State = ApplicationState
    STATE_LABELS_APPLICANT = APPLICANT_LABELS

    public_id = models.UUIDField(_("public identifier"), default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=30, unique=True, null=True, blank=True, editable=False)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="applications", verbose_name=_("call"))
    programme_version = models.ForeignKey(
        ProgrammeVersion,
        on_delete=models.PROTECT,
        related_name="applications",
        verbose_name=_("version of the programme"),
    )
    applicant = models.ForeignKey(
        "applicants.Applicant", on_delete=models.PROTECT, related_name="applications", verbose_name=_("applicant")
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    answers = models.JSONField(_("answers"), default=dict, blank=True)
    answer_versions = models.JSONField(default=dict, blank=True, editable=False)
    state = FSMField(
        _("state"), default=ApplicationState.DRAFT, choices=ApplicationState.choices, protected=True, max_length=20
    )

    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed on"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("created by")
    )
    submitted_at = models.DateTimeField(_("filed on"), null=True, blank=True, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("filed by"),
    )
    creation_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    submission_token = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    requested_amount = MoneyField(_("amount asked"), null=True, blank=True)
    computed_amount = MoneyField(_("computed aid"), null=True, blank=True)
    proposed_amount = MoneyField(_("amount proposed"), null=True, blank=True)
    granted_amount = MoneyField(_("amount granted"), null=True, blank=True)
    granted_plan = PlanField(_("plan of the grant"))
    project_start = models.DateField(_("start of the project"), null=True, blank=True)
    project_end = models.DateField(_("end of the project"), null=True, blank=True)
    early_start_reason = models.TextField(
        _("reason for a start before filing"),
        blank=True,
        help_text=_(
            "A project starts after filing; an earlier start needs a written reason, which the service judges."
        ),
    )

    instructor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="instructed_applications",
        verbose_name=_("instructor"),
    )
    decision_due_on = models.DateField(
        _("implied decision on"),
        null=True,
        blank=True,
        help_text=_("Without an answer by this date the request is deemed refused."),
    )
    clock_suspended_at = models.DateTimeField(_("clock suspended since"), null=True, blank=True)
    received_complete_on = models.DateField(_("complete since"), null=True, blank=True)
    eu_fund = models.CharField(_("EU fund"), max_length=5, choices=FUND_OR_NONE, blank=True)
    search_text = models.TextField(editable=False, default="")

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["-created_at"]
        indexes = [
            *for_lists("application", "requested_amount"),
            models.Index(InstructionWorkflow.due_first(), name="application_due_first_idx"),
            models.Index(fields=["programme_version", "state", "decision_due_on"], name="application_queue_idx"),
            models.Index(fields=["applicant", "-created_at"], name="application_applicant_idx"),
            models.Index(fields=["call", "state"], name="application_call_state_idx"),
            models.Index(fields=["instructor", "state"], name="application_instructor_idx"),
            models.Index(fields=["state", "decision_due_on"], name="application_state_due_idx"),
            models.Index(fields=["decision_due_on"], name="application_due_idx"),
            models.Index(fields=["-submitted_at"], name="application_submitted_idx"),
            models.Index(fields=["-created_at"], name="application_created_idx"),
            models.Index(fields=["-updated_at"], name="application_updated_idx"),
            GinIndex(search_vector(), name="application_search_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"])
                | Q(number__isnull=False, submitted_at__isnull=False, submitted_by__isnull=False),
                name="application_filed_with_number_date_and_author",
            ),
            models.CheckConstraint(
                condition=~Q(state="draft")
                | Q(
                    number__isnull=True,
                    submitted_at__isnull=True,
                    submitted_by__isnull=True,
                    submission_token__isnull=True,
                ),
                name="application_draft_is_not_filed",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "contracted", "closed"])
                | Q(granted_amount__isnull=False, granted_amount__gt=0),
                name="application_granted_with_amount",
                violation_error_message=_("A granted application has a granted amount."),
            ),
            models.CheckConstraint(
                condition=Q(granted_amount__isnull=True) | Q(state__in=["approved", "contracted", "closed", "lapsed"]),
                name="application_amount_granted_only_by_decision",
            ),
            models.CheckConstraint(
                condition=Q(project_start__isnull=True)
                | Q(project_end__isnull=True)
                | Q(project_end__gte=F("project_start")),
                name="application_project_dates_in_order",
                violation_error_message=_("The project ends after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(eu_fund__in=[NO_FUND, *EuFund.values]), name="application_eu_fund_known"
            ),
            models.CheckConstraint(
                condition=Q(clock_suspended_at__isnull=True) | Q(submitted_at__isnull=False),
                name="application_clock_runs_after_filing",
            ),
            amount_not_negative("requested_amount"),
            amount_not_negative("computed_amount"),
            amount_not_negative("proposed_amount"),
            amount_not_negative("granted_amount"),
        ]
        triggers = [
            never_deleted(),
            plan_adds_up("granted_plan", "granted_amount"),
            grant_fits_its_envelope(),
            grant_on_an_open_envelope(),
            case_keeps_its_call(),
            case_keeps_its_applicant(),
            given_to_who_instructs(),
            filed_within_its_window(),
            impartial(
                ["instructor_id"],
                f"SELECT NEW.applicant_id, NULL::text, NULL::text UNION ALL {bodies_of_case('NEW.id')}",
            ),
        ]

    @property
    def grant_plan(self) -> GrantPlan:
        """What was granted, by year, person and axis; empty before the decision."""
        return GrantPlan.from_json(self.granted_plan)

    def __str__(self):
        return self.number or self.title or str(self.public_id)

    def save(self, *args, **kwargs):
        """Also fold what a search reads."""
        self.refresh_search_text()
        if (names := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*names, "search_text", "updated_at"}
        super().save(*args, **kwargs)

    def refresh_search_text(self) -> None:
        """Number, title and applicant, without accents and capitals."""
        applicant = self.applicant
        self.search_text = fold(
            f"{self.number or ''} {self.title} {applicant.display_name} {applicant.acronym} {applicant.siret or ''}"
        )

    def interest_of(self, user) -> str | None:
        """The people of its bodies, its persons, and who opened or filed it."""
        return interest_in(user, type(self)._base_manager.filter(pk=self.pk))

    def get_absolute_url(self) -> str:
        """The applicant's page of the case."""
        return reverse("grants:case", args=[self.public_id])

    @property
    def programme(self):
        return self.programme_version.programme

    @property
    def rules(self):
        """The rules under which this case was filed."""
        return self.programme_version.rules
