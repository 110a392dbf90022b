"""What is certified: the sum of what was retained, shared to the cent between the sources of the plan."""

from collections.abc import Iterator

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from reporting.effects import sha256_of_certificate
from reporting.models import Certificate, CertificateAllocation, ExpenditureItem, Operation, SourceKind

SHARED = _("Model of co-financing, invariant 8: the cumulative floor; the remainder is the beneficiary’s.")


def written_anew() -> Iterator[Broken]:
    """The certificates whose items and allocations do not give the hash with which they were issued; three queries."""
    certificates = Certificate.objects.select_related("declaration").prefetch_related(
        Prefetch("declaration__items", ExpenditureItem.objects.order_by("rank")),
        Prefetch("allocations", CertificateAllocation.objects.select_related("source").order_by("pk")),
    )
    for certificate in certificates.order_by("pk"):
        shares = [(line.source, line.kind, line.amount) for line in certificate.allocations.all()]
        found = sha256_of_certificate(certificate.declaration, list(certificate.declaration.items.all()), shares)
        if found != certificate.sha256:
            yield Broken(certificate.pk, certificate.number, certificate.sha256, found)


register(
    Invariant(
        code="reporting.certificate-gives-its-hash",
        name=_("Fingerprint of a certificate"),
        sentence=_("The items and the allocations of a certificate give the fingerprint with which it was issued."),
        source=_("Rule 6 of the domain: a certificate is never edited; a correction is a fact of its own."),
        subject=Certificate,
        rows=written_anew,
        unit=Unit.HASH,
    ),
    Invariant(
        code="reporting.certificate-is-its-allocations",
        name=_("Allocations of a certificate"),
        sentence=_("The parts that the sources bear of a certificate add up to what it certifies."),
        source=SHARED,
        subject=Certificate,
        sql="""
            SELECT c.id, c.number AS label, c.total AS expected, coalesce(sum(a.amount), 0) AS found
            FROM reporting_certificate c LEFT JOIN reporting_certificateallocation a ON a.certificate_id = c.id
            GROUP BY c.id HAVING coalesce(sum(a.amount), 0) <> c.total ORDER BY c.id
        """,
    ),
    Invariant(
        code="reporting.certificate-is-its-items",
        name=_("Total of a certificate"),
        sentence=_("A certificate certifies the sum of what the control retained of its declaration."),
        source=_("Regulation (EU) 2021/1060, Article 74(1): only verified expenditure is certified."),
        subject=Certificate,
        sql="""
            SELECT c.id, c.number AS label, coalesce(sum(i.retained_amount), 0) AS expected, c.total AS found
            FROM reporting_certificate c LEFT JOIN reporting_expenditureitem i ON i.declaration_id = c.declaration_id
            GROUP BY c.id HAVING coalesce(sum(i.retained_amount), 0) <> c.total ORDER BY c.id
        """,
    ),
    Invariant(
        code="reporting.issued-by-its-controller",
        name=_("Author of a certificate"),
        sentence=_("A certificate is issued by the person who controlled its declaration, and by nobody else."),
        source=_("Regulation (EU) 2021/1060, Articles 71(4) and 74(3): separation of functions."),
        subject=Certificate,
        sql="""
            SELECT c.id, c.number || ' · ' || d.number AS label, coalesce(mine.email, '') AS expected, u.email AS found
            FROM reporting_certificate c JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id
            JOIN core_user u ON u.id = c.issued_by_id LEFT JOIN core_user mine ON mine.id = d.controller_id
            WHERE c.issued_by_id IS DISTINCT FROM d.controller_id ORDER BY c.id
        """,
        unit=Unit.TEXT,
    ),
    Invariant(
        code="reporting.eu-certified-within-grant",
        name=_("EU part certified"),
        sentence=_("What the EU bears of an operation’s certificates is within the EU amount of the operation."),
        source=_("Rule 12 of the domain: the EU’s share of an operation is never over what it grants."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, v.eu_amount AS expected, sum(a.amount) AS found
            FROM reporting_certificateallocation a JOIN reporting_certificate c ON c.id = a.certificate_id
            JOIN reporting_operation o ON o.id = c.operation_id JOIN reporting_operationversion v ON v.id = o.current_id
            WHERE a.kind = 'eu' GROUP BY o.id, v.id HAVING sum(a.amount) > v.eu_amount ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.shared-by-the-floor",
        name=_("Sharing of certificates"),
        sentence=_(
            "While the plan of an operation does not change, each source bears its fraction of all that is certified, "
            "rounded down to the cent once, and within what it planned; of a grant that pays its years or axes at rates of "
            "their own, the EU bears no more than this, and the Region the rest of what is due."
        ),
        source=SHARED,
        subject=Operation,
        sql="""
            WITH total AS (
                SELECT operation_id, max(version_id) AS version_id, sum(total) AS certified FROM reporting_certificate
                GROUP BY operation_id HAVING count(DISTINCT version_id) = 1
            ), parts AS (
                SELECT a.id, (SELECT count(DISTINCT t.amount / nullif(t.cost, 0)) FROM agreements_tranche t
                              WHERE t.agreement_id = a.id AND t.amount > 0) > 1 OR (
                    SELECT count(DISTINCT part ->> 'axis') FROM grants_application app
                    CROSS JOIN jsonb_array_elements(app.granted_plan -> 'parts') AS part
                    WHERE app.id = a.application_id AND (part ->> 'cost')::numeric > 0) > 1 OR EXISTS (
                    SELECT 1 FROM agreements_tranche t WHERE t.agreement_id = a.id AND t.cost < (
                        SELECT coalesce(sum(i.retained_amount), 0) FROM reporting_expenditureitem i
                        JOIN agreements_expenditureline l ON l.id = i.expenditure_line_id
                        JOIN agreements_paymentclaim c ON c.id = l.claim_id
                        JOIN agreements_instalment n ON n.id = c.instalment_id WHERE n.tranche_id = t.id)) AS several
                FROM agreements_agreement a WHERE a.eu_fund <> ''
            ), borne AS (
                SELECT a.source_id, sum(a.amount) AS amount FROM reporting_certificateallocation a
                WHERE a.source_id IS NOT NULL GROUP BY a.source_id
            )
            SELECT o.id, o.code || ' · ' || f.kind AS label,
                   least(floor(t.certified * f.amount * 100 / v.eligible_cost) / 100, f.amount) AS expected,
                   coalesce(b.amount, 0) AS found
            FROM total t JOIN reporting_operation o ON o.id = t.operation_id
            JOIN reporting_operationversion v ON v.id = t.version_id
            JOIN reporting_financingline f ON f.version_id = v.id LEFT JOIN borne b ON b.source_id = f.id
            LEFT JOIN parts ON parts.id = o.agreement_id
            WHERE f.kind NOT IN ('own', 'unknown', 'unexplained') AND f.amount > 0 AND v.eligible_cost > 0 AND t.certified >= 0
              AND CASE WHEN parts.several
                  THEN f.kind <> 'region'
                   AND coalesce(b.amount, 0) > least(floor(t.certified * f.amount * 100 / v.eligible_cost) / 100, f.amount)
                  ELSE coalesce(b.amount, 0) <> least(floor(t.certified * f.amount * 100 / v.eligible_cost) / 100, f.amount)
                  END
            ORDER BY o.id, f.rank
        """,
        label_words=dict(SourceKind.choices),
    ),
)
