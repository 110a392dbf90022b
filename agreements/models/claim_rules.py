"""What the database itself refuses of a payment claim."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from agreements.models.due_rules import (
    account_is_open,
    certified_again_when_more_is_due,
    certified_is_still_due,
    closed_with_what_was_overpaid,
    counted_by_no_final_claim,
    due_when_certified,
    nothing_more_is_due,
)
from agreements.models.same_invoice import (
    MAY_BE_ONE,
    credits_beyond_kept,
    credits_over_their_invoice,
    kept_beyond_credits,
    over_their_total,
)
from agreements.models.triggers import born_in, days_in_order, frozen, refuse
from agreements.settlements.triggers import moves_with_its_agreement
from core.days_in_sql import day_of
from core.lib.planned_days import MOST_PLAN_DAYS, within

#: SQL of ``Applicant.awaits_siret`` of the row ``body``, with the legal category joined by ``CATEGORY_OF_BODY``.
CATEGORY_OF_BODY = "LEFT JOIN applicants_legalcategory category ON category.code = body.legal_category_id"
AWAITS_SIRET = """body.kind = 'legal' AND body.siret IS NULL
    AND (body.in_formation OR NOT body.is_association OR COALESCE(category.family, 'association') <> 'association')"""

#: What was said at the filing is kept with it.
AS_FILED = (
    "due_as_filed",
    "asked_back_as_filed",
    "lost_as_filed",
    "left_out_as_filed",
    "beside_as_filed",
    "beside_lost_as_filed",
    "whole_as_filed",
    "unpaid_as_filed",
)

#: SQL: the moves after which a claim that was never filed, and one that was, is over without a payment.
_ENDS_OF_A_DRAFT = "('abandon', 'refuse_at_end')"
_ENDS_OF_A_FILED_ONE = "('reject', 'refuse_at_end')"


def ended_by(event: str, claim: str) -> str:
    """SQL, true where ``event`` may end ``claim`` without a payment: given up or refused by the settlement before it was ever
    filed, rejected or refused by it after; one that the end of its agreement kept and nobody filed is rejected too, once the
    day to file it is past."""
    return f"""({claim}.submitted_at IS NULL AND {event}.action IN {_ENDS_OF_A_DRAFT}
        OR {claim}.submitted_at IS NOT NULL AND {event}.action IN {_ENDS_OF_A_FILED_ONE}
        OR {claim}.submitted_at IS NULL AND {event}.action = 'reject'
           AND coalesce({claim}.answer_due_on < {day_of(f"{event}.created_at")}, TRUE)
           AND EXISTS (SELECT 1 FROM agreements_settlementline kept WHERE kept.claim_id = {claim}.id AND kept.outcome = 'pay'))"""


def claim_constraints() -> list[models.BaseConstraint]:
    """What a claim keeps, each row by itself."""
    return [
        models.UniqueConstraint(fields=["instalment"], condition=~Q(state="rejected"), name="claim_one_per_instalment"),
        models.CheckConstraint(condition=Q(claimed_amount__gt=0), name="claim_asks_something"),
        models.CheckConstraint(
            condition=within("answer_due_on", "opened_at", MOST_PLAN_DAYS),
            name="claim_answer_due_plausible",
            violation_error_message=_(
                "The answer to a claim given back is expected ten years after it opened at most."
            ),
        ),
        models.CheckConstraint(
            condition=Q(certified_amount__isnull=True)
            | Q(certified_amount__gte=0, certified_amount__lte=F("claimed_amount")),
            name="claim_certified_within_claimed",
        ),
        models.CheckConstraint(
            condition=Q(certified_amount__isnull=True)
            | Q(certified_amount=F("claimed_amount"))
            | ~Q(certification_reason=""),
            name="claim_cut_has_reason",
        ),
        models.CheckConstraint(
            condition=Q(ordered_amount=0)
            | Q(certified_amount__isnull=False, ordered_amount__gt=0, ordered_amount__lte=F("certified_amount")),
            name="claim_ordered_within_certified",
        ),
        models.CheckConstraint(
            condition=Q(given_up_amount=0)
            | Q(given_up_amount__gt=0, certified_amount__gte=F("ordered_amount") + F("given_up_amount")),
            name="claim_given_up_within_certified",
            violation_error_message=_("What is ordered and what is given up of a claim is within what is certified."),
        ),
        models.CheckConstraint(
            condition=Q(paid_amount__gte=0, paid_amount__lte=F("ordered_amount")),
            name="claim_paid_within_ordered",
        ),
        models.CheckConstraint(
            condition=Q(ordered_by__isnull=True) | ~Q(ordered_by=F("certified_by")),
            name="claim_certifier_does_not_order",
        ),
        models.CheckConstraint(
            condition=Q(certified_by__isnull=True) | ~Q(certified_by=F("submitted_by")),
            name="claim_filer_does_not_certify",
        ),
        models.CheckConstraint(
            condition=Q(state__in=["draft", "rejected"]) | Q(submitted_by__isnull=False, submitted_at__isnull=False),
            name="claim_filed_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state__in=["certified", "ordered", "paid"])
            | Q(certified_by__isnull=False, certified_at__isnull=False, certified_amount__isnull=False),
            name="claim_certified_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state__in=["ordered", "paid"])
            | Q(ordered_by__isnull=False, ordered_at__isnull=False)
            | Q(state="paid", given_up_amount__gt=0, certified_amount=F("given_up_amount")),
            name="claim_ordered_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state="paid")
            | Q(paid_amount__gt=0, paid_on__isnull=False, paid_amount=F("certified_amount") - F("given_up_amount"))
            | Q(paid_amount=0, paid_on__isnull=True, certified_amount=F("given_up_amount")),
            name="claim_paid_is_dated",
        ),
        models.CheckConstraint(
            condition=Q(due_as_filed__isnull=True, asked_back_as_filed__isnull=True, lost_as_filed__isnull=True)
            | Q(submitted_at__isnull=False, due_as_filed__gte=0, asked_back_as_filed__gte=0, lost_as_filed__gte=0)
            & (Q(due_as_filed__lte=F("claimed_amount")) | Q(state__in=["returned", "rejected"])),
            name="claim_forecast_is_whole",
        ),
        models.CheckConstraint(
            condition=Q(left_out_as_filed__isnull=True, beside_as_filed__isnull=True, beside_lost_as_filed__isnull=True)
            | Q(due_as_filed__isnull=False, left_out_as_filed__gte=0, beside_lost_as_filed__gte=0)
            & Q(beside_as_filed__gte=F("beside_lost_as_filed")),
            name="claim_forecast_of_other_payments",
        ),
        models.CheckConstraint(
            condition=Q(whole_as_filed__isnull=True) | Q(whole_as_filed__gte=F("due_as_filed")),
            name="claim_forecast_of_all_declared",
        ),
        models.CheckConstraint(
            condition=Q(unpaid_as_filed__isnull=True)
            | Q(unpaid_as_filed__gte=0, unpaid_as_filed__lte=F("asked_back_as_filed")),
            name="claim_forecast_of_what_is_not_paid",
        ),
        models.CheckConstraint(
            condition=Q(overpaid_amount=0) | Q(overpaid_amount__gt=0, state="paid", certified_amount=0),
            name="claim_overpaid_when_nothing_is_due",
        ),
        models.CheckConstraint(
            condition=Q(due_as_certified__isnull=True) | Q(certified_amount__isnull=False, due_as_certified__gte=0),
            name="claim_due_as_certified",
        ),
    ]


def claim_triggers() -> list[pgtrigger.Trigger]:
    """The rules that a claim keeps whoever writes it."""
    return [
        born_in("draft"),
        *_what_stays(),
        _fits_its_agreement(),
        moves_with_its_agreement(),
        _instructor_does_not_order(),
        _ordered_in_full(),
        account_is_open(),
        certified_again_when_more_is_due(),
        certified_is_still_due(),
        closed_with_what_was_overpaid(),
        counted_by_no_final_claim(),
        due_when_certified(),
        nothing_more_is_due(),
        _certified_line_by_line(),
        _given_back_with_a_day(),
        _filed_after_the_notification(),
        _filed_once_registered(),
        _rejected_by_an_event(),
        _taken_out_without_orders(),
        _paid_with_its_last_order(),
        days_in_order(
            ("opened_at", "the opening of the claim"),
            ("submitted_at", "the filing"),
            ("certified_at", "the certification"),
            ("ordered_at", "the order"),
            ("paid_on", "the payment"),
        ),
    ]


def _what_stays() -> list[pgtrigger.Trigger]:
    """What was filed, certified and closed does not change, but by its own moves."""
    return [
        frozen(
            "claim_stays_with_its_instalment",
            ["number", "agreement_id", "instalment_id"],
            "a claim keeps its number, its agreement and its instalment",
        ),
        frozen(
            "filed_claim_frozen",
            ["claimed_amount", "statement", "submitted_by_id", "submitted_at", *AS_FILED],
            "what was filed does not change",
            unless="OLD.state IN ('draft', 'returned')",
        ),
        frozen(
            "certified_claim_frozen",
            ["certified_amount", "certified_by_id", "certified_at", "certification_reason", "kept_above_reason"],
            "what was certified does not change",
            # Suspended with its certification: what was declared to a fund. It is paid as certified, or not at all.
            unless="(OLD.state NOT IN ('certified', 'ordered', 'paid')"
            " AND NOT (OLD.state = 'suspended' AND OLD.certified_amount IS NOT NULL))"
            " OR (OLD.state = 'certified' AND NEW.state IN ('under_review', 'suspended', 'rejected'))"
            # Certified again while it is: ``certified_again_when_more_is_due``, ``certified_is_still_due``.
            " OR (OLD.state = 'certified' AND NEW.state = 'certified')"
            " OR (OLD.state = 'certified' AND NEW.certified_amount < OLD.certified_amount)",
        ),
        frozen(
            "closed_claim_keeps_what_was_overpaid",
            ["overpaid_amount"],
            "what was paid above what is due is written when the claim is closed",
            unless="OLD.state = 'certified' AND NEW.state = 'paid'",
        ),
    ]


def _given_back_with_a_day() -> pgtrigger.Trigger:
    """A claim is given back to its beneficiary with the day by which the answer is expected."""
    return pgtrigger.Trigger(
        name="given_back_with_a_day",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "NEW.state = 'returned' AND NEW.answer_due_on IS NULL"
            " AND (OLD.state <> 'returned' OR OLD.answer_due_on IS NOT NULL)"
        ),
        func=refuse("a claim is given back with the day by which the answer is expected"),
    )


def _filed_after_the_notification() -> pgtrigger.Trigger:
    """A claim is filed from the day on which its act was notified."""
    return pgtrigger.Trigger(
        name="filed_after_the_notification",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "NEW.submitted_at IS NOT NULL AND OLD.submitted_at IS DISTINCT FROM NEW.submitted_at"
        ),
        declare=[("known_on", "DATE")],
        func=f"""
            SELECT notified_on INTO known_on FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF {day_of("NEW.submitted_at")} < known_on THEN
                {refuse("a claim is filed once its act was notified, on %", "known_on")}
            END IF;
            RETURN NEW;
        """,
    )


def _filed_once_registered() -> pgtrigger.Trigger:
    """No claim is filed, or certified, for a body that was being created and has no number yet, nor for one that is no
    association and has no SIRET: the same rule as ``Applicant.awaits_siret``."""
    return pgtrigger.Trigger(
        name="filed_once_registered",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.state <> 'submitted' AND NEW.state = 'submitted' OR OLD.state <> 'certified' AND NEW.state = 'certified'"
        ),
        func=f"""
            IF EXISTS (SELECT 1 FROM agreements_agreement a JOIN applicants_applicant body ON body.id = a.beneficiary_id
                       {CATEGORY_OF_BODY} WHERE a.id = NEW.agreement_id AND {AWAITS_SIRET}) THEN
                {refuse("a claim is filed and certified once its beneficiary is registered")}
            END IF;
            RETURN NEW;
        """,
    )


def _rejected_by_an_event() -> pgtrigger.Trigger:
    """A claim is over without a payment because somebody said so: given up by its beneficiary, rejected, or refused by the
    settlement. Looked at when the transaction ends: the runner writes the event after the row."""
    return pgtrigger.Trigger(
        name="rejected_by_an_event",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition("OLD.state <> 'rejected' AND NEW.state = 'rejected'"),
        func=f"""
            IF NOT EXISTS (
                SELECT 1 FROM core_event event JOIN django_content_type kind ON kind.id = event.content_type_id
                 WHERE kind.app_label = 'agreements' AND kind.model = 'paymentclaim' AND event.object_id = NEW.id
                   AND {ended_by("event", "NEW")}) THEN
                {refuse("a claim ends without a payment by an event that says why")}
            END IF;
            RETURN NULL;
        """,
    )


def _taken_out_without_orders() -> pgtrigger.Trigger:
    """A claim leaves its batch once no order of it stands: none is paid behind its back."""
    return pgtrigger.Trigger(
        name="taken_out_without_orders",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'ordered' AND NEW.state = 'certified'"),
        func=f"""
            IF EXISTS (SELECT 1 FROM agreements_paymentorder WHERE claim_id = NEW.id AND state <> 'cancelled') THEN
                {refuse("a claim leaves its batch once its orders are cancelled")}
            END IF;
            RETURN NEW;
        """,
    )


def _paid_with_its_last_order() -> pgtrigger.Trigger:
    """A claim was paid on the day of the last of its payments."""
    return pgtrigger.Trigger(
        name="paid_with_its_last_order",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("NEW.paid_on IS NOT NULL AND OLD.paid_on IS DISTINCT FROM NEW.paid_on"),
        declare=[("last_on", "DATE")],
        func=f"""
            SELECT max(paid_on) INTO last_on FROM agreements_paymentorder WHERE claim_id = NEW.id AND state = 'paid';
            IF NEW.paid_on IS DISTINCT FROM last_on THEN
                {refuse("a claim is paid on the day of its last payment, %", "last_on")}
            END IF;
            RETURN NEW;
        """,
    )


def _fits_its_agreement() -> pgtrigger.Trigger:
    """A claim asks for no more than its instalment, of an agreement in force, of a tranche that is released."""
    return pgtrigger.Trigger(
        name="claim_fits_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("planned", "agreements_instalment%ROWTYPE"), ("grant_state", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND NEW.claimed_amount = OLD.claimed_amount THEN RETURN NEW; END IF;
            SELECT * INTO planned FROM agreements_instalment WHERE id = NEW.instalment_id;
            IF planned.agreement_id <> NEW.agreement_id THEN
                {refuse("a claim and its instalment belong to one agreement")}
            END IF;
            IF NEW.claimed_amount > planned.amount THEN
                {refuse("the claim asks for % and the instalment is %", "NEW.claimed_amount", "planned.amount")}
            END IF;
            SELECT state INTO grant_state FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF grant_state <> 'in_force' AND NOT EXISTS (
                SELECT 1 FROM agreements_settlementline l
                WHERE l.claim_id = NEW.id AND l.outcome = 'pay' AND l.amount >= NEW.claimed_amount) THEN
                {refuse("only an agreement in force is paid")}
            END IF;
            IF planned.tranche_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM agreements_tranche WHERE id = planned.tranche_id AND state = 'released') THEN
                {refuse("the tranche of this instalment is not released")}
            END IF;
            RETURN NEW;
        """,
    )


def _instructor_does_not_order() -> pgtrigger.Trigger:
    """Who instructs a case does not order its payments."""
    return pgtrigger.Trigger(
        name="instructor_does_not_order",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        condition=pgtrigger.Q(new__ordered_by__isnull=False),
        func=f"""
            IF EXISTS (SELECT 1 FROM agreements_agreement a JOIN grants_application g
                       ON g.id = a.application_id
                       WHERE a.id = NEW.agreement_id AND g.instructor_id = NEW.ordered_by_id) THEN
                {refuse("who instructs a case does not order its payments")}
            END IF;
            RETURN NEW;
        """,
    )


def _ordered_in_full() -> pgtrigger.Trigger:
    """A claim is ordered whole or not at all; one that is paid to persons, at least to one of them."""
    return pgtrigger.Trigger(
        name="ordered_in_full",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'certified' AND NEW.state = 'ordered'"),
        declare=[("paid_to", "TEXT")],
        func=f"""
            SELECT payee INTO paid_to FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF paid_to = 'persons' AND NEW.ordered_amount > 0 THEN RETURN NEW; END IF;
            IF NEW.ordered_amount <> NEW.certified_amount - NEW.given_up_amount THEN
                {refuse("a claim is ordered in full: % of %", "NEW.ordered_amount", "NEW.certified_amount")}
            END IF;
            RETURN NEW;
        """,
    )


def _certified_line_by_line() -> pgtrigger.Trigger:
    """A claim is certified when every line is, and every invoice declared twice has its answer."""
    return pgtrigger.Trigger(
        name="certified_line_by_line",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state IS DISTINCT FROM 'certified' AND NEW.state = 'certified'"),
        # One certification at a time: two claims of one invoice, certified together, would not see each other.
        func=f"""
            PERFORM pg_advisory_xact_lock(hashtext('agreements: what is kept of an invoice'));
            IF EXISTS (SELECT 1 FROM agreements_expenditureline
                       WHERE claim_id = NEW.id AND certified_amount IS NULL) THEN
                {refuse("every line is certified or cut before the claim is")}
            END IF;
            IF EXISTS (
                SELECT 1 FROM agreements_expenditureline mine
                JOIN agreements_expenditureline other
                  ON {MAY_BE_ONE}
                JOIN agreements_paymentclaim its ON its.id = other.claim_id
                WHERE mine.claim_id = NEW.id
                  AND (its.id = NEW.id OR its.state NOT IN ('draft', 'rejected'))
                  AND NOT EXISTS (
                      SELECT 1 FROM agreements_duplicatewarning w
                      WHERE w.answered_at IS NOT NULL AND w.lapsed_at IS NULL
                        AND ((w.line_id = mine.id AND w.other_line_id = other.id)
                          OR (w.line_id = other.id AND w.other_line_id = mine.id)))) THEN
                {refuse("an invoice declared twice is answered before certification")}
            END IF;
            IF EXISTS ({over_their_total("c.id = NEW.id")}) THEN
                {refuse("more is kept of an invoice than its total, in all claims together")}
            END IF;
            IF EXISTS ({credits_over_their_invoice("credit.claim_id = NEW.id")}) THEN
                {refuse("a credit note takes back more than the invoice that it corrects")}
            END IF;
            IF EXISTS ({kept_beyond_credits("NEW.id")}) THEN
                {refuse("more is kept of an invoice than its credit notes leave")}
            END IF;
            IF EXISTS ({credits_beyond_kept("NEW.id")}) THEN
                {refuse("the credit notes take back more than is kept of their invoice")}
            END IF;
            RETURN NEW;
        """,
    )
