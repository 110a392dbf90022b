"""What breaks the invariants of agreements."""

from tests.invariants.sabotage import breaks, breaks_too, in_one_hand, of_one_maker

# --- the schedule ---------------------------------------------------------------------------------------------------

breaks(
    "agreements.granted-is-voted",
    "UPDATE agreements_agreement SET granted_amount = granted_amount + 1 "
    "WHERE id = (SELECT max(id) FROM agreements_agreement WHERE state = 'in_force')",
)
breaks(
    "agreements.tranches-add-up",
    "UPDATE agreements_tranche SET amount = amount - 0.01 WHERE id = (SELECT max(id) FROM agreements_tranche)",
)
breaks(
    "agreements.instalments-add-up",
    "DELETE FROM agreements_instalment WHERE id = (SELECT max(i.id) FROM agreements_instalment i "
    "WHERE NOT EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.instalment_id = i.id))",
)
breaks(
    "agreements.instalments-of-a-tranche",
    "UPDATE agreements_instalment SET amount = amount + 1 "
    "WHERE id = (SELECT max(id) FROM agreements_instalment WHERE tranche_id IS NOT NULL)",
)
breaks(
    "agreements.shares-add-up",
    "UPDATE agreements_agreementshare SET amount = amount - 1 WHERE id = (SELECT max(id) FROM agreements_agreementshare)",
)
breaks(
    "agreements.share-is-granted",
    "UPDATE grants_personline SET granted_amount = granted_amount - 1 WHERE application_id = "
    "(SELECT a.application_id FROM agreements_agreementshare s JOIN agreements_agreement a ON a.id = s.agreement_id "
    "WHERE a.state = 'in_force' ORDER BY s.id DESC LIMIT 1)",
)
breaks(
    "agreements.committed-in-force",
    "UPDATE grants_commitment SET released_amount = 1, release_reason = 'x' "
    "WHERE id = (SELECT max(commitment_id) FROM agreements_agreement WHERE state = 'in_force')",
)
breaks(
    "agreements.tranche-after-report",
    "UPDATE agreements_tranche SET state = 'released', released_on = now() "
    "WHERE id = (SELECT max(id) FROM agreements_tranche WHERE rank = 3)",
)

breaks(
    "agreements.annex-says-the-grant",
    "UPDATE agreements_agreementbudgetline SET amount = asked_amount + 1 "
    "WHERE id = (SELECT max(l.id) FROM agreements_agreementbudgetline l JOIN agreements_agreement a ON a.id = l.agreement_id "
    "WHERE l.financing = 'grant' AND a.state = 'in_force')",
)

# --- kept totals ----------------------------------------------------------------------------------------------------

for code, table, column in (
    ("agreements.declared-is-the-lines", "agreements_paymentclaim", "declared_total"),
    ("agreements.certified-is-the-lines", "agreements_paymentclaim", "certified_total"),
    ("agreements.ordered-is-the-orders", "agreements_paymentclaim", "ordered_amount"),
    ("agreements.paid-is-the-orders", "agreements_paymentclaim", "paid_amount"),
    ("agreements.agreement-ordered-is-its-claims", "agreements_agreement", "ordered_amount"),
    ("agreements.agreement-paid-is-its-claims", "agreements_agreement", "paid_amount"),
    ("agreements.tranche-ordered-is-its-claims", "agreements_tranche", "ordered_amount"),
):
    newest = f"SELECT max(id) FROM {table} WHERE {column} > 0"
    breaks(code, f"UPDATE {table} SET {column} = {column} + 0.01 WHERE id = ({newest})")
breaks(
    "agreements.batch-is-its-orders",
    "UPDATE agreements_paymentbatch SET closed_total = closed_total + 1 "
    "WHERE id = (SELECT max(id) FROM agreements_paymentbatch WHERE state <> 'open')",
)

breaks(
    "agreements.dates-in-order",
    "UPDATE agreements_agreement SET region_signed_on = '1900-02-01', notified_on = '1900-02-01' "
    "WHERE id = (SELECT max(id) FROM agreements_agreement WHERE notified_on IS NOT NULL)",
)

# --- payments -------------------------------------------------------------------------------------------------------

PAID = "(SELECT max(id) FROM agreements_paymentclaim WHERE state = 'paid')"
breaks(
    "agreements.claim-in-order",
    f"UPDATE agreements_paymentclaim SET paid_amount = ordered_amount + 1 WHERE id = {PAID}",
)
breaks(
    "agreements.certified-within-granted",
    "UPDATE agreements_paymentclaim SET certified_amount = certified_amount + (SELECT granted_amount "
    f"FROM agreements_agreement a WHERE a.id = agreement_id) WHERE id = {PAID}",
)
breaks(
    "agreements.certified-within-tranche",
    "UPDATE agreements_paymentclaim SET certified_amount = certified_amount + (SELECT t.amount FROM agreements_instalment i "
    "JOIN agreements_tranche t ON t.id = i.tranche_id WHERE i.id = instalment_id) WHERE id = (SELECT max(c.id) "
    "FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id "
    "WHERE i.tranche_id IS NOT NULL AND c.state = 'paid')",
)
breaks(
    "agreements.ordered-within-share",
    "UPDATE agreements_paymentorder SET amount = amount * 2 "
    "WHERE id = (SELECT max(id) FROM agreements_paymentorder WHERE share_id IS NOT NULL AND state <> 'cancelled')",
)
breaks(
    "agreements.ordered-within-commitment",
    "UPDATE grants_commitment SET released_amount = amount, release_reason = 'x' WHERE id = (SELECT max(a.commitment_id) "
    "FROM agreements_agreement a WHERE a.ordered_amount > 0)",
)
# What was once possible: an ended agreement gave its money back, another took it, and both were paid.
breaks(
    "agreements.envelope-pays-what-it-holds",
    "UPDATE grants_commitment SET released_amount = amount, release_reason = 'x' WHERE envelope_id = (SELECT k.envelope_id "
    "FROM agreements_agreement a JOIN grants_commitment k ON k.id = a.commitment_id WHERE a.paid_amount > 0 ORDER BY a.id LIMIT 1)",
)
breaks(
    "agreements.claim-settled-is-paid",
    f"UPDATE agreements_paymentorder SET state = 'ordered', paid_on = NULL WHERE claim_id = {PAID}",
)
breaks(
    "agreements.given-up-is-its-parts",
    f"UPDATE agreements_paymentclaim SET given_up_amount = 1 WHERE id = {PAID}",
)
breaks(
    "agreements.credit-is-its-order",
    "UPDATE grants_credituse SET released_amount = 1 WHERE id = (SELECT max(id) FROM grants_credituse)",
)
breaks(
    "agreements.order-has-its-credit",
    "UPDATE grants_paymentcredit SET year = 2031 "
    "WHERE id = (SELECT credit_id FROM grants_credituse WHERE released_amount = 0 ORDER BY id LIMIT 1)",
)
breaks(
    "agreements.order-on-verified-account",
    "UPDATE agreements_paymentorder SET state = 'ordered' WHERE id = (SELECT max(id) FROM agreements_paymentorder)",
    "UPDATE applicants_bankaccount SET state = 'superseded' "
    "WHERE id = (SELECT bank_account_id FROM agreements_paymentorder ORDER BY id DESC LIMIT 1)",
    "UPDATE agreements_paymentorder SET bank_account_id = (SELECT min(id) FROM applicants_bankaccount "
    "WHERE applicant_id <> agreements_paymentorder.payee_id) "
    "WHERE id = (SELECT min(id) FROM agreements_paymentorder WHERE state = 'paid')",
)
breaks(
    "agreements.order-to-its-beneficiary",
    "UPDATE agreements_paymentorder SET payee_id = (SELECT min(id) FROM applicants_applicant "
    "WHERE id <> agreements_paymentorder.payee_id) WHERE id = (SELECT max(id) FROM agreements_paymentorder)",
)
TO_PERSONS = "(SELECT max(id) FROM agreements_paymentorder WHERE share_id IS NOT NULL AND state <> 'cancelled')"
# The act names somebody else than the person who is paid.
breaks_too(
    "agreements.order-to-its-beneficiary",
    'UPDATE agreements_agreement SET terms = jsonb_set(terms, \'{shares}\', \'[{"rank": 1, "person_name": "Une autre"},'
    ' {"rank": 2, "person_name": "Une autre"}, {"rank": 3, "person_name": "Une autre"}]\') WHERE id = '
    "(SELECT s.agreement_id FROM agreements_agreementshare s JOIN agreements_paymentorder o ON o.share_id = s.id "
    f"WHERE o.id = {TO_PERSONS})",
)
# The share is given to another, and the order follows it.
breaks_too(
    "agreements.order-to-its-beneficiary",
    "UPDATE agreements_agreementshare SET applicant_id = (SELECT min(id) FROM applicants_applicant WHERE kind = 'natural') "
    f"WHERE id = (SELECT share_id FROM agreements_paymentorder WHERE id = {TO_PERSONS})",
    "UPDATE agreements_paymentorder SET payee_id = (SELECT min(id) FROM applicants_applicant WHERE kind = 'natural') "
    f"WHERE id = {TO_PERSONS}",
)
breaks(
    "agreements.share-of-its-person",
    "UPDATE agreements_agreementshare SET applicant_id = (SELECT min(id) FROM applicants_applicant WHERE kind = 'natural') "
    "WHERE id = (SELECT max(id) FROM agreements_agreementshare WHERE applicant_id IS NOT NULL)",
)
breaks(
    "agreements.certifier-does-not-order",
    f"UPDATE agreements_paymentclaim SET certified_by_id = ordered_by_id WHERE id = {PAID}",
)
breaks(
    "agreements.no-order-after-the-end",
    "UPDATE agreements_agreement SET state = 'terminated', ended_on = '2020-01-01' WHERE id = (SELECT c.agreement_id "
    f"FROM agreements_paymentclaim c WHERE c.id = {PAID})",
)
breaks(
    "agreements.ended-holds-nothing",
    "UPDATE grants_commitment SET released_amount = released_amount - 1 WHERE id = (SELECT max(a.commitment_id) "
    "FROM agreements_agreement a JOIN grants_commitment k ON k.id = a.commitment_id WHERE a.state = 'completed')",
)

# --- expenditure ----------------------------------------------------------------------------------------------------

LINE = "(SELECT max(l.id) FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id WHERE c.state = 'paid')"
breaks(
    "agreements.invoice-within-its-total",
    f"UPDATE agreements_expenditureline SET invoice_total = certified_amount - 1 WHERE id = {LINE}",
)
breaks(
    "agreements.doubles-are-answered",
    "UPDATE agreements_expenditureline SET duplicate_key = 'one|invoice', invoice_total = 10000 "
    f"WHERE claim_id = (SELECT claim_id FROM agreements_expenditureline WHERE id = {LINE})",
)
breaks(
    "agreements.doubts-are-answered-in-time",
    "UPDATE agreements_expenditureline SET duplicate_key = 'one|invoice', invoice_total = 10000 "
    f"WHERE claim_id = (SELECT claim_id FROM agreements_expenditureline WHERE id = {LINE})",
    "UPDATE agreements_paymentclaim SET state = 'under_review', submitted_at = '2020-01-01' "
    f"WHERE id = (SELECT claim_id FROM agreements_expenditureline WHERE id = {LINE})",
)
breaks(
    "agreements.invoice-is-recognised",
    f"UPDATE agreements_expenditureline SET invoice_number = 'F-OTHER' WHERE id = {LINE}",
)
breaks(
    "agreements.invoice-of-its-year",
    "UPDATE agreements_tranche SET starts_on = starts_on - 900, ends_on = ends_on - 900 WHERE id = (SELECT i.tranche_id "
    "FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id JOIN agreements_instalment i "
    "ON i.id = c.instalment_id WHERE l.certified_amount > 0 AND i.tranche_id IS NOT NULL ORDER BY l.id LIMIT 1)",
)
breaks(
    "agreements.invoice-in-the-period",
    f"UPDATE agreements_expenditureline SET invoice_date = '2019-12-31' WHERE id = {LINE}",
)
breaks(
    "agreements.kept-as-it-stands",
    f"UPDATE agreements_expenditureline SET paid_on = paid_on + 1 WHERE id = {LINE}",
)
breaks(
    "agreements.certified-is-reviewed",
    f"UPDATE agreements_expenditureline SET certified_amount = declared_amount + 1 WHERE id = {LINE}",
)

# --- terms and work -------------------------------------------------------------------------------------------------

breaks(
    "agreements.terms-are-frozen",
    "UPDATE agreements_agreement SET terms = jsonb_set(terms, '{granted_amount}', '\"1.00\"') "
    "WHERE id = (SELECT max(id) FROM agreements_agreement WHERE state = 'in_force')",
)
breaks(
    "agreements.signed-is-the-act",
    "UPDATE agreements_agreement SET signed_sha256 = repeat('0', 64) "
    "WHERE id = (SELECT max(id) FROM agreements_agreement WHERE signed_sha256 <> '')",
)
# A suspended claim used to leave every work list; here every instructor of its programme has left.
LEFT = (
    "UPDATE core_user SET is_active = FALSE WHERE id IN (SELECT m.user_id FROM core_user_groups m "
    "JOIN auth_group g ON g.id = m.group_id WHERE g.name = '{role}')"
)
breaks(
    "agreements.open-claim-is-somebodys",
    "UPDATE agreements_paymentclaim SET state = 'suspended' WHERE id = (SELECT max(id) FROM agreements_paymentclaim "
    "WHERE state IN ('submitted', 'under_review', 'certified'))",
    LEFT.format(role="instructor"),
)
breaks_too(
    "agreements.open-claim-is-somebodys",
    "UPDATE agreements_paymentclaim SET state = 'ordered' WHERE id = (SELECT max(id) FROM agreements_paymentclaim "
    "WHERE state IN ('certified', 'ordered', 'paid'))",
    LEFT.format(role="finance_officer"),
)
breaks(
    "agreements.open-report-is-somebodys",
    "UPDATE agreements_tranchereport SET state = 'filed' WHERE id = (SELECT max(id) FROM agreements_tranchereport)",
    LEFT.format(role="instructor"),
)
breaks(
    "agreements.open-act-is-somebodys",
    "UPDATE agreements_agreement SET state = 'draft' WHERE id = (SELECT max(id) FROM agreements_agreement)",
    LEFT.format(role="instructor"),
)

# --- de minimis -----------------------------------------------------------------------------------------------------

GRANTED = "(SELECT max(id) FROM applicants_deminimisaid WHERE origin = 'granted' AND withdrawn_on IS NULL)"
breaks(
    "agreements.register-is-grants",
    f"UPDATE applicants_deminimisaid SET amount = amount + 1 WHERE id = {GRANTED}",
)
# The vote under the case's number, the agreement under its own: a grant that stood twice in the register.
breaks(
    "agreements.register-once-a-case",
    f"UPDATE applicants_deminimisaid SET case_number = (SELECT min(case_number) FROM applicants_deminimisaid "
    f"WHERE origin = 'granted') WHERE id = {GRANTED}",
)
breaks(
    "agreements.register-says-its-grant",
    f"UPDATE applicants_deminimisaid SET sector = '01.11', authority = 'Une autre' WHERE id = {GRANTED}",
)

# --- the plan, ends, batches, interests ----------------------------------------------------------------------------------

breaks(
    "agreements.act-is-the-plan",
    "UPDATE agreements_tranche SET cost = cost + 1 WHERE id = (SELECT max(t.id) FROM agreements_tranche t "
    "JOIN agreements_agreement a ON a.id = t.agreement_id WHERE a.state = 'in_force')",
)
breaks(
    "agreements.fund-of-its-case",
    "UPDATE grants_application SET eu_fund = 'ERDF' WHERE id = (SELECT max(application_id) FROM agreements_agreement "
    "WHERE eu_fund <> 'ERDF')",
)
breaks(
    "agreements.settlement-adds-up",
    "UPDATE agreements_settlement SET kept_amount = kept_amount + 1 WHERE id = (SELECT max(id) FROM agreements_settlement)",
)
breaks(
    "agreements.ended-is-settled",
    "UPDATE agreements_settlement SET target = 'terminated' "
    "WHERE id = (SELECT max(id) FROM agreements_settlement WHERE target = 'completed')",
)
breaks(
    "agreements.commitment-ordered-is-its-orders",
    "UPDATE grants_commitment SET ordered_amount = ordered_amount - 0.01 "
    "WHERE id = (SELECT max(id) FROM grants_commitment WHERE ordered_amount > 0)",
)
breaks(
    "agreements.batch-ended-right",
    "UPDATE agreements_paymentbatch SET state = 'void' WHERE id = (SELECT max(id) FROM agreements_paymentbatch WHERE state = 'paid')",
)
breaks(
    "agreements.report-after-its-year",
    "UPDATE agreements_tranchereport SET decided_at = decided_at - interval '2 years' "
    "WHERE id = (SELECT max(id) FROM agreements_tranchereport WHERE state = 'accepted')",
)
breaks(
    "agreements.paid-impartially",
    "INSERT INTO applicants_membership (user_id, applicant_id, role, created_at) SELECT c.certified_by_id, a.beneficiary_id, "
    f"'editor', '2000-01-01' FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id WHERE c.id = {PAID}",
)
breaks(
    "agreements.retention-after-payment",
    "UPDATE core_retention SET starts_on = '2000-01-01' WHERE rule = 'eu_payment'",
)
breaks(
    "agreements.credits-are-covered",
    f"UPDATE agreements_expenditureline SET declared_amount = -declared_amount WHERE claim_id = (SELECT claim_id "
    f"FROM agreements_expenditureline WHERE id = {LINE})",
)
# A credit note that nobody keeps, on an invoice that stays as it was.
breaks(
    "agreements.credit-follows-its-invoice",
    "INSERT INTO agreements_expenditureline (claim_id, rank, account_code, category, supplier_name, supplier_siret, "
    "invoice_number, invoice_date, paid_on, description, invoice_total, declared_amount, corrects_number, corrects_key, "
    "certified_amount, certified_reason, duplicate_key, name_key) SELECT claim_id, rank + 1000, account_code, '', supplier_name, "
    "supplier_siret, 'AV-1', invoice_date, paid_on, 'x', -1, -1, invoice_number, split_part(duplicate_key, '|', -1), 0, 'x', "
    f"regexp_replace(duplicate_key, '[^|]*$', 'av1'), name_key FROM agreements_expenditureline WHERE id = {LINE}",
)
# A credit note that is kept whole, of an invoice of which nothing is kept any more.
breaks(
    "agreements.credit-within-what-is-kept",
    f"UPDATE agreements_expenditureline SET certified_amount = 0, certified_reason = 'x' WHERE id = {LINE}",
    "INSERT INTO agreements_expenditureline (claim_id, rank, account_code, category, supplier_name, supplier_siret, "
    "invoice_number, invoice_date, paid_on, description, invoice_total, declared_amount, corrects_number, corrects_key, "
    "certified_amount, certified_reason, duplicate_key, name_key) SELECT claim_id, rank + 1000, account_code, '', supplier_name, "
    "supplier_siret, 'AV-1', invoice_date, paid_on, 'x', -1, -1, invoice_number, split_part(duplicate_key, '|', -1), -1, '', "
    f"regexp_replace(duplicate_key, '[^|]*$', 'av1'), name_key FROM agreements_expenditureline WHERE id = {LINE}",
)
breaks(
    "agreements.credit-within-its-invoice",
    "UPDATE agreements_expenditureline SET declared_amount = -declared_amount, "
    f"corrects_key = split_part(duplicate_key, '|', -1) WHERE id = {LINE}",
)

# --- what is due, and when --------------------------------------------------------------------------------------------

BALANCE = (
    "(SELECT max(c.id) FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id "
    "WHERE c.state = 'paid' AND c.certified_amount > 1 AND i.kind = 'balance' AND i.needs_expenditure)"
)
breaks(
    "agreements.ordered-within-due",
    "UPDATE agreements_expenditureline SET certified_amount = 0.01 WHERE claim_id IN (SELECT other.id "
    "FROM agreements_paymentclaim mine JOIN agreements_paymentclaim other ON other.agreement_id = mine.agreement_id "
    f"WHERE mine.id = {BALANCE})",
)
breaks(
    "agreements.overpaid-is-what-exceeds",
    f"UPDATE agreements_paymentclaim SET certified_amount = 0, overpaid_amount = 12345.67 WHERE id = {BALANCE}",
)
breaks(
    "agreements.accepted-within-due",
    f"UPDATE agreements_paymentclaim SET certified_amount = certified_amount + 1000000 WHERE id = {BALANCE}",
)
# A final claim that counted an advance, and was closed when that one had fallen.
breaks(
    "agreements.closed-with-all-that-is-due",
    "UPDATE agreements_paymentclaim SET due_as_certified = 0.01 WHERE due_as_certified > 1 AND state = 'paid'",
)
breaks(
    "agreements.nothing-after-the-final-claim",
    "UPDATE agreements_paymentclaim SET submitted_at = '2000-01-01' WHERE id IN (SELECT c.id FROM agreements_paymentclaim c "
    "JOIN agreements_instalment i ON i.id = c.instalment_id WHERE c.state = 'paid' AND i.kind = 'balance')",
)
breaks(
    "agreements.payment-days-in-order",
    f"UPDATE agreements_paymentclaim SET certified_at = ordered_at + interval '2 days' WHERE id = {PAID}",
)
breaks(
    "agreements.year-days-in-order",
    "UPDATE agreements_tranche SET released_on = '2000-01-01' "
    "WHERE id = (SELECT max(id) FROM agreements_tranche WHERE released_on IS NOT NULL)",
)
breaks(
    "agreements.given-back-with-a-day",
    f"UPDATE agreements_paymentclaim SET state = 'returned', answer_due_on = NULL WHERE id = {PAID}",
)
breaks(
    "agreements.ended-early-for-a-reason",
    "UPDATE core_event SET comment = ' ' WHERE id = (SELECT max(id) FROM core_event WHERE action = 'lapse' AND content_type_id = "
    "(SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'agreement'))",
)

# --- what a claim, an act and a batch pass, or do not -------------------------------------------------------------------

breaks(
    "agreements.act-of-the-region-alone",
    "UPDATE agreements_agreement SET beneficiary_signatory = 'Le maire', beneficiary_signed_at = now() "
    "WHERE id = (SELECT max(id) FROM agreements_agreement WHERE kind <> 'agreement')",
)
breaks(
    "agreements.base-is-its-parts",
    "UPDATE agreements_agreement SET eligible_base = eligible_base + 1 WHERE id = (SELECT max(a.id) FROM agreements_agreement a "
    "JOIN grants_application app ON app.id = a.application_id WHERE a.state = 'in_force' "
    "AND jsonb_array_length(app.granted_plan -> 'parts') > 0)",
)
breaks(
    "agreements.filed-once-registered",
    "UPDATE applicants_applicant SET siret = NULL, in_formation = TRUE WHERE id = (SELECT a.beneficiary_id "
    f"FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = {PAID})",
)
breaks(
    "agreements.rejected-by-an-event",
    "UPDATE agreements_paymentclaim SET state = 'rejected' "
    "WHERE id = (SELECT max(id) FROM agreements_paymentclaim WHERE state IN ('submitted', 'under_review'))",
)
breaks(
    "agreements.sent-within-its-year",
    "UPDATE agreements_paymentbatch SET closed_at = make_date(year + 1, 2, 1) "
    "WHERE id = (SELECT max(id) FROM agreements_paymentbatch WHERE state <> 'open')",
)

# --- ends of agreements ---------------------------------------------------------------------------------------------

breaks(
    "agreements.settlement-asks-back",
    "UPDATE agreements_settlement SET unjustified_amount = unjustified_amount + 1 "
    "WHERE id = (SELECT max(id) FROM agreements_settlement WHERE paid_amount > unjustified_amount)",
)
breaks_too(
    "agreements.settlement-asks-back",
    "UPDATE agreements_settlement SET unjustified_paid_amount = unjustified_paid_amount + 1, "
    "unjustified_amount = unjustified_amount + 1 "
    "WHERE id = (SELECT max(id) FROM agreements_settlement WHERE paid_amount > unjustified_amount)",
)

# --- years, lines, filings, rests, batches --------------------------------------------------------------------------

breaks(
    "agreements.year-without-grant-asks-nothing",
    "UPDATE agreements_tranche SET amount = 0 WHERE id = (SELECT max(id) FROM agreements_tranche WHERE state = 'released')",
)
breaks(
    "agreements.report-amount-is-meant",
    "UPDATE agreements_tranchereport SET spent_amount = 9876543 WHERE id = (SELECT max(id) FROM agreements_tranchereport)",
)
breaks(
    "agreements.filed-with-its-forecast",
    "UPDATE agreements_paymentclaim SET due_as_filed = NULL, asked_back_as_filed = NULL, lost_as_filed = NULL, "
    "submitted_at = now() + interval '1 hour' WHERE id = (SELECT max(id) FROM agreements_paymentclaim WHERE state = 'paid')",
)
breaks(
    "agreements.left-out-is-planned",
    "UPDATE agreements_paymentclaim SET left_out_as_filed = 999999.00, beside_as_filed = 0, beside_lost_as_filed = 0 "
    "WHERE id = (SELECT max(id) FROM agreements_paymentclaim WHERE state = 'paid')",
)
breaks(
    "agreements.open-batch-in-time",
    "UPDATE agreements_paymentbatch SET state = 'open', year = year - 3 WHERE id = (SELECT max(id) FROM agreements_paymentbatch)",
)
breaks(
    "agreements.rest-is-somebodys",
    "UPDATE agreements_paymentclaim SET state = 'certified', certified_amount = certified_amount + 1000 WHERE id = "
    "(SELECT max(c.id) FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id "
    "WHERE a.payee = 'persons' AND c.state IN ('ordered', 'paid'))",
)
breaks(
    "agreements.answered-as-it-stands",
    "INSERT INTO agreements_duplicatewarning (line_id, other_line_id, answer, comment, raised_at, answered_at, answered_by_id) "
    "SELECT max(l.id), min(l.id), 'different', 'x', now(), now(), (SELECT max(id) FROM core_user) FROM agreements_expenditureline l",
)
breaks(
    "agreements.rank-is-given-once",
    "UPDATE agreements_paymentclaim SET last_rank = 0 WHERE id = (SELECT max(claim_id) FROM agreements_expenditureline)",
)
PAID_BY = (
    "c.certified_by_id",
    "o.ordered_by_id",
    "c.certified_at",
    "agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE c.certified_by_id IS NOT NULL "
    "ORDER BY o.id",
)
in_one_hand("agreements.confirmed-by-their-own-hands", *PAID_BY)
of_one_maker("agreements.paid-by-known-persons", *PAID_BY)
SIGNED_BY = (
    "a.drafted_by_id",
    "a.entered_by_id",
    "a.created_at",
    "agreements_agreement a WHERE a.entered_by_id IS NOT NULL ORDER BY a.id",
)
in_one_hand("agreements.signed-by-their-own-hands", *SIGNED_BY)
of_one_maker("agreements.signed-by-known-persons", *SIGNED_BY)

# --- each thing that one figure looks at ----------------------------------------------------------------------------------

FORCE = "(SELECT max(id) FROM agreements_agreement WHERE state = 'in_force' AND rate IS NOT NULL AND claim_deadline IS NOT NULL)"
breaks("agreements.terms-are-kept", f"UPDATE agreements_agreement SET rate = rate - 1 WHERE id = {FORCE}")
for change in (
    "proration = CASE proration WHEN 'none' THEN 'strict' ELSE 'none' END",
    '"end" = "end" + 1',
    "claim_deadline = claim_deadline + 1",
    "proration_tolerance = proration_tolerance + 1",
    "eligible_base = eligible_base + 1",
    "cascade_allowed = NOT cascade_allowed",
):
    breaks_too("agreements.terms-are-kept", f"UPDATE agreements_agreement SET {change} WHERE id = {FORCE}")
KEPT = "IN (SELECT id FROM agreements_agreement WHERE terms_sha256 <> '')"
for table, change in (
    ("instalment", "amount = amount + 1"),
    ("instalment", "trigger_text = trigger_text || ' bis'"),
    ("instalment", "kind = 'single'"),
    ("tranche", "ends_on = ends_on + 1"),
    ("agreementbudgetline", "amount = amount + 100"),
    ("agreementbudgetline", "label = label || ' bis'"),
    ("agreementshare", "amount = amount + 1"),
    ("agreementshare", "person_name = person_name || ' bis'"),
):
    first = f"(SELECT min(id) FROM agreements_{table} WHERE agreement_id {KEPT})"
    breaks_too("agreements.terms-are-kept", f"UPDATE agreements_{table} SET {change} WHERE id = {first}")
breaks_too(
    "agreements.terms-are-kept",
    f"DELETE FROM agreements_agreementbudgetline WHERE id = (SELECT min(id) FROM agreements_agreementbudgetline WHERE agreement_id {KEPT})",
)
breaks_too(
    "agreements.terms-are-kept",
    "INSERT INTO agreements_agreementbudgetline SELECT (jsonb_populate_record(l, jsonb_build_object('id', -1, 'rank', 99))).* "
    f"FROM agreements_agreementbudgetline l WHERE l.agreement_id {KEPT} ORDER BY l.id LIMIT 1",
)
TWICE = (
    "UPDATE agreements_paymentclaim SET instalment_id = (SELECT other.instalment_id FROM agreements_paymentclaim other "
    "WHERE other.state <> 'rejected' AND other.certified_amount > 0 AND other.instalment_id <> "
    "agreements_paymentclaim.instalment_id ORDER BY other.id LIMIT 1) "
    f"WHERE id = {PAID}"
)
breaks("agreements.instalment-claimed-once", TWICE)
breaks("agreements.claims-within-their-instalment", TWICE)
breaks(
    "agreements.certified-with-its-proof",
    "UPDATE agreements_expenditureline SET proof_id = NULL "
    "WHERE id = (SELECT max(id) FROM agreements_expenditureline WHERE certified_amount > 0)",
)
breaks(
    "agreements.register-on-the-day-of-the-grant",
    "UPDATE applicants_deminimisaid SET granted_on = granted_on - 400 "
    "WHERE id = (SELECT max(id) FROM applicants_deminimisaid WHERE origin = 'granted')",
)
ORDER = "(SELECT max(id) FROM agreements_paymentorder WHERE state = 'paid')"
breaks_too(
    "agreements.payment-days-in-order",
    f"UPDATE agreements_paymentorder SET paid_on = current_date + 400 WHERE id = {ORDER}",
)
breaks_too(
    "agreements.payment-days-in-order",
    f"UPDATE agreements_paymentclaim SET paid_on = current_date + 400 WHERE id = {PAID}",
)
breaks_too(
    "agreements.order-has-its-credit",
    "UPDATE agreements_paymentbatch SET year = 2031 "
    "WHERE id = (SELECT max(batch_id) FROM agreements_paymentorder WHERE state <> 'cancelled')",
)
