"""Who acts for a body is decided by its representatives first: those of the history, with the moments at which they could."""

from django.utils.translation import gettext_lazy as _

from applicants.models import Applicant
from applicants.represented import WAITS_AT_LEAST
from core.figures.invariants import Invariant, Unit, register

# Who represented the body of ``given`` before that line of the history, and until when.
BEEN = """
    SELECT been.user_id, (SELECT min(next.pgh_created_at) FROM applicants_membershipevent next
                           WHERE next.pgh_obj_id = been.pgh_obj_id AND next.pgh_id > been.pgh_id) AS until
    FROM applicants_membershipevent been
    WHERE been.applicant_id = given.applicant_id AND been.pgh_id < given.pgh_id
      AND been.role = 'representative' AND been.pgh_label <> 'delete'
"""
LATELY = f"given.pgh_created_at - interval '{WAITS_AT_LEAST.days} days'"

register(
    Invariant(
        code="applicants.people-decide-first",
        name=_("Representatives of a body decide first"),
        sentence=_(
            "The service let nobody into a body, and gave nobody another role there, beside a representative, or one whose "
            "account was closed or whose right ended less than fifteen days before, without the days of the request or a "
            "second officer."
        ),
        source=_("Practice against fraud: who acts for a body is decided by the body."),
        subject=Applicant,
        # The rule counts since it holds of accounts that were closed lately.
        sql=f"""
            WITH given AS (
                SELECT line.pgh_id, line.pgh_created_at, line.pgh_label, line.applicant_id, line.user_id, line.role,
                       (line.pgh_context ->> 'user')::bigint AS by_id
                FROM applicants_membershipevent line
                WHERE line.pgh_created_at > (
                    SELECT applied FROM django_migrations
                    WHERE app = 'applicants' AND name = '0016_who_represented_until_lately_decides_too')
                  AND (line.pgh_context ->> 'user')::bigint <> line.user_id
                  AND CASE line.pgh_label WHEN 'insert' THEN TRUE WHEN 'update' THEN line.role <> (
                        SELECT before.role FROM applicants_membershipevent before
                        WHERE before.pgh_obj_id = line.pgh_obj_id AND before.pgh_id < line.pgh_id
                        ORDER BY before.pgh_id DESC LIMIT 1) ELSE FALSE END
            )
            SELECT DISTINCT given.applicant_id AS id, u.email AS label, 'people' AS expected, officer.email AS found
            FROM given JOIN core_user u ON u.id = given.user_id JOIN core_user officer ON officer.id = given.by_id
            WHERE NOT EXISTS (SELECT 1 FROM ({BEEN}) AS own WHERE own.user_id = given.by_id
                                 AND coalesce(own.until, 'infinity') >= given.pgh_created_at)
              AND EXISTS (
                SELECT 1 FROM ({BEEN}) AS there JOIN core_userevent held ON held.pgh_obj_id = there.user_id
                WHERE (there.user_id <> given.user_id OR given.pgh_label = 'update')
                  AND coalesce(there.until, 'infinity') > {LATELY}
                  AND held.is_active AND held.pgh_created_at <= given.pgh_created_at
                  AND coalesce((SELECT min(later.pgh_created_at) FROM core_userevent later
                                 WHERE later.pgh_obj_id = held.pgh_obj_id AND later.pgh_id > held.pgh_id), 'infinity') > {LATELY})
              AND NOT EXISTS (
                SELECT 1 FROM applicants_joinrequest r
                WHERE r.user_id = given.user_id AND r.applicant_id = given.applicant_id AND CASE given.pgh_label
                    WHEN 'insert' THEN given.role = 'editor' AND given.pgh_created_at >= coalesce(
                        r.service_waits_until, r.created_at + interval '{WAITS_AT_LEAST.days} days')
                    ELSE given.role = r.role AND r.state = 'accepted' AND r.decided_by_id <> given.by_id END)
            ORDER BY given.applicant_id, u.email
        """,  # noqa: S608 - constants
        unit=Unit.TEXT,
        words={"people": _("the representatives of the body, in their time")},
    )
)
