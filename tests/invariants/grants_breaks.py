"""What breaks the invariants of grants."""

from tests.invariants.sabotage import breaks, breaks_too, in_one_hand, of_one_maker

breaks(
    "grants.envelope-is-its-commitments",
    "UPDATE grants_envelope SET committed_amount = committed_amount - 0.01 "
    "WHERE id = (SELECT max(id) FROM grants_envelope WHERE committed_amount > 0)",
)
breaks(
    "grants.envelope-covers-its-grants",
    "UPDATE grants_envelope SET voted_amount = committed_amount - 0.01 "
    "WHERE id = (SELECT max(id) FROM grants_envelope WHERE committed_amount > 0)",
)
breaks(
    "grants.commitment-on-its-envelope",
    "UPDATE grants_commitment SET envelope_id = (SELECT max(e.id) FROM grants_envelope e WHERE e.programme_id <> "
    "(SELECT programme_id FROM grants_envelope WHERE id = grants_commitment.envelope_id)) "
    "WHERE id = (SELECT max(id) FROM grants_commitment WHERE amount > released_amount)",
)
# Of the same programme.
breaks_too(
    "grants.commitment-on-its-envelope",
    "INSERT INTO grants_envelope SELECT (jsonb_populate_record(e, jsonb_build_object('id', -1, 'code', e.code || '-bis'))).* "
    "FROM grants_envelope e JOIN grants_commitment k ON k.envelope_id = e.id WHERE k.amount > k.released_amount "
    "ORDER BY k.id DESC LIMIT 1",
    "UPDATE grants_commitment SET envelope_id = -1 "
    "WHERE id = (SELECT max(id) FROM grants_commitment WHERE amount > released_amount)",
)
breaks(
    "grants.person-keeps-their-file",
    "UPDATE grants_personline SET applicant_id = (SELECT min(id) FROM applicants_applicant WHERE kind = 'natural' "
    "AND id <> grants_personline.applicant_id) "
    "WHERE id = (SELECT max(id) FROM grants_personline WHERE applicant_id IS NOT NULL)",
)
breaks(
    "grants.one-commitment-a-case",
    "INSERT INTO grants_commitment (envelope_id, application_id, reference, amount, released_amount, release_reason, created_at) "
    "SELECT envelope_id, application_id, 'ENG-twice', 1, 0, '', now() FROM grants_commitment WHERE amount > released_amount "
    "ORDER BY grants_commitment.id LIMIT 1",
)
breaks(
    "grants.credit-is-its-uses",
    "UPDATE grants_paymentcredit SET ordered_amount = ordered_amount + 1 WHERE id = (SELECT max(id) FROM grants_paymentcredit)",
)
breaks(
    "grants.credit-within-voted",
    "UPDATE grants_paymentcredit SET voted_amount = ordered_amount - 0.01 "
    "WHERE id = (SELECT max(credit_id) FROM grants_credituse)",
)
breaks(
    "grants.credit-within-authorisation",
    "UPDATE grants_paymentcredit SET voted_amount = 99999999 WHERE id = (SELECT max(id) FROM grants_paymentcredit)",
)
breaks(
    "grants.computed-is-newest",
    "UPDATE grants_application SET computed_amount = computed_amount + 1 "
    "WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'instructed')",
)
breaks(
    "grants.proposal-within-computed",
    "UPDATE grants_proposal SET amount = amount + 100000 WHERE id = (SELECT max(p.id) FROM grants_proposal p "
    "JOIN grants_application a ON a.id = p.application_id WHERE a.state = 'contracted' AND p.sent_back_at IS NULL)",
)
breaks(
    "grants.proposal-on-newest-computation",
    "INSERT INTO grants_aidcomputation (application_id, number, amount, eligible_base, facts, lines, per_person, refusals, plan, computed_at) "
    "SELECT application_id, number + 1, amount, eligible_base, facts, lines, per_person, refusals, plan, now() FROM grants_aidcomputation "
    "WHERE application_id = (SELECT max(id) FROM grants_application WHERE state = 'instructed') ORDER BY number DESC LIMIT 1",
)
breaks(
    "grants.proposal-on-present-figures",
    "UPDATE grants_budgetline SET eligible_amount = 0 WHERE id = (SELECT max(line.id) FROM grants_budgetline line "
    "JOIN grants_application a ON a.id = line.application_id WHERE a.state = 'instructed' AND line.side = 'charge')",
)
breaks(
    "grants.proposal-on-present-opinions",
    "UPDATE grants_opinion SET file_number = 0, upheld_number = NULL, upheld_by_id = NULL, upheld_reason = '', "
    "application_id = (SELECT max(id) FROM grants_application WHERE state = 'instructed') "
    "WHERE id = (SELECT max(id) FROM grants_opinion WHERE result <> '')",
)
breaks(
    "grants.proposed-is-the-proposal",
    "UPDATE grants_application SET proposed_amount = proposed_amount - 1 "
    "WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'instructed')",
)
# 12,000 were proposed, 10,000 granted for a reason: the cut and its reason vanish with the amount that was proposed.
DECIDED_ITEM = "(SELECT max(id) FROM grants_agendaitem WHERE decision = 'granted')"
breaks(
    "grants.agenda-is-the-proposal", f"UPDATE grants_agendaitem SET proposed_amount = 0.01 WHERE id = {DECIDED_ITEM}"
)
# Twenty thousand were retained of the budget of a network, and the aid was computed on the costs of its years.
breaks(
    "grants.base-within-the-budget",
    "UPDATE grants_budgetline SET eligible_amount = 0.01 WHERE side = 'charge' AND application_id = "
    "(SELECT max(p.application_id) FROM grants_proposal p WHERE p.sent_back_at IS NULL AND p.eligible_base > 1000 "
    "AND p.plan -> 'parts' -> 0 ->> 'person' = '')",
)
breaks(
    "grants.visa-by-another",
    "UPDATE grants_proposal SET visa_by_id = made_by_id "
    "WHERE id = (SELECT max(id) FROM grants_proposal WHERE visa_by_id IS NOT NULL AND sent_back_at IS NULL)",
)
breaks(
    "grants.granted-is-decided",
    "UPDATE grants_agendaitem SET decided_amount = decided_amount - 1 WHERE id = (SELECT max(i.id) FROM grants_agendaitem i "
    "JOIN grants_application a ON a.id = i.application_id WHERE i.decision = 'granted' AND a.state = 'contracted')",
)
breaks(
    "grants.granted-within-computed",
    "UPDATE grants_aidcomputation SET amount = 1 WHERE id = (SELECT max(p.computation_id) FROM grants_proposal p "
    "JOIN grants_application a ON a.id = p.application_id WHERE a.state = 'contracted' AND p.sent_back_at IS NULL)",
)
breaks(
    "grants.persons-share-the-grant",
    "UPDATE grants_personline SET granted_amount = granted_amount - 1 "
    "WHERE id = (SELECT max(id) FROM grants_personline WHERE granted_amount IS NOT NULL)",
)
breaks(
    "grants.persons-within-computed",
    "UPDATE grants_personline SET computed_amount = granted_amount - 1 "
    "WHERE id = (SELECT max(id) FROM grants_personline WHERE granted_amount IS NOT NULL)",
)
breaks(
    "grants.session-is-decided",
    "UPDATE grants_agendaitem SET decision = '' WHERE id = (SELECT max(i.id) FROM grants_agendaitem i "
    "JOIN grants_committeesession s ON s.id = i.session_id WHERE s.state = 'closed')",
)
breaks(
    "grants.closed-session-had-its-quorum",
    "UPDATE grants_committeemember SET is_present = FALSE WHERE session_id = (SELECT max(m.session_id) "
    "FROM grants_committeemember m JOIN grants_committeesession s ON s.id = m.session_id WHERE s.state = 'closed' AND m.is_present)",
)
breaks(
    "grants.scheduled-on-an-agenda",
    "DELETE FROM grants_agendaitem WHERE application_id = (SELECT max(id) FROM grants_application WHERE state = 'scheduled')",
)
breaks(
    "grants.filed-has-snapshot",
    "DELETE FROM grants_snapshot WHERE application_id = (SELECT max(application_id) FROM grants_snapshot)",
)
breaks(
    "grants.budget-is-balanced",
    "UPDATE grants_budgetline SET amount = amount + 1 WHERE id = (SELECT max(l.id) FROM grants_budgetline l "
    "JOIN grants_application a ON a.id = l.application_id WHERE a.submitted_at IS NOT NULL AND l.side = 'charge')",
)
breaks(
    "grants.request-stands-in-the-budget",
    "UPDATE grants_application SET requested_amount = requested_amount + 1 "
    "WHERE id = (SELECT max(application_id) FROM grants_budgetline WHERE financer_status = 'this_request' "
    "AND application_id IN (SELECT id FROM grants_application WHERE submitted_at IS NOT NULL))",
)
breaks(
    "grants.retained-within-declared",
    "UPDATE grants_budgetline SET eligible_amount = amount + 1 WHERE id = (SELECT max(id) FROM grants_budgetline)",
)
breaks(
    "grants.request-for-pieces-is-open",
    "DELETE FROM grants_piecerequest WHERE answered_at IS NULL AND application_id = "
    "(SELECT max(id) FROM grants_application WHERE state = 'incomplete')",
)
breaks(
    "grants.silence-has-its-date",
    "UPDATE grants_application SET decision_due_on = decision_due_on + 1 WHERE id = "
    "(SELECT max(id) FROM grants_application WHERE state = 'submitted')",
)
# An instructor who leaves hands the case on to all colleagues: here all who could have it have left.
breaks(
    "grants.open-case-is-somebodys",
    "UPDATE core_user SET is_active = FALSE WHERE id IN (SELECT a.user_id FROM grants_programmeassignment a "
    "WHERE a.programme_id = (SELECT v.programme_id FROM grants_application app "
    "JOIN grants_programmeversion v ON v.id = app.programme_version_id "
    "WHERE app.state IN ('admissible', 'in_instruction') ORDER BY app.id DESC LIMIT 1))",
)

# --- plans, days, State aid, interests, retention -----------------------------------------------------------------------

LIVE = "(SELECT max(p.id) FROM grants_proposal p WHERE p.sent_back_at IS NULL AND p.favourable AND p.de_minimis_regime <> '')"
breaks(
    "grants.plan-within-computed",
    "UPDATE grants_aidcomputation SET plan = jsonb_set(plan, '{parts,0,amount}', '\"0.01\"') WHERE id = "
    f"(SELECT computation_id FROM grants_proposal WHERE id = {LIVE})",
)
breaks(
    "grants.session-on-its-day",
    "UPDATE grants_committeesession SET opened_at = held_at - interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_committeesession WHERE state = 'closed')",
)
breaks(
    "grants.register-was-consulted",
    f"UPDATE grants_proposal SET register_consulted_on = NULL, register_unavailable = '' WHERE id = {LIVE}",
)
LATER_ESTABLISHMENT = (
    "UPDATE applicants_applicant SET created_at = '2000-01-01', siret = left((SELECT b.siret FROM applicants_applicant b "
    "JOIN grants_application a ON a.applicant_id = b.id JOIN grants_proposal p ON p.application_id = a.id "
    "WHERE p.favourable AND p.sent_back_at IS NULL AND p.de_minimis_regime <> '' AND b.siret <> '' ORDER BY p.id DESC LIMIT 1), 9) "
    "|| '00999' WHERE id = (SELECT min(id) FROM applicants_applicant WHERE siret <> '')",
    "UPDATE applicants_applicantevent line SET siret = body.siret FROM applicants_applicant body WHERE body.id = line.pgh_obj_id",
)
breaks("grants.undertaking-is-known", *LATER_ESTABLISHMENT)
# The same establishment, of which only the proposal, its visa or the grid is later.
NO_GRANT, AGES_AGO = "UPDATE grants_agendaitem SET decision = ''", "'1999-01-01'"
for steps in (
    ("UPDATE grants_proposal SET visa_at = NULL", NO_GRANT),
    (f"UPDATE grants_proposal SET made_at = {AGES_AGO}", NO_GRANT),
    (f"UPDATE grants_proposal SET made_at = {AGES_AGO}, visa_at = {AGES_AGO}",),
):
    breaks_too("grants.undertaking-is-known", *LATER_ESTABLISHMENT, *steps)
breaks(
    "grants.decided-impartially",
    "INSERT INTO applicants_membership (user_id, applicant_id, role, created_at) SELECT p.visa_by_id, a.applicant_id, 'editor', "
    "'2000-01-01' FROM grants_proposal p JOIN grants_application a ON a.id = p.application_id WHERE p.visa_by_id IS NOT NULL "
    "ORDER BY p.id LIMIT 1",
)
breaks(
    "grants.retention-is-set",
    "DELETE FROM core_retention WHERE id = (SELECT max(id) FROM core_retention WHERE rule = 'de_minimis')",
)
breaks(
    "grants.envelope-of-the-call",
    "UPDATE grants_envelope SET programme_id = (SELECT max(id) FROM grants_programme WHERE id <> grants_envelope.programme_id) "
    "WHERE id = (SELECT max(envelope_id) FROM grants_call)",
)
breaks(
    "grants.closed-envelope-owes-nothing",
    "DELETE FROM grants_commitment WHERE application_id = (SELECT max(id) FROM grants_application WHERE state = 'contracted')",
    "UPDATE grants_envelope SET is_closed = TRUE WHERE id = (SELECT c.envelope_id FROM grants_call c JOIN grants_application a "
    "ON a.call_id = c.id WHERE a.id = (SELECT max(id) FROM grants_application WHERE state = 'contracted'))",
    "UPDATE grants_application SET state = 'approved' WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'contracted')",
)
breaks(
    "grants.session-follows-its-cases",
    "UPDATE grants_committeesession SET held_at = held_at - interval '3 years' "
    "WHERE id = (SELECT max(session_id) FROM grants_agendaitem)",
)
breaks(
    "grants.case-days-in-order",
    "UPDATE grants_application SET created_at = submitted_at + interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_application WHERE submitted_at IS NOT NULL)",
    "UPDATE grants_opinion SET given_on = asked_at::date - 20 WHERE id = (SELECT max(id) FROM grants_opinion WHERE result <> '')",
)
breaks(
    "grants.session-days-in-order",
    "UPDATE grants_committeesession SET opened_at = convened_at - interval '2 days' "
    "WHERE id = (SELECT max(id) FROM grants_committeesession WHERE opened_at IS NOT NULL AND convened_at IS NOT NULL)",
)
breaks(
    "grants.sums-move-with-an-entry",
    "INSERT INTO grants_paymentcreditevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('grants_paymentcreditevent_pgh_id_seq'), 'ordered_amount', line.ordered_amount + 1, "
    "'pgh_context_id', gen_random_uuid()))).* FROM grants_paymentcreditevent AS line ORDER BY line.pgh_id DESC LIMIT 1",
)
breaks(
    "grants.filed-before-the-close",
    "UPDATE grants_call SET closes_at = opens_at + interval '1 hour' WHERE id = (SELECT call_id FROM grants_application "
    "WHERE submitted_at IS NOT NULL ORDER BY submitted_at DESC LIMIT 1)",
)

breaks(
    "grants.version-gives-its-hash",
    'UPDATE grants_programmeversion SET definition = definition || \'{"name": "Autre"}\' '
    "WHERE id = (SELECT max(id) FROM grants_programmeversion)",
)
breaks(
    "grants.score-within-its-scale",
    "UPDATE grants_score SET score = max_score + 1 WHERE id = (SELECT max(id) FROM grants_score)",
)
LAST_SCORE = "(SELECT max(s.id) FROM grants_score s JOIN grants_proposal p ON p.application_id = s.application_id)"
for statement in (
    f"UPDATE grants_score SET max_score = max_score * 2, score = max_score * 2 WHERE id = {LAST_SCORE}",
    f"UPDATE grants_score SET max_score = max_score * 2 WHERE id = {LAST_SCORE}",
    f"UPDATE grants_score SET code = 'nouveau' WHERE id = {LAST_SCORE}",
    f"DELETE FROM grants_score WHERE id = {LAST_SCORE}",
    f"UPDATE grants_score SET score = CASE score WHEN 0 THEN 1 ELSE 0 END WHERE id = {LAST_SCORE}",
    "UPDATE grants_proposal SET score = score + 5 WHERE id = (SELECT max(id) FROM grants_proposal WHERE score IS NOT NULL)",
):
    breaks_too("grants.score-within-its-scale", statement)
PROPOSED_BY = (
    "p.made_by_id",
    "p.visa_by_id",
    "p.made_at",
    "grants_proposal p WHERE p.visa_by_id IS NOT NULL ORDER BY p.id",
)
in_one_hand("grants.visa-by-their-own-hands", *PROPOSED_BY)
of_one_maker("grants.visa-by-known-persons", *PROPOSED_BY)

# --- the parts of a plan, and what explains them ----------------------------------------------------------------------------

COMPUTED = "(SELECT max(c.id) FROM grants_aidcomputation c WHERE {0})"
BY_YEAR = COMPUTED.format("c.plan #>> '{parts,2,year}' IS NOT NULL")
BY_PERSON = COMPUTED.format("coalesce(c.plan #>> '{parts,1,person}', '') <> ''")
BY_AXIS = COMPUTED.format(
    "c.plan #>> '{parts,0,year}' IS NULL AND c.plan #>> '{parts,0,person}' = '' AND (c.plan #>> '{parts,1,amount}')::numeric > 1"
)


def moved(name: str) -> str:
    """The column ``plan`` with one euro of a value moved from its second part to its first: its sum stays."""
    first, second = (
        f"to_jsonb(((plan #>> '{{parts,{part},{name}}}')::numeric {sign} 1)::text)"
        for part, sign in ((0, "+"), (1, "-"))
    )
    return f"jsonb_set(jsonb_set(plan, '{{parts,0,{name}}}', {first}), '{{parts,1,{name}}}', {second})"


breaks(
    "grants.plan-adds-up",
    f"UPDATE grants_aidcomputation SET plan = jsonb_set(plan, '{{parts,0,amount}}', '\"0.01\"') WHERE id = {BY_AXIS}",
)
for table, column, which in (
    ("grants_proposal", "plan", "amount > 0"),
    ("grants_agendaitem", "decided_plan", "decided_amount > 0"),
    ("grants_application", "granted_plan", "granted_amount > 0"),
):
    breaks_too(
        "grants.plan-adds-up",
        f"UPDATE {table} SET {column} = jsonb_set({column}, '{{parts,0,amount}}', '\"0.01\"') "
        f"WHERE id = (SELECT max(id) FROM {table} WHERE {which})",
    )
for table in ("grants_aidcomputation", "grants_proposal"):
    breaks_too(
        "grants.plan-adds-up",
        f"UPDATE {table} SET plan = jsonb_set(plan, '{{parts,0,cost}}', '\"99999.99\"') "
        f"WHERE id = (SELECT max(id) FROM {table} WHERE amount > 0)",
    )
breaks_too(
    "grants.plan-adds-up",
    f"UPDATE grants_aidcomputation SET plan = {moved('amount').replace(' 1)', ' 999999)')} WHERE id = {BY_AXIS}",
)
LAST = "(jsonb_array_length(lines) - 1)::text"
breaks(
    "grants.explained-is-computed",
    f"UPDATE grants_aidcomputation SET lines = jsonb_set(lines, ARRAY[{LAST}, 'amount'], '\"1.00\"') WHERE id = {BY_YEAR}",
)


def shares(amount: str, text: str) -> str:
    """A line for each year, before the last one, of an explanation that had none."""
    share = f"jsonb_build_object('kind', 'share', 'amount', {amount}, 'text', {text})"
    lines = f"(SELECT jsonb_agg({share}) FROM jsonb_array_elements(plan -> 'parts') AS part)"
    return f"UPDATE grants_aidcomputation SET lines = (lines - -1) || {lines} || jsonb_build_array(lines -> -1) WHERE id = {BY_YEAR}"


for statement in (
    # what is read of the whole, what ends the explanation
    f"UPDATE grants_aidcomputation SET lines = jsonb_set(lines, ARRAY[{LAST}, 'text'], '\"Aide : 1,00 €.\"') WHERE id = {BY_YEAR}",
    f"UPDATE grants_aidcomputation SET lines = lines - -1 WHERE id = {BY_YEAR}",
    # what each year is said to get of a whole that was cut, and what is read of it
    shares("'1.00'", "(part ->> 'amount') || ' / ' || (part ->> 'cost')"),
    shares("part ->> 'amount'", "'1,00 €'"),
    # a year, the last one of which the lines about the whole follow, a person, an axis
    f"UPDATE grants_aidcomputation SET lines = jsonb_set(lines, '{{1,amount}}', '\"1.00\"') WHERE id = {BY_YEAR}",
    "UPDATE grants_aidcomputation SET lines = jsonb_set(jsonb_set(lines, '{4,amount}', '\"1.00\"'), '{5,amount}', '\"1.00\"') "
    f"WHERE id = {BY_YEAR}",
    f"UPDATE grants_aidcomputation SET lines = jsonb_set(lines, '{{3,amount}}', '\"1.00\"') WHERE id = {BY_PERSON}",
    f"UPDATE grants_aidcomputation SET plan = {moved('amount')} WHERE id = {BY_AXIS}",
    # what each costs, and what each person gets
    f"UPDATE grants_aidcomputation SET plan = {moved('cost')} WHERE id = {BY_AXIS}",
    f"UPDATE grants_aidcomputation SET per_person = jsonb_set(per_person, '{{0,amount}}', '\"1.00\"') WHERE id = {BY_PERSON}",
):
    breaks_too("grants.explained-is-computed", statement)
