"""Certified by one, ordered and recorded as paid by others: and none of them had the account of the next in hand.

One finance officer may order a payment, close its batch and record it: those are steps of one person where they are.
"""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentClaim
from core.figures.invariants import register
from core.figures.taken_accounts import in_one_hand, of_one_maker

SOURCE = _("Rule 4 of the domain: what one person does, another one checks; there must be both.")
FILES = "ARRAY['applicant', 'instructor']"
REVIEWS = "ARRAY['instructor']"
PAYS = "ARRAY['finance_officer']"
DRAFTS = "ARRAY['instructor', 'head_of_service']"
SIGNS = "ARRAY['head_of_service', 'finance_officer']"

OF_PAYMENTS = f"""
    SELECT c.id, c.number || ' · ' || o.reference AS label, o.ordered_by_id AS first, o.ordered_at AS first_at,
           {PAYS} AS first_roles, o.confirmed_by_id AS second,
           (SELECT min(line.pgh_created_at) FROM agreements_paymentorderevent line
            WHERE line.pgh_obj_id = o.id AND line.state = 'paid') AS second_at, {PAYS} AS second_roles
    FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE o.confirmed_by_id IS NOT NULL
    UNION ALL
    SELECT c.id, c.number || ' · ' || o.reference, c.certified_by_id, c.certified_at, {REVIEWS}, o.ordered_by_id, o.ordered_at,
           {PAYS}
    FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE c.certified_by_id IS NOT NULL
    UNION ALL
    SELECT c.id, c.number || ' · ' || b.number, c.certified_by_id, c.certified_at, {REVIEWS}, b.closed_by_id, b.closed_at,
           {PAYS}
    FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id
    JOIN agreements_paymentbatch b ON b.id = o.batch_id
    WHERE c.certified_by_id IS NOT NULL AND b.closed_by_id IS NOT NULL AND o.state <> 'cancelled'
    UNION ALL
    SELECT c.id, c.number, c.submitted_by_id, c.submitted_at, {FILES}, c.certified_by_id, c.certified_at, {REVIEWS}
    FROM agreements_paymentclaim c WHERE c.certified_by_id IS NOT NULL
"""  # noqa: S608 - names of roles
OF_ACTS = f"""
    SELECT a.id, a.number AS label, a.drafted_by_id AS first, a.created_at AS first_at, {DRAFTS} AS first_roles,
           a.entered_by_id AS second, (SELECT min(line.pgh_created_at) FROM agreements_agreementevent line
                                       WHERE line.pgh_obj_id = a.id AND line.entered_by_id IS NOT NULL) AS second_at,
           {SIGNS} AS second_roles
    FROM agreements_agreement a WHERE a.entered_by_id IS NOT NULL
    UNION ALL
    SELECT t.agreement_id, a.number, r.filed_by_id, r.filed_at, {FILES}, r.decided_by_id, r.decided_at, {DRAFTS}
    FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
    JOIN agreements_agreement a ON a.id = t.agreement_id WHERE r.decided_by_id IS NOT NULL
"""  # noqa: S608 - names of roles

register(
    in_one_hand(
        OF_PAYMENTS,
        code="agreements.confirmed-by-their-own-hands",
        name=_("Two persons for a payment"),
        sentence=_(
            "Where two persons filed, certified, ordered, sent or recorded a payment one after the other, neither had made the "
            "account of the other, changed its address or password or given it the role used shortly before; nor had a third "
            "person changed the addresses or passwords of both. An independent administrator who confirmed the person answers "
            "for it."
        ),
        source=SOURCE,
        subject=PaymentClaim,
    ),
    of_one_maker(
        OF_PAYMENTS,
        code="agreements.paid-by-known-persons",
        name=_("Two known persons for a payment"),
        sentence=_(
            "Where two persons filed, certified, ordered, sent or recorded a payment one after the other, the same "
            "administrator, or one whom they had made, had not made or given the accounts or roles of both shortly before, "
            "unless an independent administrator confirmed one of the two persons, before or since."
        ),
        source=SOURCE,
        subject=PaymentClaim,
    ),
    in_one_hand(
        OF_ACTS,
        code="agreements.signed-by-their-own-hands",
        name=_("Two persons for an agreement"),
        sentence=_(
            "Who put an agreement in force, or decided on a report, is not in one hand with who wrote or filed it: neither had "
            "made the account of the other, changed its address or password or given it the role used shortly before, unless "
            "an independent administrator confirmed the person."
        ),
        source=SOURCE,
        subject=Agreement,
    ),
    of_one_maker(
        OF_ACTS,
        code="agreements.signed-by-known-persons",
        name=_("Two known persons for an agreement"),
        sentence=_(
            "Where one person wrote an agreement or filed a report, and another put it in force or decided on it, the same "
            "administrator, or one whom they had made, had not made or given the accounts or roles of both shortly before, "
            "unless an independent administrator confirmed one of the two persons, before or since."
        ),
        source=SOURCE,
        subject=Agreement,
    ),
)
