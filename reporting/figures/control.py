"""From the claim to the control: what is declared was certified, what is decided balances, by somebody else."""

from django.utils.translation import gettext_lazy as _

from agreements.models.expenditure import LAST_DAY_TO_PAY
from core.figures.invariants import ANOTHER, Invariant, Severity, Unit, register
from core.roles import Role
from reporting.models import ExpenditureDeclaration, Operation, PaymentApplication
from reporting.models.credit_notes import apart_from_its_invoice, retained_beyond, sums_by_note
from reporting.rules.taking_part import took_part

CONTROL = _("Regulation (EU) 2021/1060, Article 74: management verifications of what the beneficiary declares.")

#: SQL: the credit notes that are decided, with what is declared and retained of their invoices.
_NOTES = f"""
    (SELECT its.*, d.number || ' · ' || its.invoice_number AS label
     FROM ({sums_by_note("TRUE", "credit_item.declaration_id")}) its
     JOIN reporting_expendituredeclaration d ON d.id = its.declaration_id) note
"""  # noqa: S608 - fragments of our own

register(
    Invariant(
        code="reporting.credit-follows-its-invoice",
        name=_("Invoices less their credit notes, under control"),
        sentence=_(
            "What a control retains of an invoice and of its credit notes is within what is declared of them together; a credit "
            "note whose invoice is declared nowhere adds nothing to what its declaration declares."
        ),
        source=CONTROL,
        subject=ExpenditureDeclaration,
        sql=f"""
            SELECT declaration_id AS id, label, declared AS expected, retained AS found FROM {_NOTES}
            WHERE {retained_beyond("note.declaration_id", alone="note.controlled_at IS NOT NULL")}
            ORDER BY declaration_id, note.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.credit-decided-with-its-invoice",
        name=_("Credit notes decided with their invoice"),
        sentence=_(
            "What a control retains, rejects or parks of an invoice and of its credit notes is never less than nothing: the note "
            "is decided as its invoice."
        ),
        source=CONTROL,
        subject=ExpenditureDeclaration,
        sql=f"""
            SELECT declaration_id AS id, label, least(0, declared) AS expected, least(own_least, retained) AS found
            FROM {_NOTES} WHERE {apart_from_its_invoice("note.declaration_id")} ORDER BY declaration_id, note.id
        """,  # noqa: S608 - fragments of our own
        relation="≥",
    ),
    Invariant(
        code="reporting.certified-within-declared",
        name=_("Certified within what is declared"),
        sentence=_(
            "What the controls of an operation certified is together within what the declarations they ended declare."
        ),
        source=CONTROL,
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, sum(i.declared_amount) AS expected, sum(i.retained_amount) AS found
            FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
            JOIN reporting_operation o ON o.id = d.operation_id WHERE d.state = 'controlled'
            GROUP BY o.id HAVING sum(i.retained_amount) > sum(i.declared_amount) ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.asked-within-declared",
        name=_("Asked within what is declared"),
        sentence=_(
            "What payment applications ask as eligible expenditure of an operation is within what its ended controls looked at."
        ),
        source=_("Regulation (EU) 2021/1060, Article 91(3): eligible expenditure incurred and paid."),
        subject=PaymentApplication,
        sql="""
            WITH asked AS (
                SELECT c.operation_id, max(l.application_id) AS last, sum(e.eligible_amount) AS eligible
                FROM reporting_paymentapplicationentry e JOIN reporting_paymentapplicationline l ON l.id = e.line_id
                JOIN reporting_certificate c ON c.id = e.certificate_id WHERE e.released_at IS NULL GROUP BY c.operation_id
            ), declared AS (
                SELECT d.operation_id, sum(i.declared_amount) AS amount
                FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
                WHERE d.state = 'controlled' GROUP BY d.operation_id
            )
            SELECT asked.last AS id, o.code AS label, declared.amount AS expected, asked.eligible AS found
            FROM asked JOIN declared USING (operation_id) JOIN reporting_operation o ON o.id = asked.operation_id
            WHERE asked.eligible > declared.amount ORDER BY asked.last, o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.declared-is-certified",
        name=_("Declared expenditure"),
        sentence=_("A declaration holds every certified line of its claim once, with the amount that was certified."),
        source=CONTROL,
        subject=ExpenditureDeclaration,
        sql="""
            SELECT d.id, d.number || coalesce(' · ' || l.rank, '') AS label, l.certified_amount AS expected,
                   i.declared_amount AS found
            FROM reporting_expendituredeclaration d JOIN agreements_expenditureline l ON l.claim_id = d.claim_id
            LEFT JOIN reporting_expenditureitem i ON i.expenditure_line_id = l.id AND i.declaration_id = d.id
            WHERE coalesce(l.certified_amount, 0) IS DISTINCT FROM coalesce(i.declared_amount, 0) ORDER BY d.id, l.rank
        """,
    ),
    Invariant(
        code="reporting.declared-with-its-proof",
        name=_("Proof of declared expenditure"),
        sentence=_("Every expenditure that is declared to a fund has its proof."),
        source=_("Regulation (EU) 2021/1060, Articles 69(6) and 82: an audit trail, with the supporting documents."),
        subject=ExpenditureDeclaration,
        sql="""
            SELECT d.id, d.number || ' · ' || i.rank AS label, 'proof' AS expected, NULL AS found
            FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
            JOIN agreements_expenditureline l ON l.id = i.expenditure_line_id
            WHERE i.declared_amount <> 0 AND l.proof_id IS NULL ORDER BY d.id, i.rank
        """,
        unit=Unit.TEXT,
        words={"proof": _("a proof")},
    ),
    Invariant(
        code="reporting.item-balances",
        name=_("Decided items"),
        sentence=_(
            "Of a decided item, what is declared is what is retained, rejected and parked; a pending one has none."
        ),
        source=CONTROL,
        subject=ExpenditureDeclaration,
        sql="""
            SELECT d.id, d.number || ' · ' || i.rank AS label,
                   CASE WHEN i.state = 'pending' THEN 0 ELSE i.declared_amount END AS expected,
                   i.retained_amount + i.rejected_amount + i.parked_amount AS found
            FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
            WHERE i.retained_amount + i.rejected_amount + i.parked_amount
                  <> CASE WHEN i.state = 'pending' THEN 0 ELSE i.declared_amount END ORDER BY d.id, i.rank
        """,
    ),
    Invariant(
        code="reporting.retained-within-eligible",
        name=_("Retained within the plan"),
        sentence=_("What the controls of an operation retain is together within its eligible cost."),
        source=_("Rule 12 of the domain: a plan never goes under what is certified."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, v.eligible_cost AS expected, sum(i.retained_amount) AS found
            FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
            JOIN reporting_operation o ON o.id = d.operation_id JOIN reporting_operationversion v ON v.id = o.current_id
            GROUP BY o.id, v.id HAVING sum(i.retained_amount) > v.eligible_cost ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.retained-in-the-period",
        name=_("Dates of retained expenditure"),
        sentence=_(
            "No expenditure is retained that was invoiced outside the period of its operation, paid before it, or paid after the "
            "last day to claim and to report of its agreement."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): expenditure incurred and paid within the dates."),
        subject=ExpenditureDeclaration,
        sql=f"""
            SELECT d.id, d.number || ' · ' || i.rank AS label,
                   CASE WHEN l.invoice_date > v.end_date THEN '≤ ' || v.end_date
                        WHEN l.invoice_date < v.start_date OR l.paid_on < v.start_date THEN '≥ ' || v.start_date
                        ELSE '≤ ' || {LAST_DAY_TO_PAY.format("a")} END AS expected,
                   CASE WHEN l.invoice_date BETWEEN v.start_date AND v.end_date THEN l.paid_on ELSE l.invoice_date END AS found
            FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
            JOIN reporting_operation o ON o.id = d.operation_id JOIN reporting_operationversion v ON v.id = o.current_id
            JOIN agreements_expenditureline l ON l.id = i.expenditure_line_id
            JOIN agreements_agreement a ON a.id = o.agreement_id
            WHERE i.retained_amount > 0 AND (l.invoice_date NOT BETWEEN v.start_date AND v.end_date
                   OR l.paid_on NOT BETWEEN v.start_date AND {LAST_DAY_TO_PAY.format("a")}) ORDER BY d.id, i.rank
        """,  # noqa: S608 - the last day to pay
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="reporting.controlled-by-another",
        name=_("Controlled by another person"),
        sentence=_(
            "Who instructed the case of an expenditure, proposed its grant, gave the visa, drafted its act or put it in force, "
            "certified, ordered or declared it, closed its batch or recorded its payment does not control it; who decided on an "
            "item is who took that decision."
        ),
        source=_("Regulation (EU) 2021/1060, Articles 71(4) and 74(3): separation of functions."),
        subject=ExpenditureDeclaration,
        sql=f"""
            WITH decision AS (
                SELECT DISTINCT ON (e.object_id) e.object_id AS item_id, e.actor_id FROM core_event e
                WHERE e.to_state <> '' AND e.content_type_id = (
                    SELECT id FROM django_content_type WHERE app_label = 'reporting' AND model = 'expenditureitem')
                ORDER BY e.object_id, e.sequence DESC
            )
            SELECT d.id, d.number || coalesce(' · ' || hand.rank, '') AS label, coalesce(hand.truly, 'another') AS expected,
                   u.email AS found
            FROM reporting_expendituredeclaration d
            JOIN agreements_paymentclaim c ON c.id = d.claim_id JOIN agreements_agreement g ON g.id = c.agreement_id
            JOIN grants_application a ON a.id = g.application_id
            CROSS JOIN LATERAL (
                SELECT NULL::int AS rank, d.controller_id AS person, NULL AS truly
                UNION ALL
                SELECT i.rank, i.decided_by_id, actor.email FROM reporting_expenditureitem i
                LEFT JOIN decision ON decision.item_id = i.id
                LEFT JOIN core_user actor ON actor.id = decision.actor_id AND actor.id <> i.decided_by_id
                WHERE i.declaration_id = d.id AND (i.decided_by_id <> d.controller_id OR actor.id IS NOT NULL)
            ) AS hand JOIN core_user u ON u.id = hand.person
            WHERE hand.truly IS NOT NULL
               OR hand.person IN (d.instructor_id, d.certifier_id, d.orderer_id, d.submitted_by_id)
               OR hand.rank IS NULL AND hand.person IN (
                   SELECT person FROM ({took_part("d.control_started_at", also_today=False)}) AS part)
            ORDER BY d.id, hand.rank NULLS FIRST
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=ANOTHER,
    ),
    Invariant(
        code="reporting.controlled-is-decided",
        name=_("Items of a controlled declaration"),
        sentence=_(
            "A controlled declaration has no item left to decide, and its certificate where something is retained."
        ),
        source=CONTROL,
        subject=ExpenditureDeclaration,
        sql="""
            SELECT d.id, d.number || ' · pending' AS label, 0 AS expected, sum(i.declared_amount) AS found
            FROM reporting_expendituredeclaration d JOIN reporting_expenditureitem i ON i.declaration_id = d.id
            WHERE d.state = 'controlled' AND i.state = 'pending' GROUP BY d.id
            UNION ALL
            SELECT d.id, d.number, sum(i.retained_amount), NULL
            FROM reporting_expendituredeclaration d JOIN reporting_expenditureitem i ON i.declaration_id = d.id
            WHERE d.state = 'controlled'
              AND NOT EXISTS (SELECT FROM reporting_certificate c WHERE c.declaration_id = d.id)
            GROUP BY d.id HAVING sum(i.retained_amount) <> 0 ORDER BY 1, 2
        """,
        label_words={"pending": _("left to decide")},
    ),
    Invariant(
        code="reporting.control-in-order",
        name=_("Dates of a declaration"),
        sentence=_(
            "A declaration is opened, declared, taken up and controlled in this order; its certificate is issued when the control ends."
        ),
        source=_("Rule 8 of the domain: every figure can be produced again from its cut-off date."),
        subject=ExpenditureDeclaration,
        # A moment as text carries its own zone: it is told as the day here, to the second where the days are one.
        sql="""
            SELECT d.id, coalesce(c.number, d.number) || ' · ' || step.name AS label,
                   step.sign || step.follows AS expected, step.day::text AS found
            FROM reporting_expendituredeclaration d LEFT JOIN reporting_certificate c ON c.declaration_id = d.id
            CROSS JOIN LATERAL (VALUES
                (1, 'submitted', '≥ ', d.opened_at, d.submitted_at), (2, 'taken_up', '≥ ', d.submitted_at, d.control_started_at),
                (3, 'controlled', '≥ ', d.control_started_at, d.controlled_at), (4, 'issued', '≥ ', d.controlled_at, c.issued_at),
                (5, 'issued', '≤ ', d.controlled_at + interval '1 day', c.issued_at)) AS step (rank, name, sign, follows, day)
            WHERE CASE step.sign WHEN '≥ ' THEN step.day < step.follows ELSE step.day > step.follows END
            ORDER BY d.id, step.rank
        """,
        unit=Unit.DAY,
        relation="",
        label_words={
            "submitted": _("declared"),
            "taken_up": _("taken up"),
            "controlled": _("controlled"),
            "issued": _("certificate issued"),
        },
    ),
    Invariant(
        code="reporting.open-declaration-is-somebodys",
        name=_("Declarations in a work list"),
        sentence=_("Every declaration that waits for its control, or is under it, is an active controller’s to do."),
        source=_("Regulation (EU) 2021/1060, Article 74(1)(b): the beneficiary is paid within eighty days."),
        subject=ExpenditureDeclaration,
        sql="""
            SELECT d.id, d.number AS label, 'eu_controller' AS expected, mine.email AS found
            FROM reporting_expendituredeclaration d LEFT JOIN core_user mine ON mine.id = d.controller_id
            WHERE d.state IN ('submitted', 'under_control') AND NOT EXISTS (
                SELECT 1 FROM core_user u JOIN core_user_groups r ON r.user_id = u.id JOIN auth_group g ON g.id = r.group_id
                WHERE u.is_active AND g.name = 'eu_controller' AND (d.state = 'submitted' OR u.id = d.controller_id)
                  AND (u.id IS DISTINCT FROM d.instructor_id AND u.id IS DISTINCT FROM d.certifier_id
                       AND u.id IS DISTINCT FROM d.orderer_id AND u.id IS DISTINCT FROM d.submitted_by_id))
            ORDER BY d.id
        """,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
)
