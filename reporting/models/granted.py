"""In SQL: what is paid of an agreement ``a`` or may still be, and what the plan of its operation ``o`` counts on for it.

Sources: ``eu_cofinancing_model.md``, invariant 9; rule 12 of the domain. ``agreements.settlements.payable`` says the same of an
agreement in Python.
"""

from agreements.settlements.kept import JUSTIFIED, OVERPAID, PAYABLE
from agreements.settlements.parts import PAYABLE_IN_ALL, PAYABLE_PARTS
from agreements.settlements.triggers import ENDED

#: SQL of the euros that certificates of an operation ``o`` lay on the EU: its plan never goes under them.
BORNE_BY_EU = """
    (SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
       JOIN reporting_certificate ct ON ct.id = al.certificate_id WHERE ct.operation_id = o.id AND al.kind = 'eu')
"""
#: SQL, true where somebody gave up a part of an agreement ``a`` that was certified.
GAVE_UP = "(EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.agreement_id = a.id AND c.given_up_amount > 0))"
#: SQL of the euros that the plan of the operation ``o`` of ``a`` lays on the EU and on the Region: all that is granted; once a
#: part was given up, or the agreement has ended, what is paid or may still be.
#: ``reporting.eu_programmes.given_up.granted_in_plan`` says the same in Python.
GRANTED_IN_PLAN = f"""
    CASE WHEN a.state NOT IN {ENDED} AND NOT {GAVE_UP} THEN a.granted_amount ELSE {PAYABLE_IN_ALL} END
"""
#: SQL of the euros that the plan in force of an operation ``o`` lays on the EU and on the Region.
PLANNED = """
    (SELECT coalesce(sum(fl.amount), 0) FROM reporting_financingline fl
      WHERE fl.version_id = o.current_id AND fl.kind IN ('eu', 'region'))
"""
#: SQL of the euros that certificates of an operation ``o`` lay on others than the EU, the Region and the beneficiary.
BORNE_BY_OTHERS = """
    (SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
       JOIN reporting_certificate ct ON ct.id = al.certificate_id
      WHERE ct.operation_id = o.id AND al.kind IN ('state', 'local', 'public', 'private'))
"""
#: SQL of the euros of an operation ``o`` that were declared and that no control has rejected.
DECLARED = """
    (SELECT coalesce(sum(CASE WHEN d.state = 'controlled' THEN i.retained_amount ELSE i.declared_amount END), 0)
       FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
      WHERE d.operation_id = o.id)
"""
_WAITING = """
    FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
    JOIN agreements_paymentclaim c ON c.id = l.claim_id JOIN agreements_instalment n ON n.id = c.instalment_id
    WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected')
      AND c.certified_amount IS NULL AND n.needs_expenditure
"""
#: SQL, true where a claim that the settlement of ``a`` lets go on may still declare expenditure; the euros of its lines.
MAY_DECLARE = f"(EXISTS (SELECT 1 {_WAITING}))"
_IN_LINES = f"(SELECT coalesce(sum(c.declared_total), 0) {_WAITING})"
#: SQL of the most that the operation ``o`` of an ended agreement ``a`` may have as eligible cost: what is declared, and what can
#: still be; while a claim may still add expenditure, up to the eligible cost of the agreement.
DECLARABLE = f"""
    greatest({DECLARED} + {_IN_LINES},
             CASE WHEN {MAY_DECLARE} THEN greatest(a.eligible_base, a.granted_amount) ELSE 0 END)
"""
#: SQL of the euros that were paid of the grant of ``a``, or may still be, justified or not: not asked back by a closed claim.
PAID_AT_THE_END = f"(({PAYABLE}) - {OVERPAID})"
#: SQL of the euros that the beneficiary of ``a`` says were spent, of which some may not be eligible: the lines of its claims.
SPENT = """
    (SELECT coalesce(sum(c.declared_total), 0) FROM agreements_paymentclaim c
      WHERE c.agreement_id = a.id AND c.state NOT IN ('draft', 'rejected'))
"""
#: SQL of the operations of agreements that have ended: (id, euros that its beneficiary is to keep, euros that are paid or may
#: still be, euros declared or in the lines of claims that go on, whether these may still add to them, euros of the agreement's
#: eligible cost, euros that its claims say were spent).
AT_THE_END = f"""
    SELECT o.id, {JUSTIFIED}, {PAID_AT_THE_END}, {DECLARED} + {_IN_LINES}, {MAY_DECLARE},
           greatest(a.eligible_base, a.granted_amount), {SPENT}
      FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
     WHERE a.state IN {ENDED} AND {{which}} ORDER BY o.id
"""
#: SQL of the way from a certificate ``ct`` to the instalment ``n`` that its expenditure was claimed for: to its part.
_OF_PART = """
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
"""
_LAID_ON = f"""
               SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                 JOIN reporting_certificate ct ON ct.id = al.certificate_id {_OF_PART}
                WHERE ct.operation_id = o.id AND al.kind = '{{kind}}' AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id
"""
#: SQL of the parts (years) of the agreement of an operation ``o``: (tranche_id, label, euros that are paid or may still be; of
#: its certificates the euros of the EU and of the Region that payment applications ask for, those laid on the EU, on the Region).
_PARTS = f"""
    SELECT paid.tranche_id, paid.label, paid.payable, (
               SELECT coalesce(sum(e.public_amount - (
                          SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind IN ('state', 'local', 'public'))), 0)
                 FROM reporting_paymentapplicationentry e JOIN reporting_certificate ct ON ct.id = e.certificate_id {_OF_PART}
                WHERE ct.operation_id = o.id AND e.released_at IS NULL
                  AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id) AS asked, (
{_LAID_ON.format(kind="eu")}) AS of_eu, (
{_LAID_ON.format(kind="region")}) AS of_region
      FROM agreements_agreement a CROSS JOIN LATERAL ({PAYABLE_PARTS}) AS paid WHERE a.id = o.agreement_id
"""
#: SQL of the euros that certificates of an operation ``o`` lay on the Region and that are paid, or may still be, beside the EU's:
#: year by year, what was given up after it was certified is borne by nobody but the beneficiary.
BORNE_BY_REGION = f"""
    (SELECT coalesce(sum(least(part.of_region, greatest(part.payable - part.of_eu, 0))), 0) FROM ({_PARTS}) AS part)
"""
#: SQL of what is left to ask of the parts of the operations ``{which}``: (operation, tranche, euros).
LEFT_TO_ASK = f"""
    SELECT o.id, part.tranche_id, part.payable - part.asked FROM reporting_operation o CROSS JOIN LATERAL ({_PARTS}) AS part
     WHERE {{which}}
"""
#: SQL of the operations of agreements: (id, code, euros of those asked that are paid or may still be, euros asked): of each part
#: no more than is paid of it. What is left of one year makes up for none of another.
PUBLIC_MONEY = f"""
    SELECT o.id, o.code, its.payable, its.asked FROM reporting_operation o
      CROSS JOIN LATERAL (SELECT sum(least(part.payable, part.asked)) AS payable, sum(part.asked) AS asked
                            FROM ({_PARTS}) AS part) AS its
"""
#: SQL, with the id of a payment application: those of its operations of which more is asked than is or will be paid.
ASKED_AND_NOT_PAID = f"""
    SELECT money.* FROM ({PUBLIC_MONEY} WHERE o.id IN (
        SELECT ct.operation_id FROM reporting_paymentapplicationentry e
          JOIN reporting_paymentapplicationline l ON l.id = e.line_id
          JOIN reporting_certificate ct ON ct.id = e.certificate_id
         WHERE l.application_id = {{application}} AND e.released_at IS NULL)) AS money
     WHERE money.asked > money.payable ORDER BY money.code
"""
#: SQL, true of an operation ``money`` of which more was asked than is or will be paid, where somebody answered of these very
#: sums how they are withdrawn or corrected with the authority of the programme.
CORRECTED = """
    EXISTS (SELECT 1 FROM reporting_operationflag f WHERE f.operation_id = money.id AND f.kind = 'certified_not_paid'
               AND f.answer = 'withdrawn' AND (f.detail ->> 'asked')::numeric = money.asked
               AND (f.detail ->> 'payable')::numeric = money.payable)
"""
#: SQL of the applications ``{applications}`` and the codes of their operations of which more is asked than is or will be paid,
#: and whether somebody answered how that is corrected.
APPLICATIONS_BEYOND = f"""
    SELECT DISTINCT held.application_id, money.code, {CORRECTED} FROM (
        SELECT l.application_id, ct.operation_id FROM reporting_paymentapplicationline l
          JOIN reporting_paymentapplicationentry e ON e.line_id = l.id AND e.released_at IS NULL
          JOIN reporting_certificate ct ON ct.id = e.certificate_id WHERE l.application_id = ANY ({{applications}})) AS held
      JOIN LATERAL ({PUBLIC_MONEY} WHERE o.id = held.operation_id) AS money ON money.asked > money.payable
     ORDER BY held.application_id, money.code
"""
#: SQL of the certificates that stand in no application and of which the EU bears more than can still be asked of their part,
#: among the operations ``{which}``: (operation, code, certificate, number, euros of the EU, euros that can still be asked, tranche).
NOT_ASKABLE = f"""
    SELECT o.id AS operation_id, o.code, ct.id, ct.number, borne.of_eu, greatest(part.payable - part.asked, 0) AS most,
           part.tranche_id
      FROM reporting_operation o CROSS JOIN LATERAL ({_PARTS}) AS part
      JOIN reporting_certificate ct ON ct.operation_id = o.id {_OF_PART}
      CROSS JOIN LATERAL (SELECT coalesce(sum(al.amount), 0) AS of_eu FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind = 'eu') AS borne
     WHERE {{which}} AND n.tranche_id IS NOT DISTINCT FROM part.tranche_id AND borne.of_eu > part.payable - part.asked
       AND NOT EXISTS (
         SELECT 1 FROM reporting_paymentapplicationentry e WHERE e.certificate_id = ct.id AND e.released_at IS NULL)
"""
#: SQL of the operations of which a certificate cannot be asked, more is asked of a part than is or will be paid, or the EU bears
#: more of its certificates: (id, code, euros of those asked that are paid or may still be, euros asked, euros of those on the EU
#: that are paid or may still be, euros that certificates lay on the EU, names of the years of which more is asked or laid).
BEYOND_WHAT_IS_PAID = f"""
    SELECT * FROM (
        SELECT o.id, o.code, its.* FROM reporting_operation o CROSS JOIN LATERAL (
            SELECT sum(least(part.payable, part.asked)) AS payable, sum(part.asked) AS asked,
                   sum(least(part.payable, part.of_eu)) AS payable_eu, sum(part.of_eu) AS of_eu,
                   string_agg(part.label, ', ' ORDER BY part.tranche_id)
                       FILTER (WHERE greatest(part.asked, part.of_eu) > part.payable) AS years
              FROM ({_PARTS}) AS part) AS its WHERE {{which}}) AS money
     WHERE money.asked > money.payable OR money.of_eu > money.payable_eu
        OR EXISTS ({NOT_ASKABLE.format(which="o.id = money.id")})
"""
#: SQL, true of an operation ``o`` (with its plan in force ``v``) of which the EU bears something and nothing can be declared: no
#: payment of its agreement is made on expenditure.
NOTHING_TO_DECLARE = """
    (v.eu_amount > 0 AND o.agreement_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = o.agreement_id AND i.needs_expenditure))
"""
