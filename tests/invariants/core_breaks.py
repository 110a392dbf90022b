"""What breaks the invariants of core."""

from tests.invariants.sabotage import breaks, breaks_too

breaks(
    "core.states-have-events",
    "UPDATE grants_application SET state = 'approved' WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'submitted')",
)
OF_CLAIMS = "(SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentclaim')"
breaks(
    "core.states-follow-each-other",
    "UPDATE core_event SET from_state = 'suspended' WHERE id = (SELECT max(id) FROM core_event WHERE action = 'certify' "
    f"AND content_type_id = {OF_CLAIMS})",
)
# From filed to paid in one event, which says so: the row and its last event agree.
FILED = "(SELECT max(id) FROM agreements_paymentclaim WHERE state = 'submitted')"
breaks_too(
    "core.states-follow-each-other",
    "UPDATE core_event SET action = 'settle', to_state = 'paid' WHERE id = (SELECT max(id) FROM core_event "
    f"WHERE to_state = 'submitted' AND content_type_id = {OF_CLAIMS} AND object_id = {FILED})",
    f"UPDATE agreements_paymentclaim SET state = 'paid' WHERE id = {FILED}",
)
breaks_too(
    "core.states-follow-each-other",
    "UPDATE core_event SET to_state = 'paid' WHERE id = (SELECT max(id) FROM core_event WHERE to_state = 'submitted' "
    f"AND content_type_id = {OF_CLAIMS} AND object_id = {FILED})",
)
breaks_too(
    "core.states-follow-each-other",
    "UPDATE core_event SET action = 'arrange' WHERE id = (SELECT max(id) FROM core_event WHERE to_state = 'submitted' "
    f"AND content_type_id = {OF_CLAIMS} AND object_id = {FILED})",
)
breaks(
    "core.files-are-there",
    "UPDATE core_storedfile SET size = size + 1 WHERE id = (SELECT max(id) FROM core_storedfile)",
)
breaks(
    "core.mails-leave",
    "UPDATE core_outboxmessage SET state = 'pending', sent_at = NULL, created_at = now() - interval '3 days' "
    "WHERE id = (SELECT max(id) FROM core_outboxmessage)",
)
breaks(
    "core.jobs-end",
    "INSERT INTO core_job (kind, key, parameters, state, progress, total, message, result, reason, attempts, created_at)"
    " VALUES ('figures.check', 'lost', '{}', 'queued', 0, 0, '', '{}', '', 0, now() - interval '3 days')",
)
breaks(
    "core.staff-follows-roles",
    "UPDATE core_user SET is_staff = TRUE WHERE id = (SELECT max(id) FROM core_user WHERE NOT is_staff)",
)
breaks(
    "core.files-are-unchanged",
    "INSERT INTO core_filecheck (file_id, checked_at, fault) SELECT max(file_id), now(), 'changed' FROM core_document",
)
breaks(
    "core.events-are-sealed",
    "DELETE FROM core_eventseal WHERE event_id = (SELECT e.id FROM core_event e ORDER BY e.created_at, e.id LIMIT 1)",
    ESSOR_SEALED_WITHIN=0,
)
OLD_SEALS = "UPDATE core_eventseal SET sealed_at = now() - interval '5 days'"
breaks(
    "core.files-are-read-again",
    "INSERT INTO core_filecheck (file_id, checked_at, fault) SELECT max(file_id), now() - interval '5 days', '' FROM core_document",
    OLD_SEALS,
    ESSOR_FILES_READ_WITHIN=2,
)
breaks_too("core.files-are-read-again", OLD_SEALS)  # no night ever read any
breaks(
    "core.anchors-are-made",
    OLD_SEALS,
    ESSOR_ANCHOR_MAIL=["preuve@region.example"],
)
breaks(
    "core.open-work-has-its-role",
    "UPDATE core_user SET is_active = FALSE WHERE id IN (SELECT held.user_id FROM core_user_groups held "
    "JOIN auth_group role ON role.id = held.group_id WHERE role.name = 'finance_officer')",
)
breaks(
    "core.lines-are-sealed",
    "DELETE FROM core_historyseal WHERE \"table\" = 'core_user'",
    ESSOR_SEALED_WITHIN=0,
)
breaks(
    "core.numbers-within-their-counter",
    "UPDATE core_sequence SET last_value = 0 WHERE id = (SELECT min(id) FROM core_sequence WHERE prefix = 'CONV')",
)
breaks(
    "core.parameters-change-with-a-reason",
    *(
        "INSERT INTO core_incompatiblerolesevent (pgh_created_at, pgh_label, pgh_obj_id, pgh_context, pgh_context_id, "
        f"id, first, second, reason, source, enforced) SELECT now(), '{label}', id, '{{\"user\": 1}}', gen_random_uuid(), "
        f"id, first, second, reason, source, {enforced} FROM core_incompatibleroles ORDER BY id LIMIT 1"
        for label, enforced in (("insert", "TRUE"), ("update", "FALSE"))
    ),
)
breaks(
    "core.roles-go-together",
    "INSERT INTO core_user_groups (user_id, group_id) SELECT u.user_id, g.id FROM core_user_groups u "
    "JOIN auth_group role ON role.id = u.group_id AND role.name = 'eu_controller' JOIN auth_group g ON g.name = 'instructor' "
    "ORDER BY u.user_id LIMIT 1",
)
breaks(
    "core.auditors-change-nothing",
    "UPDATE core_event SET actor_id = (SELECT u.user_id FROM core_user_groups u JOIN auth_group g ON g.id = u.group_id "
    "WHERE g.name = 'auditor' ORDER BY u.user_id LIMIT 1), created_at = now() + interval '1 day' "
    "WHERE id = (SELECT max(id) FROM core_event WHERE action = 'certify')",
)
breaks(
    "core.separated-roles-are-enforced",
    "UPDATE core_incompatibleroles SET enforced = FALSE WHERE first = 'finance_officer' AND second = 'instructor'",
)
breaks(
    "core.rules-loosened-by-two",
    "UPDATE core_incompatibleroles SET enforced = FALSE, loosening_asked_at = now(), loosening_asked_by_id = one.id, "
    "loosened_by_id = one.id FROM (SELECT max(id) AS id FROM core_user) AS one "
    "WHERE first = 'finance_officer' AND second = 'instructor'",
)
breaks(
    "core.addresses-confirmed-by-another",
    "INSERT INTO core_userroleevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, id, user_id, group_id) "
    "SELECT now(), 'insert', jsonb_build_object('user', (SELECT max(id) FROM core_user), 'label', ''), gen_random_uuid(), "
    "held.id, held.user_id, held.group_id FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id "
    "AND role.name = 'administrator' ORDER BY held.id LIMIT 1",
    "INSERT INTO core_userevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, pgh_obj_id, id, email, first_name, "
    "last_name, phone, language, is_active, is_staff, is_superuser, date_joined, password_mark, address_changed_at, "
    "address_changed_by_id, address_confirmed_by_id) "
    "SELECT now(), 'update', '{}', gen_random_uuid(), u.id, u.id, u.email, u.first_name, u.last_name, u.phone, u.language, "
    "TRUE, TRUE, FALSE, u.date_joined, u.password_mark, now(), (SELECT max(id) FROM core_user), held.user_id "
    "FROM core_user u, core_user_groups held JOIN auth_group role ON role.id = held.group_id AND role.name = 'administrator' "
    "ORDER BY u.id, held.id LIMIT 1",
)

breaks(
    "core.kept-as-long-as-said",
    "UPDATE core_retention SET until = starts_on WHERE id = (SELECT max(id) FROM core_retention)",
)
breaks_too(
    "core.kept-as-long-as-said",
    "UPDATE core_document SET retention_until = CURRENT_DATE "
    "WHERE id = (SELECT max(id) FROM core_document WHERE retention_until IS NOT NULL)",
)
breaks_too(
    "core.kept-as-long-as-said",
    "UPDATE core_document SET retention_until = NULL "
    "WHERE id = (SELECT max(id) FROM core_document WHERE retention_until IS NOT NULL)",
)
breaks_too(
    "core.staff-follows-roles",
    "UPDATE core_user SET is_superuser = TRUE WHERE id = (SELECT min(held.user_id) FROM core_user_groups held "
    "JOIN auth_group role ON role.id = held.group_id WHERE role.name = 'auditor')",
)
breaks(
    "core.closed-accounts-are-opened-by-another",
    *(
        "INSERT INTO core_userevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, pgh_obj_id, id, email, "
        "first_name, last_name, phone, language, is_active, is_staff, is_superuser, date_joined, password_mark) "
        "SELECT now(), 'update', jsonb_build_object('user', u.id, 'label', ''), gen_random_uuid(), u.id, u.id, u.email, "
        f"u.first_name, u.last_name, u.phone, u.language, {active}, u.is_staff, FALSE, u.date_joined, u.password_mark "
        "FROM core_user u WHERE u.id = (SELECT min(id) FROM core_user WHERE is_active)"
        for active in ("FALSE", "TRUE")
    ),
)
# Each column of persons is tried in test_persons_as_told.py.
breaks(
    "core.persons-as-told",
    "UPDATE agreements_paymentclaim SET certified_by_id = (SELECT max(id) FROM core_user) "
    "WHERE id = (SELECT max(id) FROM agreements_paymentclaim WHERE certified_by_id IS NOT NULL)",
)
