"""Data step of migrations: claims that ended with their fault open, and plans that count on what was given up, are doubted.

A step that comes again writes nothing twice. What was answered before is not known: somebody is asked now.
"""

from django.db import connection

from core.acting import acting_as
from reporting.migrations._sql import PLANNED, STILL_GRANTED

_FAULTS = """
    INSERT INTO reporting_operationflag (operation_id, claim_id, kind, detail, state, raised_at, answer, explanation)
    SELECT d.operation_id, c.id, 'fault_open', jsonb_build_object('claim', c.number), 'open', now(), '', ''
      FROM reporting_expendituredeclaration d JOIN agreements_paymentclaim c ON c.id = d.claim_id
     WHERE c.state = 'paid' AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f WHERE f.claim_id = c.id)
       AND EXISTS (SELECT 1 FROM core_event v JOIN django_content_type t ON t.id = v.content_type_id
                    WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.object_id = c.id
                      AND v.from_state = 'suspended' AND v.to_state = 'paid')
"""
_PLANS = f"""
    INSERT INTO reporting_operationflag (operation_id, kind, detail, state, raised_at, answer, explanation)
    SELECT o.id, 'above_payable',
           jsonb_build_object('planned', ({PLANNED})::text, 'payable', ({STILL_GRANTED})::text), 'open', now(), '', ''
      FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
     WHERE a.ended_on IS NULL AND {PLANNED} > {STILL_GRANTED}
       AND EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.agreement_id = a.id AND c.given_up_amount > 0)
       AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f
                        WHERE f.operation_id = o.id AND f.kind = 'above_payable' AND f.state = 'open')
"""  # noqa: S608 - fragments of our own


def what_was_given_up_is_doubted(apps, schema_editor):
    """Ask about the faults that were open on claims that are over, and about the plans that count on what was given up."""
    with acting_as(label="command migrate"), connection.cursor() as cursor:
        cursor.execute(_FAULTS)
        cursor.execute(_PLANS)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
