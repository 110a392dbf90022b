"""In SQL: credit notes under control, each with its invoice: what is retained of both is within what they declare together.

A credit note names its invoice by number and supplier (``agreements.models.same_invoice``); the two may stand in two
declarations of one operation.
"""

import pgtrigger

from agreements.models.same_invoice import OF_THE_SAME
from agreements.models.triggers import refuse

#: SQL: the items ``item`` that are the invoice of the credit note ``credit_item``, or correct it, in all declarations ``d``.
#: ``{which}`` says which credit notes are looked at.
TOGETHER = """
    FROM reporting_expenditureitem credit_item
    JOIN reporting_expendituredeclaration held_in ON held_in.id = credit_item.declaration_id
    JOIN agreements_expenditureline credit ON credit.id = credit_item.expenditure_line_id
    JOIN agreements_paymentclaim its ON its.id = credit.claim_id
    JOIN agreements_paymentclaim c ON c.agreement_id = its.agreement_id
    JOIN agreements_expenditureline line ON line.claim_id = c.id AND {OF_THE_SAME}
    JOIN reporting_expenditureitem item ON item.expenditure_line_id = line.id
    JOIN reporting_expendituredeclaration d ON d.id = item.declaration_id
    WHERE credit_item.declared_amount < 0 AND credit.corrects_key <> '' AND {which}
"""


def together(which: str) -> str:
    """SQL from the items of credit notes to those that are one invoice with them."""
    return TOGETHER.format(which=which, OF_THE_SAME=OF_THE_SAME)


def sums_by_note(which: str, of: str) -> str:
    """SQL of the credit notes with what is declared and retained of their invoice and all its notes, decided: in the
    declaration ``of`` (SQL of its id) and in those whose control has ended (``other_…``: these alone); ``own_…``: in the
    declaration alone, with the least of what is retained, rejected and parked. ``named`` says which items they are. Euros.
    """
    own, other, invoice = f"item.declaration_id = {of}", f"item.declaration_id <> {of}", "item.declared_amount > 0"
    counted = (
        f"({which}) AND item.state <> 'pending' AND credit_item.state <> 'pending' AND ({own} OR d.state = 'controlled')"
        f" AND (credit_item.declaration_id = {of} OR held_in.state = 'controlled')"
    )
    return f"""
        SELECT credit_item.id, credit_item.declaration_id, credit.invoice_number, held_in.controlled_at,
               sum(item.declared_amount) AS declared, sum(item.retained_amount) AS retained,
               sum(item.declared_amount) FILTER (WHERE {other}) AS other_declared,
               sum(item.retained_amount) FILTER (WHERE {other}) AS other_retained,
               sum(item.declared_amount) FILTER (WHERE {own}) AS own_declared,
               least(sum(item.retained_amount) FILTER (WHERE {own}), sum(item.rejected_amount) FILTER (WHERE {own}),
                     sum(item.parked_amount) FILTER (WHERE {own})) AS own_least,
               bool_or({invoice}) AS has_invoice, bool_or({invoice} AND {own}) AS has_own_invoice,
               bool_or({invoice} AND {other}) AS has_other_invoice,
               max(d.controlled_at) FILTER (WHERE {invoice} AND {other}) AS invoice_controlled_at,
               string_agg(line.invoice_number || ' (' || d.number || '/' || item.rank || ')', ', '
                          ORDER BY {invoice} DESC, d.number, item.rank) AS named,
               array_agg(item.id) AS items
        {together(counted)}
        GROUP BY credit_item.id, credit.id, held_in.id HAVING bool_or({own})
    """


def retained_beyond(of: str, alone: str = "TRUE") -> str:
    """SQL, true of a row of :func:`sums_by_note`: more is retained of an invoice and its notes than they declare.

    A note whose invoice is declared nowhere yet may be left out as long as no more is retained of its declaration ``of``
    than it declares; ``alone`` says when that is looked at.
    """
    return f"""(retained > declared AND (has_invoice OR {alone} AND (
        SELECT sum(whole.retained_amount) > sum(whole.declared_amount) FROM reporting_expenditureitem whole
        WHERE whole.declaration_id = {of})))"""


def apart_from_its_invoice(of: str) -> str:
    """SQL, true of a row of :func:`sums_by_note`: a note is decided otherwise than its invoice, which was decided before or
    with it, and takes back other expenditure, or makes of what is rejected or parked less than nothing."""
    return f"""(has_own_invoice AND own_least < least(0, own_declared)
        OR has_other_invoice AND declaration_id = {of} AND retained < least(0, declared)
           AND (controlled_at IS NULL OR invoice_controlled_at <= controlled_at))"""


#: SQL, true of a row of :func:`sums_by_note`: it is not so already of what was controlled before.
_NEWLY_BEYOND = """(retained - declared
    > CASE WHEN has_other_invoice THEN greatest(0, other_retained - other_declared) ELSE 0 END)"""
_NEWLY_APART = """(has_own_invoice OR least(0, declared) - retained
    > greatest(0, least(0, other_declared) - other_retained))"""


def wrong_together(agreement: str, of: str) -> str:
    """SQL of the credit notes that the declaration ``of`` of an agreement (SQL of the ids) makes, or lets be, decided
    otherwise than their invoice: ``beyond`` where too much is retained. What was so before is a finding, and stops nobody.
    """
    beyond, apart = f"({retained_beyond(of)} AND {_NEWLY_BEYOND})", f"({apart_from_its_invoice(of)} AND {_NEWLY_APART})"
    return f"""
        SELECT note.*, {beyond} AS beyond FROM ({sums_by_note(f"its.agreement_id = {agreement}", of)}) note
        WHERE {beyond} OR {apart}
    """


def credits_follow_their_invoice() -> pgtrigger.Trigger:
    """No control ends that retains more of an invoice and its credit notes than they declare, or decides a note otherwise
    than its invoice."""
    wrong = wrong_together("(SELECT agreement_id FROM agreements_paymentclaim WHERE id = NEW.claim_id)", "NEW.id")
    return pgtrigger.Trigger(
        name="credits_follow_their_invoice",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state <> 'controlled' AND NEW.state = 'controlled'"),
        declare=[("too_much", "BOOLEAN")],
        # One control of an operation ends at a time: two that hold an invoice and its note would not see each other.
        func=f"""
            PERFORM 1 FROM reporting_operation WHERE id = NEW.operation_id FOR NO KEY UPDATE;
            SELECT bool_or(wrong.beyond) INTO too_much FROM ({wrong}) wrong;
            IF too_much THEN
                {refuse("more is retained of an invoice and its credit notes than they declare")}
            ELSIF too_much IS NOT NULL THEN
                {refuse("a credit note is decided with its invoice")}
            END IF;
            RETURN NEW;
        """,
    )
