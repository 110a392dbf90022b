"""Operations, the successive versions of what is known of them, and who finances them."""

from datetime import date
from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agreements.models.triggers import refuse
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.money import MoneyField
from core.text import matching, search_vector
from core.triggers import append_only_triggers
from grants.interests import interest_in
from grants.models import Application
from reporting.eu_programmes.guards import share_is_doubted
from reporting.models.certified_in_plan import bears_what_is_certified
from reporting.models.ended import ended_within_what_is_kept
from reporting.models.funds import fund_of_its_agreement
from reporting.models.guards import operation_keeps_its_programme
from reporting.models.programme import EUProgramme, Priority, SpecificObjective
from reporting.models.querysets import OfOperationQuerySet
from reporting.models.reference import CategoryOfRegion, Fund, InterventionField

FINANCING_VARIABLES = [("version", "reporting_operationversion%ROWTYPE"), ("planned", "NUMERIC"), ("of_eu", "NUMERIC")]


def financing_check(version_id: str) -> str:
    """Return the PL/pgSQL that compares a version's amounts with its financing lines."""
    return f"""
        SELECT * INTO version FROM reporting_operationversion WHERE id = {version_id};
        SELECT coalesce(sum(amount), 0), coalesce(sum(amount) FILTER (WHERE kind = 'eu'), 0)
          INTO planned, of_eu FROM reporting_financingline WHERE version_id = {version_id};
        IF planned <> version.eligible_cost THEN
            {refuse("the financing adds up to % and not to the eligible cost of %", "planned", "version.eligible_cost")}
        END IF;
        IF of_eu <> version.eu_amount THEN
            {refuse("the financing by the EU adds up to % and not to %", "of_eu", "version.eu_amount")}
        END IF;
        RETURN NULL;
    """


def covers_what_is_certified() -> pgtrigger.Trigger:
    """A plan goes under what is certified neither for the EU, nor for the eligible cost, nor by its dates.

    The operation is locked.
    """
    return pgtrigger.Trigger(
        name="covers_what_is_certified",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("certified", "NUMERIC"), ("of_eu", "NUMERIC"), ("before", "NUMERIC")],
        func=f"""
            PERFORM 1 FROM reporting_operation WHERE id = NEW.operation_id FOR NO KEY UPDATE;
            SELECT coalesce(sum(total), 0) INTO certified FROM reporting_certificate
             WHERE operation_id = NEW.operation_id;
            IF certified = 0 THEN RETURN NEW; END IF;
            IF EXISTS (
                SELECT 1 FROM reporting_expenditureitem i JOIN reporting_certificate c ON c.declaration_id = i.declaration_id
                JOIN agreements_expenditureline l ON l.id = i.expenditure_line_id
                WHERE c.operation_id = NEW.operation_id AND i.retained_amount > 0
                  AND (l.invoice_date NOT BETWEEN NEW.start_date AND NEW.end_date OR l.paid_on < NEW.start_date)) THEN
                {refuse("expenditure certified on this operation would be outside its period")}
            END IF;
            SELECT coalesce(sum(a.amount), 0) INTO of_eu FROM reporting_certificateallocation a
              JOIN reporting_certificate c ON c.id = a.certificate_id
             WHERE c.operation_id = NEW.operation_id AND a.kind = 'eu';
            IF NEW.eu_amount < of_eu THEN
                {refuse("% of the EU are certified on this operation: its plan cannot be %", "of_eu", "NEW.eu_amount")}
            END IF;
            SELECT eligible_cost INTO before FROM reporting_operationversion
             WHERE operation_id = NEW.operation_id ORDER BY number DESC LIMIT 1;
            IF NEW.eligible_cost < certified AND NEW.eligible_cost < before THEN
                {refuse("% are certified on this operation: its cost cannot be %", "certified", "NEW.eligible_cost")}
            END IF;
            RETURN NEW;
        """,
    )


def programme_bears_it() -> pgtrigger.Trigger:
    """The EU amounts of a priority, fund and category of region stay within what the programme gives them, when known.

    The row of the allocation is locked: operations that come together count one after the other.
    """
    return pgtrigger.Trigger(
        name="programme_bears_it",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("given", "NUMERIC"), ("planned", "NUMERIC")],
        func=f"""
            IF NEW.priority_id IS NULL OR NEW.fund_id IS NULL THEN RETURN NEW; END IF;
            SELECT amount INTO given FROM reporting_priorityallocation
             WHERE priority_id = NEW.priority_id AND fund_id = NEW.fund_id
               AND category_of_region = NEW.category_of_region FOR NO KEY UPDATE;
            IF given IS NULL THEN RETURN NEW; END IF;
            SELECT coalesce(sum(v.eu_amount), 0) INTO planned FROM reporting_operationversion v
              JOIN reporting_operation o ON o.current_id = v.id
             WHERE v.priority_id = NEW.priority_id AND v.fund_id = NEW.fund_id
               AND v.category_of_region = NEW.category_of_region AND o.id <> NEW.operation_id;
            IF planned + NEW.eu_amount > given THEN
                {refuse("the programme gives % and % would be planned", "given", "planned + NEW.eu_amount")}
            END IF;
            RETURN NEW;
        """,
    )


def within_its_call() -> pgtrigger.Trigger:
    """The EU bears no more of an operation's eligible cost than the call of its case allows, where this says a share."""
    return pgtrigger.Trigger(
        name="within_its_call",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("highest", "NUMERIC")],
        func=f"""
            SELECT c.eu_rate_limit INTO highest FROM reporting_operation o
              JOIN agreements_agreement a ON a.id = o.agreement_id
              JOIN grants_application app ON app.id = a.application_id
              JOIN grants_call c ON c.id = app.call_id
             WHERE o.id = NEW.operation_id FOR SHARE OF c;
            IF NEW.eu_amount * 100 > NEW.eligible_cost * highest THEN
                {refuse("the call lets the EU bear % percent of % at most, and not %", "highest", "NEW.eligible_cost", "NEW.eu_amount")}
            END IF;
            RETURN NEW;
        """,
    )


class BeneficiaryKind(models.TextChoices):
    LEGAL = "legal", _("Legal person")
    NATURAL = "natural", _("Natural person")


@tracked(personal=["name", "first_name", "surname", "name_key", "postcode", "city"])
class EUBeneficiary(models.Model):
    """Who is responsible for an operation: an applicant of the Region, or a name from an official list."""

    applicant = models.OneToOneField(
        "applicants.Applicant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="eu_beneficiary",
        verbose_name=_("applicant"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=BeneficiaryKind.choices, default=BeneficiaryKind.LEGAL)
    name = models.CharField(_("name"), max_length=300)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    surname = models.CharField(_("surname"), max_length=150, blank=True)
    name_key = models.CharField(max_length=300, editable=False, db_index=True)
    postcode = models.CharField(_("postcode"), max_length=10, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=2, default="FR")
    nuts2 = models.CharField(_("NUTS 2 region"), max_length=4, blank=True)

    class Meta:
        verbose_name = _("beneficiary of an operation")
        verbose_name_plural = _("beneficiaries of operations")
        ordering = ["name"]
        indexes = for_lists("eu_beneficiary", "name", "postcode", "city", "kind")
        constraints = [
            models.UniqueConstraint(
                fields=["name_key", "postcode"],
                condition=Q(applicant__isnull=True),
                name="eu_beneficiary_listed_once",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="eu_beneficiary_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class OperationQuerySet(OfOperationQuerySet):
    """Operations, with the joins their pages need."""

    operation_path = ""

    def with_facts(self):
        """Join what lists show."""
        return self.select_related(
            "programme",
            "agreement",
            "current__fund",
            "current__priority",
            "current__specific_objective",
            "current__beneficiary",
            "current__intervention_field",
        )

    def search(self, typed: str):
        return matching(self, typed)


@tracked
class Operation(models.Model):
    """A project co-financed by an EU fund: an agreement of the Region, or a row of an official list.

    What is known of it stands in its versions; ``current`` is the latest, kept by the database. A row of a list is
    recognised by ``source_key`` (the hash of what names it) and ``source_ordinal`` (rows that nothing but amounts
    tells apart); ``source_hash`` is the hash of the row as it was last imported.
    """

    code = models.CharField(_("code"), max_length=40, unique=True)
    programme = models.ForeignKey(
        EUProgramme, on_delete=models.PROTECT, related_name="operations", null=True, blank=True,
        verbose_name=_("EU programme"),
    )  # fmt: skip
    agreement = models.OneToOneField(
        "agreements.Agreement", on_delete=models.PROTECT, null=True, blank=True, related_name="operation",
        verbose_name=_("agreement"),
    )  # fmt: skip
    current = models.OneToOneField(
        "reporting.OperationVersion", on_delete=models.PROTECT, null=True, blank=True, editable=False,
        related_name="+", verbose_name=_("current version"),
    )  # fmt: skip
    source_key = models.CharField(max_length=64, blank=True, editable=False)
    source_ordinal = models.PositiveSmallIntegerField(default=0, editable=False)
    source_hash = models.CharField(max_length=64, blank=True, editable=False)
    first_published_on = models.DateField(_("first published on"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("recorded on"), default=timezone.now, editable=False)
    search_text = models.TextField(editable=False, blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="operation_recent"),
            GinIndex(search_vector(), name="operation_search_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source_key", "source_ordinal"], condition=~Q(source_key=""), name="operation_source_unique"
            ),
            models.CheckConstraint(
                condition=Q(agreement__isnull=False, source_key="") | (Q(agreement__isnull=True) & ~Q(source_key="")),
                name="operation_has_one_origin",
            ),
            models.CheckConstraint(
                condition=Q(agreement__isnull=False) | Q(programme__isnull=False),
                name="operation_listed_has_programme",
            ),
        ]
        triggers = [
            operation_keeps_its_programme(),
            pgtrigger.Trigger(
                name="current_kept_by_database",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF TG_OP = 'INSERT' THEN NEW.current_id := NULL;
                    ELSIF pg_trigger_depth() < 2 THEN NEW.current_id := OLD.current_id;
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="identity_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=f"""
                    IF ROW(NEW.code, NEW.agreement_id, NEW.source_key, NEW.source_ordinal)
                       IS DISTINCT FROM ROW(OLD.code, OLD.agreement_id, OLD.source_key, OLD.source_ordinal)
                       OR (OLD.first_published_on IS NOT NULL
                           AND NEW.first_published_on IS DISTINCT FROM OLD.first_published_on) THEN
                        {refuse("an operation keeps its code, its origin and the date of its first publication")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.code

    def interest_of(self, user) -> str | None:
        """The people of its case; those of its beneficiary where it comes from an official list."""
        if self.agreement_id:
            return interest_in(user, Application.objects.filter(agreement=self.agreement_id))
        applicant = self.current.beneficiary.applicant if self.current_id else None
        return reason_interested(user, applicant) if applicant else None

    @property
    def eu_rate_limit(self) -> Decimal | None:
        """The highest share of its eligible cost, in percent, that the call of its case lets the EU bear; None: no limit."""
        return self.agreement.application.call.eu_rate_limit if self.agreement_id else None

    @property
    def name(self) -> str:
        return self.current.name

    @property
    def fund(self):
        return self.current.fund


@tracked
class OperationVersion(models.Model):
    """What was known of an operation from ``recorded_at`` on. A row never changes: a correction is a new version.

    Amounts are euros. ``total_cost`` is null where a source states the eligible cost only (lists of 2014-2020).
    ``eligible_cost`` equals the sum of the financing lines and ``eu_amount`` that of the EU's lines, checked by the
    database when the transaction ends. A natural person's name stays in the beneficiary, where it can be erased.
    """

    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="versions", verbose_name=_("operation")
    )
    number = models.PositiveIntegerField(_("version"))
    recorded_at = models.DateTimeField(_("recorded on"), default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("recorded by"),
    )  # fmt: skip
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    name = models.CharField(_("name"), max_length=500)
    purpose = models.TextField(_("purpose and expected achievements"), blank=True)
    beneficiary = models.ForeignKey(
        EUBeneficiary, on_delete=models.PROTECT, related_name="operation_versions", verbose_name=_("beneficiary")
    )
    beneficiary_name = models.CharField(_("beneficiary"), max_length=300, blank=True)
    start_date = models.DateField(_("start"))
    end_date = models.DateField(_("end"))
    programmed_on = models.DateField(_("programmed on"), null=True, blank=True)
    fund = models.ForeignKey(
        Fund, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("fund")
    )
    priority = models.ForeignKey(
        Priority, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("priority")
    )
    specific_objective = models.ForeignKey(
        SpecificObjective, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("specific objective"),
    )  # fmt: skip
    category_of_region = models.CharField(
        _("category of region"), max_length=16, choices=CategoryOfRegion.choices, blank=True
    )
    intervention_field = models.ForeignKey(
        InterventionField, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("field of intervention"),
    )  # fmt: skip
    total_cost = MoneyField(_("total cost"), null=True, blank=True)
    eligible_cost = MoneyField(_("eligible cost"))
    eu_amount = MoneyField(_("EU amount"))
    location = models.CharField(_("location"), max_length=200, blank=True)
    nuts = models.CharField(_("NUTS code"), max_length=5, blank=True)
    country = models.CharField(_("country"), max_length=2, default="FR")

    objects = OfOperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of an operation")
        verbose_name_plural = _("versions of operations")
        ordering = ["operation", "number"]
        indexes = [
            *for_lists("version", "name", "eligible_cost", "eu_amount"),
            models.Index(fields=["operation", "-number", "recorded_at"], name="operation_version_at"),
            models.Index(fields=["fund", "-id"], name="operation_version_fund"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["operation", "number"], name="operation_version_unique"),
            models.CheckConstraint(
                condition=Q(end_date__gte=F("start_date")),
                name="operation_dates_in_order",
                violation_error_message=_("The operation ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(eligible_cost__gte=0, eu_amount__gte=0), name="operation_amounts_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(total_cost__isnull=True) | Q(total_cost__gte=0), name="operation_total_not_negative"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="operation_has_a_name"),
        ]
        triggers = [
            *append_only_triggers(),
            covers_what_is_certified(),
            programme_bears_it(),
            within_its_call(),
            ended_within_what_is_kept(),
            bears_what_is_certified(),
            fund_of_its_agreement(),
            share_is_doubted("o.id = NEW.operation_id"),
            pgtrigger.Trigger(
                name="becomes_current",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func=f"""
                    IF NEW.number <> 1 + (SELECT count(*) FROM reporting_operationversion
                                          WHERE operation_id = NEW.operation_id AND id <> NEW.id) THEN
                        {refuse("the versions of an operation follow each other")}
                    END IF;
                    UPDATE reporting_operation SET current_id = NEW.id WHERE id = NEW.operation_id;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="financed_exactly",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=FINANCING_VARIABLES,
                func=financing_check("NEW.id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation.code} v{self.number}"

    def completed_on(self, day: date) -> date:
        """Return the day on which the operation was completed, as known on ``day``; until its agreement ends, the expected
        one."""
        agreement = self.operation.agreement
        ended_on = agreement.ended_on if agreement else None
        return min(self.end_date, ended_on) if ended_on and ended_on <= day else self.end_date

    @property
    def completion_date(self) -> date:
        """The day on which the operation was completed, or is expected to be, as known today."""
        return self.completed_on(timezone.localdate())
