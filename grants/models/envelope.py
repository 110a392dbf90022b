"""Voted money: envelopes (AE/AP). What is committed on them stands in ``commitment.py``, yearly credits in ``payment_credit.py``.

The total ``committed_amount`` is kept by the database itself: a trigger adds each row's
amount to the parent, whose ``CHECK`` refuses more than what was voted. Two sessions that commit at once wait for one
another on the parent's row; the second one sees the first one's money (``france.md`` B4).
"""

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.models.indexes import for_lists
from core.money import ZERO, MoneyField, format_euros, sum_money
from core.roles import Role
from core.triggers import never_deleted
from grants.models.call import Call
from grants.models.envelope_guards import envelope_bears_its_grants, years_follow_the_vote
from grants.models.guards import envelope_keeps_its_place, envelope_stays_open_for_its_agenda
from grants.models.totals import own_total

#: The states of a case whose proposal counts on its envelope.
PROPOSED = ["instructed", "ready_for_committee", "scheduled"]


class EnvelopeQuerySet(models.QuerySet):
    """Envelopes, with the figures that screens show."""

    def for_user(self, user):
        """Envelopes of the programmes a member of staff works for; all for those who see all."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(programme__assignments__user=user).distinct()

    def with_figures(self):
        """Add ``awaiting_amount`` (granted, no commitment yet) and ``proposed_total``, of which the envelope tells what is
        used, left and available."""
        return self.annotate(
            awaiting_amount=Coalesce(self._sum_of_cases("granted_amount", ["approved"]), ZERO),
            proposed_total=Coalesce(self._sum_of_cases("proposed_amount", PROPOSED), ZERO),
        )

    def _sum_of_cases(self, field, states):
        wanted = {"applications__state__in": states}
        if states == ["approved"]:
            wanted["applications__commitments__isnull"] = True
        calls = Call.objects.filter(envelope_id=models.OuterRef("pk"), **wanted).order_by().values("envelope_id")
        total = calls.annotate(total=models.Sum(f"applications__{field}")).values("total")[:1]
        return models.Subquery(total, output_field=MoneyField())


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
            *for_lists("envelope", "year", "voted_amount", "committed_amount", "is_closed"),
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
            models.CheckConstraint(
                condition=Q(voted_on__isnull=True)
                | Q(voted_on__year__gte=F("year") - 1, voted_on__year__lte=F("year") + 1),
                name="envelope_voted_around_its_year",
                violation_error_message=_("An envelope is voted in its year, or in the year before or after."),
            ),
        ]
        triggers = [
            never_deleted(),
            pgtrigger.Trigger(
                name="envelope_total_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("committed_amount"),
            ),
            envelope_bears_its_grants(),
            years_follow_the_vote(),
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
        used, awaiting = known.used_amount, known.awaiting_amount
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
        """A case of the envelope stands on an agenda: it stays open until the decision."""
        listed = self.on_agendas() if self.is_closed and not known.is_closed else []
        if not listed:
            return {}
        sentence = gettext(
            "Cases of this envelope stand on an agenda: %(cases)s. Close it once they are decided or taken off."
        )
        return {"is_closed": sentence % {"cases": _named(listed)}}

    def short_of_agendas(self) -> str:
        """Say which sessions and cases count on more than what would be left; empty when all of them fit."""
        known, listed = type(self).objects.with_figures().get(pk=self.pk), self.on_agendas()
        needed = known.used_amount + sum_money(case.proposed_amount for case in listed)
        if not listed or self.voted_amount >= needed:
            return ""
        sentence = gettext("%(needed)s are committed, granted or on an agenda: %(cases)s.")
        return sentence % {"needed": format_euros(needed), "cases": _named(listed)}

    def proposals(self) -> list:
        """The cases proposed on the envelope and not decided yet, with their agenda: ``proposed_total`` is their sum."""
        cases = Call._meta.get_field("applications").related_model.objects
        counting = cases.filter(call__envelope=self, state__in=PROPOSED).select_related("applicant")
        return list(counting.prefetch_related("agenda_items__session").order_by("number"))

    def calls_taking(self) -> list[Call]:
        """Its calls that may still take applications."""
        return list(self.calls.filter(is_published=True, closes_at__gt=timezone.now()).order_by("closes_at"))

    def on_agendas(self) -> list:
        """Those that stand on the agenda of a session, whatever its state."""
        return [case for case in self.proposals() if case.state == "scheduled"]

    def _place_problem(self, known) -> dict[str, str]:
        """Programme, kind and year stay while money is committed or granted on the envelope, or a call draws on it."""
        moved = [name for name in ("programme_id", "kind", "year") if getattr(self, name) != getattr(known, name)]
        if not moved:
            return {}
        field = moved[0].removesuffix("_id")
        if self.commitments.exists():
            sentence = gettext("%(used)s are committed on this envelope: its programme, kind and year stay.")
            return {field: sentence % {"used": format_euros(known.committed_amount)}}
        if number := self._number_of_case(applications__state__in=["scheduled", "approved"]):
            sentence = gettext(
                "%(case)s is on an agenda or granted on this envelope: its programme, kind and year stay."
            )
            return {field: sentence % {"case": number}}
        if call := self.calls.exclude(programme_version__programme=self.programme_id).first():
            sentence = gettext("The call “%(call)s” draws on this envelope: it stays with the programme of the call.")
            return {"programme": sentence % {"call": call}} if "programme_id" in moved else {}
        return {}

    def _number_of_case(self, **wanted) -> str | None:
        """The number of a case of the envelope's calls, told by a look-up through ``applications``; None without any."""
        numbers = self.calls.filter(**wanted).values_list("applications__number", flat=True)
        return numbers.order_by("applications__number").first()

    @property
    def uncommitted_amount(self):
        """Euros that no commitment holds yet: what may still be committed."""
        return self.voted_amount - self.committed_amount

    # What follows needs the figures of ``with_figures``; the trigger ``grant_fits_its_envelope`` counts the same.

    @property
    def used_amount(self):
        """Euros that are committed, or granted and wait for their act."""
        return self.committed_amount + self.awaiting_amount

    @property
    def left_amount(self):
        """Euros that may still be granted; nothing on a closed envelope."""
        return ZERO if self.is_closed else self.voted_amount - self.used_amount

    @property
    def available_amount(self):
        """Euros that are left once the cases proposed are granted too; nothing on a closed envelope."""
        return ZERO if self.is_closed else self.left_amount - self.proposed_total

    @property
    def unused_amount(self):
        """Euros of a closed envelope that nobody used; zero while it is open."""
        return self.voted_amount - self.used_amount if self.is_closed else ZERO


def _named(cases: list) -> str:
    """Cases with the session that has to decide each."""
    listed = [(case.number, case.live_agenda_item()) for case in cases]
    return "; ".join(f"{number} ({item.session})" if item else number for number, item in listed)
