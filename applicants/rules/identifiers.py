"""Numbers that tell people and organisations apart, checked before anything is kept.

Sources: france.md C (SIRET and its La Poste exception, RNA with its overseas pattern), python-stdnum.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum import bic as stdnum_bic
from stdnum import iban as stdnum_iban
from stdnum.exceptions import InvalidFormat, InvalidLength
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

from core.text import fold, without_invisible

_SEPARATORS = re.compile(r"[\s.·/_\-\u200c\u200d\u2010-\u2015\u2212]+")
_RNA = re.compile(r"^W[0-9][A-Z0-9][0-9]{7}$")
_RNA_OF_OPEN_DATA = re.compile(r"^W[0-9]{9}$")
# Words that say nothing of who holds an account.
_EMPTY_WORDS = frozenset(
    "a au aux d de des du et l la le les m mme mlle monsieur madame association assoc ass societe scop scic sa sarl"
    " sas sasu eurl cooperative".split()
)


def compact(number: str, *labels: str) -> str:
    """``number`` in capitals, without what people put in: spaces, dots, dashes, and signs that nobody sees.

    ``labels`` are the names of the number, which a paste may bring in front of it: "IBAN FR14…", "N° SIRET : 418…".
    """
    text = unicodedata.normalize("NFKC", without_invisible(number or "")).upper().strip()
    for label in labels:
        text = _without_label(text, label)
    return _SEPARATORS.sub("", text)


def _without_label(text: str, label: str) -> str:
    """``text`` without the name of the number at its beginning; as it is where it does not begin so."""
    found = re.match(
        rf"(?:(?:N[°ºO]?|NUM[ÉE]RO|CODE)\s*(?:DE\s+)?)?{label}(?:\s*(?:N[°ºO]|NUM[ÉE]RO))?\s*[:=\-–—]?\s*(?=\S)", text
    )
    return text[found.end() :] if found else text


def validate_siret(number: str) -> str:
    """The 14 digits of a SIRET number.

    Raises:
        ValidationError: with a sentence that says whether the length or a digit is wrong.
    """
    siret = compact(number, "SIRET")
    try:
        return stdnum_siret.validate(siret)
    except (InvalidLength, InvalidFormat) as error:
        raise ValidationError(
            _("A SIRET number has 14 digits; “%(number)s” has %(count)d characters. Copy it from your INSEE notice.")
            % {"number": number, "count": len(siret)},
            code="siret_shape",
        ) from error
    except NumberError as error:
        raise ValidationError(
            _("“%(number)s” is not a SIRET number: its check digit is wrong. Compare it with your INSEE notice.")
            % {"number": number},
            code="siret_check",
        ) from error


def validate_siren(number: str) -> str:
    """The 9 digits of a SIREN number. Raises ValidationError."""
    try:
        return stdnum_siren.validate(compact(number, "SIREN"))
    except NumberError as error:
        raise ValidationError(
            _("“%(number)s” is not a SIREN number: nine digits, of which the last is a check digit.")
            % {"number": number},
            code="siren",
        ) from error


def validate_rna(number: str) -> str:
    """The RNA number of an association: W, a digit, a digit or (overseas) a letter, seven digits.

    Raises:
        ValidationError: with the expected shape.
    """
    rna = compact(number, "RNA")
    if not _RNA.fullmatch(rna):
        raise ValidationError(
            _("“%(number)s” is not an RNA number: W followed by 9 characters, like W751234567.") % {"number": number},
            code="rna",
        )
    return rna


def rna_warning(rna: str) -> str:
    """Why the national open-data schema (SCDL) will refuse a valid RNA number; empty when it will not."""
    if _RNA_OF_OPEN_DATA.fullmatch(rna):
        return ""
    return _("The open-data schema accepts only digits after the W: publish this beneficiary under its SIRET number.")


def validate_iban(number: str) -> str:
    """An IBAN without spaces, its length and check digits verified.

    Raises:
        ValidationError: with a sentence that says what to do.
    """
    iban = compact(number, "IBAN")
    try:
        return stdnum_iban.validate(iban, check_country=False)
    except (InvalidLength, InvalidFormat) as error:
        raise ValidationError(
            _("An IBAN starts with two letters and two digits; a French one has 27 characters, this one has %(count)d.")
            % {"count": len(iban)},
            code="iban_shape",
        ) from error
    except NumberError as error:
        raise ValidationError(
            _("This IBAN is not valid: one of its characters is wrong. Copy it again from your bank details (RIB)."),
            code="iban_check",
        ) from error


def validate_bic(number: str) -> str:
    """A BIC of 8 or 11 characters. Raises ValidationError."""
    try:
        return stdnum_bic.validate(compact(number, r"(?:BIC|SWIFT)(?:\s*/\s*(?:BIC|SWIFT))?(?=[\s:=])"))
    except NumberError as error:
        raise ValidationError(
            _("“%(number)s” is not a BIC: 8 or 11 characters, like AGRIFRPP882.") % {"number": number}, code="bic"
        ) from error


def siren_of(siret: str) -> str:
    """The SIREN of a SIRET: its first nine digits."""
    return siret[:9]


def format_siret(siret: str) -> str:
    """``41816609600051`` as people read it: ``418 166 096 00051`` (no-break spaces)."""
    return f"{siret[0:3]}\u00a0{siret[3:6]}\u00a0{siret[6:9]}\u00a0{siret[9:]}"


def format_iban(iban: str) -> str:
    """An IBAN in groups of four (no-break spaces)."""
    return "\u00a0".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def mask_iban(iban: str) -> str:
    """An IBAN of which only the beginning and the end can be read."""
    return f"{iban[:4]}\u00a0…\u00a0{iban[-4:]}"


def department_of(code: str) -> str:
    """The department of a postcode or of an INSEE commune code: two characters, three overseas.

    Corsica's postcodes (20xxx) fall into 2A (200, 201) and 2B (the others).
    """
    if len(code) != 5:
        return ""
    if code.startswith(("97", "98")):
        return code[:3]
    if code.startswith("20"):
        return "2A" if code[:3] in {"200", "201"} else "2B"
    return code[:2]


def holder_resembles(holder: str, *names: str) -> bool:
    """Whether the holder of a bank account may be one of ``names``: every telling word of one is in the other.

    A help for the person who checks, not a proof: banks shorten names.
    """
    held = set(fold(holder).split()) - _EMPTY_WORDS
    for name in names:
        told = set(fold(name).split()) - _EMPTY_WORDS
        if held and told and (held <= told or told <= held):
            return True
    return False
