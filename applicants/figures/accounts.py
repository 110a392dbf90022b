"""Bank accounts: one at most is paid, verified by another person than who entered it."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models import Applicant, BankAccount
from applicants.models.applicant import DISPLAY_NAME
from applicants.models.known_numbers import on_file
from core.engine.erasure import NO_IBAN
from core.figures.invariants import ANOTHER, Invariant, Severity, Unit, register
from core.figures.taken_accounts import in_one_hand, of_one_maker

FRAUD = _("Practice against fraud on bank details: two persons, a dated proof, a call to a number known before.")

ENTERS = "ARRAY['applicant', 'instructor']"
VOUCHES = "ARRAY['instructor', 'finance_officer']"
VERIFIES = "ARRAY['finance_officer']"
STEPS = f"""
    SELECT b.id, b.holder_name AS label, b.entered_by_id AS first, b.entered_at AS first_at, {ENTERS} AS first_roles,
           b.verified_by_id AS second, b.verified_at AS second_at, {VERIFIES} AS second_roles
    FROM applicants_bankaccount b WHERE b.verified_by_id IS NOT NULL
    UNION ALL
    SELECT b.id, b.holder_name, b.entered_by_id, b.entered_at, {ENTERS}, b.vouched_by_id, b.vouched_at, {VOUCHES}
    FROM applicants_bankaccount b WHERE b.vouched_by_id IS NOT NULL
    UNION ALL
    SELECT b.id, b.holder_name, b.vouched_by_id, b.vouched_at, {VOUCHES}, b.verified_by_id, b.verified_at, {VERIFIES}
    FROM applicants_bankaccount b WHERE b.vouched_by_id IS NOT NULL AND b.verified_by_id IS NOT NULL
"""  # noqa: S608 - names of roles
# Of a call ``c`` about an account ``b``, whose minute is noted. Calls of before do not know the days that were asked then.
NUMBER_WAS_ON_FILE = on_file("c.phone", "b.applicant_id", "(b.entered_at - make_interval(hours => 24 * c.known_days))")
# What the law had erased, of the call or of those who were on file, tells no number any more, and accuses nobody.
NUMBER_WAS_ERASED = """EXISTS (
    SELECT 1 FROM core_erasure e
    WHERE (e."table" = 'applicants_callback' AND e.row = c.id::text)
       OR (e."table" = 'applicants_applicant' AND e.row = b.applicant_id::text)
       OR (e."table" = 'core_user' AND e.row IN (
           SELECT m.user_id::text FROM applicants_membershipevent m WHERE m.applicant_id = b.applicant_id)))"""

register(
    Invariant(
        code="applicants.one-account-is-paid",
        name=_("Account of an applicant"),
        sentence=_("An applicant has at most one verified bank account."),
        source=FRAUD,
        subject=Applicant,
        sql=f"""
            SELECT a.id, {DISPLAY_NAME.format("a")} AS label, 1 AS expected, count(b.id) AS found
            FROM applicants_applicant a JOIN applicants_bankaccount b ON b.applicant_id = a.id AND b.state = 'verified'
            GROUP BY a.id HAVING count(b.id) > 1 ORDER BY a.id
        """,  # noqa: S608 - a constant
        unit=Unit.NUMBER,
        counted=_("verified accounts"),
        relation="≤",
    ),
    Invariant(
        code="applicants.account-verified-by-another",
        name=_("Verification of an account"),
        sentence=_("A verified account was verified by another person than who entered it, with a dated proof."),
        source=_("Rule 4 of the domain: who enters does not verify."),
        subject=BankAccount,
        sql="""
            SELECT b.id, b.holder_name AS label,
                   CASE WHEN b.verified_by_id IS NULL OR b.verified_by_id = b.entered_by_id THEN 'another'
                        WHEN b.proof_dated IS NULL THEN 'proof' ELSE 'after' END AS expected,
                   CASE WHEN b.verified_by_id IS NULL THEN 'nobody' WHEN b.verified_by_id = b.entered_by_id THEN u.email
                        WHEN b.proof_dated IS NULL THEN 'undated' ELSE 'before' END AS found
            FROM applicants_bankaccount b LEFT JOIN core_user u ON u.id = b.verified_by_id
            WHERE b.state = 'verified' AND (b.verified_by_id IS NULL OR b.verified_by_id = b.entered_by_id
                                            OR b.proof_dated IS NULL OR b.verified_at < b.entered_at) ORDER BY b.id
        """,
        unit=Unit.TEXT,
        words={
            **ANOTHER,
            "proof": _("a dated proof"),
            "undated": _("no dated proof"),
            "after": _("a verification after the entry"),
            "before": _("a verification before the entry"),
        },
    ),
    in_one_hand(
        STEPS,
        code="applicants.verified-by-their-own-hands",
        name=_("Two persons for a bank account"),
        sentence=_(
            "Of the persons who entered, vouched for and verified a bank account, none had made the account of Essor of "
            "another, changed its address or password or given it the role used shortly before; nor had a third person "
            "changed the addresses or passwords of two. An independent administrator who confirmed the person answers for it."
        ),
        source=_("Rule 4 of the domain: who enters does not verify."),
        subject=BankAccount,
    ),
    of_one_maker(
        STEPS,
        code="applicants.verified-by-known-persons",
        name=_("Two known persons for a bank account"),
        sentence=_(
            "Nobody entered, vouched for or verified a bank account after another whose account or role the same "
            "administrator, or one whom they had made, had made or given shortly before, unless an independent administrator "
            "confirmed one of the two persons, before or since."
        ),
        source=_("Rule 4 of the domain: who enters does not verify."),
        subject=BankAccount,
    ),
    Invariant(
        code="applicants.changed-account-was-called",
        name=_("Call before a changed account"),
        sentence=_(
            "A verified account that replaced another was checked by a call, or by another proof that a third person "
            "gave, dated between entry and verification; the number called was on file before the change by the days asked "
            "then."
        ),
        source=FRAUD,
        subject=BankAccount,
        sql=f"""
            SELECT b.id, b.holder_name AS label, 1 AS expected, count(c.id) AS found
            FROM applicants_bankaccount b LEFT JOIN applicants_callback c ON c.bank_account_id = b.id
                AND c.called_at > b.entered_at - interval '1 minute' AND c.called_at <= b.verified_at
                AND (c.known_days IS NULL OR {NUMBER_WAS_ON_FILE} OR {NUMBER_WAS_ERASED})
            WHERE b.state = 'verified' AND b.is_change AND NOT coalesce(
                b.other_proof_id IS NOT NULL AND b.vouched_by_id NOT IN (b.entered_by_id, b.verified_by_id)
                AND b.vouched_at BETWEEN b.entered_at AND b.verified_at, FALSE)
            GROUP BY b.id HAVING count(c.id) = 0 ORDER BY b.id
        """,  # noqa: S608 - constants
        unit=Unit.NUMBER,
        counted=pgettext_lazy("telephone", "calls"),
        relation="≥",
        severity=Severity.MONEY,
    ),
    Invariant(
        code="applicants.change-is-told-as-one",
        name=_("Change of an account"),
        sentence=_(
            "An account that waits or is paid counts as a change where another person had entered one for its applicant before."
        ),
        source=FRAUD,
        subject=BankAccount,
        sql="""
            SELECT b.id, b.holder_name AS label, 'change' AS expected, 'first' AS found
            FROM applicants_bankaccount b
            WHERE b.state IN ('entered', 'verified') AND NOT b.is_change AND EXISTS (
                SELECT 1 FROM applicants_bankaccount other WHERE other.applicant_id = b.applicant_id AND other.id < b.id
                   AND other.entered_by_id <> b.entered_by_id) ORDER BY b.id
        """,
        unit=Unit.TEXT,
        words={"change": _("a change of account"), "first": _("a first account")},
        severity=Severity.MONEY,
    ),
    Invariant(
        code="applicants.erased-account-is-not-used",
        name=_("Accounts erased by law"),
        sentence=_("An account that the law had erased is neither verified nor waits to be: nothing is paid on it."),
        source=_("GDPR, Article 17: what was erased is not used any more."),
        subject=BankAccount,
        sql=f"""
            SELECT b.id, {DISPLAY_NAME.format("a")} AS label, 'erased' AS expected, b.state AS found
            FROM applicants_bankaccount b JOIN applicants_applicant a ON a.id = b.applicant_id
            WHERE b.state IN ('entered', 'verified') AND (
                starts_with(b.iban, '{NO_IBAN}')
                OR EXISTS (SELECT 1 FROM core_erasure e WHERE e."table" = 'applicants_bankaccount' AND e.row = b.id::text))
            ORDER BY b.id
        """,  # noqa: S608 - a constant
        unit=Unit.TEXT,
        words={
            "erased": _("erased by law, not used"),
            "entered": pgettext_lazy("bank account", "to be verified"),
            "verified": pgettext_lazy("bank account", "verified"),
        },
        severity=Severity.MONEY,
    ),
    Invariant(
        code="applicants.iban-has-its-key",
        name=_("Key of an IBAN"),
        sentence=_("The IBAN of each account has the key that its other characters give."),
        source=_("ISO 13616: the check digits of an IBAN, modulo 97."),
        subject=BankAccount,
        sql="""
            SELECT b.id, b.holder_name AS label, 'key' AS expected, 'other' AS found FROM applicants_bankaccount b
            CROSS JOIN LATERAL (
                SELECT string_agg(CASE WHEN part.sign ~ '[0-9]' THEN part.sign ELSE (ascii(part.sign) - 55)::text END, ''
                                  ORDER BY part.place) AS digits
                FROM regexp_split_to_table(substr(b.iban, 5) || left(b.iban, 4), '') WITH ORDINALITY AS part (sign, place)
            ) AS written
            WHERE NOT starts_with(b.iban, %(erased)s)
              AND CASE WHEN b.iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' THEN mod(written.digits::numeric, 97) <> 1 ELSE TRUE END
            ORDER BY b.id
        """,
        parameters=lambda: {"erased": NO_IBAN},
        unit=Unit.TEXT,
        words={"key": _("the key of its characters"), "other": _("another key")},
    ),
)
