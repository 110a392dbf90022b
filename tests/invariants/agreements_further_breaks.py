"""What else breaks the invariants of agreements that look at several things: a false state for each of these."""

from tests.invariants.agreements_breaks import BALANCE, GRANTED, LINE, ORDER, PAID
from tests.invariants.sabotage import breaks, breaks_too, given

# --- amounts, persons, lines ----------------------------------------------------------------------------------------

for change in (
    "ordered_amount = certified_amount + 1",
    "certified_amount = claimed_amount + 1",
    "claimed_amount = (SELECT i.amount + 1 FROM agreements_instalment i WHERE i.id = instalment_id)",
):
    breaks_too("agreements.claim-in-order", f"UPDATE agreements_paymentclaim SET {change} WHERE id = {PAID}")
breaks_too(
    "agreements.certifier-does-not-order",
    f"UPDATE agreements_paymentclaim SET submitted_by_id = certified_by_id WHERE id = {PAID}",
)
breaks_too(
    "agreements.certifier-does-not-order",
    "UPDATE agreements_paymentorder SET ordered_by_id = (SELECT app.instructor_id FROM agreements_paymentclaim c "
    "JOIN agreements_agreement a ON a.id = c.agreement_id JOIN grants_application app ON app.id = a.application_id "
    f"WHERE c.id = claim_id) WHERE claim_id = {PAID}",
)
for change in (
    "certified_amount = NULL",
    "certified_amount = -declared_amount, certified_reason = 'x'",
    "certified_amount = declared_amount + 1, certified_reason = 'x'",
    "certified_amount = declared_amount - 0.01, certified_reason = ''",
):
    breaks_too("agreements.certified-is-reviewed", f"UPDATE agreements_expenditureline SET {change} WHERE id = {LINE}")
breaks_too(
    "agreements.envelope-pays-what-it-holds",
    "UPDATE grants_envelope SET voted_amount = 1 WHERE id = (SELECT k.envelope_id FROM agreements_agreement a "
    "JOIN grants_commitment k ON k.id = a.commitment_id WHERE a.paid_amount > 0 ORDER BY a.id LIMIT 1)",
)
breaks_too(
    "agreements.order-on-verified-account",
    "UPDATE agreements_paymentorder SET state = 'ordered' WHERE id = (SELECT max(id) FROM agreements_paymentorder)",
    "UPDATE applicants_bankaccount SET state = 'superseded' "
    "WHERE id = (SELECT bank_account_id FROM agreements_paymentorder ORDER BY id DESC LIMIT 1)",
)
breaks_too(
    "agreements.order-on-verified-account",
    "UPDATE agreements_paymentorder SET bank_account_id = (SELECT min(id) FROM applicants_bankaccount "
    f"WHERE applicant_id <> agreements_paymentorder.payee_id) WHERE id = {ORDER}",
)

# --- batches --------------------------------------------------------------------------------------------------------

# Of a paid batch every order was cancelled; of another, one still waits beside one that was paid.
breaks_too(
    "agreements.batch-ended-right",
    f"UPDATE agreements_paymentorder SET state = 'cancelled' WHERE batch_id = "
    f"(SELECT o.batch_id FROM agreements_paymentorder o WHERE o.id = {ORDER})",
)
breaks_too(
    "agreements.batch-ended-right",
    "INSERT INTO agreements_paymentorder SELECT (jsonb_populate_record(o, jsonb_build_object('id', -1, 'reference', 'MAN-1', "
    f"'state', 'ordered', 'paid_on', NULL))).* FROM agreements_paymentorder AS o WHERE o.id = {ORDER}",
)
# An order on the credits of an investment that was made in January, for the year before.
breaks_too(
    "agreements.sent-within-its-year",
    "UPDATE grants_envelope SET kind = 'AP' WHERE id = (SELECT k.envelope_id FROM agreements_paymentorder o "
    "JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id "
    f"JOIN grants_commitment k ON k.id = a.commitment_id WHERE o.id = {ORDER})",
    "UPDATE agreements_paymentorder SET ordered_at = make_date((SELECT b.year + 1 FROM agreements_paymentbatch b "
    f"WHERE b.id = batch_id), 1, 15) WHERE id = {ORDER}",
)

# --- the register ---------------------------------------------------------------------------------------------------

# A grant that is not in the register, and a case that has none and stayed there.
breaks_too("agreements.register-is-grants", f"DELETE FROM applicants_deminimisaid WHERE id = {GRANTED}")
breaks_too(
    "agreements.register-is-grants",
    "UPDATE grants_application SET state = 'rejected' "
    f"WHERE number = (SELECT case_number FROM applicants_deminimisaid WHERE id = {GRANTED})",
)
breaks_too(
    "agreements.register-once-a-case",
    f"UPDATE applicants_deminimisaid SET applicant_id = (SELECT min(id) FROM applicants_applicant) WHERE id = {GRANTED}",
)
breaks_too(
    "agreements.register-once-a-case",
    "INSERT INTO applicants_deminimisaid SELECT (jsonb_populate_record(aid, jsonb_build_object('id', -1))).* "
    f"FROM applicants_deminimisaid AS aid WHERE aid.id = {GRANTED}",
)
for said in ("sector = '01.11'", "authority = 'Une autre'"):
    breaks_too("agreements.register-says-its-grant", f"UPDATE applicants_deminimisaid SET {said} WHERE id = {GRANTED}")

# --- days -----------------------------------------------------------------------------------------------------------

SIGNED = "(SELECT max(id) FROM agreements_agreement WHERE beneficiary_signed_at IS NOT NULL AND state = 'in_force')"
ENDED = "(SELECT max(id) FROM agreements_agreement WHERE ended_on IS NOT NULL AND notified_on IS NOT NULL)"
for change, which in (
    ("sent_at = decision_date - interval '2 days'", SIGNED),
    ("beneficiary_signed_at = sent_at - interval '2 days'", SIGNED),
    ("region_signed_on = decision_date - 2", SIGNED),
    ("notified_on = region_signed_on - 2", SIGNED),
    ("ended_on = notified_on - 2", ENDED),
    ("notified_on = current_date + 400", SIGNED),
):
    breaks_too("agreements.dates-in-order", f"UPDATE agreements_agreement SET {change} WHERE id = {which}")
for change in (
    "submitted_at = (SELECT a.notified_on FROM agreements_agreement a WHERE a.id = agreement_id) - interval '2 days'",
    "certified_at = submitted_at - interval '2 days'",
    "ordered_at = certified_at - interval '2 days'",
    "paid_on = (SELECT max(o.paid_on) FROM agreements_paymentorder o WHERE o.claim_id = agreements_paymentclaim.id) - 1",
):
    breaks_too("agreements.payment-days-in-order", f"UPDATE agreements_paymentclaim SET {change} WHERE id = {PAID}")
ITS_BATCH = f"(SELECT o.batch_id FROM agreements_paymentorder o WHERE o.id = {ORDER})"
ITS_ORDERED_AT = f"(SELECT o.ordered_at FROM agreements_paymentorder o WHERE o.id = {ORDER})"
breaks_too(
    "agreements.payment-days-in-order",
    f"UPDATE agreements_paymentbatch SET opened_at = '2000-01-01' WHERE id = {ITS_BATCH}",
    "UPDATE agreements_paymentorder SET ordered_at = (SELECT c.certified_at FROM agreements_paymentclaim c WHERE c.id = claim_id) "
    f"- interval '2 days' WHERE id = {ORDER}",
)
for change in (
    f"opened_at = {ITS_ORDERED_AT} + interval '2 days'",
    f"closed_at = {ITS_ORDERED_AT} - interval '2 days'",
):
    breaks_too(
        "agreements.payment-days-in-order", f"UPDATE agreements_paymentbatch SET {change} WHERE id = {ITS_BATCH}"
    )
breaks_too(
    "agreements.payment-days-in-order",
    "UPDATE agreements_paymentorder SET paid_on = (SELECT b.closed_at FROM agreements_paymentbatch b WHERE b.id = batch_id)::date - 2 "
    f"WHERE id = {ORDER}",
)
REPORT = "(SELECT max(id) FROM agreements_tranchereport WHERE state = 'accepted')"
NEXT_YEAR = (
    "(SELECT min(t.id) FROM agreements_tranche t JOIN agreements_tranche was ON was.agreement_id = t.agreement_id "
    f"AND was.rank < t.rank JOIN agreements_tranchereport r ON r.tranche_id = was.id WHERE r.id = {REPORT} AND t.released_on IS NOT NULL)"
)
for statement in (
    "UPDATE agreements_tranche SET released_on = '2000-01-01' "
    "WHERE id = (SELECT max(id) FROM agreements_tranche WHERE released_on IS NOT NULL AND rank = 1)",
    f"UPDATE agreements_tranchereport SET decided_at = current_date + 400 WHERE id = {REPORT}",
    f"UPDATE agreements_tranchereport SET decided_at = filed_at - interval '2 days' WHERE id = {REPORT}",
    "UPDATE agreements_settlement SET decided_at = decided_at + interval '400 days' "
    "WHERE id = (SELECT max(id) FROM agreements_settlement)",
):
    breaks_too("agreements.year-days-in-order", statement)

# --- ends, years, shares --------------------------------------------------------------------------------------------

for change in (
    "kept_amount = kept_amount + 1, freed_amount = freed_amount - 1",
    "granted_amount = granted_amount + 1, freed_amount = freed_amount + 1",
    "freed_amount = freed_amount + 1",
):
    breaks_too(
        "agreements.settlement-adds-up",
        f"UPDATE agreements_settlement SET {change} WHERE id = (SELECT max(id) FROM agreements_settlement)",
    )
LAST_SETTLED = "(SELECT agreement_id FROM agreements_settlement ORDER BY decided_at DESC, id DESC LIMIT 1)"
breaks_too(
    "agreements.ended-is-settled",
    f"DELETE FROM agreements_settlement WHERE agreement_id = {LAST_SETTLED}",
)
breaks_too(
    "agreements.ended-is-settled",
    f"UPDATE agreements_agreement SET ended_on = '2000-01-01' WHERE id = {LAST_SETTLED}",
    "UPDATE agreements_settlement SET target = CASE target WHEN 'terminated' THEN 'completed' ELSE 'terminated' END "
    f"WHERE agreement_id = {LAST_SETTLED}",
)
REPORTED = "(SELECT max(tranche_id) FROM agreements_tranchereport)"
breaks_too(
    "agreements.year-without-grant-asks-nothing",
    f"UPDATE agreements_tranche SET amount = 0, state = 'planned' WHERE id = {REPORTED}",
    f"UPDATE agreements_tranchereport SET state = 'filed' WHERE tranche_id = {REPORTED}",
)
breaks_too(
    "agreements.shares-add-up",
    "DELETE FROM agreements_agreementshare WHERE agreement_id = "
    "(SELECT max(agreement_id) FROM agreements_agreementshare)",
)
breaks_too(
    "agreements.shares-add-up",
    "UPDATE agreements_agreement SET payee = 'beneficiary', granted_amount = granted_amount + 1 "
    "WHERE id = (SELECT max(agreement_id) FROM agreements_agreementshare)",
)
UNILATERAL = "(SELECT max(id) FROM agreements_agreement WHERE kind <> 'agreement')"
for change in (
    "state = 'signed_by_beneficiary'",
    "confirmed_by_id = (SELECT min(id) FROM core_user)",
    "beneficiary_signed_at = now()",
    "beneficiary_signatory = 'Le maire'",
    "signed_sha256 = repeat('a', 64)",
):
    breaks_too(
        "agreements.act-of-the-region-alone", f"UPDATE agreements_agreement SET {change} WHERE id = {UNILATERAL}"
    )
SHARE = "(SELECT max(share_id) FROM agreements_paymentorder WHERE state <> 'cancelled')"
breaks_too("agreements.act-is-the-plan", f"UPDATE agreements_agreementshare SET amount = amount + 1 WHERE id = {SHARE}")
breaks_too("agreements.act-is-the-plan", f"UPDATE agreements_agreementshare SET cost = cost + 1 WHERE id = {SHARE}")
breaks_too("agreements.retention-after-payment", "DELETE FROM core_retention WHERE rule = 'eu_payment'")

# --- what is paid above what is due, and outside the days ------------------------------------------------------------

# Paid for nothing that is kept, and not said.
ITS_CLAIMS = f"(SELECT mine.agreement_id FROM agreements_paymentclaim mine WHERE mine.id = {BALANCE})"
breaks_too(
    "agreements.overpaid-is-what-exceeds",
    "UPDATE agreements_expenditureline SET certified_amount = 0.01 WHERE claim_id IN "
    f"(SELECT id FROM agreements_paymentclaim WHERE agreement_id = {ITS_CLAIMS})",
    f"UPDATE agreements_paymentclaim SET certified_amount = 0, overpaid_amount = 0 WHERE id = {BALANCE}",
)
for change in (
    "paid_on = (SELECT a.start - 1 FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id "
    "WHERE c.id = claim_id)",
    "paid_on = (SELECT c.submitted_at::date + 2 FROM agreements_paymentclaim c WHERE c.id = claim_id)",
):
    breaks_too("agreements.invoice-in-the-period", f"UPDATE agreements_expenditureline SET {change} WHERE id = {LINE}")
# An order of before the end that still waits.
breaks_too(
    "agreements.no-order-after-the-end",
    f"UPDATE agreements_paymentorder SET state = 'ordered' WHERE claim_id = {PAID}",
    "UPDATE agreements_agreement SET state = 'terminated', ended_on = current_date "
    f"WHERE id = (SELECT c.agreement_id FROM agreements_paymentclaim c WHERE c.id = {PAID})",
)
breaks_too(
    "agreements.annex-says-the-grant",
    "UPDATE agreements_agreementbudgetline SET asked_amount = asked_amount + 1000 "
    "WHERE id = (SELECT max(id) FROM agreements_agreementbudgetline WHERE financing = 'grant' AND asked_amount IS NOT NULL)",
)

# --- persons of a payment and of an act ------------------------------------------------------------------------------

STRANGER = "(SELECT max(id) FROM core_user WHERE NOT is_staff)"
THIRD = "(SELECT min(id) FROM core_user WHERE NOT is_staff)"
OF_ORDER = (
    f"agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE o.id = {ORDER} ORDER BY o.id"
)
OF_REPORT = f"agreements_tranchereport r WHERE r.id = {REPORT} ORDER BY r.id"
# Each step of two persons that a figure looks at: what is written first, who came first with which role, when, who followed.
STEPS = (
    (
        "agreements.confirmed-by-their-own-hands", "agreements.paid-by-known-persons", OF_ORDER,
        f"UPDATE agreements_paymentorder SET confirmed_by_id = {STRANGER} WHERE id = {ORDER}",
        ("o.ordered_by_id", "finance_officer"), "o.ordered_at", (STRANGER, "finance_officer"),
    ),
    (
        "agreements.confirmed-by-their-own-hands", "agreements.paid-by-known-persons", OF_ORDER,
        f"UPDATE agreements_paymentbatch SET closed_by_id = NULL WHERE id = {ITS_BATCH}",
        ("c.certified_by_id", "instructor"), "c.certified_at", ("o.ordered_by_id", "finance_officer"),
    ),
    (
        "agreements.confirmed-by-their-own-hands", "agreements.paid-by-known-persons", OF_ORDER,
        f"UPDATE agreements_paymentbatch SET closed_by_id = {STRANGER} WHERE id = {ITS_BATCH}",
        ("c.certified_by_id", "instructor"), "c.certified_at", (STRANGER, "finance_officer"),
    ),
    (
        "agreements.confirmed-by-their-own-hands", "agreements.paid-by-known-persons", OF_ORDER,
        f"UPDATE agreements_paymentclaim SET submitted_by_id = {STRANGER} "
        f"WHERE id = (SELECT o.claim_id FROM agreements_paymentorder o WHERE o.id = {ORDER})",
        (STRANGER, "instructor"), "c.submitted_at", ("c.certified_by_id", "instructor"),
    ),
    (
        "agreements.signed-by-their-own-hands", "agreements.signed-by-known-persons", OF_REPORT,
        f"UPDATE agreements_tranchereport SET filed_by_id = {STRANGER} WHERE id = {REPORT}",
        (STRANGER, "instructor"), "r.filed_at", ("r.decided_by_id", "head_of_service"),
    ),
)  # fmt: skip
for in_hand, of_one, rows, written, (first, first_role), at, (second, second_role) in STEPS:
    breaks_too(in_hand, written, given(second_role, at, first, second, rows))
    breaks_too(of_one, written, given(first_role, at, THIRD, first, rows), given(second_role, at, THIRD, second, rows))

# --- who acts for the body -------------------------------------------------------------------------------------------

MEMBER = "(SELECT min(m.user_id) FROM applicants_membership m WHERE m.applicant_id = a.beneficiary_id)"
for table, column, row in (
    ("agreements_agreement", "drafted_by_id", "a.id"),
    ("agreements_agreement", "entered_by_id", "a.id"),
    ("agreements_paymentclaim", "certified_by_id", PAID),
    (
        "agreements_paymentorder",
        "ordered_by_id",
        f"(SELECT min(o.id) FROM agreements_paymentorder o WHERE o.claim_id = {PAID})",
    ),
    (
        "agreements_paymentorder",
        "confirmed_by_id",
        f"(SELECT min(o.id) FROM agreements_paymentorder o WHERE o.claim_id = {PAID})",
    ),
    (
        "agreements_settlement",
        "decided_by_id",
        "(SELECT s.id FROM agreements_settlement s WHERE s.agreement_id = a.id)",
    ),
):
    of = (
        "(SELECT max(agreement_id) FROM agreements_settlement)"
        if table == "agreements_settlement"
        else f"(SELECT c.agreement_id FROM agreements_paymentclaim c WHERE c.id = {PAID})"
    )
    breaks_too(
        "agreements.paid-impartially",
        f"UPDATE {table} AS act SET {column} = {MEMBER} FROM agreements_agreement a WHERE a.id = {of} AND act.id = {row}",
    )

# --- what is given up, left, cancelled -------------------------------------------------------------------------------

breaks_too(
    "agreements.certifier-does-not-order",
    f"UPDATE agreements_paymentclaim SET ordered_by_id = certified_by_id WHERE id = {PAID}",
)
TO_A_PERSON = "(SELECT max(id) FROM agreements_paymentorder WHERE share_id IS NOT NULL AND state = 'paid')"
ITS_CLAIM = f"(SELECT o.claim_id FROM agreements_paymentorder o WHERE o.id = {TO_A_PERSON})"
GIVEN_UP = (
    "INSERT INTO agreements_givenuppart (claim_id, share_id, amount, reason, decided_at, decided_by_id) SELECT o.claim_id, o.share_id, "
    f"{{amount}}, 'x', now(), o.ordered_by_id FROM agreements_paymentorder o WHERE o.id = {TO_A_PERSON}"
)
breaks_too(
    "agreements.given-up-is-its-parts",
    GIVEN_UP.format(amount="1"),
    f"UPDATE agreements_paymentclaim SET given_up_amount = given_up_amount + 1 WHERE id = {ITS_CLAIM}",
)
# What was ordered for one person is not ordered any more, and this person gave one cent up: nobody waits for the rest.
breaks_too(
    "agreements.rest-is-somebodys",
    GIVEN_UP.format(amount="0.01"),
    "UPDATE agreements_paymentclaim AS c SET state = 'certified', given_up_amount = c.given_up_amount + 0.01, "
    f"ordered_amount = c.ordered_amount - o.amount FROM agreements_paymentorder o WHERE o.id = {TO_A_PERSON} AND c.id = o.claim_id",
    f"UPDATE agreements_paymentorder SET state = 'cancelled' WHERE id = {TO_A_PERSON}",
)
# An order that was cancelled after its batch was sent still counts in the total with which it was closed.
breaks_too(
    "agreements.batch-is-its-orders",
    "UPDATE agreements_paymentbatch AS b SET closed_total = b.closed_total - o.amount FROM agreements_paymentorder o "
    f"WHERE o.id = {ORDER} AND b.id = o.batch_id",
    "UPDATE core_event SET to_state = 'cancelled' WHERE id = (SELECT max(e.id) FROM core_event e JOIN django_content_type t "
    "ON t.id = e.content_type_id WHERE t.app_label = 'agreements' AND t.model = 'paymentorder' "
    f"AND e.to_state = 'paid' AND e.object_id = {ORDER})",
    f"UPDATE agreements_paymentorder SET state = 'cancelled' WHERE id = {ORDER}",
)
for change in (
    "siret = NULL, in_formation = FALSE, is_association = FALSE, legal_category_id = NULL",
    "siret = NULL, in_formation = FALSE, is_association = TRUE, legal_category_id = (SELECT code FROM applicants_legalcategory "
    "WHERE family <> 'association' ORDER BY code LIMIT 1)",
):
    breaks_too(
        "agreements.filed-once-registered",
        f"UPDATE applicants_applicant SET {change} WHERE kind = 'legal' AND id = (SELECT a.beneficiary_id "
        f"FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = {PAID})",
    )

# --- the accounts that were retained ---------------------------------------------------------------------------------

breaks(
    "agreements.kept-of-what-is-retained",
    "UPDATE agreements_agreementbudgetline AS b SET eligible_amount = 0 FROM agreements_expenditureline l "
    "JOIN agreements_paymentclaim c ON c.id = l.claim_id WHERE l.id = (SELECT max(id) FROM agreements_expenditureline "
    "WHERE certified_amount > 0) AND b.agreement_id = c.agreement_id AND b.side = 'charge' AND b.account_code = l.account_code",
)
