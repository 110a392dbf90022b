"""What else breaks the invariants of core, applicants and grants that look at several things: one false state for each."""

from tests.invariants.applicants_breaks import VERIFIED
from tests.invariants.grants_breaks import LIVE
from tests.invariants.sabotage import breaks, breaks_too, given

# --- core -----------------------------------------------------------------------------------------------------------

breaks_too(
    "core.mails-leave",
    "UPDATE core_outboxmessage SET state = 'failed', created_at = now() - interval '1 day' "
    "WHERE id = (SELECT max(id) FROM core_outboxmessage)",
)
breaks_too(
    "core.jobs-end",
    "INSERT INTO core_job (kind, key, parameters, state, progress, total, message, result, reason, attempts, created_at, "
    "lease_until) VALUES ('figures.check', 'lost', '{}', 'running', 0, 0, '', '{}', '', 1, now() - interval '3 days', "
    "now() - interval '2 days')",
)
# A rule that one administrator asked to loosen and confirmed, by the history too; and one of which nobody had asked it.
LOOSENED = (
    "UPDATE core_incompatibleroles SET enforced = FALSE, loosening_asked_at = now(), loosened_by_id = one.id, "
    "loosening_asked_by_id = {asked_by} FROM (SELECT max(id) AS id FROM core_user) AS one "
    "WHERE first = 'finance_officer' AND second = 'instructor'",
    "INSERT INTO core_incompatiblerolesevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('core_incompatiblerolesevent_pgh_id_seq'), 'pgh_label', 'update', 'pgh_created_at', now(), 'enforced', FALSE, "
    "'loosening_asked_at', pair.loosening_asked_at, 'loosened_by_id', pair.loosened_by_id))).* "
    "FROM core_incompatiblerolesevent AS line JOIN core_incompatibleroles pair ON pair.id = line.pgh_obj_id "
    "WHERE NOT pair.enforced ORDER BY line.pgh_id DESC LIMIT 1",
)
for asked_by in ("one.id", "NULL"):
    breaks_too("core.rules-loosened-by-two", LOOSENED[0].format(asked_by=asked_by), LOOSENED[1])
breaks_too("core.rules-loosened-by-two", LOOSENED[0].format(asked_by="(SELECT min(id) FROM core_user)"))
ADMINISTRATOR = (
    "(SELECT min(held.user_id) FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id "
    "JOIN core_user active ON active.id = held.user_id AND active.is_active WHERE role.name = 'administrator')"
)
NOBODY_OF_THE_STAFF = "(SELECT min(id) FROM core_user WHERE is_active AND NOT is_staff)"
# An account that was closed and opened again: an administrator's by herself, and one by somebody who is none.
for person, hand in ((ADMINISTRATOR, ADMINISTRATOR), (ADMINISTRATOR, NOBODY_OF_THE_STAFF)):
    breaks_too(
        "core.closed-accounts-are-opened-by-another",
        *(
            "INSERT INTO core_userevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, pgh_obj_id, id, email, "
            "first_name, last_name, phone, language, is_active, is_staff, is_superuser, date_joined, password_mark) "
            f"SELECT now(), 'update', jsonb_build_object('user', {hand}, 'label', ''), gen_random_uuid(), u.id, u.id, u.email, "
            f"u.first_name, u.last_name, u.phone, u.language, {active}, u.is_staff, FALSE, u.date_joined, u.password_mark "
            f"FROM core_user u WHERE u.id = {person}"
            for active in ("FALSE", "TRUE")
        ),
    )

# --- applicants -----------------------------------------------------------------------------------------------------

for change in ("verified_by_id = NULL", "proof_dated = NULL", "verified_at = entered_at - interval '2 days'"):
    breaks_too(
        "applicants.account-verified-by-another", f"UPDATE applicants_bankaccount SET {change} WHERE id = {VERIFIED}"
    )
breaks_too(
    "applicants.erased-account-is-not-used",
    'INSERT INTO core_erasure ("table", row, event, erased_at) '
    f"VALUES ('applicants_bankaccount', {VERIFIED}::text, 1, now())",
)
for tie in ("acted", "asked"):
    breaks_too(
        "applicants.interest-stays",
        "INSERT INTO applicants_keptinterest (user_id, applicant_id, tie, began_at, ended_at, counts_until, reason) "
        f"SELECT u.id, a.id, '{tie}', now(), now(), now() + interval '36 months', '' "
        "FROM core_user u, applicants_applicant a WHERE u.is_staff AND a.id = (SELECT max(id) FROM applicants_applicant) "
        "ORDER BY u.id LIMIT 1",
    )

# An officer gives another role to the only representative that a body ever had.
breaks_too(
    "applicants.people-decide-first",
    "INSERT INTO applicants_membershipevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('applicants_membershipevent_pgh_id_seq'), 'pgh_label', 'update', 'pgh_created_at', now() + interval '3 hours', "
    "'role', 'editor', 'pgh_context', jsonb_build_object('user', (SELECT min(id) FROM core_user WHERE is_staff), 'label', '')))).* "
    "FROM applicants_membershipevent AS line WHERE line.role = 'representative' AND line.pgh_label = 'insert' "
    "AND 1 = (SELECT count(DISTINCT other.user_id) FROM applicants_membershipevent other "
    "WHERE other.applicant_id = line.applicant_id) ORDER BY line.pgh_id LIMIT 1",
)
# A ceiling without an end, and one that counts its own regime alone.
GRANTED = "(SELECT max(id) FROM applicants_deminimisaid WHERE origin = 'granted' AND withdrawn_on IS NULL)"
for change in ("valid_until = NULL", "counts = '[]'"):
    breaks_too(
        "applicants.de-minimis-within-ceiling",
        f"UPDATE applicants_deminimisceiling SET {change} WHERE amount > 0",
        f"UPDATE applicants_deminimisaid SET amount = 9999999 WHERE id = {GRANTED}",
    )
# An aid of three years ago to the day, which counts under this setting.
breaks_too(
    "applicants.de-minimis-within-ceiling",
    "INSERT INTO applicants_deminimisaid SELECT (jsonb_populate_record(aid, jsonb_build_object('id', -1, 'origin', 'declared', "
    "'amount', 9999999, 'granted_on', aid.granted_on - interval '3 years'))).* "
    f"FROM applicants_deminimisaid AS aid WHERE aid.id = {GRANTED}",
)
# An account vouched for by a person who gave the next their role, or had it from the one before.
STRANGER = "(SELECT max(id) FROM core_user WHERE NOT is_staff)"
THIRD = "(SELECT min(id) FROM core_user WHERE NOT is_staff)"
VOUCHED = f"UPDATE applicants_bankaccount SET vouched_by_id = {STRANGER}, vouched_at = entered_at WHERE id = {VERIFIED}"
OF_ACCOUNT = f"applicants_bankaccount b WHERE b.id = {VERIFIED} ORDER BY b.id"
for first, first_role, second, second_role in (
    ("b.entered_by_id", "instructor", STRANGER, "instructor"),
    (STRANGER, "instructor", "b.verified_by_id", "finance_officer"),
):
    breaks_too(
        "applicants.verified-by-their-own-hands", VOUCHED, given(second_role, "b.entered_at", first, second, OF_ACCOUNT)
    )
    breaks_too(
        "applicants.verified-by-known-persons",
        VOUCHED,
        given(first_role, "b.entered_at", THIRD, first, OF_ACCOUNT),
        given(second_role, "b.entered_at", THIRD, second, OF_ACCOUNT),
    )

# --- days of cases and of sessions ----------------------------------------------------------------------------------

FILED = "(SELECT max(id) FROM grants_application WHERE received_complete_on IS NOT NULL)"
SEEN = "(SELECT max(id) FROM grants_proposal WHERE visa_at IS NOT NULL AND sent_back_at IS NULL)"
VOTED = (
    "(SELECT max(item.id) FROM grants_agendaitem item JOIN grants_committeesession s ON s.id = item.session_id "
    "JOIN grants_proposal p ON p.application_id = item.application_id AND p.sent_back_at IS NULL AND p.visa_at IS NOT NULL "
    "WHERE item.decision = 'granted' AND s.closed_at IS NOT NULL)"
)
for statement in (
    f"UPDATE grants_application SET created_at = submitted_at + interval '2 days' WHERE id = {FILED}",
    f"UPDATE grants_application SET received_complete_on = submitted_at::date - 2 WHERE id = {FILED}",
    "UPDATE grants_application SET submitted_at = now() + interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'submitted')",
    "UPDATE grants_piecerequest SET answered_at = requested_at - interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_piecerequest WHERE answered_at IS NOT NULL)",
    "UPDATE grants_opinion SET answered_at = asked_at - interval '2 days' WHERE id = (SELECT max(id) FROM grants_opinion)",
    "UPDATE grants_opinion SET given_on = asked_at::date - 20 WHERE id = (SELECT max(id) FROM grants_opinion)",
    f"UPDATE grants_proposal SET visa_at = made_at - interval '2 days' WHERE id = {SEEN}",
    "UPDATE grants_proposal SET sent_back_at = made_at - interval '2 days' WHERE id = (SELECT max(id) FROM grants_proposal)",
    "UPDATE grants_proposal SET made_at = (SELECT a.submitted_at FROM grants_application a WHERE a.id = application_id) "
    f"- interval '2 days' WHERE id = {SEEN}",
    "UPDATE grants_agendaitem SET decided_at = (SELECT p.visa_at FROM grants_proposal p WHERE p.application_id = "
    "grants_agendaitem.application_id AND p.sent_back_at IS NULL ORDER BY p.id DESC LIMIT 1) - interval '2 days' "
    f"WHERE id = {VOTED}",
):
    breaks_too("grants.case-days-in-order", statement)
for statement in (
    "UPDATE grants_committeesession SET closed_at = opened_at - interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_committeesession WHERE closed_at IS NOT NULL)",
    "UPDATE grants_committeesession SET deliberation_on = current_date, legality_sent_on = current_date - 2 "
    "WHERE id = (SELECT max(id) FROM grants_committeesession)",
):
    breaks_too("grants.session-days-in-order", statement)

# --- what is proposed, granted, kept --------------------------------------------------------------------------------

breaks_too(
    "grants.proposed-is-the-proposal",
    "UPDATE grants_proposal SET sent_back_at = now() WHERE sent_back_at IS NULL AND application_id = "
    "(SELECT max(id) FROM grants_application WHERE state = 'instructed')",
    "UPDATE grants_application SET proposed_amount = NULL WHERE id = (SELECT max(id) FROM grants_application "
    "WHERE state = 'instructed')",
)
# An agenda that is not decided yet follows the live proposal, not one that was sent back.
OPEN_ITEM = "(SELECT max(id) FROM grants_agendaitem WHERE decision = '')"
breaks_too(
    "grants.agenda-is-the-proposal",
    f"UPDATE grants_proposal SET sent_back_at = now() WHERE application_id = "
    f"(SELECT application_id FROM grants_agendaitem WHERE id = {OPEN_ITEM})",
)
ITS_COMPUTATION = f"(SELECT computation_id FROM grants_proposal WHERE id = {LIVE})"
for path, value in (("cost", '"0.01"'), ("axis", '"none"')):
    breaks_too(
        "grants.plan-within-computed",
        f"UPDATE grants_aidcomputation SET plan = jsonb_set(plan, ARRAY['parts', '0', '{path}'], '{value}') "
        f"WHERE id = {ITS_COMPUTATION}",
    )
breaks_too(
    "grants.plan-within-computed",
    "UPDATE grants_application SET granted_plan = jsonb_set(granted_plan, '{parts,0,amount}', '\"9999999.00\"') "
    "WHERE id = (SELECT max(id) FROM grants_application WHERE granted_amount IS NOT NULL "
    "AND jsonb_array_length(granted_plan -> 'parts') > 0)",
)
breaks_too(
    "grants.sums-move-with-an-entry",
    "INSERT INTO grants_envelopeevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('grants_envelopeevent_pgh_id_seq'), 'committed_amount', line.committed_amount + 1, "
    "'pgh_context_id', gen_random_uuid()))).* FROM grants_envelopeevent AS line ORDER BY line.pgh_id DESC LIMIT 1",
)
breaks_too(
    "grants.closed-envelope-owes-nothing",
    "UPDATE grants_envelope SET is_closed = TRUE WHERE id = (SELECT c.envelope_id FROM grants_call c JOIN grants_application a "
    "ON a.call_id = c.id WHERE a.state = 'scheduled' ORDER BY a.id LIMIT 1)",
)
breaks_too(
    "grants.filed-has-snapshot",
    "UPDATE grants_snapshot SET kind = 'correction' WHERE application_id = (SELECT max(application_id) FROM grants_snapshot)",
)
breaks_too(
    "grants.filed-has-snapshot",
    "UPDATE grants_snapshot SET number = number + 1 WHERE application_id = (SELECT max(application_id) FROM grants_snapshot)",
)
breaks_too(
    "grants.retention-is-set",
    "DELETE FROM core_retention WHERE id = (SELECT max(id) FROM core_retention WHERE rule = 'case_ended')",
)
for change in (
    "de_minimis_regime = CASE de_minimis_regime WHEN 'sgei' THEN 'general' ELSE 'sgei' END",
    "register_reference = '', register_document_id = NULL, register_unavailable = ''",
):
    breaks_too("grants.register-was-consulted", f"UPDATE grants_proposal SET {change} WHERE id = {LIVE}")

# A score above its scale that was given after the proposal, with which nobody compares it.
breaks_too(
    "grants.score-within-its-scale",
    "UPDATE grants_score SET score = max_score + 1, scored_at = now() + interval '1 day' "
    "WHERE id = (SELECT max(id) FROM grants_score)",
)
# The person of each act is a member of the body.
MEMBER = (
    "(SELECT min(m.user_id) FROM applicants_membership m JOIN grants_application a ON a.applicant_id = m.applicant_id "
    "WHERE a.id = application_id)"
)
for statement in (
    f"UPDATE grants_proposal SET made_by_id = {MEMBER} WHERE id = {SEEN}",
    f"UPDATE grants_agendaitem SET decided_by_id = {MEMBER} WHERE id = {VOTED}",
):
    breaks_too("grants.decided-impartially", statement)

# --- days, amounts and accounts as they were told -------------------------------------------------------------------

breaks(
    "grants.decided-in-its-session",
    "UPDATE grants_agendaitem SET decided_at = decided_at - interval '3 days' WHERE id = (SELECT min(id) "
    "FROM grants_agendaitem WHERE decided_at IS NOT NULL)",
)
breaks_too(
    "grants.decided-in-its-session",
    "UPDATE grants_agendaitem SET decided_at = decided_at + interval '3 days' WHERE id = (SELECT min(id) "
    "FROM grants_agendaitem WHERE decided_at IS NOT NULL)",
)
breaks(
    "grants.agenda-rank-once",
    "UPDATE grants_agendaitem SET rank = 1 WHERE id = (SELECT max(id) FROM grants_agendaitem WHERE rank = 2)",
)
