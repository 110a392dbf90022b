"""Checks that the product answers itself, each with its reason: pure functions over facts of the case.

A programme's file names one of ``AUTOMATIC`` in ``automatic:`` of a check. The instructor may answer otherwise; the
computed answer stays in the history. A fact that is unknown gives no answer: the instructor decides.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.money import ZERO, format_euros
from core.text import listed

CER = "cer"
"""The statement of the attestations that signs the republican commitment contract."""

RENEWAL = "is_renewal"
"""The question that says whether the project was aided before."""


@dataclass(frozen=True)
class CaseFacts:
    """What automatic checks look at. Amounts in euros."""

    missing_pieces: tuple[str, ...] = ()
    refused_pieces: tuple[str, ...] = ()
    filed_on: date | None = None
    project_start: date | None = None
    early_start_reason: str = ""
    early_start_allowed: bool = True
    place: str = ""
    seat_in_region: bool | None = None
    must_sign_cer: bool = False
    signs_cer: bool = False
    is_renewal: bool | None = None
    persons: int = 0
    persons_below_floor: tuple[str, ...] = ()
    eligible_base: Decimal = ZERO
    computed_amount: Decimal = ZERO
    computed_refusals: tuple[str, ...] = ()
    de_minimis_allowed: bool | None = None
    de_minimis_reason: str = ""


@dataclass(frozen=True)
class Finding:
    """The computed answer (None: the instructor decides, with the fact beside the question) and why."""

    holds: bool | None
    reason: str


def pieces(facts: CaseFacts) -> Finding:
    """Every compulsory piece has been given and none was refused; whether they can be read is for the instructor."""
    if facts.missing_pieces:
        return Finding(False, _("Missing: %(pieces)s.") % {"pieces": listed(facts.missing_pieces)})
    if facts.refused_pieces:
        return Finding(False, _("To be replaced: %(pieces)s.") % {"pieces": listed(facts.refused_pieces)})
    return Finding(True, _("Every compulsory piece has been given."))


def early_start(facts: CaseFacts) -> Finding:
    """The project starts after filing; where the programme allows it, a written reason is judged by the instructor."""
    if facts.filed_on is None or facts.project_start is None:
        return Finding(None, _("The start of the project is not known."))
    days = {"filed": format_date_long(facts.filed_on), "start": format_date_long(facts.project_start)}
    if facts.filed_on <= facts.project_start:
        return Finding(True, _("Filed on %(filed)s, the project starts on %(start)s.") % days)
    if not facts.early_start_allowed:
        text = _("Filed on %(filed)s, after the project started on %(start)s: this programme makes no exception.")
        return Finding(False, text % days)
    if facts.early_start_reason:
        text = _("Filed on %(filed)s, the project started on %(start)s. Reason given: %(reason)s")
        return Finding(None, text % (days | {"reason": facts.early_start_reason}))
    return Finding(False, _("Filed on %(filed)s, after the project started on %(start)s.") % days)


def region(facts: CaseFacts) -> Finding:
    """Where the applicant is. Whether the seat must be in the Region is for the programme; the rest, the instructor."""
    if not facts.place:
        return Finding(None, _("The applicant's address is not known."))
    place = _("Address of the applicant: %(place)s.") % {"place": facts.place}
    if facts.seat_in_region is False:
        asked = _("The programme asks for a seat in the Region.")
        return Finding(False, f"{place} {asked}")
    return Finding(None, place)


def cer(facts: CaseFacts) -> Finding:
    """Associations and foundations sign the republican commitment contract (law 2000-321 art. 10-1)."""
    if not facts.must_sign_cer:
        return Finding(True, _("Not asked from this applicant: neither an association nor a foundation."))
    if facts.signs_cer:
        return Finding(True, _("Signed with the application."))
    return Finding(False, _("The contract was not signed with the application."))


def renewal(facts: CaseFacts) -> Finding:
    """A first request needs no look at earlier ones."""
    if facts.is_renewal is None:
        return Finding(None, _("The applicant does not say whether this is a renewal."))
    if facts.is_renewal:
        return Finding(None, _("The applicant asks for a renewal: look at the earlier case."))
    return Finding(True, _("The applicant declares a first request."))


def persons(facts: CaseFacts) -> Finding:
    """How many persons contribute, and whose contribution gives no aid."""
    count = _("Persons who contribute to the capital: %(count)s.") % {"count": facts.persons}
    if not facts.persons:
        return Finding(False, count)
    if facts.persons_below_floor:
        names = _("No aid for: %(names)s.") % {"names": listed(facts.persons_below_floor)}
        return Finding(None, f"{count} {names}")
    return Finding(None, count)


def eligible_base(facts: CaseFacts) -> Finding:
    """The programme's rules give an amount above zero."""
    figures = {"base": format_euros(facts.eligible_base), "amount": format_euros(facts.computed_amount)}
    if facts.computed_refusals:
        return Finding(False, " ".join(facts.computed_refusals))
    return Finding(facts.computed_amount > 0, _("Eligible base %(base)s, computed aid %(amount)s.") % figures)


def de_minimis(facts: CaseFacts) -> Finding:
    """The aid fits under the de minimis ceiling of the single undertaking."""
    if facts.de_minimis_allowed is None:
        return Finding(True, _("The programme is outside State aid."))
    return Finding(facts.de_minimis_allowed, facts.de_minimis_reason)


# The facts that each check looks at, as its fingerprint keeps them: texts that only explain stay out.
RESTS_ON: dict[str, tuple[str, ...]] = {
    "pieces": ("missing_pieces", "refused_pieces"),
    "early_start": ("filed_on", "project_start", "early_start_reason", "early_start_allowed"),
    "region": ("place", "seat_in_region"),
    "cer": ("must_sign_cer", "signs_cer"),
    "renewal": ("is_renewal",),
    "persons": ("persons", "persons_below_floor"),
    "eligible_base": ("eligible_base", "computed_amount"),
    "de_minimis": ("de_minimis_allowed", "computed_amount"),
}


def fingerprint(automatic: str, facts: CaseFacts) -> str:
    """A digest of what an answer to this check rests on; "" for a check of which the product knows no fact."""
    if automatic not in RESTS_ON:
        return ""
    values = [f"{name}={getattr(facts, name)!s}" for name in RESTS_ON[automatic]]
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


AUTOMATIC: dict[str, Callable[[CaseFacts], Finding]] = {
    "pieces": pieces,
    "early_start": early_start,
    "region": region,
    "cer": cer,
    "renewal": renewal,
    "persons": persons,
    "eligible_base": eligible_base,
    "de_minimis": de_minimis,
}
