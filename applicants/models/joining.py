"""Who acts for a body is decided by its representatives first: what the database refuses of the service before."""

from applicants.represented import WAITS_AT_LEAST, representing
from core.roles import STAFF_ROLES
from core.triggers import ACTOR

_LATELY = f"clock_timestamp() - interval '{WAITS_AT_LEAST.days} days'"

_WAITED = f"coalesce(r.service_waits_until, r.created_at + interval '{WAITS_AT_LEAST.days} days') <= clock_timestamp()"
_STAFF = ", ".join(f"'{role}'" for role in sorted(STAFF_ROLES))


_IS_OF_THE_STAFF = f"""EXISTS (SELECT 1 FROM core_user_groups held JOIN auth_group g ON g.id = held.group_id
                        WHERE held.user_id = {ACTOR} AND g.name IN ({_STAFF}))"""
_DECIDE_FIRST = (
    "RAISE EXCEPTION 'the representatives of a body decide first who acts for it' USING ERRCODE = 'check_violation';"
)


def _represents(person: str, body: str = "NEW.applicant_id") -> str:
    return f"""EXISTS (SELECT 1 FROM applicants_membership m
                WHERE m.applicant_id = {body} AND m.role = 'representative' AND m.user_id = {person})"""


def _is_represented(condition: str, body: str = "NEW.applicant_id") -> str:
    """By somebody of whom ``condition`` (SQL on ``r.user_id``) holds; until lately counts, else a moment would be enough."""
    return f"EXISTS (SELECT 1 FROM ({representing(body, _LATELY)}) AS r WHERE {condition})"


ANSWERED_AFTER_ITS_PEOPLE = f"""
    IF NEW.state NOT IN ('accepted', 'refused') OR (TG_OP = 'UPDATE' AND OLD.state = NEW.state)
        OR {_represents("NEW.decided_by_id")} THEN
        RETURN NEW;
    END IF;
    IF NEW.reason = '' THEN
        RAISE EXCEPTION 'the service answers a request to join with a reason' USING ERRCODE = 'check_violation';
    END IF;
    IF {_is_represented("r.user_id <> NEW.user_id")}
        AND EXISTS (SELECT 1 FROM (SELECT NEW.service_waits_until, NEW.created_at) AS r WHERE NOT {_WAITED}) THEN
        RAISE EXCEPTION 'the representatives of a body answer a request to join first' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""

# What a person of the service gives beside a representative: an editor whose request waited, or the role asked for
# once somebody else of the service had accepted it.
GIVEN_AFTER_ITS_PEOPLE = f"""
    IF {ACTOR} IS NULL OR {ACTOR} = NEW.user_id OR {_represents(ACTOR)}
        OR NOT {_is_represented("r.user_id <> NEW.user_id OR TG_OP = 'UPDATE'")}
        OR NOT {_IS_OF_THE_STAFF}
        OR EXISTS (SELECT 1 FROM applicants_joinrequest r
                    WHERE r.user_id = NEW.user_id AND r.applicant_id = NEW.applicant_id AND CASE WHEN TG_OP = 'INSERT'
                        THEN NEW.role = 'editor' AND r.state IN ('pending', 'accepted') AND {_WAITED}
                        ELSE NEW.role = r.role AND r.state = 'accepted' AND r.decided_by_id <> {ACTOR} END) THEN
        RETURN NEW;
    END IF;
    {_DECIDE_FIRST}
"""

# Nor does the service end a right that the body gave.
ENDED_BY_ITS_PEOPLE = f"""
    IF {ACTOR} IS NOT NULL AND {ACTOR} <> OLD.user_id AND NOT {_represents(ACTOR, "OLD.applicant_id")}
        AND {_IS_OF_THE_STAFF} AND {_is_represented("TRUE", "OLD.applicant_id")} THEN
        {_DECIDE_FIRST}
    END IF;
    RETURN OLD;
"""
