"""Certified by one, ordered by another, confirmed by a third: and none of them had the account of the next in hand."""

from django.utils.translation import gettext_lazy as _

from agreements.models import PaymentClaim
from core.figures.invariants import ANOTHER, Invariant, Unit, register
from core.figures.taken_accounts import held_days, steps_in_one_hand

STEPS = """
    SELECT c.id, c.number || ' · ' || o.reference AS label, o.ordered_by_id AS first, o.ordered_at AS first_at,
           o.confirmed_by_id AS second, (SELECT min(line.pgh_created_at) FROM agreements_paymentorderevent line
                                          WHERE line.pgh_obj_id = o.id AND line.state = 'paid') AS second_at
    FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE o.confirmed_by_id IS NOT NULL
    UNION ALL
    SELECT c.id, c.number || ' · ' || o.reference, c.certified_by_id, c.certified_at, o.ordered_by_id, o.ordered_at
    FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE c.certified_by_id IS NOT NULL
    UNION ALL
    SELECT c.id, c.number, c.submitted_by_id, c.submitted_at, c.certified_by_id, c.certified_at
    FROM agreements_paymentclaim c WHERE c.certified_by_id IS NOT NULL
"""

register(
    Invariant(
        code="agreements.confirmed-by-their-own-hands",
        name=_("Two persons for a payment"),
        sentence=_(
            "Nobody certified, ordered or confirmed a payment with an account whose address, password or role the person of "
            "the step before had changed or given shortly before, or that had one hand in common with theirs."
        ),
        source=_("Rule 4 of the domain: what one person does, another one checks; there must be both."),
        subject=PaymentClaim,
        sql=steps_in_one_hand(STEPS),
        parameters=held_days,
        unit=Unit.TEXT,
        words=ANOTHER,
        relation="",
    ),
)
