"""The persons of a grouped case: each keeps the file under which they are paid."""

from django.utils.translation import gettext_lazy as _

from applicants.models.applicant import DISPLAY_NAME
from core.figures.invariants import Invariant, Unit, register
from grants.models import Application


def first_file(line: str) -> str:
    """SQL: the file that a person of a case was given first, as its history says; without one, the one that it has."""
    return f"""coalesce((
        SELECT known.applicant_id FROM grants_personlineevent known
        WHERE known.pgh_obj_id = {line}.id AND known.applicant_id IS NOT NULL ORDER BY known.pgh_id LIMIT 1
    ), {line}.applicant_id)"""  # noqa: S608 - a name of a table


def told_apart(one: str, other: str) -> str:
    """SQL of the name of an applicant; of two that have one name, with its number."""
    mine, theirs = DISPLAY_NAME.format(one), DISPLAY_NAME.format(other)
    return (
        f"CASE WHEN {one}.id <> {other}.id AND ({mine}) = ({theirs}) THEN ({mine}) || ' #' || {one}.id ELSE {mine} END"
    )


register(
    Invariant(
        code="grants.person-keeps-their-file",
        name=_("File of a person of a case"),
        sentence=_(
            "A person of a case keeps the file that was opened, or found, for them when their act was prepared."
        ),
        source=_("Rule on bank details: a payment order takes only a verified account of its payee."),
        subject=Application,
        sql=f"""
            SELECT app.id, app.number || ' · ' || p.first_name || ' ' || p.last_name AS label,
                   {told_apart("wanted", "mine")} AS expected, {told_apart("mine", "wanted")} AS found
            FROM grants_personline p JOIN grants_application app ON app.id = p.application_id
            JOIN applicants_applicant wanted ON wanted.id = {first_file("p")}
            LEFT JOIN applicants_applicant mine ON mine.id = p.applicant_id
            WHERE p.applicant_id IS DISTINCT FROM wanted.id ORDER BY app.id, p.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
    )
)
