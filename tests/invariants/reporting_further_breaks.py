"""What else breaks the invariants of reporting that look at several things: a false state for each of these."""

from tests.invariants.reporting_breaks import CERTIFICATE, DECLARATION, ENTRY, ITEM, OTHER_OPERATION, OWN
from tests.invariants.sabotage import breaks, breaks_too, given

breaks_too("reporting.controlled-is-decided", f"DELETE FROM reporting_certificate WHERE id = {CERTIFICATE}")
for column in ("eligible_amount", "public_amount"):
    breaks_too(
        "reporting.line-is-its-entries",
        f"UPDATE reporting_paymentapplicationline SET {column} = {column} + 1 "
        f"WHERE id = (SELECT line_id FROM reporting_paymentapplicationentry WHERE id = {ENTRY})",
    )
for column in ("eligible_amount", "union_amount"):
    breaks_too(
        "reporting.entry-is-its-certificate",
        f"UPDATE reporting_paymentapplicationentry SET {column} = {column} - 1 WHERE id = {ENTRY}",
    )
breaks_too(
    "reporting.entry-of-its-priority",
    "UPDATE reporting_operation SET programme_id = NULL WHERE id = (SELECT c.operation_id FROM reporting_certificate c "
    f"JOIN reporting_paymentapplicationentry e ON e.certificate_id = c.id WHERE e.id = {ENTRY})",
)
ACCEPTED = "(SELECT max(id) FROM reporting_paymentapplication WHERE accepted_on IS NOT NULL)"
for change in (
    "opened_at = closed_at + interval '2 days'",
    "sent_at = closed_at - interval '1 second', sent_on = closed_at::date",
    "accepted_at = sent_at - interval '1 second', accepted_on = sent_on",
    "sent_on = closed_at::date - 2",
    "sent_on = sent_at::date + 2, accepted_on = NULL",
    "accepted_on = sent_on - 1",
    "accepted_on = accepted_at::date + 2",
):
    breaks_too("reporting.sent-in-order", f"UPDATE reporting_paymentapplication SET {change} WHERE id = {ACCEPTED}")
YEAR = "(SELECT y.{column} FROM reporting_accountingyear y WHERE y.id = accounting_year_id)"
LAST = "(SELECT max(id) FROM reporting_paymentapplication WHERE closed_at IS NOT NULL AND state <> 'void')"
for statement in (
    f"UPDATE reporting_paymentapplication SET opened_at = {YEAR.format(column='starts_on')} - interval '2 days' WHERE id = {LAST}",
    f"UPDATE reporting_paymentapplication SET closed_at = {YEAR.format(column='ends_on')} + interval '40 days' WHERE id = {LAST}",
    "UPDATE reporting_certificate SET issued_at = issued_at + interval '2 years' WHERE id = (SELECT max(e.certificate_id) "
    "FROM reporting_paymentapplicationentry e JOIN reporting_paymentapplicationline l ON l.id = e.line_id "
    f"WHERE l.application_id = {LAST})",
):
    breaks_too("reporting.application-in-its-year", statement)

breaks_too(
    "reporting.current-is-the-last",
    f"UPDATE reporting_operation SET current_id = NULL WHERE id = {OTHER_OPERATION}",
)
breaks_too(
    "reporting.fund-of-its-agreement",
    "UPDATE reporting_operationversion SET fund_id = (SELECT min(f.id) FROM reporting_fund f "
    f"WHERE f.id <> reporting_operationversion.fund_id) WHERE id = {OWN}",
)
breaks_too(
    "reporting.retained-in-the-period",
    "UPDATE agreements_expenditureline SET invoice_date = '2019-12-31' WHERE id = "
    f"(SELECT expenditure_line_id FROM reporting_expenditureitem WHERE id = {ITEM})",
)

# --- persons of a control --------------------------------------------------------------------------------------------

# Who decided on an item: the certifier, by the event too; somebody else, by the event alone. And who instructs today controls.
ITS_EVENT = (
    "(SELECT e.id FROM core_event e JOIN django_content_type t ON t.id = e.content_type_id WHERE t.app_label = 'reporting' "
    f"AND t.model = 'expenditureitem' AND e.to_state <> '' AND e.object_id = {ITEM} ORDER BY e.sequence DESC LIMIT 1)"
)
CERTIFIER = (
    "(SELECT d.certifier_id FROM reporting_expendituredeclaration d JOIN reporting_expenditureitem i "
    f"ON i.declaration_id = d.id WHERE i.id = {ITEM})"
)
breaks_too(
    "reporting.controlled-by-another",
    f"UPDATE reporting_expenditureitem SET decided_by_id = {CERTIFIER} WHERE id = {ITEM}",
    f"UPDATE core_event SET actor_id = {CERTIFIER} WHERE id = {ITS_EVENT}",
)
breaks_too("reporting.controlled-by-another", f"UPDATE core_event SET actor_id = {CERTIFIER} WHERE id = {ITS_EVENT}")
breaks_too(
    "reporting.controlled-by-another",
    "UPDATE grants_application AS app SET instructor_id = d.controller_id FROM reporting_expendituredeclaration d "
    "JOIN agreements_paymentclaim c ON c.id = d.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id "
    f"WHERE d.id = {DECLARATION} AND app.id = a.application_id",
)
STRANGER = "(SELECT max(id) FROM core_user WHERE NOT is_staff)"
THIRD = "(SELECT min(id) FROM core_user WHERE NOT is_staff)"
ORDERED = (
    "(SELECT max(d.id) FROM reporting_expendituredeclaration d JOIN agreements_paymentorder o ON o.claim_id = d.claim_id "
    "WHERE d.controller_id IS NOT NULL)"
)
OF_CONTROL = (
    "reporting_expendituredeclaration d JOIN agreements_paymentclaim c ON c.id = d.claim_id "
    f"WHERE d.id = {ORDERED} ORDER BY d.id"
)
ITS_CLAIM = f"(SELECT d.claim_id FROM reporting_expendituredeclaration d WHERE d.id = {ORDERED})"
for written, role, at in (
    (f"UPDATE reporting_expendituredeclaration SET submitted_by_id = {STRANGER} WHERE id = {ORDERED}", "instructor", "d.submitted_at"),
    (f"UPDATE agreements_paymentclaim SET certified_by_id = {STRANGER} WHERE id = {ITS_CLAIM}", "instructor", "c.certified_at"),
    (
        f"UPDATE agreements_paymentclaim SET ordered_by_id = {STRANGER} WHERE id = {ITS_CLAIM}", "finance_officer",
        "c.certified_at",
    ),
):  # fmt: skip
    breaks_too(
        "reporting.controlled-by-their-own-hands",
        written,
        given("eu_controller", at, STRANGER, "d.controller_id", OF_CONTROL),
    )
    breaks_too(
        "reporting.controlled-by-known-persons",
        written,
        given(role, at, THIRD, STRANGER, OF_CONTROL),
        given("eu_controller", at, THIRD, "d.controller_id", OF_CONTROL),
    )
OF_ASKED = (
    "reporting_paymentapplicationentry e JOIN reporting_certificate k ON k.id = e.certificate_id "
    f"JOIN reporting_expendituredeclaration d ON d.id = k.declaration_id WHERE e.id = {ENTRY} ORDER BY e.id"
)
CLOSED_BY = (
    f"UPDATE reporting_paymentapplication SET closed_by_id = {STRANGER}, closed_at = now() WHERE id = (SELECT l.application_id "
    f"FROM reporting_paymentapplicationline l JOIN reporting_paymentapplicationentry e ON e.line_id = l.id WHERE e.id = {ENTRY})"
)
CONTROLLED_AT = "coalesce(d.controlled_at, d.control_started_at)"
breaks_too(
    "reporting.controlled-by-their-own-hands",
    CLOSED_BY,
    given("finance_officer", CONTROLLED_AT, "d.controller_id", STRANGER, OF_ASKED),
)
breaks_too(
    "reporting.controlled-by-known-persons",
    CLOSED_BY,
    given("eu_controller", CONTROLLED_AT, THIRD, "d.controller_id", OF_ASKED),
    given("finance_officer", CONTROLLED_AT, THIRD, STRANGER, OF_ASKED),
)

# --- what is asked ---------------------------------------------------------------------------------------------------

# A claim that was suspended, then closed without its payment, before its expenditure was sent.
SENT = (
    "(SELECT max(d.claim_id) FROM reporting_paymentapplicationentry e JOIN reporting_paymentapplicationline l ON l.id = e.line_id "
    "JOIN reporting_paymentapplication p ON p.id = l.application_id JOIN reporting_certificate c ON c.id = e.certificate_id "
    "JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id JOIN agreements_paymentclaim its ON its.id = d.claim_id "
    "WHERE p.sent_at IS NOT NULL AND its.state = 'paid')"
)
EVENTS_OF_IT = (
    "core_event v JOIN django_content_type t ON t.id = v.content_type_id "
    f"WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.object_id = {SENT}"
)
breaks_too(
    "reporting.sent-without-doubt",
    f"UPDATE core_event SET action = 'suspend' WHERE id = (SELECT min(v.id) FROM {EVENTS_OF_IT})",
    "UPDATE core_event SET from_state = 'suspended', created_at = '2000-01-01' "
    f"WHERE id = (SELECT max(v.id) FROM {EVENTS_OF_IT} AND v.to_state = 'paid')",
)
breaks_too(
    "reporting.certified-is-paid-or-doubted",
    f"UPDATE reporting_paymentapplicationentry SET public_amount = public_amount + 10000000 WHERE id = {ENTRY}",
)
ASKED = "(SELECT min(certificate_id) FROM reporting_paymentapplicationentry WHERE released_at IS NULL)"
# A second certificate, on more of the EU than is left to ask.
breaks_too(
    "reporting.certified-is-paid-or-doubted",
    "INSERT INTO reporting_certificate SELECT (jsonb_populate_record(c, jsonb_build_object('id', -1, 'number', 'CSF-1'))).* "
    f"FROM reporting_certificate AS c WHERE c.id = {ASKED}",
    "INSERT INTO reporting_certificateallocation (certificate_id, kind, amount) SELECT -1, 'eu', sum(amount) "
    f"FROM reporting_certificateallocation WHERE kind = 'region' AND certificate_id = {ASKED}",
)
# By axes, and of a year alone.
OF_YEARS = (
    "(SELECT max(al.id) FROM reporting_certificateallocation al JOIN reporting_certificate c ON c.id = al.certificate_id "
    "JOIN reporting_operation o ON o.id = c.operation_id JOIN agreements_tranche t ON t.agreement_id = o.agreement_id "
    "WHERE al.kind = 'eu' AND 1 = (SELECT count(DISTINCT other.version_id) FROM reporting_certificate other "
    "WHERE other.operation_id = o.id))"
)
breaks_too(
    "reporting.public-part-is-due",
    f"UPDATE reporting_certificateallocation SET amount = amount + 10000000 WHERE id = {OF_YEARS}",
    "UPDATE grants_application AS app SET granted_plan = jsonb_set(app.granted_plan, '{parts}', "
    "jsonb_build_array(app.granted_plan -> 'parts' -> 0)) FROM reporting_certificateallocation al "
    "JOIN reporting_certificate c ON c.id = al.certificate_id JOIN reporting_operation o ON o.id = c.operation_id "
    f"JOIN agreements_agreement a ON a.id = o.agreement_id WHERE al.id = {OF_YEARS} AND app.id = a.application_id",
)
breaks_too(
    "reporting.public-part-is-due",
    "UPDATE reporting_certificateallocation SET amount = amount + 10000000 WHERE id = (SELECT max(al.id) "
    "FROM reporting_certificateallocation al JOIN reporting_certificate c ON c.id = al.certificate_id "
    "JOIN reporting_operation o ON o.id = c.operation_id JOIN agreements_agreement a ON a.id = o.agreement_id "
    "JOIN grants_application app ON app.id = a.application_id WHERE al.kind = 'eu' "
    "AND NOT EXISTS (SELECT 1 FROM agreements_tranche t WHERE t.agreement_id = a.id) "
    "AND 1 < (SELECT count(DISTINCT part ->> 'axis') FROM jsonb_array_elements(app.granted_plan -> 'parts') AS part))",
)
breaks_too(
    "reporting.public-part-is-due",
    f"UPDATE reporting_certificateallocation SET amount = amount - 1000 WHERE id = {OF_YEARS}",
)

# --- days, amounts and accounts as they were told -------------------------------------------------------------------

breaks(
    "reporting.operation-runs-as-its-act",
    "UPDATE reporting_operationversion SET start_date = start_date + 1 WHERE id = (SELECT max(current_id) "
    "FROM reporting_operation WHERE agreement_id IS NOT NULL)",
)
breaks_too(
    "reporting.operation-runs-as-its-act",
    "UPDATE reporting_operationversion SET end_date = end_date + 1 WHERE id = (SELECT max(current_id) "
    "FROM reporting_operation WHERE agreement_id IS NOT NULL)",
)
