"""What the database itself refuses of an agreement, each row by itself."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from agreements.models.choices import (
    LEGAL_MOVES,
    SIGNED_TERMS,
    STATES_BEFORE_FORCE,
    TERMS_OF_THE_ACT,
    AgreementState,
)
from agreements.models.triggers import (
    born_in,
    counted_by_database,
    days_in_order,
    frozen,
    legal_moves,
    never_deleted,
    plan_follows_amount,
    refuse,
)
from agreements.settlements.triggers import ends_with_its_settlement
from applicants.models.triggers import bodies_of_case, impartial


def agreement_constraints() -> list[models.BaseConstraint]:
    """What an agreement keeps, each row by itself."""
    return [
        models.CheckConstraint(condition=Q(granted_amount__gt=0), name="agreement_granted_positive"),
        models.CheckConstraint(
            condition=Q(ordered_amount__gte=0, ordered_amount__lte=F("granted_amount")),
            name="agreement_ordered_within_granted",
        ),
        models.CheckConstraint(
            condition=Q(paid_amount__gte=0, paid_amount__lte=F("ordered_amount")),
            name="agreement_paid_within_ordered",
        ),
        models.CheckConstraint(condition=Q(end__gte=F("start")), name="agreement_dates_in_order"),
        models.CheckConstraint(
            condition=Q(rate__isnull=True) | Q(rate__gte=0, rate__lte=100), name="agreement_rate_percent"
        ),
        models.CheckConstraint(
            condition=Q(eligible_base__isnull=True) | Q(eligible_base__gte=0),
            name="agreement_base_not_negative",
        ),
        models.CheckConstraint(
            condition=Q(proration_tolerance__gte=0, proration_tolerance__lte=100),
            name="agreement_tolerance_percent",
        ),
        models.CheckConstraint(
            condition=Q(state__in=[*STATES_BEFORE_FORCE, "lapsed"])
            | (Q(commitment__isnull=False, notified_on__isnull=False) & ~Q(terms_sha256="")),
            name="agreement_in_force_is_committed",
        ),
        models.CheckConstraint(
            condition=~Q(state="signed_by_beneficiary")
            | (
                Q(beneficiary_signed_at__isnull=False, document_pdf__isnull=False)
                & ~Q(signed_sha256="")
                & ~Q(beneficiary_signatory="")
            ),
            name="agreement_signature_is_complete",
        ),
        models.CheckConstraint(
            condition=~Q(kind="agreement", state__in=["in_force", "completed", "terminated"]) | ~Q(signed_sha256=""),
            name="agreement_convention_is_signed",
        ),
        models.CheckConstraint(
            condition=Q(state="draft") | Q(state="lapsed") | Q(document_pdf__isnull=False),
            name="agreement_sent_has_document",
        ),
        models.CheckConstraint(
            condition=Q(entered_by__isnull=True) | ~Q(entered_by=F("drafted_by")),
            name="agreement_drafter_does_not_sign",
        ),
    ]


def sent_as_voted() -> pgtrigger.Trigger:
    """An act that is sent grants what was voted for its case, to the body that asked for it."""
    return pgtrigger.Trigger(
        name="sent_as_voted",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'draft' AND NEW.state = 'sent'"),
        declare=[("voted", "NUMERIC"), ("asked_by", "BIGINT")],
        func=f"""
            SELECT granted_amount, applicant_id INTO voted, asked_by FROM grants_application
             WHERE id = NEW.application_id;
            IF voted IS DISTINCT FROM NEW.granted_amount OR asked_by <> NEW.beneficiary_id THEN
                {refuse("the act grants % and % were voted for its case", "NEW.granted_amount", "voted")}
            END IF;
            RETURN NEW;
        """,
    )


def annex_says_the_grant() -> pgtrigger.Trigger:
    """The budget of an act that is sent bears what the act grants, and tells what is to be found of what was asked."""
    of_lines = "FROM agreements_agreementbudgetline line WHERE line.agreement_id = NEW.id AND line.side = 'product'"
    return pgtrigger.Trigger(
        name="annex_says_the_grant",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'draft' AND NEW.state = 'sent'"),
        declare=[("products", "INT"), ("granted", "NUMERIC"), ("asked", "NUMERIC"), ("missing", "NUMERIC")],
        func=f"""
            SELECT count(*), sum(amount) FILTER (WHERE financing = 'grant'),
                   sum(asked_amount), coalesce(sum(amount) FILTER (WHERE financing = 'to_find'), 0)
              INTO products, granted, asked, missing {of_lines};
            IF products = 0 OR NOT EXISTS (SELECT 1 FROM grants_budgetline
                WHERE application_id = NEW.application_id AND financer_status = 'this_request') THEN RETURN NEW; END IF;
            IF granted IS DISTINCT FROM NEW.granted_amount OR missing <> greatest(asked - granted, 0) THEN
                {refuse("the annexed budget says % and the act grants %", "coalesce(granted, 0)", "NEW.granted_amount")}
            END IF;
            RETURN NEW;
        """,
    )


def act_is_not_signed_by_its_beneficiary() -> pgtrigger.Trigger:
    """A unilateral act never carries a signature of its beneficiary, nor becomes one with it.

    No CHECK: one that was written so before this rule stays as it is and goes on; it is not signed again.
    """
    signed = ("kind", "confirmed_by_id", "beneficiary_signed_at", "beneficiary_signatory", "signed_sha256")
    new, old = (", ".join(f"{row}.{column}" for column in signed) for row in ("NEW", "OLD"))
    return pgtrigger.Trigger(
        name="act_of_the_region_alone",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF NEW.kind = 'agreement' THEN RETURN NEW; END IF;
            IF TG_OP = 'UPDATE' THEN
                IF OLD.state <> 'signed_by_beneficiary' AND NEW.state = 'signed_by_beneficiary' THEN
                    {refuse("a unilateral act is signed by the Region alone")}
                END IF;
                IF ROW({new}) IS NOT DISTINCT FROM ROW({old}) THEN RETURN NEW; END IF;
            END IF;
            IF NEW.confirmed_by_id IS NOT NULL OR NEW.beneficiary_signed_at IS NOT NULL
               OR NEW.beneficiary_signatory <> '' OR NEW.signed_sha256 <> '' THEN
                {refuse("a unilateral act is signed by the Region alone")}
            END IF;
            RETURN NEW;
        """,
    )


def fund_of_its_case() -> pgtrigger.Trigger:
    """The European fund of an act is that of its case, which says it: looked at when the transaction ends."""
    return pgtrigger.Trigger(
        name="fund_of_its_case",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("eu_fund", "application_id"),
        timing=pgtrigger.Deferred,
        declare=[("act_fund", "TEXT"), ("case_fund", "TEXT")],
        func=f"""
            SELECT a.eu_fund, app.eu_fund INTO act_fund, case_fund FROM agreements_agreement a
              JOIN grants_application app ON app.id = a.application_id
             WHERE a.id = NEW.id AND a.eu_fund <> app.eu_fund;
            IF FOUND THEN
                {refuse("the act names the fund “%” and its case “%”", "act_fund", "case_fund")}
            END IF;
            RETURN NULL;
        """,
    )


def enters_with_its_commitment() -> pgtrigger.Trigger:
    """An agreement enters in force with a commitment of its case that holds what it grants."""
    return pgtrigger.Trigger(
        name="enters_with_its_commitment",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state <> 'in_force' AND NEW.state = 'in_force'"),
        declare=[("held", "NUMERIC")],
        func=f"""
            SELECT amount - released_amount INTO held FROM grants_commitment
             WHERE id = NEW.commitment_id AND application_id = NEW.application_id FOR SHARE;
            IF held IS DISTINCT FROM NEW.granted_amount THEN
                {refuse("the act grants % and % are committed for its case", "NEW.granted_amount", "coalesce(held, 0)")}
            END IF;
            RETURN NEW;
        """,
    )


def agreement_triggers() -> list[pgtrigger.Trigger]:
    """The triggers of an agreement: who may write it, its moves, its commitment, its terms."""
    return [
        impartial(["drafted_by_id", "entered_by_id"], bodies_of_case("NEW.application_id")),
        born_in(AgreementState.DRAFT),
        legal_moves(LEGAL_MOVES),
        sent_as_voted(),
        annex_says_the_grant(),
        act_is_not_signed_by_its_beneficiary(),
        fund_of_its_case(),
        enters_with_its_commitment(),
        ends_with_its_settlement(),
        days_in_order(
            ("decision_date", "the deliberation"),
            ("sent_at", "the sending of the act"),
            ("beneficiary_signed_at", "the signature of the beneficiary"),
            ("region_signed_on", "the signature of the Region"),
            ("notified_on", "the notification"),
            ("ended_on", "the end"),
            past=("notified_on",),
        ),
        counted_by_database(["ordered_amount", "paid_amount"]),
        plan_follows_amount(),
        frozen(
            "sent_terms_frozen",
            TERMS_OF_THE_ACT,
            "the terms of an agreement that was sent do not change",
            unless="OLD.state = 'draft' OR NEW.state = 'draft'",
        ),
        frozen(
            "force_frozen",
            SIGNED_TERMS,
            "an agreement in force keeps its terms and its signatures",
            unless="OLD.state IN ('draft', 'sent', 'signed_by_beneficiary')",
        ),
        frozen(
            "end_frozen",
            ["ended_on"],
            "an agreement says once on which day it ended, when it ends",
            unless="OLD.state NOT IN ('completed', 'terminated', 'lapsed') AND NEW.state IN ('completed', 'terminated', 'lapsed')",
        ),
        never_deleted(pgtrigger.Q(old__state__in=[s for s in AgreementState.values if s != "draft"])),
    ]
