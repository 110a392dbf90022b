"""What breaks the invariants of reporting."""

from tests.invariants.sabotage import breaks, breaks_too, in_one_hand, of_one_maker

OWN = "(SELECT max(current_id) FROM reporting_operation WHERE agreement_id IS NOT NULL)"
OTHER_OPERATION = "(SELECT min(id) FROM reporting_operation WHERE agreement_id IS NOT NULL)"
CERTIFICATE = "(SELECT max(id) FROM reporting_certificate)"
ITEM = "(SELECT max(id) FROM reporting_expenditureitem WHERE retained_amount > 0)"

# --- operations -----------------------------------------------------------------------------------------------------

breaks(
    "reporting.plan-is-eligible",
    f"UPDATE reporting_operationversion SET eligible_cost = eligible_cost + 1 WHERE id = {OWN}",
)
breaks(
    "reporting.eu-amount-is-planned",
    f"UPDATE reporting_operationversion SET eu_amount = eu_amount - 1 WHERE id = {OWN}",
)
breaks("reporting.current-is-the-last", f"UPDATE reporting_operationversion SET number = 7 WHERE id = {OWN}")
breaks(
    "reporting.eligible-can-be-claimed",
    "UPDATE agreements_tranche SET amount = 0 WHERE id = (SELECT max(t.id) FROM agreements_tranche t "
    "JOIN agreements_agreement a ON a.id = t.agreement_id JOIN reporting_operation o ON o.agreement_id = a.id "
    "WHERE a.state = 'in_force')",
)
breaks(
    "reporting.plan-covers-the-grant",
    f"UPDATE reporting_financingline SET amount = amount - 1 WHERE version_id = {OWN} AND kind = 'eu'",
)
breaks(
    "reporting.cofinanced-has-operation",
    "UPDATE agreements_agreement SET eu_fund = 'ERDF' WHERE id = (SELECT max(id) FROM agreements_agreement "
    "WHERE eu_fund = '' AND state = 'in_force')",
)
breaks(
    "reporting.eu-within-eligible",
    f"UPDATE reporting_operationversion SET eu_amount = eligible_cost + 1 WHERE id = {OWN}",
)
breaks(
    "reporting.fund-of-its-agreement",
    f"UPDATE reporting_financingline SET label = 'ERDF?' WHERE kind = 'eu' AND version_id = {OWN}",
)
breaks(
    "reporting.priority-within-its-amount",
    "UPDATE reporting_priorityallocation SET amount = 1 WHERE priority_id = "
    f"(SELECT priority_id FROM reporting_operationversion WHERE id = {OWN})",
)
breaks(
    "reporting.operation-has-its-allocation",
    f"UPDATE reporting_operationversion SET category_of_region = 'outermost' WHERE id = {OWN}",
)

# --- control --------------------------------------------------------------------------------------------------------

breaks(
    "reporting.declared-is-certified",
    f"UPDATE reporting_expenditureitem SET declared_amount = declared_amount + 1 WHERE id = {ITEM}",
)
breaks(
    "reporting.item-balances",
    f"UPDATE reporting_expenditureitem SET rejected_amount = rejected_amount + 1 WHERE id = {ITEM}",
)
breaks(
    "reporting.retained-within-eligible",
    f"UPDATE reporting_expenditureitem SET retained_amount = retained_amount + 10000000 WHERE id = {ITEM}",
)
breaks(
    "reporting.retained-in-the-period",
    "UPDATE agreements_expenditureline SET paid_on = '2019-12-31' WHERE id = "
    f"(SELECT expenditure_line_id FROM reporting_expenditureitem WHERE id = {ITEM})",
)
breaks_too(
    "reporting.retained-in-the-period",
    'UPDATE agreements_expenditureline SET paid_on = (SELECT greatest(a."end", a.claim_deadline, a.report_due_on) + 1 '
    "FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = claim_id) "
    f"WHERE id = (SELECT expenditure_line_id FROM reporting_expenditureitem WHERE id = {ITEM})",
)
breaks(
    "reporting.controlled-by-another",
    "UPDATE reporting_expendituredeclaration SET controller_id = certifier_id "
    "WHERE id = (SELECT max(declaration_id) FROM reporting_certificate)",
)
breaks(
    "reporting.controlled-is-decided",
    f"UPDATE reporting_expenditureitem SET state = 'pending' WHERE id = {ITEM}",
)
breaks(
    "reporting.open-declaration-is-somebodys",
    "UPDATE reporting_expendituredeclaration SET state = 'under_control' "
    "WHERE id = (SELECT max(declaration_id) FROM reporting_certificate)",
    "UPDATE core_user SET is_active = FALSE WHERE id = (SELECT max(controller_id) FROM reporting_expendituredeclaration "
    "WHERE state = 'under_control')",
)

# A credit note of one euro on the invoice of an item, and what the control made of it.
NOTE = (
    "INSERT INTO agreements_expenditureline (claim_id, rank, account_code, category, supplier_name, supplier_siret, "
    "invoice_number, invoice_date, paid_on, description, invoice_total, declared_amount, corrects_number, corrects_key, "
    "certified_amount, certified_reason, duplicate_key, name_key) SELECT claim_id, rank + 1000, account_code, '', supplier_name, "
    "supplier_siret, 'AV-1', invoice_date, paid_on, 'x', -1, -1, invoice_number, split_part(duplicate_key, '|', -1), -1, '', "
    "regexp_replace(duplicate_key, '[^|]*$', 'av1'), name_key FROM agreements_expenditureline "
    f"WHERE id = (SELECT expenditure_line_id FROM reporting_expenditureitem WHERE id = {ITEM})"
)
DECIDED = (
    "INSERT INTO reporting_expenditureitem (declaration_id, expenditure_line_id, rank, state, declared_amount, retained_amount, "
    "rejected_amount, parked_amount, reason, decided_by_id, decided_at) SELECT declaration_id, "
    "(SELECT max(id) FROM agreements_expenditureline), rank + 1000, {}, 0, 'x', decided_by_id, decided_at "
    f"FROM reporting_expenditureitem WHERE id = {ITEM}"
)
breaks("reporting.credit-follows-its-invoice", NOTE, DECIDED.format("'rejected', -1, 0, -1"))
breaks(
    "reporting.credit-decided-with-its-invoice",
    NOTE,
    DECIDED.format("'accepted', -1, -1, 0"),
    "UPDATE reporting_expenditureitem SET state = 'rejected', retained_amount = 0, rejected_amount = declared_amount "
    f"WHERE id = {ITEM}",
)
breaks(
    "reporting.certified-within-declared",
    f"UPDATE reporting_expenditureitem SET retained_amount = retained_amount + 10000000 WHERE id = {ITEM}",
)
breaks(
    "reporting.asked-within-declared",
    "UPDATE reporting_paymentapplicationentry SET eligible_amount = eligible_amount + 10000000 "
    "WHERE id = (SELECT max(id) FROM reporting_paymentapplicationentry WHERE released_at IS NULL)",
)

# --- certificates ---------------------------------------------------------------------------------------------------

breaks(
    "reporting.certificate-gives-its-hash",
    f"UPDATE reporting_certificate SET sha256 = repeat('0', 64) WHERE id = {CERTIFICATE}",
)
breaks(
    "reporting.certificate-is-its-allocations",
    "UPDATE reporting_certificateallocation SET amount = amount + 0.01 "
    f"WHERE id = (SELECT max(id) FROM reporting_certificateallocation WHERE certificate_id = {CERTIFICATE})",
)
breaks(
    "reporting.certificate-is-its-items",
    f"UPDATE reporting_certificate SET total = total + 1000 WHERE id = {CERTIFICATE}",
)
breaks(
    "reporting.eu-certified-within-grant",
    "UPDATE reporting_certificateallocation SET amount = amount + 10000000 WHERE id = (SELECT max(id) "
    "FROM reporting_certificateallocation WHERE kind = 'eu')",
)
breaks(
    "reporting.shared-by-the-floor",
    "UPDATE reporting_certificateallocation SET amount = amount - 0.01 WHERE id = (SELECT max(id) "
    "FROM reporting_certificateallocation WHERE kind = 'eu')",
)

# --- payment applications -------------------------------------------------------------------------------------------

ENTRY = "(SELECT max(id) FROM reporting_paymentapplicationentry)"
breaks(
    "reporting.line-is-its-entries",
    "UPDATE reporting_paymentapplicationline SET union_amount = union_amount + 1 "
    f"WHERE id = (SELECT line_id FROM reporting_paymentapplicationentry WHERE id = {ENTRY})",
)
breaks(
    "reporting.entry-is-its-certificate",
    f"UPDATE reporting_paymentapplicationentry SET public_amount = public_amount - 1 WHERE id = {ENTRY}",
)
breaks(
    "reporting.certificate-asked-once",
    "INSERT INTO reporting_paymentapplicationentry (line_id, certificate_id, eligible_amount, union_amount, public_amount, entered_at) "
    "SELECT line_id, certificate_id, eligible_amount, union_amount, public_amount, now() "
    f"FROM reporting_paymentapplicationentry WHERE id = {ENTRY}",
)
breaks(
    "reporting.entry-of-its-priority",
    "UPDATE reporting_paymentapplicationline SET priority_id = (SELECT min(p.id) FROM reporting_priority p "
    "WHERE p.id <> reporting_paymentapplicationline.priority_id) "
    f"WHERE id = (SELECT line_id FROM reporting_paymentapplicationentry WHERE id = {ENTRY})",
)
breaks(
    "reporting.closed-by-another",
    "UPDATE reporting_paymentapplication SET closed_by_id = (SELECT d.controller_id FROM reporting_certificate c "
    "JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id "
    f"WHERE c.id = (SELECT certificate_id FROM reporting_paymentapplicationentry WHERE id = {ENTRY})) "
    "WHERE id = (SELECT l.application_id FROM reporting_paymentapplicationline l JOIN reporting_paymentapplicationentry e "
    f"ON e.line_id = l.id WHERE e.id = {ENTRY})",
)
breaks(
    "reporting.sent-in-order",
    "UPDATE reporting_paymentapplication SET accepted_on = accepted_on + 400 "
    "WHERE id = (SELECT max(id) FROM reporting_paymentapplication WHERE accepted_on IS NOT NULL)",
    "UPDATE reporting_paymentapplication SET sent_on = date '2026-01-01' "
    "WHERE id = (SELECT max(id) FROM reporting_paymentapplication WHERE accepted_on IS NOT NULL)",
)

breaks(
    "reporting.sent-without-doubt",
    "UPDATE agreements_paymentclaim SET state = 'suspended' WHERE id = (SELECT max(d.claim_id) FROM reporting_paymentapplicationentry e "
    "JOIN reporting_paymentapplicationline l ON l.id = e.line_id JOIN reporting_paymentapplication p ON p.id = l.application_id "
    "JOIN reporting_certificate c ON c.id = e.certificate_id JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id "
    "WHERE p.sent_at IS NOT NULL)",
    "UPDATE core_event SET action = 'suspend' WHERE id IN (SELECT min(v.id) FROM core_event v JOIN django_content_type t "
    "ON t.id = v.content_type_id JOIN agreements_paymentclaim c ON c.id = v.object_id "
    "WHERE c.state = 'suspended' AND t.app_label = 'agreements' AND t.model = 'paymentclaim' GROUP BY c.id)",
)
breaks(
    "reporting.given-back-with-its-application",
    f"UPDATE reporting_paymentapplicationentry SET released_at = now() WHERE id = {ENTRY}",
)

# --- rates, names, interests -----------------------------------------------------------------------------------------------

breaks(
    "reporting.rate-above-is-doubted",
    "UPDATE reporting_priorityallocation SET eu_rate = 1 WHERE priority_id = "
    f"(SELECT priority_id FROM reporting_operationversion WHERE id = {OWN})",
)
breaks(
    "reporting.open-doubt-is-true",
    "INSERT INTO reporting_operationflag (operation_id, kind, detail, state, raised_at, answer, explanation) "
    "SELECT id, 'no_priority', '{}', 'open', now(), '', '' FROM reporting_operation WHERE current_id = "
    f"{OWN}",
)
breaks(
    "reporting.beneficiary-known-by-its-name",
    "UPDATE reporting_eubeneficiary SET applicant_id = NULL, name_key = '' "
    "WHERE id = (SELECT max(id) FROM reporting_eubeneficiary)",
)
breaks(
    "reporting.certified-impartially",
    "INSERT INTO applicants_membership (user_id, applicant_id, role, created_at) SELECT c.issued_by_id, a.beneficiary_id, 'editor', "
    "'2000-01-01' FROM reporting_certificate c JOIN reporting_operation o ON o.id = c.operation_id "
    f"JOIN agreements_agreement a ON a.id = o.agreement_id WHERE c.id = {CERTIFICATE}",
)
breaks(
    "reporting.eu-within-its-call",
    "UPDATE grants_call SET eu_rate_limit = 1 WHERE id = (SELECT app.call_id FROM reporting_operation o JOIN agreements_agreement a "
    "ON a.id = o.agreement_id JOIN grants_application app ON app.id = a.application_id ORDER BY o.id DESC LIMIT 1)",
)
breaks(
    "reporting.application-in-its-year",
    "UPDATE reporting_paymentapplication SET accounting_year_id = (SELECT id FROM reporting_accountingyear "
    "ORDER BY starts_on LIMIT 1) WHERE id = (SELECT max(id) FROM reporting_paymentapplication)",
)
breaks(
    "reporting.line-has-its-allocation",
    "UPDATE reporting_priorityallocation SET basis = 'public' WHERE priority_id IN "
    "(SELECT priority_id FROM reporting_paymentapplicationline)",
)

breaks(
    "reporting.late-for-a-reason",
    "UPDATE reporting_paymentapplication SET late_reason = 'Oubli.' "
    "WHERE id = (SELECT max(id) FROM reporting_paymentapplication WHERE sent_on IS NOT NULL)",
)
breaks(
    "reporting.control-in-order",
    "UPDATE reporting_expendituredeclaration SET control_started_at = controlled_at + interval '2 days' "
    "WHERE id = (SELECT max(declaration_id) FROM reporting_certificate)",
)
breaks(
    "reporting.ended-within-what-is-kept",
    "UPDATE reporting_financingline SET amount = amount + 10000000 WHERE kind = 'eu' AND version_id = (SELECT max(o.current_id) "
    "FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id WHERE a.state = 'completed')",
)
breaks(
    "reporting.given-up-is-doubted",
    "UPDATE agreements_paymentclaim SET given_up_amount = certified_amount WHERE id = (SELECT max(c.id) FROM agreements_paymentclaim c "
    "JOIN agreements_agreement a ON a.id = c.agreement_id JOIN reporting_operation o ON o.agreement_id = a.id "
    "WHERE a.state = 'in_force' AND c.certified_amount > 0)",
)
breaks(
    "reporting.public-contribution-is-paid",
    f"UPDATE reporting_paymentapplicationentry SET public_amount = public_amount + 10000000 WHERE id = {ENTRY}",
)

breaks(
    "reporting.ended-within-what-is-declared",
    "UPDATE reporting_operationversion SET eligible_cost = 98765432 WHERE id = (SELECT max(o.current_id) FROM "
    "reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id WHERE a.ended_on IS NOT NULL)",
)

breaks(
    "reporting.fault-outlives-its-claim",
    "UPDATE core_event SET from_state = 'suspended' WHERE id = (SELECT max(v.id) FROM core_event v "
    "JOIN django_content_type t ON t.id = v.content_type_id JOIN reporting_expendituredeclaration d ON d.claim_id = v.object_id "
    "JOIN agreements_paymentclaim c ON c.id = d.claim_id "
    "WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.to_state = 'paid' AND c.state = 'paid')",
)

breaks(
    "reporting.public-part-is-due",
    "UPDATE reporting_certificateallocation SET amount = amount + 10000000 WHERE id = (SELECT max(al.id) "
    "FROM reporting_certificateallocation al JOIN reporting_certificate c ON c.id = al.certificate_id "
    "JOIN reporting_operation o ON o.id = c.operation_id JOIN agreements_tranche t ON t.agreement_id = o.agreement_id "
    "WHERE al.kind = 'eu' AND 1 = (SELECT count(DISTINCT other.version_id) FROM reporting_certificate other "
    "WHERE other.operation_id = o.id))",
)
breaks(
    "reporting.certified-is-paid-or-doubted",
    "UPDATE reporting_certificateallocation SET amount = amount + 10000000 WHERE id = (SELECT max(al.id) "
    "FROM reporting_certificateallocation al JOIN reporting_certificate c ON c.id = al.certificate_id "
    "JOIN reporting_operation o ON o.id = c.operation_id WHERE al.kind = 'eu' AND o.agreement_id IS NOT NULL)",
)
breaks(
    "reporting.nothing-to-declare-is-doubted",
    "UPDATE agreements_instalment SET needs_expenditure = FALSE WHERE agreement_id = (SELECT max(o.agreement_id) "
    "FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id WHERE v.eu_amount > 0 "
    "AND EXISTS (SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = o.agreement_id AND i.needs_expenditure))",
)

# --- each thing that one figure looks at ----------------------------------------------------------------------------------

CLOSED_ENTRY = (
    "(SELECT max(e.id) FROM reporting_paymentapplicationentry e JOIN reporting_paymentapplicationline l ON l.id = e.line_id "
    "JOIN reporting_paymentapplication p ON p.id = l.application_id WHERE p.closed_at IS NOT NULL)"
)
breaks(
    "reporting.application-gives-its-hash",
    f"DELETE FROM reporting_paymentapplicationentry WHERE id = {CLOSED_ENTRY}",
)
breaks_too(
    "reporting.application-gives-its-hash",
    "UPDATE reporting_paymentapplicationentry SET line_id = (SELECT min(l.id) FROM reporting_paymentapplicationline l "
    f"WHERE l.id <> reporting_paymentapplicationentry.line_id) WHERE id = {CLOSED_ENTRY}",
)
breaks_too(
    "reporting.application-gives-its-hash",
    "UPDATE reporting_paymentapplication SET sha256 = repeat('a', 64) "
    "WHERE id = (SELECT max(id) FROM reporting_paymentapplication WHERE closed_at IS NOT NULL)",
)
ANOTHER_USER = "(SELECT min(id) FROM core_user WHERE is_active AND id <> reporting_certificate.issued_by_id)"
breaks(
    "reporting.issued-by-its-controller",
    f"UPDATE reporting_certificate SET issued_by_id = {ANOTHER_USER} WHERE id = {CERTIFICATE}",
)
breaks(
    "reporting.declared-with-its-proof",
    "UPDATE agreements_expenditureline SET proof_id = NULL "
    f"WHERE id = (SELECT expenditure_line_id FROM reporting_expenditureitem WHERE id = {ITEM})",
)
for column, table in (("fund_id", "reporting_fund"),):
    breaks_too(
        "reporting.entry-of-its-priority",
        f"UPDATE reporting_paymentapplication SET {column} = (SELECT min(o.id) FROM {table} o "
        f"WHERE o.id <> reporting_paymentapplication.{column}) WHERE id = (SELECT l.application_id "
        f"FROM reporting_paymentapplicationline l JOIN reporting_paymentapplicationentry e ON e.line_id = l.id WHERE e.id = {ENTRY})",
    )
breaks_too(
    "reporting.entry-of-its-priority",
    "UPDATE reporting_paymentapplicationline SET category_of_region = CASE category_of_region WHEN 'more_developed' THEN 'less_developed' "
    f"ELSE 'more_developed' END WHERE id = (SELECT line_id FROM reporting_paymentapplicationentry WHERE id = {ENTRY})",
)
DECLARATION = "(SELECT max(declaration_id) FROM reporting_certificate)"
for change in (
    "opened_at = submitted_at + interval '2 days'",
    "submitted_at = control_started_at + interval '2 days'",
    "control_started_at = controlled_at + interval '1 second'",
):
    breaks_too(
        "reporting.control-in-order", f"UPDATE reporting_expendituredeclaration SET {change} WHERE id = {DECLARATION}"
    )
for days in ("2 days", "-2 days"):
    breaks_too(
        "reporting.control-in-order",
        f"UPDATE reporting_certificate SET issued_at = issued_at + interval '{days}' WHERE id = {CERTIFICATE}",
    )

# --- a row and what it is of: each way is moved to another parent -----------------------------------------------------------

breaks(
    "core.rows-have-one-parent",
    f"UPDATE reporting_certificate SET operation_id = {OTHER_OPERATION} WHERE id = {CERTIFICATE}",
    f"UPDATE reporting_expendituredeclaration SET operation_id = {OTHER_OPERATION} WHERE id = {DECLARATION}",
)
for statement in (
    f"UPDATE reporting_certificate SET operation_id = {OTHER_OPERATION} WHERE id = {CERTIFICATE}",
    f"UPDATE reporting_expendituredeclaration SET operation_id = {OTHER_OPERATION} WHERE id = {DECLARATION}",
    "UPDATE agreements_agreement SET beneficiary_id = (SELECT min(id) FROM applicants_applicant WHERE id <> beneficiary_id) "
    "WHERE id = (SELECT max(id) FROM agreements_agreement)",
):
    breaks_too("core.rows-have-one-parent", statement)
for person in (
    "(SELECT certifier_id FROM reporting_expendituredeclaration d WHERE d.id = declaration_id)",
    "(SELECT min(u.id) FROM core_user u WHERE NOT u.is_staff)",
    "(SELECT min(r.user_id) FROM core_user_groups r JOIN auth_group g ON g.id = r.group_id AND g.name = 'administrator')",
):
    breaks_too(
        "reporting.controlled-by-another",
        f"UPDATE reporting_expenditureitem SET decided_by_id = {person} WHERE id = {ITEM}",
    )
# Each who took part in the case, or in the payment before the control began, made the controller.
PAID_FOR = (
    "(SELECT max(d.id) FROM reporting_expendituredeclaration d JOIN agreements_paymentorder o ON o.claim_id = d.claim_id "
    "AND o.state = 'paid' WHERE d.controller_id IS NOT NULL)"
)
CONTROLLED = f"(SELECT claim_id FROM reporting_expendituredeclaration WHERE id = {PAID_FOR})"
CONTROLLER = f"(SELECT controller_id FROM reporting_expendituredeclaration WHERE id = {PAID_FOR})"
OF_ACT = f"(SELECT agreement_id FROM agreements_paymentclaim WHERE id = {CONTROLLED})"
OF_CASE = f"(SELECT application_id FROM agreements_agreement WHERE id = {OF_ACT})"
BEFORE = (
    f"UPDATE reporting_expendituredeclaration SET control_started_at = now() + interval '2 days' WHERE id = {PAID_FOR}"
)
for statement in (
    f"UPDATE grants_application SET instructor_id = {CONTROLLER} WHERE id = {OF_CASE}",
    f"UPDATE grants_proposal SET made_by_id = {CONTROLLER} WHERE application_id = {OF_CASE}",
    f"UPDATE grants_proposal SET visa_by_id = {CONTROLLER} WHERE application_id = {OF_CASE}",
    f"UPDATE agreements_agreement SET drafted_by_id = {CONTROLLER} WHERE id = {OF_ACT}",
    f"UPDATE agreements_agreement SET entered_by_id = {CONTROLLER} WHERE id = {OF_ACT}",
    f"UPDATE agreements_paymentclaim SET certified_by_id = {CONTROLLER} WHERE id = {CONTROLLED}",
    f"UPDATE agreements_paymentclaim SET ordered_by_id = {CONTROLLER} WHERE id = {CONTROLLED}",
):
    breaks_too("reporting.controlled-by-another", statement)
for statement in (
    f"UPDATE agreements_paymentorder SET ordered_by_id = {CONTROLLER} WHERE claim_id = {CONTROLLED}",
    f"UPDATE agreements_paymentbatch SET closed_by_id = {CONTROLLER} "
    f"WHERE id IN (SELECT batch_id FROM agreements_paymentorder WHERE claim_id = {CONTROLLED})",
    f"UPDATE agreements_paymentorder SET confirmed_by_id = {CONTROLLER} WHERE claim_id = {CONTROLLED}",
):
    breaks_too("reporting.controlled-by-another", BEFORE, statement)
CONTROLLED_BY = (
    "d.submitted_by_id",
    "d.controller_id",
    "d.submitted_at",
    "reporting_expendituredeclaration d WHERE d.controller_id IS NOT NULL ORDER BY d.id",
)
in_one_hand("reporting.controlled-by-their-own-hands", *CONTROLLED_BY)
of_one_maker("reporting.controlled-by-known-persons", *CONTROLLED_BY)
