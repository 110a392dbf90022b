"""Declared expenditure: within its invoice, once, in the eligible period, with its proof."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, ExpenditureLine, PaymentClaim
from agreements.models.expenditure import COMPARED_COLUMNS, EXAMINED_COLUMNS, LAST_DAY_TO_PAY
from agreements.models.same_invoice import (
    MAY_BE_ONE,
    credits_beyond_kept,
    credits_over_their_invoice,
    kept_beyond_credits,
    over_their_total,
)
from core.days_in_sql import day_of
from core.engine.erasure import erased_rows
from core.figures.invariants import Broken, Invariant, Severity, Unit, register

ONCE = _("Regulation (EU) 2021/1060, Article 63(9): the same expenditure is never declared twice.")
PERIOD = _("Regulation (EU) 2021/1060, Article 63(2), and terms of the agreement: what is incurred in its period.")

#: SQL: the history line ``h`` says of the line ``l`` what it says now. The erasure of a person empties both.
_AS_IT_STANDS = " AND ".join(f"h.{name} IS NOT DISTINCT FROM l.{name}" for name in EXAMINED_COLUMNS)
_AS_COMPARED = " AND ".join(f"h.{name} IS NOT DISTINCT FROM l.{name}" for name in COMPARED_COLUMNS)


def not_recognised() -> Iterator[Broken]:
    """The lines whose keys, by which doubles are found, are not those of what they say: one reading of the table. What the
    law had emptied says nothing of which its keys were made."""
    lines = ExpenditureLine.objects.exclude(pk__in=erased_rows(ExpenditureLine))
    lines = lines.select_related("claim__agreement", "proof__file").order_by("pk")
    for line in lines.iterator(chunk_size=1_000):
        for name, right in line.keys().items():
            if getattr(line, name) != right:
                yield Broken(line.claim_id, f"{line.claim.number} · {line.invoice_number} · {name}", "own", "other")


register(
    Invariant(
        code="agreements.invoice-within-its-total",
        name=_("Invoices within their total"),
        sentence=_(
            "What all certified claims together keep of one invoice is within its total, "
            "unless a person answered that they are different invoices; lines of one supplier, number, day and total are "
            "one invoice whatever was answered."
        ),
        source=ONCE,
        subject=PaymentClaim,
        sql=f"""
            SELECT broken.claim_id AS id, c.number || ' · ' || l.supplier_name || ' ' || l.invoice_number AS label,
                   broken.total AS expected, broken.kept AS found
            FROM ({over_their_total("c.state IN ('certified', 'ordered', 'paid')")}) broken
            JOIN agreements_expenditureline l ON l.id = broken.id JOIN agreements_paymentclaim c ON c.id = l.claim_id
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.doubles-are-answered",
        name=_("Invoices declared twice"),
        sentence=_("Of two lines that are the same invoice, none is certified before a person answered why."),
        source=ONCE,
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number || ' · ' || mine.invoice_number AS label, 0 AS expected, count(*) AS found
            FROM agreements_expenditureline mine JOIN agreements_paymentclaim c ON c.id = mine.claim_id
            JOIN agreements_expenditureline other ON {MAY_BE_ONE}
            JOIN agreements_paymentclaim its ON its.id = other.claim_id
            WHERE c.state IN ('certified', 'ordered', 'paid') AND its.submitted_at <= c.certified_at AND its.state <> 'rejected'
              AND NOT EXISTS (SELECT 1 FROM agreements_duplicatewarning w WHERE w.answered_at IS NOT NULL
                              AND (w.lapsed_at IS NULL OR w.lapsed_at >= c.certified_at)
                              AND ((w.line_id = mine.id AND w.other_line_id = other.id)
                                OR (w.line_id = other.id AND w.other_line_id = mine.id)))
            GROUP BY c.id, mine.id ORDER BY c.id
        """,  # noqa: S608 - a fragment of our own
        unit=Unit.NUMBER,
        counted=_("invoices without an answer"),
    ),
    Invariant(
        code="agreements.credits-are-covered",
        name=_("Credit notes"),
        sentence=_(
            "The credit notes of a supplier that an agreement’s certified claims declare take back no more than its invoices "
            "declared there."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): what is declared was incurred and paid."),
        subject=Agreement,
        # A supplier is its number, where any row of the agreement joins one number alone to the name; else the name.
        sql="""
            WITH line AS (
                SELECT c.agreement_id, l.declared_amount, l.supplier_siret, l.supplier_name,
                       split_part(l.name_key, '|', 1) AS name, left(nullif(l.supplier_siret, ''), 9) AS siren,
                       strpos(l.duplicate_key, '|') = 0 AS erased
                FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
                WHERE c.state NOT IN ('draft', 'rejected')
            ), known AS (
                SELECT agreement_id, name, min(siren) AS siren FROM line
                GROUP BY agreement_id, name HAVING count(DISTINCT siren) = 1
            )
            SELECT a.id, a.number || ' · ' || max(line.supplier_name) AS label,
                   coalesce(sum(line.declared_amount) FILTER (WHERE line.declared_amount > 0), 0) AS expected,
                   -sum(line.declared_amount) FILTER (WHERE line.declared_amount < 0) AS found
            FROM line LEFT JOIN known USING (agreement_id, name) JOIN agreements_agreement a ON a.id = line.agreement_id
            WHERE NOT line.erased AND EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.agreement_id = a.id
                          AND c.state IN ('certified', 'ordered', 'paid'))
            GROUP BY a.id, coalesce(line.siren, known.siren, line.name)
            -- Whose the invoices were that the law had erased, nobody knows: they may be of this supplier.
            HAVING sum(line.declared_amount) + coalesce((
                SELECT sum(gone.declared_amount) FROM line gone
                WHERE gone.agreement_id = a.id AND gone.erased AND gone.declared_amount > 0), 0) < 0
            ORDER BY a.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.credit-within-its-invoice",
        name=_("Credit notes of an invoice"),
        sentence=_(
            "The credit notes of a certified claim take back no more than what is declared, to the same agreement, of the "
            "invoice that they correct."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): what is declared was incurred and paid."),
        subject=PaymentClaim,
        sql=f"""
            SELECT taken.claim_id AS id, c.number || ' · ' || l.invoice_number AS label, 0 AS expected,
                   -taken.left_over AS found
            FROM ({credits_over_their_invoice("its.state IN ('certified', 'ordered', 'paid')")}) taken
            JOIN agreements_expenditureline l ON l.id = taken.id JOIN agreements_paymentclaim c ON c.id = taken.claim_id
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.credit-follows-its-invoice",
        name=_("Invoices less their credit notes"),
        sentence=_(
            "What certified claims keep of an invoice and of its credit notes is within its total, and within what is "
            "declared of it, less those credit notes."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): what is declared was incurred and paid."),
        subject=PaymentClaim,
        sql=f"""
            SELECT beyond.claim_id AS id, c.number || ' · ' || l.invoice_number AS label, beyond.most AS expected,
                   beyond.kept AS found
            FROM ({kept_beyond_credits()}) beyond
            JOIN agreements_expenditureline l ON l.id = beyond.id JOIN agreements_paymentclaim c ON c.id = beyond.claim_id
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.credit-within-what-is-kept",
        name=_("Credit notes of what is kept"),
        sentence=_(
            "The credit notes that a certified claim keeps on an invoice of its own take back no more than it keeps of that invoice."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): what is declared was incurred and paid."),
        subject=PaymentClaim,
        sql=f"""
            SELECT beyond.claim_id AS id, c.number || ' · ' || l.invoice_number AS label, beyond.kept AS expected,
                   beyond.taken_back AS found
            FROM ({credits_beyond_kept()}) beyond
            JOIN agreements_expenditureline l ON l.id = beyond.id JOIN agreements_paymentclaim c ON c.id = beyond.claim_id
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.invoice-is-recognised",
        name=_("Keys of the invoices"),
        sentence=_(
            "Every declared line is compared with the others by its present supplier, number, total and proof, and by what its "
            "supplier and number look like, written as keys."
        ),
        source=ONCE,
        subject=PaymentClaim,
        rows=not_recognised,
        unit=Unit.TEXT,
        words={"own": _("the key of what it declares"), "other": _("another key")},
        label_words={
            "duplicate_key": _("supplier and number"),
            "name_key": _("supplier by name, and number"),
            "total_key": _("number and total"),
            "alike_keys": _("what they look like"),
            "corrects_key": _("invoice that it corrects"),
            "proof_key": _("file that proves it"),
        },
    ),
    Invariant(
        code="agreements.invoice-of-its-year",
        name=_("Invoices of another year"),
        sentence=_(
            "What is certified in a claim about one year was invoiced in this year, or its beneficiary said why it belongs to it."
        ),
        source=PERIOD,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number || ' · ' || l.invoice_number AS label,
                   CASE WHEN l.invoice_date < t.starts_on THEN t.starts_on ELSE t.ends_on END AS expected, l.invoice_date AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            JOIN agreements_instalment i ON i.id = c.instalment_id JOIN agreements_tranche t ON t.id = i.tranche_id
            WHERE l.certified_amount <> 0 AND btrim(l.other_year_why) = ''
              AND l.invoice_date NOT BETWEEN t.starts_on AND t.ends_on
            ORDER BY c.id, l.rank
        """,
        unit=Unit.DAY,
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.invoice-in-the-period",
        name=_("Dates of the expenditure"),
        sentence=_(
            "What is certified was invoiced within the period of its agreement, and paid from its first day on, by the day of "
            "the filing and by the last day to claim and to report."
        ),
        source=PERIOD,
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number || ' · ' || l.invoice_number AS label,
                   CASE WHEN l.invoice_date > a.end THEN '≤ ' || a.end
                        WHEN l.invoice_date < a.start OR l.paid_on < a.start THEN '≥ ' || a.start
                        ELSE '≤ ' || least({day_of("c.submitted_at")}, {LAST_DAY_TO_PAY.format("a")}) END AS expected,
                   CASE WHEN l.invoice_date BETWEEN a.start AND a.end THEN l.paid_on ELSE l.invoice_date END AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            JOIN agreements_agreement a ON a.id = c.agreement_id
            WHERE l.certified_amount <> 0
              AND (l.invoice_date NOT BETWEEN a.start AND a.end OR l.paid_on < a.start
                   OR l.paid_on > {day_of("c.submitted_at")} OR l.paid_on > {LAST_DAY_TO_PAY.format("a")})
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="agreements.kept-as-it-stands",
        name=_("Lines kept as they were examined"),
        sentence=_(
            "What is kept of a line was decided after the last change of the line: it was examined as it stands."
        ),
        source=_("Regulation (EU) 2021/1060, Article 74: verification of what the beneficiary declares."),
        subject=PaymentClaim,
        # Whoever changes a line makes it one that is not examined: its history holds it as it stands, not examined.
        sql=f"""
            SELECT c.id, c.number || ' · ' || l.rank AS label, 'examined' AS expected, 'changed' AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            WHERE l.certified_amount IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM agreements_expenditurelineevent h
                WHERE h.pgh_obj_id = l.id AND h.certified_amount IS NULL AND {_AS_IT_STANDS})
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words={"examined": _("examined as it stands"), "changed": _("changed since")},
    ),
    Invariant(
        code="agreements.answered-as-it-stands",
        name=_("Answers about two invoices"),
        sentence=_(
            "An answer about an invoice declared twice that holds was given after the last change of both lines: it speaks of them "
            "as they stand."
        ),
        source=ONCE,
        subject=PaymentClaim,
        # When it was given and when the lines were written, by the histories: both are of the database.
        sql=f"""
            SELECT c.id, c.number || ' · ' || l.invoice_number AS label, 'answered' AS expected, 'changed' AS found
            FROM agreements_duplicatewarning w
            CROSS JOIN LATERAL (
                SELECT min(e.pgh_created_at) AS at FROM agreements_duplicatewarningevent e
                WHERE e.pgh_obj_id = w.id AND e.answered_at = w.answered_at) AS given
            JOIN agreements_expenditureline l ON l.id IN (w.line_id, w.other_line_id)
            JOIN agreements_paymentclaim c ON c.id = l.claim_id
            WHERE w.answered_at IS NOT NULL AND w.lapsed_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM agreements_expenditurelineevent h
                WHERE h.pgh_obj_id = l.id AND h.pgh_created_at <= given.at AND {_AS_COMPARED})
            ORDER BY c.id, l.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words={"answered": _("answered as it stands"), "changed": _("changed since")},
    ),
    Invariant(
        code="agreements.rank-is-given-once",
        name=_("Numbers of the lines"),
        sentence=_(
            "No line of a claim has a number above the last that was given: a number is given to one line alone."
        ),
        source=_("Rule 6 of the domain: what is said of a line in the history is not said of another one."),
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number || ' · ' || max(l.rank) AS label, c.last_rank AS expected, max(l.rank) AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            GROUP BY c.id HAVING max(l.rank) > c.last_rank ORDER BY c.id
        """,
        unit=Unit.NUMBER,
        counted=_("number of the line"),
        relation="≤",
    ),
    Invariant(
        code="agreements.certified-with-its-proof",
        name=_("Proof of certified expenditure"),
        sentence=_("Every line of expenditure of which something is certified has its proof."),
        source=_("Terms of the payment: expenditure is justified, a file for each line."),
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number || ' · ' || l.rank AS label, 'proof' AS expected, NULL AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            WHERE l.certified_amount <> 0 AND l.proof_id IS NULL ORDER BY c.id, l.rank
        """,
        unit=Unit.TEXT,
        words={"proof": _("a proof")},
    ),
    Invariant(
        code="agreements.certified-is-reviewed",
        name=_("Lines of a certified claim"),
        sentence=_(
            "Every line of a certified claim was kept or cut, within what it declares, and a cut has its reason."
        ),
        source=_("Regulation (EU) 2021/1060, Article 74: verification of what the beneficiary declares."),
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number || ' · ' || l.rank AS label, l.declared_amount AS expected, l.certified_amount AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
            WHERE c.state IN ('certified', 'ordered', 'paid')
              AND (l.certified_amount IS NULL OR abs(l.certified_amount) > abs(l.declared_amount)
                   OR l.certified_amount * l.declared_amount < 0
                   OR (l.certified_amount <> l.declared_amount AND l.certified_reason = ''))
            ORDER BY c.id, l.rank
        """,
    ),
)
