"""The agenda of a committee session: one line a case, its decision, and the members who take no part in it."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.money import MoneyField
from grants.models.guards import agenda_of_open_envelopes, case_filed_before_its_session
from grants.models.plan_columns import PlanField, named_parts_are_asked_again, plan_adds_up, plan_within_computed
from grants.models.present_facts import agenda_on_present_facts
from grants.programmes.grant_plan import GrantPlan, Group, Way

COMPUTED_PLAN = """
    SELECT c.plan FROM grants_proposal p JOIN grants_aidcomputation c ON c.id = p.computation_id
        WHERE p.application_id = NEW.application_id AND p.sent_back_at IS NULL
"""

CLOSED_SESSION_GUARD = """
    PERFORM 1 FROM grants_committeesession WHERE id = {session} AND state = 'closed';
    IF FOUND THEN
        RAISE EXCEPTION 'the session is closed: its agenda does not change' USING ERRCODE = 'check_violation';
    END IF;
    {then}
"""

SAME_SESSION = """
    PERFORM 1 FROM grants_agendaitem item JOIN grants_committeemember member ON member.session_id = item.session_id
        WHERE item.id = NEW.item_id AND member.id = NEW.member_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the member does not sit in the session of this item' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


# What is put on an agenda, and what is granted, is what the proposal says, on figures that have not changed since.
AGENDA_ON_PRESENT_FIGURES = """
    IF TG_OP = 'INSERT' OR (NEW.decision = 'granted' AND OLD.decision IS DISTINCT FROM 'granted') THEN
        PERFORM 1 FROM grants_proposal proposal
            LEFT JOIN grants_aidcomputation computation ON computation.id = proposal.computation_id
            WHERE proposal.application_id = NEW.application_id
                AND proposal.sent_back_at IS NULL
                AND proposal.visa_by_id IS NOT NULL
                AND proposal.amount = NEW.proposed_amount
                AND (NOT proposal.favourable OR computation.basis = grants_aid_basis(NEW.application_id));
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the agenda rests on a proposal whose figures changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_on_present_figures';
        END IF;
    END IF;
    RETURN NEW;
"""


class Decision(models.TextChoices):
    """What the committee decides on one case."""

    GRANTED = "granted", _("granted")
    REJECTED = "rejected", _("rejected")
    DEFERRED = "deferred", _("deferred")


@tracked
class AgendaItem(models.Model):
    """One case on the agenda of a session, with what was decided."""

    session = models.ForeignKey(
        "grants.CommitteeSession", on_delete=models.PROTECT, related_name="items", verbose_name=_("session")
    )
    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="agenda_items", verbose_name=_("application")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    proposed_amount = MoneyField(_("proposed amount"))
    decision = models.CharField(_("decision"), max_length=10, choices=Decision.choices, blank=True)
    decided_amount = MoneyField(_("decided amount"), null=True, blank=True)
    decided_plan = PlanField(_("plan of what was decided"))
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("recorded by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("recorded at"), null=True, blank=True)

    class Meta:
        verbose_name = _("agenda item")
        verbose_name_plural = _("agenda items")
        ordering = ["session_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["session", "application"], name="agenda_case_once_a_session"),
            models.UniqueConstraint(
                fields=["session", "rank"], name="agenda_rank_unique", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(
                fields=["application"], condition=~Q(decision="deferred"), name="agenda_one_live_item_a_case"
            ),
            models.CheckConstraint(
                condition=(Q(decision="") & Q(decided_amount__isnull=True) & Q(decided_by__isnull=True))
                | (
                    Q(decision="granted", decided_by__isnull=False, decided_amount__isnull=False)
                    & Q(decided_amount__gt=0)
                )
                | (
                    Q(decision__in=["rejected", "deferred"])
                    & Q(decided_amount__isnull=True)
                    & ~Q(reason="")
                    & Q(decided_by__isnull=False)
                ),
                name="agenda_decision_complete",
                violation_error_message=_("A grant needs an amount; a rejection or a deferral needs a reason."),
            ),
            models.CheckConstraint(
                condition=~Q(decision="granted") | Q(decided_amount=F("proposed_amount")) | ~Q(reason=""),
                name="agenda_changed_amount_has_reason",
                violation_error_message=_("An amount other than the proposed one needs a reason."),
            ),
        ]
        triggers = [
            impartial(["decided_by_id"], bodies_of_case("NEW.application_id")),
            case_filed_before_its_session(),
            agenda_of_open_envelopes(),
            pgtrigger.Trigger(
                name="agenda_on_present_figures",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=AGENDA_ON_PRESENT_FIGURES,
            ),
            agenda_on_present_facts(),
            pgtrigger.Trigger(
                name="agenda_of_closed_session_is_frozen",
                operation=pgtrigger.Update | pgtrigger.Insert,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(session="NEW.session_id", then="RETURN NEW;"),
            ),
            pgtrigger.Trigger(
                name="agenda_of_closed_session_is_kept",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(session="OLD.session_id", then="RETURN OLD;"),
            ),
            pgtrigger.ReadOnly(name="agenda_item_stays_on_its_case", fields=["session", "application"]),
            plan_adds_up("decided_plan", "decided_amount"),
            plan_within_computed("decided_plan", COMPUTED_PLAN),
            named_parts_are_asked_again("decided_plan", "decision"),
        ]

    def __str__(self):
        return f"{self.session} · {self.rank}"

    @property
    def is_by_parts(self) -> bool:
        """Whether the committee may say what each year or person gets."""
        proposal = self.application.live_proposal()
        return proposal is not None and proposal.favourable and len(proposal.grant_plan.groups()) > 1

    @property
    def grant_plan(self) -> GrantPlan:
        """What was decided, by year, person and axis."""
        return GrantPlan.from_json(self.decided_plan)

    @property
    def named_groups(self) -> tuple[Group, ...]:
        """The years or persons that the committee named one by one; empty where it voted one amount."""
        plan = self.grant_plan
        return plan.groups() if plan.way == Way.TYPED else ()


@tracked
class Recusal(models.Model):
    """A member who takes no part in one item (``france.md`` B7: an interested member makes the act illegal)."""

    item = models.ForeignKey(
        AgendaItem, on_delete=models.CASCADE, related_name="recusals", verbose_name=_("agenda item")
    )
    member = models.ForeignKey(
        "grants.CommitteeMember", on_delete=models.PROTECT, related_name="recusals", verbose_name=_("member")
    )
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    declared_at = models.DateTimeField(_("recorded at"), auto_now_add=True)

    class Meta:
        verbose_name = _("recusal")
        verbose_name_plural = _("recusals")
        ordering = ["item_id", "member_id"]
        constraints = [models.UniqueConstraint(fields=["item", "member"], name="recusal_once")]
        triggers = [
            pgtrigger.Trigger(
                name="recusal_within_one_session",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=SAME_SESSION,
            ),
            pgtrigger.Trigger(
                name="recusals_of_closed_session_are_frozen",
                operation=pgtrigger.Update | pgtrigger.Insert,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(
                    session="(SELECT session_id FROM grants_agendaitem WHERE id = NEW.item_id)", then="RETURN NEW;"
                ),
            ),
            pgtrigger.Trigger(
                name="recusals_of_closed_session_are_kept",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=CLOSED_SESSION_GUARD.format(
                    session="(SELECT session_id FROM grants_agendaitem WHERE id = OLD.item_id)", then="RETURN OLD;"
                ),
            ),
        ]

    def __str__(self):
        return f"{self.item} · {self.member}"
