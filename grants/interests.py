"""Interests of a person in cases: what no one of the Region's staff may have in a case on which they act."""

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from applicants.models.triggers import bodies_of_case, interested
from core.engine.standing import know_interest

#: SQL of whether a person (thrice %s: their id) has an interest in a row of grants_application, in the words of the
#: database's own refusals: they opened or filed it, act for one of its bodies (the lead applicant or a partner of the
#: collective), or are one of its persons. Written out, for Django takes longer to build the conditions than PostgreSQL
#: to answer them.
OWN_CASE = f"""(
    grants_application.created_by_id = %s OR grants_application.submitted_by_id = %s
    OR EXISTS (SELECT 1 FROM (SELECT %s::bigint, grants_application.id) AS reader(id, of),
                      LATERAL ({bodies_of_case("reader.of")}) AS of_case(id, address, place)
                WHERE {interested("reader.id", "of_case.id", address="of_case.address", place="of_case.place")}))
"""  # noqa: S608 - constants


def interest_in(user, cases: QuerySet) -> str | None:
    """Which interest ``user`` has in one of these applications; None without one. One query."""
    own = cases.filter(RawSQL(OWN_CASE, [user.pk] * 3, output_field=BooleanField()))  # noqa: S611 - constants
    number = own.order_by("pk").values_list("number", flat=True).first()
    return None if number is None else _reason(True, number)


def with_interest(cases: QuerySet, user) -> QuerySet:
    """The applications, each with whether ``user`` has an interest in it: no query of its own for a page that reads one.

    See :func:`know_own`.
    """
    return cases.annotate(viewer_interested=RawSQL(OWN_CASE, [user.pk] * 3, output_field=BooleanField()))  # noqa: S611


def know_own(user, application) -> None:
    """Keep the answer of :func:`with_interest` on the row, for all who will ask."""
    know_interest(user, application, _reason(application.viewer_interested, application.number))


def _reason(interested: bool, number: str = "") -> str | None:
    """Which case, why, and what to do: one case among many takes all the buttons of a session or of a batch."""
    if not interested:
        return None
    return _(
        "Case %(number)s: you act or acted for a body of this case, ask to, or are named in it. Somebody else with your role"
        " acts for the Region; if you are named by mistake, answer it from your home page."
    ) % {"number": number or _("not numbered")}
