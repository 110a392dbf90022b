"""What breaks the invariants of core."""

from tests.invariants.sabotage import breaks

breaks(
    "core.states-have-events",
    "UPDATE grants_application SET state = 'approved' WHERE id = (SELECT max(id) FROM grants_application WHERE state = 'submitted')",
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
)
breaks(
    "core.files-are-read-again",
    "INSERT INTO core_filecheck (file_id, checked_at, fault) SELECT max(file_id), now() - interval '5 days', '' FROM core_document",
)
breaks(
    "core.anchors-are-made",
    "UPDATE core_eventseal SET sealed_at = now() - interval '5 days'",
    ESSOR_ANCHOR_MAIL=["preuve@region.example"],
)
breaks(
    "core.roles-go-together",
    "INSERT INTO core_user_groups (user_id, group_id) SELECT u.user_id, g.id FROM core_user_groups u "
    "JOIN auth_group role ON role.id = u.group_id AND role.name = 'eu_controller' JOIN auth_group g ON g.name = 'instructor' LIMIT 1",
)
breaks(
    "core.auditors-change-nothing",
    "UPDATE core_event SET actor_id = (SELECT u.user_id FROM core_user_groups u JOIN auth_group g ON g.id = u.group_id "
    "WHERE g.name = 'auditor' LIMIT 1), created_at = now() + interval '1 day' "
    "WHERE id = (SELECT max(id) FROM core_event WHERE action = 'certify')",
)
