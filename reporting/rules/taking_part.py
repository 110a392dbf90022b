"""Who took part in a case, and so does not control its expenditure: Regulation (EU) 2021/1060, Articles 71(4) and 74(3).

One SQL for what refuses a controller, for the figure, and for the sentence that a person reads.
"""

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of

#: SQL (part, person) of all who took part in the claim ``c`` of the act ``g`` of the case ``a`` before ``{until}``, a moment
#: (payments are recorded by the day); the person may be null.
TOOK_PART = """
    SELECT 'instructed' AS part, a.instructor_id AS person
    UNION ALL SELECT 'proposed', p.made_by_id FROM grants_proposal p WHERE p.application_id = a.id
    UNION ALL SELECT 'visa', p.visa_by_id FROM grants_proposal p WHERE p.application_id = a.id
    UNION ALL SELECT 'drafted', g.drafted_by_id
    UNION ALL SELECT 'in_force', g.entered_by_id
    UNION ALL SELECT 'certified', c.certified_by_id
    UNION ALL SELECT 'ordered', c.ordered_by_id
    UNION ALL SELECT 'ordered', o.ordered_by_id FROM agreements_paymentorder o
     WHERE o.claim_id = c.id AND o.ordered_at <= {until}
    UNION ALL SELECT 'closed', b.closed_by_id FROM agreements_paymentorder o
      JOIN agreements_paymentbatch b ON b.id = o.batch_id WHERE o.claim_id = c.id AND b.closed_at <= {until}
    UNION ALL SELECT 'recorded', o.confirmed_by_id FROM agreements_paymentorder o
     WHERE o.claim_id = c.id AND o.paid_on < {until_day}
"""

SENTENCES = {
    "instructed": _("You instruct this case: someone else controls its expenditure."),
    "proposed": _("You proposed this grant: someone else controls its expenditure."),
    "visa": _("You gave your visa to this grant: someone else controls its expenditure."),
    "drafted": _("You drafted the act of this grant: someone else controls its expenditure."),
    "in_force": _("You put the act of this grant in force: someone else controls its expenditure."),
    "certified": _("You certified this claim: someone else controls its expenditure."),
    "ordered": _("You ordered this payment: someone else controls its expenditure."),
    "closed": _("You closed the batch of this payment: someone else controls its expenditure."),
    "recorded": _("You recorded this payment: someone else controls its expenditure."),
}


def took_part(until: str = "now()", *, also_today: bool = True) -> str:
    """The SQL of :data:`TOOK_PART` until a moment, SQL itself; ``also_today``: what was recorded on its very day counts."""
    until_day = f"{day_of(until)} + 1" if also_today else day_of(until)
    return TOOK_PART.format(until=until, until_day=until_day)


def part_of(user, claim) -> str | None:
    """What this person did for the case of a claim until now: a key of :data:`SENTENCES`; None when nothing."""
    query = f"""
        SELECT part.part FROM agreements_paymentclaim c JOIN agreements_agreement g ON g.id = c.agreement_id
        JOIN grants_application a ON a.id = g.application_id CROSS JOIN LATERAL ({took_part()}) AS part
        WHERE c.id = %s AND part.person = %s LIMIT 1
    """  # noqa: S608 - SQL of our own
    with connection.cursor() as cursor:
        cursor.execute(query, [claim.pk, user.pk])
        row = cursor.fetchone()
    return row[0] if row else None
