"""What breaks the invariants of applicants."""

from tests.invariants.sabotage import breaks, breaks_too, in_one_hand, of_one_maker

VERIFIED = "(SELECT max(id) FROM applicants_bankaccount WHERE state = 'verified')"

breaks(
    "applicants.one-account-is-paid",
    "UPDATE applicants_bankaccount SET applicant_id = (SELECT min(b.applicant_id) FROM applicants_bankaccount b "
    f"WHERE b.state = 'verified') WHERE id = {VERIFIED}",
)
breaks(
    "applicants.account-verified-by-another",
    f"UPDATE applicants_bankaccount SET verified_by_id = entered_by_id WHERE id = {VERIFIED}",
)
breaks(
    "applicants.changed-account-was-called",
    f"UPDATE applicants_bankaccount SET is_change = TRUE WHERE id = {VERIFIED}",
)
for number, minutes in (("06 00 00 00 01", 0), ("06 00 00 00 01", -5)):
    # A number that nobody had; a call of before the days were kept, made before the entry.
    breaks_too(
        "applicants.changed-account-was-called",
        f"UPDATE applicants_bankaccount SET is_change = TRUE WHERE id = {VERIFIED}",
        "INSERT INTO applicants_callback (bank_account_id, called_at, phone, person, note, called_by_id, known_days, created_at) "
        f"SELECT b.id, b.entered_at + interval '{minutes} minutes', '{number}', 'x', '', b.verified_by_id, "
        f"{'NULL' if minutes else 30}, b.verified_at FROM applicants_bankaccount b WHERE b.id = {VERIFIED}",
    )
# Another person had entered an account before: it takes the number before all others.
breaks(
    "applicants.change-is-told-as-one",
    "INSERT INTO applicants_bankaccount (id, applicant_id, holder_name, iban, bic, bank_name, proof_id, is_change, state, "
    "entered_by_id, entered_at, decision_note, other_reason) SELECT -1, b.applicant_id, b.holder_name, b.iban, '', '', b.proof_id, "
    f"FALSE, 'rejected', b.verified_by_id, b.entered_at, 'x', '' FROM applicants_bankaccount b WHERE b.id = {VERIFIED}",
)
# Three bodies linked one to the next: an undertaking joins the first two, one SIREN the last two.
IN_ORDER = (
    "SELECT applicant_id FROM applicants_deminimisaid WHERE origin = 'granted' AND withdrawn_on IS NULL ORDER BY id"
)
breaks(
    "applicants.de-minimis-within-ceiling",
    "INSERT INTO applicants_singleundertaking (name, reason) VALUES ('Groupe', 'Contrôle commun')",
    "UPDATE applicants_applicant SET undertaking_id = (SELECT max(id) FROM applicants_singleundertaking) "
    f"WHERE id IN (({IN_ORDER} LIMIT 1), (SELECT max(id) FROM applicants_applicant WHERE siret <> '' AND id NOT IN ({IN_ORDER})))",
    "UPDATE applicants_applicant SET siret = left((SELECT siret FROM applicants_applicant WHERE id = (SELECT max(id) "
    f"FROM applicants_applicant WHERE siret <> '' AND id NOT IN ({IN_ORDER}))), 9) || '00999' WHERE id = ({IN_ORDER} OFFSET 1 LIMIT 1)",
    f"UPDATE applicants_deminimisaid SET amount = 299999.00, granted_on = current_date WHERE applicant_id = ({IN_ORDER} LIMIT 1)",
    f"UPDATE applicants_deminimisaid SET granted_on = current_date, recorded_at = now() WHERE applicant_id = ({IN_ORDER} OFFSET 1 LIMIT 1)",
)
breaks(
    "applicants.register-entered-in-time",
    "UPDATE applicants_deminimisaid SET entered_on = NULL, entered_by_id = NULL, entered_amount = NULL, granted_on = '2026-01-05' "
    "WHERE id = (SELECT max(id) FROM applicants_deminimisaid WHERE origin = 'granted' AND withdrawn_on IS NULL)",
)
breaks(
    "applicants.account-verified-impartially",
    "INSERT INTO applicants_membership (user_id, applicant_id, role, created_at) SELECT verified_by_id, applicant_id, 'editor', "
    f"'2000-01-01' FROM applicants_bankaccount WHERE id = {VERIFIED}",
)
breaks(
    "applicants.interest-stays",
    "INSERT INTO applicants_membershipevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('applicants_membershipevent_pgh_id_seq'), 'pgh_label', 'delete', 'pgh_created_at', now() + interval '3 hours'))).* "
    "FROM applicants_membershipevent AS line ORDER BY line.pgh_id LIMIT 1",
)
breaks(
    "applicants.declaration-answers-a-naming",
    "INSERT INTO applicants_nointerest (user_id, applicant_id, reason, address, places, declared_at) SELECT u.id, a.id, 'x', "
    "u.email, ARRAY['address'], now() FROM core_user u, applicants_applicant a WHERE a.id = (SELECT max(id) FROM "
    "applicants_applicant) AND lower(a.email) <> u.email ORDER BY u.id LIMIT 1",
)
breaks(
    "applicants.interest-counts-its-months",
    "INSERT INTO applicants_keptinterest (user_id, applicant_id, tie, began_at, ended_at, counts_until, reason) SELECT u.id, a.id, "
    "'named', now(), now(), now() + interval '2 months', '' FROM core_user u, applicants_applicant a ORDER BY u.id, a.id LIMIT 1",
)
# An officer's address that stood there for a line of the history, before the address of today.
breaks(
    "applicants.naming-stays",
    "INSERT INTO applicants_applicantevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('applicants_applicantevent_pgh_id_seq'), 'pgh_label', 'update', 'pgh_created_at', now() + interval '3 hours', "
    "'email', (SELECT email FROM core_user WHERE email LIKE 'instruction@%')))).* "
    "FROM applicants_applicantevent AS line ORDER BY line.pgh_id LIMIT 1",
    "INSERT INTO applicants_applicantevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', "
    "nextval('applicants_applicantevent_pgh_id_seq'), 'pgh_label', 'update', 'pgh_created_at', now() + interval '4 hours'))).* "
    "FROM applicants_applicantevent AS line ORDER BY line.pgh_id LIMIT 1",
)
breaks(
    "applicants.withheld-has-no-mail",
    "INSERT INTO applicants_invitation (applicant_id, email, role, token_hash, invited_by_id, created_at, expires_at, withheld) "
    "SELECT a.id, 'x@region.example', 'editor', 'x', u.id, now(), now() + interval '1 day', TRUE "
    "FROM applicants_applicant a, core_user u ORDER BY a.id, u.id LIMIT 1",
    "UPDATE core_outboxmessage SET key = 'invitation:' || (SELECT max(id) FROM applicants_invitation) "
    "WHERE id = (SELECT max(id) FROM core_outboxmessage)",
)
ENTERED = (
    "b.entered_by_id",
    "b.verified_by_id",
    "b.entered_at",
    "applicants_bankaccount b WHERE b.verified_by_id IS NOT NULL ORDER BY b.id",
)
in_one_hand("applicants.verified-by-their-own-hands", *ENTERED)
of_one_maker("applicants.verified-by-known-persons", *ENTERED)
# An officer gives a stranger the role of a representative at once, whose account was closed for a moment.
BESIDE = (
    "SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', nextval('applicants_membershipevent_pgh_id_seq'), "
    "'pgh_label', 'insert', 'pgh_created_at', now() + interval '3 hours', 'pgh_obj_id', -1, 'id', -1, 'user_id', stranger.id, "
    "'pgh_context', jsonb_build_object('user', stranger.officer, 'label', '')))).* FROM applicants_membershipevent AS line, "
    "(SELECT max(id) AS id, min(id) AS officer FROM core_user WHERE is_staff) AS stranger "
    "WHERE line.role = 'representative' AND line.pgh_label = 'insert' AND line.user_id <> stranger.id ORDER BY line.pgh_id LIMIT 1"
)
breaks("applicants.people-decide-first", f"INSERT INTO applicants_membershipevent {BESIDE}")
breaks(
    "applicants.erased-account-is-not-used",
    f"UPDATE applicants_bankaccount SET iban = 'XX00ERASED000000001', holder_name = '—', bic = '' WHERE id = {VERIFIED}",
)

# --- days, amounts and accounts as they were told -------------------------------------------------------------------

breaks(
    "applicants.iban-has-its-key",
    "UPDATE applicants_bankaccount SET iban = left(iban, 10) || translate(substr(iban, 11, 1), "
    "'0123456789', '1234567890') || substr(iban, 12) WHERE id = (SELECT max(id) FROM "
    "applicants_bankaccount)",
)
breaks_too(
    "applicants.iban-has-its-key",
    "UPDATE applicants_bankaccount SET iban = lower(iban) WHERE id = (SELECT max(id) FROM applicants_bankaccount)",
)
