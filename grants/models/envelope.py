"""Voted money: envelopes (AE/AP), what is committed on them, and yearly payment credits (CP).

The totals ``committed_amount`` and ``ordered_amount`` are kept by the database itself: a trigger adds each row's
amount to the parent, whose ``CHECK`` refuses more than what was voted. Two sessions that commit at once wait for one
another on the parent's row; the second one sees the first one's money (``france.md`` B4).
"""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.models.indexes import for_lists
from core.money import MoneyField, format_euros
from core.roles import Role
from grants.models.guards import (
    envelope_keeps_its_place,
    envelope_stays_open_for_its_agenda,
    used_credit_keeps_its_year,
)

ZERO = Decimal("0.00")


def keep_total(table: str, column: str, key: str) -> str:
    """PL/pgSQL that carries a child row's net amount to the total of its parent."""
    return f"""
        IF TG_OP = 'UPDATE' THEN
            UPDATE {table} SET {column} = {column} + (NEW.amount - NEW.released_amount)
                - (OLD.amount - OLD.released_amount) WHERE id = NEW.{key};
        ELSE
            UPDATE {table} SET {column} = {column} + NEW.amount - NEW.released_amount WHERE id = NEW.{key};
        END IF;
        RETURN NEW;
    """


def own_total(column: str) -> str:
    """PL/pgSQL that leaves a total to the triggers: a stale ``save()`` never overwrites it."""
    return f"""
        IF TG_OP = 'INSERT' THEN
            NEW.{column} := 0;
        ELSIF pg_trigger_depth() < 2 THEN
            NEW.{column} := OLD.{column};
        END IF;
        RETURN NEW;
    """


#: PL/pgSQL: ``awaiting`` becomes what is granted on an envelope and not committed yet.
AWAITING_ACT = """
    SELECT coalesce(sum(a.granted_amount), 0) INTO awaiting
      FROM grants_application a JOIN grants_call c ON c.id = a.call_id
     WHERE c.envelope_id = {envelope} AND a.state = 'approved'
       AND NOT EXISTS (SELECT 1 FROM grants_commitment k WHERE k.application_id = a.id);
"""


def envelope_bears_its_grants() -> pgtrigger.Trigger:
    """An envelope is neither cut under what is committed and granted on it, nor closed while a grant awaits its act.

    The row that is changed is locked, and a session that closes locks its envelopes: a cut and a vote count one after
    the other.
    """
    return pgtrigger.Trigger(
        name="envelope_bears_its_grants",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            'NEW."voted_amount" < OLD."voted_amount" OR (NEW."is_closed" AND NOT OLD."is_closed")'
        ),
        declare=[("awaiting", "NUMERIC")],
        func=f"""
            {AWAITING_ACT.format(envelope="NEW.id")}
            IF awaiting > 0 AND NEW.voted_amount < NEW.committed_amount + awaiting THEN
                RAISE EXCEPTION 'the envelope bears % committed and % granted', NEW.committed_amount, awaiting
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.is_closed AND NOT OLD.is_closed AND awaiting > 0 THEN
                RAISE EXCEPTION 'the envelope still owes % granted without an act', awaiting
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def grant_fits_its_envelope() -> pgtrigger.Trigger:
    """A grant of a case fits in what the envelope of its call has left; the envelope is locked to count."""
    return pgtrigger.Trigger(
        name="grant_fits_its_envelope",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            "NEW.state = 'approved' AND (OLD.state <> 'approved' OR NEW.granted_amount > OLD.granted_amount"
            " OR NEW.call_id <> OLD.call_id)"
        ),
        declare=[("purse", "grants_envelope%ROWTYPE"), ("awaiting", "NUMERIC")],
        func=f"""
            SELECT e.* INTO purse FROM grants_envelope e JOIN grants_call c ON c.envelope_id = e.id
             WHERE c.id = NEW.call_id FOR NO KEY UPDATE OF e;
            IF purse.id IS NULL THEN RETURN NEW; END IF;
            {AWAITING_ACT.format(envelope="purse.id AND a.id <> NEW.id")}
            IF purse.committed_amount + awaiting + NEW.granted_amount > purse.voted_amount THEN
                RAISE EXCEPTION 'the envelope % has % left and not %', purse.code,
                    purse.voted_amount - purse.committed_amount - awaiting, NEW.granted_amount
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def call_keeps_its_envelope() -> pgtrigger.Trigger:
    """A call does not change its envelope while a case of it is granted and awaits its act."""
    return pgtrigger.Trigger(
        name="call_keeps_its_envelope",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition('OLD."envelope_id" IS DISTINCT FROM NEW."envelope_id"'),
        func="""
            IF OLD.envelope_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM grants_application a WHERE a.call_id = NEW.id AND a.state = 'approved'
                   AND NOT EXISTS (SELECT 1 FROM grants_commitment k WHERE k.application_id = a.id)) THEN
                RAISE EXCEPTION 'cases of this call are granted on its envelope' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


class EnvelopeQuerySet(models.QuerySet):
    """Envelopes, with the figures that screens show."""

    def for_user(self, user):
        """Envelopes of the programmes a member of staff works for; all for those who see all."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(programme__assignments__user=user).distinct()

    def with_figures(self):
        """Add ``awaiting_amount`` (granted, no commitment yet), ``proposed_total`` and ``available_amount``: what is left
        once the cases proposed are granted too."""
        return self.annotate(
            awaiting_amount=Coalesce(self._sum_of_cases("granted_amount", ["approved"]), ZERO),
            proposed_total=Coalesce(
                self._sum_of_cases("proposed_amount", ["instructed", "ready_for_committee", "scheduled"]), ZERO
            ),
        ).annotate(
            available_amount=F("voted_amount") - F("committed_amount") - F("awaiting_amount") - F("proposed_total")
        )

    def _sum_of_cases(self, field, states):
        application = self.model._meta.apps.get_model("grants", "Application")
        cases = (
            application.objects.filter(call__envelope_id=models.OuterRef("pk"), state__in=states)
            .order_by()
            .values("call__envelope_id")
        )
        if states == ["approved"]:
            cases = cases.filter(commitments__isnull=True)
        return models.Subquery(cases.annotate(total=models.Sum(field)).values("total")[:1], output_field=MoneyField())


@tracked
class Envelope(models.Model):
    """A multi-year authorisation voted by the assembly; the ceiling of what may be committed."""

    class Kind(models.TextChoices):
        AE = "AE", _("Commitment authorisation (running costs)")
        AP = "AP", _("Programme authorisation (investment)")

    code = models.CharField(_("code"), max_length=40, unique=True)
    label = models.CharField(_("label"), max_length=200)
    programme = models.ForeignKey(
        "grants.Programme", on_delete=models.PROTECT, related_name="envelopes", verbose_name=_("programme")
    )
    kind = models.CharField(_("kind"), max_length=2, choices=Kind.choices, default=Kind.AE)
    year = models.PositiveSmallIntegerField(_("year of the vote"))
    budget_chapter = models.CharField(_("budget chapter"), max_length=20, blank=True)
    budget_account = models.CharField(_("budget account"), max_length=20, blank=True)
    voted_amount = MoneyField(_("voted amount"))
    committed_amount = MoneyField(_("committed amount"), default=ZERO, editable=False)
    voted_on = models.DateField(_("voted on"), null=True, blank=True)
    deliberation = models.CharField(_("deliberation of the vote"), max_length=60, blank=True)
    is_closed = models.BooleanField(_("closed"), default=False, help_text=_("Takes no more commitments."))

    objects = EnvelopeQuerySet.as_manager()

    class Meta:
        verbose_name = _("envelope")
        verbose_name_plural = _("envelopes")
        ordering = ["-year", "code"]
        indexes = [
            *for_lists("envelope", "year", "voted_amount", "committed_amount"),
            models.Index(fields=["programme", "year"], name="envelope_programme_year"),
            models.Index(fields=["kind", "year"], name="envelope_kind_year"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(committed_amount__gte=0) & Q(committed_amount__lte=F("voted_amount")),
                name="envelope_committed_within_voted",
                violation_error_message=_("More would be committed than what was voted."),
            ),
            models.CheckConstraint(condition=Q(voted_amount__gte=0), name="envelope_voted_not_negative"),
            models.CheckConstraint(
                condition=Q(year__gte=2000) & Q(year__lte=2100),
                name="envelope_year_plausible",
                violation_error_message=_("The year of the vote is between 2000 and 2100."),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="envelope_total_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("committed_amount"),
            ),
            envelope_bears_its_grants(),
            envelope_stays_open_for_its_agenda(),
            envelope_keeps_its_place(),
        ]

    def __str__(self):
        return f"{self.code} · {self.label}"

    def clean(self):
        """Say before the database does that the envelope bears what is committed and granted on it."""
        known = type(self).objects.with_figures().filter(pk=self.pk).first()
        if known is None:
            return
        errors = {}
        used, awaiting = known.committed_amount + known.awaiting_amount, known.awaiting_amount
        if self.voted_amount is not None and self.voted_amount < used:
            sentence = gettext("%(used)s are committed already: vote at least that much.")
            if awaiting:
                sentence = gettext(
                    "%(used)s are committed already, or granted and awaiting their act: vote at least that much."
                )
            errors["voted_amount"] = sentence % {"used": format_euros(used)}
        if self.is_closed and not known.is_closed and awaiting:
            sentence = gettext("%(used)s are granted and await their act: close the envelope once they are committed.")
            errors["is_closed"] = sentence % {"used": format_euros(awaiting)}
        errors |= self._agenda_problem(known) or self._place_problem(known)
        if errors:
            raise ValidationError(errors)

    def _agenda_problem(self, known) -> dict[str, str]:
        """A session is convened on a case of the envelope: it stays open until then."""
        if not self.is_closed or known.is_closed:
            return {}
        on_agenda = {"agenda_items__session__state__in": ["convened", "in_session"], "state": "scheduled"}
        case = type(self)._cases_of(self.pk).filter(**on_agenda).first()
        if case is None:
            return {}
        sentence = gettext("A session is convened on %(case)s: close the envelope once it has decided.")
        return {"is_closed": sentence % {"case": case.number}}

    def _place_problem(self, known) -> dict[str, str]:
        """Programme, kind and year stay while money is committed or granted on the envelope, or a call draws on it."""
        moved = [name for name in ("programme_id", "kind", "year") if getattr(self, name) != getattr(known, name)]
        if not moved:
            return {}
        field = moved[0].removesuffix("_id")
        if self.commitments.exists():
            sentence = gettext("%(used)s are committed on this envelope: its programme, kind and year stay.")
            return {field: sentence % {"used": format_euros(known.committed_amount)}}
        if case := type(self)._cases_of(self.pk).filter(state__in=["scheduled", "approved"]).first():
            sentence = gettext(
                "%(case)s is on an agenda or granted on this envelope: its programme, kind and year stay."
            )
            return {field: sentence % {"case": case.number}}
        if call := self.calls.exclude(programme_version__programme=self.programme_id).first():
            sentence = gettext("The call “%(call)s” draws on this envelope: it stays with the programme of the call.")
            return {"programme": sentence % {"call": call}} if "programme_id" in moved else {}
        return {}

    @classmethod
    def _cases_of(cls, envelope_id: int):
        return cls._meta.apps.get_model("grants", "Application").objects.filter(call__envelope_id=envelope_id)

    @property
    def uncommitted_amount(self):
        """Euros that no commitment holds yet: what may still be committed."""
        return self.voted_amount - self.committed_amount

    @property
    def left_amount(self):
        """Euros that may still be granted: what the cases granted without an act wait for is off. Needs the figures of
        ``with_figures``."""
        return self.uncommitted_amount - self.awaiting_amount


class CommitmentQuerySet(models.QuerySet):
    """Commitments."""

    def for_user(self, user):
        """Commitments on the envelopes that the user may see."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(envelope__programme__assignments__user=user).distinct()


@tracked
class Commitment(models.Model):
    """Money of an envelope reserved for one case. Never edited; what is not used is released.

    ``ordered_amount`` is what payment orders have drawn on it, counted by the database: no more is drawn than is held,
    nothing is released that was drawn.
    """

    envelope = models.ForeignKey(
        Envelope, on_delete=models.PROTECT, related_name="commitments", verbose_name=_("envelope")
    )
    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="commitments", verbose_name=_("application")
    )
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    amount = MoneyField(_("amount"))
    released_amount = MoneyField(_("released amount"), default=ZERO)
    release_reason = models.CharField(_("reason of the release"), max_length=255, blank=True)
    ordered_amount = MoneyField(_("ordered"), default=ZERO, db_default=ZERO, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("committed by"),
    )  # fmt: skip
    created_at = models.DateTimeField(_("committed at"), auto_now_add=True)

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        ordering = ["-created_at", "-id"]
        indexes = [
            *for_lists("commitment", "amount", "released_amount"),
            models.Index(fields=["-created_at"], name="commitment_recent"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="commitment_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_amount__gte=0) & Q(released_amount__lte=F("amount")),
                name="commitment_released_within_amount",
                violation_error_message=_("More would be released than what was committed."),
            ),
            models.CheckConstraint(
                condition=Q(released_amount=0) | ~Q(release_reason=""), name="commitment_release_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(ordered_amount__gte=0) & Q(ordered_amount__lte=F("amount") - F("released_amount")),
                name="commitment_spent_within_held",
                violation_error_message=_("More would be ordered than what is committed."),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="commitment_ordered_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("ordered_amount"),
            ),
            pgtrigger.Trigger(
                name="commitment_counts_on_envelope",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func=keep_total("grants_envelope", "committed_amount", "envelope_id"),
            ),
            pgtrigger.ReadOnly(
                name="commitment_is_not_edited",
                fields=["envelope", "application", "reference", "amount", "created_by", "created_at"],
            ),
            pgtrigger.Protect(name="commitment_is_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self):
        return self.reference

    @property
    def net_amount(self):
        """Euros still held on the envelope."""
        return self.amount - self.released_amount

    def release(self, amount: Decimal, *, reason: str) -> None:
        """Give ``amount`` back to the envelope; nothing happens for zero. The database refuses more than is held."""
        if amount == 0:
            return
        self.released_amount = self.released_amount + amount
        self.release_reason = reason[:255]
        self.save(update_fields=["released_amount", "release_reason"])


class PaymentCreditQuerySet(models.QuerySet):
    """Payment credits."""

    def for_user(self, user):
        """Credits of the envelopes that the user may see."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(envelope__programme__assignments__user=user).distinct()


@tracked
class PaymentCredit(models.Model):
    """The payment credits (CP) of an envelope for one budget year; the ceiling of what may be ordered in it."""

    envelope = models.ForeignKey(
        Envelope, on_delete=models.PROTECT, related_name="payment_credits", verbose_name=_("envelope")
    )
    year = models.PositiveSmallIntegerField(_("budget year"))
    voted_amount = MoneyField(_("voted amount"))
    ordered_amount = MoneyField(_("ordered amount"), default=ZERO, editable=False)

    objects = PaymentCreditQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment credit")
        verbose_name_plural = _("payment credits")
        ordering = ["-year", "envelope__code"]
        constraints = [
            models.UniqueConstraint(fields=["envelope", "year"], name="payment_credit_once_a_year"),
            models.CheckConstraint(
                condition=Q(ordered_amount__gte=0) & Q(ordered_amount__lte=F("voted_amount")),
                name="payment_credit_ordered_within_voted",
                violation_error_message=_("More would be ordered than the payment credits of the year."),
            ),
            models.CheckConstraint(
                condition=Q(year__gte=2000) & Q(year__lte=2100), name="payment_credit_year_plausible"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="payment_credit_total_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("ordered_amount"),
            ),
            used_credit_keeps_its_year(),
        ]

    def __str__(self):
        return f"{self.envelope.code} · {self.year}"


@tracked
class CreditUse(models.Model):
    """Payment credits taken by one payment order. Never edited; a cancelled order releases them."""

    credit = models.ForeignKey(
        PaymentCredit, on_delete=models.PROTECT, related_name="uses", verbose_name=_("payment credit")
    )
    reference = models.CharField(_("reference of the order"), max_length=60, unique=True)
    amount = MoneyField(_("amount"))
    released_amount = MoneyField(_("released amount"), default=ZERO)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("ordered by"),
    )  # fmt: skip
    created_at = models.DateTimeField(_("ordered at"), auto_now_add=True)

    class Meta:
        verbose_name = _("use of payment credits")
        verbose_name_plural = _("uses of payment credits")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_use_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_amount__gte=0) & Q(released_amount__lte=F("amount")),
                name="credit_use_released_within_amount",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="credit_use_counts_on_credit",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func=keep_total("grants_paymentcredit", "ordered_amount", "credit_id"),
            ),
            pgtrigger.ReadOnly(
                name="credit_use_is_not_edited", fields=["credit", "reference", "amount", "created_by", "created_at"]
            ),
            pgtrigger.Protect(name="credit_use_is_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self):
        return self.reference
