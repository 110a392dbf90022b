"""National identity numbers (NIR, "numéro de sécurité sociale"): recognised so that they are never kept.

Decree 2019-341 lists who may process them; a Region that gives grants is not on the list (france.md C).
"""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.fr import nir

from core.text import PastedTextMixin, without_invisible

BLANK = "•••"
# Sex, year, month (also the unknown ones), department (2A and 2B included), commune, order, then the key; written in
# one piece or in groups.
_SEPARATOR = r"[ \u00a0\u202f.\-]?"
_NIR = re.compile(
    rf"(?<![\dA-Z])([1-478]){_SEPARATOR}(\d{{2}}){_SEPARATOR}(0[1-9]|1[0-2]|[2-4]\d|[5-9]\d){_SEPARATOR}"
    rf"(\d{{2}}|2[AB]){_SEPARATOR}(\d{{3}}){_SEPARATOR}(\d{{3}}){_SEPARATOR}(\d{{2}})(?![\dA-Z])",
    re.IGNORECASE,
)


def find_national_number(text: str) -> str | None:
    """The first thing in ``text`` that is a NIR with its right key; None when there is none.

    The key makes a chance hit rare (1 in 97), so that an invoice number is not taken for a person.
    """
    for match in _NIR.finditer(without_invisible(text)):
        if nir.is_valid("".join(match.groups())):
            return match.group()
    return None


def without_national_numbers(text: str) -> str:
    """``text`` with every NIR blanked, for what is written again (a refused cell, its row)."""
    return _NIR.sub(lambda match: BLANK if nir.is_valid("".join(match.groups())) else match.group(), text)


def national_number_reason(text: str) -> str | None:
    """Why a text is not kept, and what to do; None when nothing is wrong."""
    if not find_national_number(text):
        return None
    return _("This text seems to hold a social security number. Remove it: Essor never needs nor keeps it.")


def refuse_national_number(text: str) -> None:
    """A validator for free text fields. Raises ValidationError with what to do."""
    if isinstance(text, str) and (reason := national_number_reason(text)):
        raise ValidationError(reason, code="national_number")


class NoNationalNumberMixin(PastedTextMixin):
    """For forms: every text field refuses a social security number, also one that is parted by invisible signs."""

    def _clean_fields(self) -> None:
        super()._clean_fields()
        for name, value in list(self.cleaned_data.items()):
            try:
                refuse_national_number(value)
            except ValidationError as error:
                self.add_error(name, error)
