"""What interests that stay are made of: how long, from which naming; and what was never sent to who works for the Region."""

from django.utils.translation import gettext_lazy as _

from applicants.figures.impartial import IMPARTIAL
from applicants.models import Applicant
from applicants.models.triggers import MONTHS_IF_UNSET
from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register
from core.roles import ACTING_ROLES

STAFF = ", ".join(f"'{role}'" for role in sorted(ACTING_ROLES))
#: SQL: whether the person ``who`` had a role that acts on cases at the moment ``at``.
HELD_A_ROLE = f"""EXISTS (
    SELECT 1 FROM (
        SELECT DISTINCT ON (line.group_id) line.group_id, line.pgh_label FROM core_userroleevent line
         WHERE line.user_id = {{who}} AND line.pgh_created_at <= {{at}} ORDER BY line.group_id, line.pgh_id DESC) AS last
    JOIN auth_group role ON role.id = last.group_id WHERE last.pgh_label <> 'delete' AND role.name IN ({STAFF}))"""  # noqa: S608 - constants

register(
    Invariant(
        code="applicants.interest-counts-its-months",
        name=_("End of an interest that stays"),
        sentence=_(
            "An interest that stays counts until its months have passed: those of the setting on the day on which it began "
            "to stay."
        ),
        source=IMPARTIAL,
        subject=Applicant,
        # A setting that changed within the hour may be the one before or the one after: both are taken. Months have no
        # fixed length: a day is let pass.
        sql=f"""
            SELECT kept.applicant_id AS id, u.email AS label,
                   {day_of(f"kept.ended_at + make_interval(months => {MONTHS_IF_UNSET})")} AS expected, {day_of("kept.counts_until")} AS found
            FROM applicants_keptinterest kept JOIN core_user u ON u.id = kept.user_id
            WHERE NOT EXISTS (
                SELECT 1 FROM (
                    (SELECT line.months FROM applicants_interestperiodevent line
                      WHERE line.pgh_created_at <= kept.ended_at - interval '1 hour' ORDER BY line.pgh_id DESC LIMIT 1)
                    UNION
                    SELECT line.months FROM applicants_interestperiodevent line
                     WHERE line.pgh_created_at BETWEEN kept.ended_at - interval '1 hour' AND kept.ended_at + interval '1 hour'
                    UNION
                    SELECT {MONTHS_IF_UNSET} WHERE NOT EXISTS (
                        SELECT 1 FROM applicants_interestperiodevent line
                         WHERE line.pgh_created_at <= kept.ended_at - interval '1 hour')
                ) AS setting(months)
                WHERE kept.counts_until BETWEEN kept.ended_at + make_interval(months => setting.months::int) - interval '1 day'
                                            AND kept.ended_at + make_interval(months => setting.months::int) + interval '1 day')
            ORDER BY kept.id
        """,  # noqa: S608 - constants
        unit=Unit.DAY,
    ),
    Invariant(
        code="applicants.naming-stays",
        name=_("Address taken off"),
        sentence=_(
            "When a body takes off the address of an officer who did not answer for it, an interest of this naming stays."
        ),
        source=IMPARTIAL,
        subject=Applicant,
        # The history says which address stood there before; namings stay from the migration that made them stay on.
        sql=f"""
            WITH lines AS (
                SELECT line.pgh_obj_id AS body, lower(line.email) AS now, line.pgh_created_at AS at,
                       lower(lag(line.email) OVER (PARTITION BY line.pgh_obj_id ORDER BY line.pgh_id)) AS before
                FROM applicants_applicantevent line
            ), taken AS (
                SELECT lines.body, lines.at, officer.id AS user_id, officer.email FROM lines
                JOIN core_user officer ON officer.email = lines.before
                WHERE lines.before <> '' AND lines.before IS DISTINCT FROM lines.now AND lines.at > (
                    SELECT applied FROM django_migrations
                    WHERE app = 'applicants' AND name = '0013_declarations_answer_namings')
            )
            SELECT taken.body AS id, taken.email AS label, 'kept' AS expected, 'none' AS found FROM taken
            WHERE {HELD_A_ROLE.format(who="taken.user_id", at="taken.at")}
              AND NOT EXISTS (
                SELECT 1 FROM applicants_keptinterest kept WHERE kept.user_id = taken.user_id
                   AND kept.applicant_id = taken.body AND kept.tie = 'named'
                   AND kept.ended_at <= taken.at + interval '1 hour' AND kept.counts_until > taken.at
                   AND (kept.lifted_at IS NULL OR kept.lifted_at > taken.at))
              AND NOT EXISTS (
                SELECT 1 FROM applicants_nointerest said WHERE said.user_id = taken.user_id
                   AND said.applicant_id = taken.body AND said.places @> ARRAY['address']::text[]
                   AND said.declared_at <= taken.at + interval '1 hour' AND (said.void_at IS NULL OR said.void_at > taken.at))
            ORDER BY taken.body, taken.at
        """,  # noqa: S608 - constants
        unit=Unit.TEXT,
        words={"kept": _("an interest that stays"), "none": _("none")},
    ),
    Invariant(
        code="applicants.withheld-has-no-mail",
        name=_("Invitation of who works for the Region"),
        sentence=_("An invitation that was withheld, because its address is of the Region’s staff, was never sent."),
        source=IMPARTIAL,
        subject=Applicant,
        sql="""
            SELECT invitation.applicant_id AS id, invitation.email AS label, 'none' AS expected, 'mail' AS found
            FROM applicants_invitation invitation
            JOIN core_outboxmessage mail ON mail.key = 'invitation:' || invitation.id
            WHERE invitation.withheld ORDER BY invitation.id
        """,
        unit=Unit.TEXT,
        words={"none": _("none"), "mail": _("a mail")},
    ),
)
