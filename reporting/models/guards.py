"""What the database refuses of payment applications beside their accounting year, and of what EU sums are grouped by.

Sources: Regulation (EU) 2021/1060, Articles 2(29), 91(1) and 98 (accounting year, last application by 31 July); 112.
"""

import pgtrigger

from agreements.models.triggers import refuse
from core.days_in_sql import day_of
from reporting.models.granted import ASKED_AND_NOT_PAID

GRACE_DAYS = 31
"""Days after the end of an accounting year in which its last payment application is still made: until 31 July."""


def in_its_accounting_year() -> pgtrigger.Trigger:
    """A payment application is opened and closed in its accounting year or the month after, for a fund that one of the
    programme's priorities has."""
    return pgtrigger.Trigger(
        name="in_its_accounting_year",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("year", "reporting_accountingyear%ROWTYPE"), ("day", "DATE")],
        func=f"""
            IF TG_OP = 'UPDATE' AND NOT (OLD.state = 'open' AND NEW.state = 'closed') THEN RETURN NEW; END IF;
            SELECT * INTO year FROM reporting_accountingyear WHERE id = NEW.accounting_year_id;
            day := {day_of("coalesce(NEW.closed_at, NEW.opened_at)")};
            IF {day_of("NEW.opened_at")} < year.starts_on OR day > year.ends_on + {GRACE_DAYS} THEN
                {refuse("an application is made in its accounting year (% to %) or the month after, not on %",
                        "year.starts_on", "year.ends_on", "day")}
            END IF;
            IF TG_OP = 'INSERT' AND NOT EXISTS (
                SELECT 1 FROM reporting_priorityallocation a JOIN reporting_priority p ON p.id = a.priority_id
                 WHERE p.programme_id = NEW.programme_id AND a.fund_id = NEW.fund_id) THEN
                {refuse("the programme has no priority of this fund")}
            END IF;
            RETURN NEW;
        """,
    )  # fmt: skip


def sent_late_for_a_reason() -> pgtrigger.Trigger:
    """An application that leaves after the last day of its accounting year does so for a reason: it counts in the next."""
    return pgtrigger.Trigger(
        name="sent_late_for_a_reason",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'closed' AND NEW.state = 'sent'"),
        declare=[("last_day", "DATE")],
        func=f"""
            SELECT ends_on + {GRACE_DAYS} INTO last_day FROM reporting_accountingyear WHERE id = NEW.accounting_year_id;
            IF (NEW.sent_on > last_day) <> (NEW.late_reason <> '') THEN
                {refuse("an application is sent by % or later for a reason, and in no other case with one", "last_day")}
            END IF;
            RETURN NEW;
        """,
    )


def recorded_when_it_came() -> pgtrigger.Trigger:
    """A sending or an acceptance is recorded on its day or later: it is not to come when it is written down."""
    return pgtrigger.Trigger(
        name="recorded_when_it_came",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF NEW.sent_on > {day_of("NEW.sent_at")} THEN
                {refuse("% (%) is to come", "'its sending'", "NEW.sent_on")}
            END IF;
            IF NEW.accepted_on > {day_of("NEW.accepted_at")} THEN
                {refuse("% (%) is to come", "'its acceptance'", "NEW.accepted_on")}
            END IF;
            RETURN NEW;
        """,
    )


def certified_by_the_end_of_its_year() -> pgtrigger.Trigger:
    """An entry's certificate was issued by the end of the accounting year of its application."""
    return pgtrigger.Trigger(
        name="certified_by_the_end_of_its_year",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF EXISTS (SELECT 1 FROM reporting_paymentapplicationline l
                         JOIN reporting_paymentapplication a ON a.id = l.application_id
                         JOIN reporting_accountingyear y ON y.id = a.accounting_year_id
                         JOIN reporting_certificate c ON c.id = NEW.certificate_id
                        WHERE l.id = NEW.line_id AND {day_of("c.issued_at")} > y.ends_on) THEN
                {refuse("what is certified after the end of an accounting year enters the application of a later one")}
            END IF;
            RETURN NEW;
        """,
    )


def year_in_use_keeps_its_dates() -> pgtrigger.Trigger:
    """The dates of an accounting year stay once a payment application was made in it."""
    return pgtrigger.Trigger(
        name="year_in_use_keeps_its_dates",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            'ROW(OLD."starts_on", OLD."ends_on") IS DISTINCT FROM ROW(NEW."starts_on", NEW."ends_on")'
        ),
        func=f"""
            IF EXISTS (SELECT 1 FROM reporting_paymentapplication a WHERE a.accounting_year_id = NEW.id) THEN
                {refuse("an accounting year with payment applications keeps its dates")}
            END IF;
            RETURN NEW;
        """,
    )


def allocation_keeps_its_place() -> pgtrigger.Trigger:
    """While operations are planned or expenditure is asked for on it, an allocation keeps its priority, fund, category
    and basis, and is not removed. Its rate may change: operations above it are doubted (``share_is_doubted``)."""
    used = """
        EXISTS (SELECT 1 FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
                 WHERE v.priority_id = OLD.priority_id AND v.fund_id = OLD.fund_id
                   AND v.category_of_region = OLD.category_of_region)
        OR EXISTS (SELECT 1 FROM reporting_paymentapplicationline l
                     JOIN reporting_paymentapplication a ON a.id = l.application_id
                    WHERE l.priority_id = OLD.priority_id AND a.fund_id = OLD.fund_id
                      AND l.category_of_region = OLD.category_of_region)
    """
    return pgtrigger.Trigger(
        name="allocation_keeps_its_place",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF TG_OP = 'DELETE' THEN
                IF {used} THEN
                    {refuse("operations are planned on this allocation: it is not removed")}
                END IF;
                RETURN OLD;
            END IF;
            IF ROW(OLD.priority_id, OLD.fund_id, OLD.category_of_region, OLD.basis)
               IS DISTINCT FROM ROW(NEW.priority_id, NEW.fund_id, NEW.category_of_region, NEW.basis) AND ({used}) THEN
                {refuse("operations are planned on this allocation: it keeps its priority, fund, category and basis")}
            END IF;
            RETURN NEW;
        """,
    )


def keeps_its_place(name: str, columns: list[str], used: str, message: str) -> pgtrigger.Trigger:
    """Return a trigger that freezes ``columns`` (what sums group by) while ``used`` (an SQL condition on OLD) holds."""
    new = ", ".join(f'NEW."{column}"' for column in columns)
    old = ", ".join(f'OLD."{column}"' for column in columns)
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f"ROW({old}) IS DISTINCT FROM ROW({new})"),
        func=f"""
            IF {used} THEN
                {refuse(message)}
            END IF;
            RETURN NEW;
        """,
    )


def priority_keeps_its_place() -> pgtrigger.Trigger:
    """A priority with operations keeps its programme and its code."""
    return keeps_its_place(
        "priority_keeps_its_place",
        ["programme_id", "code"],
        "EXISTS (SELECT 1 FROM reporting_operationversion v WHERE v.priority_id = OLD.id)",
        "a priority with operations keeps its programme and its code",
    )


def objective_keeps_its_place() -> pgtrigger.Trigger:
    """A specific objective with operations keeps its priority and its code."""
    return keeps_its_place(
        "objective_keeps_its_place",
        ["priority_id", "code"],
        "EXISTS (SELECT 1 FROM reporting_operationversion v WHERE v.specific_objective_id = OLD.id)",
        "a specific objective with operations keeps its priority and its code",
    )


def operation_keeps_its_programme() -> pgtrigger.Trigger:
    """An operation of which expenditure is certified keeps its EU programme."""
    return keeps_its_place(
        "operation_keeps_its_programme",
        ["programme_id"],
        "EXISTS (SELECT 1 FROM reporting_certificate c WHERE c.operation_id = OLD.id) AND OLD.programme_id IS NOT NULL",
        "an operation with certified expenditure keeps its EU programme",
    )


def only_while_open(application_id: str) -> str:
    """SQL that refuses a change of the lines of an application that is closed."""
    return f"""
        SELECT state INTO its_state FROM reporting_paymentapplication WHERE id = {application_id} FOR SHARE;
        IF its_state <> 'open' THEN
            {refuse("the lines of a closed payment application do not change")}
        END IF;
    """


def asks_for_what_is_paid() -> pgtrigger.Trigger:
    """The public contribution asked of an operation is paid, or may still be (Regulation (EU) 2021/1060, Article 91(3)(c))."""
    return pgtrigger.Trigger(
        name="asks_for_what_is_paid",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state <> NEW.state AND NEW.state IN ('closed', 'sent')"),
        declare=[("beyond", "RECORD")],
        func=f"""
            SELECT * INTO beyond FROM ({ASKED_AND_NOT_PAID.format(application="NEW.id")}) AS found LIMIT 1;
            IF beyond.code IS NOT NULL THEN
                {refuse("of % the EU and the Region pay % and % would be asked as public contribution",
                        "beyond.code", "beyond.payable", "beyond.asked")}
            END IF;
            RETURN NEW;
        """,
    )  # fmt: skip


def asked_too_much_is_corrected() -> pgtrigger.Trigger:
    """Where more was asked than is or will be paid, the answer is its correction: no data are right then (Regulation (EU)
    2021/1060, Article 98(6)). What was not sent yet is withdrawn, not corrected."""
    return pgtrigger.Trigger(
        name="asked_too_much_is_corrected",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'open' AND NEW.state = 'answered'"),
        func=f"""
            IF NEW.kind <> 'certified_not_paid' OR NEW.detail ->> 'asked' IS NULL THEN RETURN NEW; END IF;
            IF NEW.answer <> 'withdrawn' THEN
                {refuse("what was asked above what is paid is withdrawn, or corrected with the authority of the programme")}
            END IF;
            IF EXISTS (SELECT 1 FROM reporting_paymentapplicationentry e
                         JOIN reporting_paymentapplicationline l ON l.id = e.line_id
                         JOIN reporting_paymentapplication p ON p.id = l.application_id
                         JOIN reporting_certificate c ON c.id = e.certificate_id
                        WHERE c.operation_id = NEW.operation_id AND e.released_at IS NULL
                          AND p.state IN ('open', 'closed')) THEN
                {refuse("an application that is not sent is withdrawn before its doubt is answered")}
            END IF;
            RETURN NEW;
        """,
    )


def sums_entries(operation, line_id: str) -> pgtrigger.Trigger:
    """Return the deferred trigger that wants a line to be the sum of its entries."""
    return pgtrigger.Trigger(
        name="line_sums_entries",
        when=pgtrigger.After,
        operation=operation,
        timing=pgtrigger.Deferred,
        declare=[
            ("its", "reporting_paymentapplicationline%ROWTYPE"),
            ("eligible", "NUMERIC"),
            ("of_union", "NUMERIC"),
            ("of_public", "NUMERIC"),
        ],
        func=f"""
            SELECT * INTO its FROM reporting_paymentapplicationline WHERE id = {line_id};
            SELECT coalesce(sum(eligible_amount), 0), coalesce(sum(union_amount), 0), coalesce(sum(public_amount), 0)
              INTO eligible, of_union, of_public FROM reporting_paymentapplicationentry WHERE line_id = its.id;
            IF its.id IS NOT NULL AND ROW(its.eligible_amount, its.union_amount, its.public_amount)
               IS DISTINCT FROM ROW(eligible, of_union, of_public) THEN
                {refuse("a line of a payment application is the sum of its entries")}
            END IF;
            RETURN NULL;
        """,
    )
