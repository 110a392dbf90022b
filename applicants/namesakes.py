"""Homonyms in a table of applicants: a same name is a question, never a replacement.

Where no number tells two applicants apart, a row is about one that is known only if it says so by what identifies a
person (e-mail address, date of birth) or an organisation (local register), or if it says nothing else than what is
known. A row that could be either is refused, with what to add to it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from applicants.models import Applicant
from core.text import exact, fold

Cells = Mapping[str, Any]


def known_by_name(cells: Cells, says_the_same: Callable[[Applicant], bool]) -> Applicant | None:
    """The applicant without a number that a row is about; None for one that is new.

    ``cells`` are the typed values of the row, ``says_the_same`` whether the row holds nothing but what is known.

    Raises:
        ValidationError: an applicant of this name is known, and nothing shows whether it is the same.
    """
    is_person = bool(cells.get("last_name"))
    namesakes = _persons(cells) if is_person else _organisations(cells)
    signs = ("birth_date", "email") if is_person else ("local_register",)
    meant = [item for item in namesakes if _is_meant(item, cells, signs)]
    if len(meant) > 1:
        # The stronger sign decides: two people of one name may share an e-mail address.
        meant = [item for item in meant if _agrees(item, cells, signs[0])] or meant
    if len(meant) == 1:
        return meant[0]
    if same := next((item for item in namesakes if says_the_same(item)), None):
        return same
    if all(_is_another(item, cells, signs) for item in namesakes) and not meant:
        return None
    raise ValidationError({"last_name" if is_person else "name": _question(cells, is_person)})


def _question(cells: Cells, is_person: bool) -> str:
    if is_person:
        return _(
            "A person named %(name)s is known here, and nothing shows whether it is the same: give the e-mail address"
            " or the date of birth."
        ) % {"name": f"{cells.get('first_name') or ''} {cells['last_name']}".strip()}
    return _(
        "An organisation named “%(name)s” is known here without a number, and nothing shows whether it is the same:"
        " give the SIRET number, the RNA number or the local register."
    ) % {"name": cells.get("name") or ""}


def _persons(cells: Cells) -> list[Applicant]:
    last, first = str(cells["last_name"]), str(cells.get("first_name") or "")
    found = Applicant.objects.filter(kind=Applicant.Kind.NATURAL, sort_name=fold(f"{last} {first}")[:300])
    name = (exact(last), exact(first))
    return [item for item in found.order_by("pk") if (exact(item.last_name), exact(item.first_name)) == name]


def _organisations(cells: Cells) -> list[Applicant]:
    name = str(cells.get("name") or "")
    unnumbered = Applicant.objects.filter(kind=Applicant.Kind.LEGAL, siret=None, rna=None, sort_name=fold(name)[:300])
    return [item for item in unnumbered.order_by("pk") if exact(item.name) == exact(name)]


def _comparable(value: Any) -> Any:
    return exact(value) if isinstance(value, str) else value


def _agrees(item: Applicant, cells: Cells, sign: str) -> bool:
    return bool(cells.get(sign)) and _comparable(getattr(item, sign)) == _comparable(cells[sign])


def _differs(item: Applicant, cells: Cells, sign: str) -> bool:
    known = getattr(item, sign)
    return bool(cells.get(sign)) and bool(known) and _comparable(known) != _comparable(cells[sign])


def _is_meant(item: Applicant, cells: Cells, signs: Iterable[str]) -> bool:
    """Whether a sign says that it is this one: the first sign, or a later one that no earlier sign contradicts."""
    for sign in signs:
        if _agrees(item, cells, sign):
            return True
        if _differs(item, cells, sign):
            return False
    return False


def _is_another(item: Applicant, cells: Cells, signs: Iterable[str]) -> bool:
    """Whether a sign says that it is not this one."""
    return any(_differs(item, cells, sign) for sign in signs) and not _is_meant(item, cells, signs)
