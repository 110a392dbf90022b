"""Who is paid: the beneficiary of the act, or the person of the case who was granted the share, and nobody else."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentOrder
from core.figures.invariants import Invariant, Unit, register
from grants.figures.persons import first_file, told_apart

ACCOUNT = _("Rule on bank details: a payment order takes only a verified account of its payee.")


# The persons to whom a case grants something, each at the place of their share, under the file that they were given first.
_GRANTED = f"""
    SELECT p.application_id, {first_file("p")} AS applicant_id,
           row_number() OVER (PARTITION BY p.application_id ORDER BY p.rank) AS place
    FROM grants_personline p WHERE p.granted_amount > 0"""  # noqa: S608 - a fragment of our own

# The name that the frozen terms of the act give to the person of the share; before there are any, the share itself.
_NAMED = """coalesce((
    SELECT said ->> 'person_name' FROM jsonb_array_elements(a.terms -> 'shares') AS said
    WHERE (said ->> 'rank')::int = s.rank), s.person_name)"""
# The payee bears, or bore at some time, that name: who finds the file of a person finds it by the name. What the law had
# erased has no name to compare.
_BEARS_THE_NAME = rf"""EXISTS (
    SELECT 1 FROM applicants_applicantevent been WHERE been.pgh_obj_id = payee.id
       AND upper(regexp_replace(btrim(been.first_name || ' ' || been.last_name), '\s+', ' ', 'g'))
           = upper(regexp_replace(btrim({_NAMED}), '\s+', ' ', 'g'))
    UNION ALL
    SELECT 1 FROM core_erasure gone WHERE (gone."table", gone.row) IN (
        ('applicants_applicant', payee.id::text), ('agreements_agreementshare', s.id::text)))"""  # noqa: S608 - a fragment of our own

register(
    Invariant(
        code="agreements.share-of-its-person",
        name=_("Person of a share"),
        sentence=_("Each share of an act is of the person of the case to whom the committee granted it."),
        source=_("Rule 6 of the domain: a decided amount never changes."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || ' · ' || s.person_name AS label,
                   {told_apart("wanted", "mine")} AS expected, {told_apart("mine", "wanted")} AS found
            FROM agreements_agreementshare s JOIN agreements_agreement a ON a.id = s.agreement_id
            LEFT JOIN ({_GRANTED}) AS granted
                ON granted.application_id = a.application_id AND granted.place = s.rank
            LEFT JOIN applicants_applicant wanted ON wanted.id = granted.applicant_id
            LEFT JOIN applicants_applicant mine ON mine.id = s.applicant_id
            WHERE s.applicant_id IS DISTINCT FROM granted.applicant_id ORDER BY a.id, s.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
    ),
    Invariant(
        code="agreements.order-to-its-beneficiary",
        name=_("Payee of an order"),
        sentence=_(
            "An order that was not cancelled pays the beneficiary of its agreement, or the person of the case who was granted "
            "its share, and who bears the name that the act gives."
        ),
        source=ACCOUNT,
        subject=PaymentOrder,
        sql=f"""
            SELECT o.id, o.reference AS label,
                   CASE WHEN o.payee_id = wanted.id THEN {_NAMED} ELSE {told_apart("wanted", "payee")} END AS expected,
                   {told_apart("payee", "wanted")} AS found
            FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id
            JOIN agreements_agreement a ON a.id = c.agreement_id
            JOIN applicants_applicant payee ON payee.id = o.payee_id
            LEFT JOIN agreements_agreementshare s ON s.id = o.share_id AND a.payee = 'persons'
            LEFT JOIN ({_GRANTED}) AS granted
                ON granted.application_id = a.application_id AND granted.place = s.rank
            LEFT JOIN applicants_applicant wanted
                ON wanted.id = CASE WHEN a.payee = 'persons' THEN granted.applicant_id ELSE a.beneficiary_id END
            WHERE o.state <> 'cancelled' AND (o.payee_id IS DISTINCT FROM wanted.id OR s.id IS NOT NULL AND NOT {_BEARS_THE_NAME})
            ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
    ),
    Invariant(
        code="agreements.account-verified-first",
        name=_("Account verified before its orders"),
        sentence=_("Each order was made to an account that had been verified before."),
        source=ACCOUNT,
        subject=PaymentOrder,
        # Events are compared by their numbers. Orders of before, whose transaction is not known, accuse nobody.
        sql="""
            SELECT o.id, o.reference AS label, 'before' AS expected, CASE WHEN verified.id IS NULL THEN 'never' ELSE 'after' END AS found
            FROM agreements_paymentorder o
            LEFT JOIN LATERAL (
                SELECT min(e.id) AS id FROM core_event e WHERE e.object_id = o.bank_account_id AND e.action = 'verify'
                 AND e.content_type_id =
                     (SELECT id FROM django_content_type WHERE app_label = 'applicants' AND model = 'bankaccount')
            ) AS verified ON TRUE
            LEFT JOIN LATERAL (
                SELECT max(e.id) AS id FROM agreements_paymentorderevent line
                JOIN core_event e ON e.transaction = line.pgh_context_id
                WHERE line.pgh_obj_id = o.id AND line.pgh_label = 'insert'
            ) AS placed ON TRUE
            WHERE verified.id IS NULL OR placed.id < verified.id ORDER BY o.id
        """,
        unit=Unit.TEXT,
        words={
            "before": _("verified before the order"),
            "after": _("verified after the order"),
            "never": _("never verified"),
        },
    ),
)
