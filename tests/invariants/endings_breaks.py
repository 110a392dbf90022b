"""What breaks the invariants of what an end, a reason and an order of an agreement settle."""

from tests.invariants.agreements_breaks import LINE, PAID
from tests.invariants.sabotage import breaks, breaks_too

OF_THE_ENDED = "FROM agreements_paymentclaim c JOIN agreements_settlement s ON s.agreement_id = c.agreement_id WHERE c.state = 'paid'"
LAST_OF_THE_ENDED = f"(SELECT max(c.id) {OF_THE_ENDED})"
# What no end of the Region kept: a claim that goes on while it is being written, with no day to file it.
KEPT_DRAFT = (
    "INSERT INTO agreements_settlementline (settlement_id, claim_id, claim_state, outcome, amount) "
    f"SELECT s.id, c.id, 'draft', 'pay', c.claimed_amount {OF_THE_ENDED} ORDER BY c.id DESC LIMIT 1",
    f"UPDATE agreements_paymentclaim SET state = 'draft', answer_due_on = NULL WHERE id = {LAST_OF_THE_ENDED}",
)
breaks_too("agreements.given-back-with-a-day", *KEPT_DRAFT)
# An end that was told long before what was paid: which of the two came first, the events say.
ENDED_BEFORE = (
    "UPDATE core_event SET created_at = '2000-01-01' WHERE to_state = 'completed' AND content_type_id = "
    "(SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'agreement') "
    f"AND object_id = (SELECT agreement_id FROM agreements_paymentclaim WHERE id = {LAST_OF_THE_ENDED})"
)
breaks_too("agreements.no-order-after-the-end", ENDED_BEFORE)
breaks_too(
    "agreements.no-order-after-the-end",
    f"UPDATE agreements_paymentorder SET state = 'ordered', paid_on = NULL WHERE claim_id = {LAST_OF_THE_ENDED}",
)
breaks(
    "agreements.end-settles-every-claim",
    f"UPDATE agreements_paymentclaim SET state = 'draft' WHERE id = {LAST_OF_THE_ENDED}",
)
breaks_too("agreements.end-settles-every-claim", ENDED_BEFORE)
# A hidden field cancelled the only order of a claim, which stayed ordered for ever.
breaks(
    "agreements.order-stands-on-its-claim",
    f"UPDATE agreements_paymentorder SET state = 'cancelled', cancel_reason = 'x', paid_on = NULL WHERE claim_id = {PAID}",
    f"UPDATE agreements_paymentclaim SET state = 'ordered', ordered_amount = 0, paid_amount = 0, paid_on = NULL WHERE id = {PAID}",
)
breaks_too(
    "agreements.order-stands-on-its-claim",
    f"UPDATE agreements_paymentclaim SET state = 'certified' WHERE id = {PAID}",
)
# 30,000 of 180,000 were paid, and the agreement was completed by one click.
breaks(
    "agreements.given-up-for-a-reason",
    "UPDATE agreements_settlement SET freed_amount = granted_amount - paid_amount + 1, reason = ' ' "
    "WHERE id = (SELECT max(id) FROM agreements_settlement WHERE target = 'completed')",
)
breaks_too(
    "agreements.given-up-for-a-reason",
    f"INSERT INTO agreements_givenuppart (claim_id, amount, reason, decided_at) VALUES ({PAID}, 1, '', now())",
)
breaks_too(
    "agreements.given-up-for-a-reason",
    "UPDATE grants_commitment SET released_amount = 1, release_reason = '' "
    "WHERE id = (SELECT max(commitment_id) FROM agreements_agreement WHERE state = 'in_force')",
)
breaks(
    "agreements.year-opened-on-something",
    "UPDATE agreements_tranchereport SET spent_amount = 0, decision_comment = '' "
    "WHERE id = (SELECT max(id) FROM agreements_tranchereport WHERE state = 'accepted')",
)
breaks_too(
    "agreements.invoice-in-the-period",
    'UPDATE agreements_expenditureline SET paid_on = (SELECT greatest(a."end", a.claim_deadline, a.report_due_on) + 1 '
    "FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = claim_id) "
    f"WHERE id = {LINE}",
    "UPDATE agreements_paymentclaim SET submitted_at = '2099-01-01' "
    f"WHERE id = (SELECT claim_id FROM agreements_expenditureline WHERE id = {LINE})",
)

# What an end says of what it found and decided, changed with all that would betray it in the row itself.
OF_AN_END = "(SELECT max(id) FROM agreements_settlement)"
CLAIM_KIND = "(SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentclaim')"


def named(outcome: str, amount: str) -> str:
    """A line of the settlement about a claim that was certified, and paid since."""
    return (
        "INSERT INTO agreements_settlementline (settlement_id, claim_id, claim_state, outcome, amount) "
        f"SELECT s.id, c.id, 'certified', '{outcome}', {amount} {OF_THE_ENDED} ORDER BY c.id DESC LIMIT 1"
    )


breaks(
    "agreements.settlement-says-what-was-paid",
    "UPDATE agreements_settlement SET paid_amount = paid_amount + 100, freed_amount = freed_amount - 100 "
    f"WHERE id = {OF_AN_END}",
)
breaks("agreements.settlement-keeps-what-was-certified", named("pay", "c.certified_amount - 1"))
# Certified later than the end: what is ordered of it since was kept.
END_CAME_FIRST = (
    "UPDATE core_event SET id = -id WHERE from_state = 'in_force' AND to_state = 'completed' "
    f"AND object_id = (SELECT agreement_id FROM agreements_paymentclaim WHERE id = {LAST_OF_THE_ENDED})"
)
breaks_too("agreements.settlement-keeps-what-was-certified", named("pay", "c.ordered_amount - 1"), END_CAME_FIRST)
breaks("agreements.settlement-decides-as-told", named("refuse", "0"))


def told(change: str) -> str:
    """The event of the payment of that claim says something else."""
    return (
        f"UPDATE core_event SET {change} WHERE to_state = 'paid' AND content_type_id = {CLAIM_KIND} "
        f"AND object_id = {LAST_OF_THE_ENDED}"
    )


KEPT = named("pay", "c.certified_amount")
breaks_too("agreements.settlement-decides-as-told", KEPT, told("action = 'refuse_at_end', from_state = 'ordered'"))
breaks_too("agreements.settlement-decides-as-told", KEPT, told("action = 'give_up_at_end', from_state = 'certified'"))
breaks_too(
    "agreements.settlement-decides-as-told",
    named("refuse", "0"),
    told("action = 'give_up_at_end', from_state = 'ordered'"),
)
breaks_too(
    "agreements.settlement-decides-as-told",
    END_CAME_FIRST,
    told("to_state = 'rejected'"),
    f"UPDATE agreements_paymentclaim SET state = 'rejected' WHERE id = {LAST_OF_THE_ENDED}",
)
breaks(
    "agreements.settlement-of-its-end",
    "UPDATE agreements_settlement SET decided_by_id = (SELECT min(u.id) FROM core_user u WHERE u.id <> decided_by_id) "
    f"WHERE id = {OF_AN_END}",
)
breaks_too(
    "agreements.settlement-of-its-end", f"UPDATE agreements_settlement SET reason = 'autre' WHERE id = {OF_AN_END}"
)
breaks_too(
    "agreements.settlement-of-its-end",
    f"UPDATE agreements_settlement SET decided_at = decided_at - interval '20 days' WHERE id = {OF_AN_END}",
)
breaks(
    "agreements.given-up-as-told",
    f"INSERT INTO agreements_givenuppart (claim_id, amount, reason, decided_at) VALUES ({PAID}, 1, 'autre', now())",
)
breaks(
    "agreements.payment-steps-as-told",
    "UPDATE agreements_paymentbatch SET closed_by_id = (SELECT min(u.id) FROM core_user u WHERE u.id <> closed_by_id) "
    "WHERE id = (SELECT max(id) FROM agreements_paymentbatch WHERE closed_by_id IS NOT NULL)",
)
breaks_too(
    "agreements.payment-steps-as-told",
    "UPDATE agreements_paymentorder SET confirmed_by_id = (SELECT min(u.id) FROM core_user u WHERE u.id <> confirmed_by_id) "
    "WHERE id = (SELECT max(id) FROM agreements_paymentorder WHERE state = 'paid')",
)

# --- days, amounts and accounts as they were told -------------------------------------------------------------------

breaks(
    "agreements.paid-with-its-last-order",
    "UPDATE agreements_paymentclaim SET paid_on = paid_on + 1 WHERE id = (SELECT max(id) FROM "
    "agreements_paymentclaim WHERE state = 'paid' AND paid_on IS NOT NULL)",
)
breaks(
    "agreements.ended-on-a-day",
    "UPDATE agreements_agreement SET ended_on = NULL WHERE id = (SELECT max(id) FROM agreements_agreement "
    "WHERE state = 'completed')",
)
breaks_too(
    "agreements.ended-on-a-day",
    "UPDATE agreements_agreement SET ended_on = CURRENT_DATE WHERE id = (SELECT max(id) FROM "
    "agreements_agreement WHERE state = 'in_force')",
)
breaks(
    "agreements.report-amount-as-filed",
    "UPDATE agreements_tranchereport SET spent_amount = spent_amount - 1 WHERE id = (SELECT max(id) FROM "
    "agreements_tranchereport WHERE state = 'accepted')",
)
breaks(
    "agreements.account-verified-first",
    "UPDATE agreements_paymentorder SET bank_account_id = (SELECT max(id) FROM applicants_bankaccount "
    "WHERE verified_at IS NULL) WHERE id = (SELECT id FROM agreements_paymentorder ORDER BY id DESC LIMIT "
    "1)",
)
# Its transaction told of things before any account was verified.
breaks_too(
    "agreements.account-verified-first",
    "UPDATE agreements_paymentorderevent SET pgh_context_id = '00000000-0000-4000-8000-000000000001' WHERE pgh_label = 'insert' "
    "AND pgh_obj_id = (SELECT min(id) FROM agreements_paymentorder)",
    "UPDATE core_event SET transaction = '00000000-0000-4000-8000-000000000001' WHERE id = (SELECT min(id) FROM core_event)",
)
