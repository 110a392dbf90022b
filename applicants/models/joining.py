"""Who acts for a body is decided by its representatives first: what the database refuses of the service before."""

from datetime import timedelta

from core.roles import STAFF_ROLES
from core.triggers import ACTOR

#: A request that does not say until when its representatives decide leaves them these days.
WAITS_AT_LEAST = timedelta(days=15)

_WAITED = f"coalesce(r.service_waits_until, r.created_at + interval '{WAITS_AT_LEAST.days} days') <= clock_timestamp()"
_STAFF = ", ".join(f"'{role}'" for role in sorted(STAFF_ROLES))


def _representative(condition: str) -> str:
    return f"""EXISTS (SELECT 1 FROM applicants_membership m JOIN core_user u ON u.id = m.user_id
                WHERE m.applicant_id = NEW.applicant_id AND m.role = 'representative' AND {condition})"""


ANSWERED_AFTER_ITS_PEOPLE = f"""
    IF NEW.state NOT IN ('accepted', 'refused') OR (TG_OP = 'UPDATE' AND OLD.state = NEW.state)
        OR {_representative("m.user_id = NEW.decided_by_id")} THEN
        RETURN NEW;
    END IF;
    IF NEW.reason = '' THEN
        RAISE EXCEPTION 'the service answers a request to join with a reason' USING ERRCODE = 'check_violation';
    END IF;
    IF {_representative("u.is_active AND m.user_id <> NEW.user_id")}
        AND EXISTS (SELECT 1 FROM (SELECT NEW.service_waits_until, NEW.created_at) AS r WHERE NOT {_WAITED}) THEN
        RAISE EXCEPTION 'the representatives of a body answer a request to join first' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""

# What a person of the service gives beside an active representative: an editor whose request waited, or the role asked for
# once somebody else of the service had accepted it.
GIVEN_AFTER_ITS_PEOPLE = f"""
    IF {ACTOR} IS NULL OR {ACTOR} = NEW.user_id OR {_representative(f"m.user_id = {ACTOR}")}
        OR NOT {_representative("u.is_active AND (m.user_id <> NEW.user_id OR TG_OP = 'UPDATE')")}
        OR NOT EXISTS (SELECT 1 FROM core_user_groups held JOIN auth_group g ON g.id = held.group_id
                        WHERE held.user_id = {ACTOR} AND g.name IN ({_STAFF}))
        OR EXISTS (SELECT 1 FROM applicants_joinrequest r
                    WHERE r.user_id = NEW.user_id AND r.applicant_id = NEW.applicant_id AND CASE WHEN TG_OP = 'INSERT'
                        THEN NEW.role = 'editor' AND r.state IN ('pending', 'accepted') AND {_WAITED}
                        ELSE NEW.role = r.role AND r.state = 'accepted' AND r.decided_by_id <> {ACTOR} END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the representatives of a body decide first who acts for it' USING ERRCODE = 'check_violation';
"""
