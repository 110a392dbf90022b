"""What one administrator does not do alone was done by two, of whom neither had made the other."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import ANOTHER, Invariant, Unit, register
from core.models.incompatible import IncompatibleRoles
from core.models.relations import no_second
from core.models.user import User
from core.roles import Role

SOURCE = _("Rule 4 of the domain: what one person does, another one checks; there must be both.")
OF_THE_ADDRESS = no_second("line.second", "line.first", "line.changed_at", "line.at")
OF_THE_PAIR = no_second("pair.loosened_by_id", "pair.loosening_asked_by_id", "pair.loosening_asked_at", "line.at")

register(
    Invariant(
        code="core.addresses-confirmed-by-another",
        name=_("Two administrators for an address"),
        sentence=_(
            "Nobody confirmed the address of an account that they had changed themselves, or that an administrator had whom "
            "they had made, who had made them, or who was made by the same person; nor as an administrator of a few days."
        ),
        source=SOURCE,
        subject=User,
        sql=f"""
            SELECT u.id, u.email AS label, 'another' AS expected, who.email AS found
            FROM (SELECT pgh_obj_id AS person, address_changed_at AS changed_at, address_changed_by_id AS first,
                         address_confirmed_by_id AS second, min(pgh_created_at) AS at
                  FROM core_userevent WHERE address_confirmed_by_id IS NOT NULL GROUP BY 1, 2, 3, 4) AS line
            JOIN core_user u ON u.id = line.person JOIN core_user who ON who.id = line.second
            WHERE {OF_THE_ADDRESS} ORDER BY u.id, line.at
        """,  # noqa: S608 - a function of our own
        unit=Unit.TEXT,
        words=ANOTHER,
        relation="",
    ),
    Invariant(
        code="core.rules-loosened-by-two",
        name=_("Two administrators to loosen a rule on roles"),
        sentence=_(
            "Every pair of roles that is no longer enforced was loosened by two administrators: one asked, another one, "
            "whom they had not made and who had not made them, confirmed."
        ),
        source=SOURCE,
        subject=IncompatibleRoles,
        sql=f"""
            SELECT pair.id, pair.first || ' · ' || pair.second AS label, 'another' AS expected,
                   coalesce(who.email, 'nobody') AS found
            FROM core_incompatibleroles pair LEFT JOIN core_user who ON who.id = pair.loosened_by_id
            LEFT JOIN LATERAL (
                SELECT min(pgh_created_at) AS at FROM core_incompatiblerolesevent
                WHERE pgh_obj_id = pair.id AND loosened_by_id = pair.loosened_by_id
                  AND loosening_asked_at = pair.loosening_asked_at) AS line ON TRUE
            WHERE NOT pair.enforced
              AND (line.at IS NULL OR pair.loosening_asked_by_id IS NULL OR {OF_THE_PAIR})
            ORDER BY pair.id
        """,  # noqa: S608 - a function of our own
        unit=Unit.TEXT,
        words=ANOTHER,
        label_words=dict(Role.choices),
        relation="",
    ),
)
