"""Text made comparable: what a person types finds what another person typed, whatever the accents and capitals.

``fold`` serves searches only. What tells two things apart is an identifier, or ``exact``: text that is the same but for
the way it is encoded, its capitals and its spaces.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet
from django.forms import DateField, DateTimeField, IntegerField, PasswordInput, TimeField
from django.forms.fields import SplitDateTimeField
from django.http import QueryDict
from django.utils.translation import gettext, pgettext

# Letters that Unicode does not decompose, though a French reader takes them for others.
_LIGATURES = str.maketrans({
    "œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i",
    "’": " ", "'": " ",
})  # fmt: skip
# Signs that a paste brings and nobody sees: zero widths, direction marks, soft hyphens, byte order marks.
_INVISIBLE = frozenset({"Cf", "Cc"})
# Letters and marks that have no shape of their own either: fillers of Hangul, of Khmer and of Braille, a joiner of marks.
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# Two of them join or part letters in some scripts: a text keeps them, a number or a key does not.
_JOINERS = "\u200c\u200d"
# Categories of code points that stand for a space.
_SPACES = frozenset({"Zs", "Zl", "Zp"})


class _Signs(dict[int, str]):
    """A table for ``str.translate`` that works out each sign once."""

    def __init__(self, rule: Callable[[str, str], str]):
        super().__init__()
        self.rule = rule

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        self[code] = found = self.rule(sign, unicodedata.category(sign))
        return found


def _seen(sign: str, category: str) -> str:
    if sign in _JOINERS:
        return sign
    if category in _SPACES:
        return " "
    return "" if sign in _FILLERS or (category in _INVISIBLE and sign not in "\n\r\t") else sign


def _folded(sign: str, category: str) -> str:
    """Letters, digits and vowel signs of any script stay; accents and what nobody sees go; the rest parts words."""
    if unicodedata.combining(sign) or sign in _FILLERS or (category in _INVISIBLE and not sign.isspace()):
        return ""
    return sign if category[0] in "LMN" else " "


# The fields whose text Python's own readers take in any script; Float and Decimal fields are IntegerFields.
_WRITTEN_WITH_DIGITS = (IntegerField, DateField, DateTimeField, SplitDateTimeField, TimeField)

_SEEN, _FOLDED = _Signs(_seen), _Signs(_folded)


def without_invisible(text: str) -> str:
    """``text`` as it is seen: no sign without width, every kind of space a plain one; line feeds and tabs stay.

    Marks without any sign that bears them (accents, variants of a shape, joiners) are nothing that can be seen.
    """
    seen = text.translate(_SEEN)
    return seen if not seen.strip() or any(unicodedata.category(sign)[0] not in "MZC" for sign in seen) else ""


class PastedTextMixin:
    """For forms: what was typed or pasted loses the signs that nobody sees before a field reads it; passwords do not.

    Numbers and dates are written with the digits 0 to 9, as amounts are: ``int`` would read those of any script.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.is_bound and self.data:
            secret = {
                self.add_prefix(name) for name, field in self.fields.items() if isinstance(field.widget, PasswordInput)
            }
            self.data = _seen_data(self.data, secret)

    def _post_clean(self) -> None:
        for name, field in self.fields.items():
            if isinstance(field, _WRITTEN_WITH_DIGITS) and name in self.cleaned_data:
                typed = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
                if any(has_other_digits(part) for part in (typed if isinstance(typed, list) else [typed])):
                    self.add_error(name, gettext("Write it with the digits 0 to 9."))
        super()._post_clean()


def _seen_data(data: Mapping[str, Any], secret: set[str]) -> Mapping[str, Any]:
    def seen(name: str, value: Any) -> Any:
        return without_invisible(value) if isinstance(value, str) and name not in secret else value

    if not isinstance(data, QueryDict):
        return {name: seen(name, value) for name, value in data.items()}
    # Of the same kind, no copy: a name that came with several values stays refused to who reads one of them.
    cleaned = type(data)("", mutable=True, encoding=data.encoding)
    for name, values in data.lists():
        cleaned.setlist(name, [seen(name, value) for value in values])
    return cleaned


_NUMBER = re.compile(r"[0-9]{1,18}")


def has_other_digits(typed: Any) -> bool:
    """Whether a text holds a digit of another script than ours.

    >>> has_other_digits("٣"), has_other_digits("3²"), has_other_digits(3)
    (True, False, False)
    """
    return isinstance(typed, str) and any(unicodedata.category(sign) == "Nd" and not sign.isascii() for sign in typed)


def is_number(text: str | None) -> bool:
    """Whether an address or a form sends the number of a row or a rank: plain digits, as many as a column holds.

    ``str.isdigit`` is no such test: it is true of "²", which ``int`` refuses.

    >>> is_number("42"), is_number("²"), is_number("٣"), is_number("9" * 30), is_number(None)
    (True, False, False, False, False)
    """
    return bool(text and _NUMBER.fullmatch(text))


def exact(text: str) -> str:
    """What tells a name from another one: ``text`` in one encoding (NFC), without regard to capitals and spaces.

    >>> exact("  Δήμος  Α ") == exact("δήμος α"), exact("Été") == exact("Ete")
    (True, False)
    """
    return " ".join(unicodedata.normalize("NFC", without_invisible(text).casefold()).split())


def ended(text: str) -> str:
    """A sentence with its full stop, for another one to follow."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def in_a_sentence(text: object) -> str:
    """A label as it reads inside a sentence: without its first capital, the others being those of names (Kbis, Région)."""
    words = str(text)
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def fold(text: str) -> str:
    """``text`` without accents, capitals, punctuation or double spaces, in any script; for searches, never for keys.

    A text without any letter or digit stays as it is: it is never taken for an empty one.

    >>> fold("L'Éléphant  d’Or & Cie"), fold("Δήμος Α"), fold("★★")
    ('l elephant d or cie', 'δημοσ α', '★★')
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return " ".join(decomposed.translate(_FOLDED).split()) or " ".join(without_invisible(text).split())


def words_of(typed: str) -> list[str]:
    """The words by which a search can look for something: those of ``fold`` that hold a letter or a digit."""
    return [word for word in fold(typed).split() if any(unicodedata.category(sign)[0] in "LN" for sign in word)]


def is_searchable(typed: str) -> bool:
    """Whether a search can do something with what was typed; nothing typed asks for everything."""
    return not typed.strip() or bool(words_of(typed))


def nothing_to_search(typed: str) -> str:
    """Why a search found nothing, and what to type; empty when it could search."""
    if is_searchable(typed):
        return ""
    return gettext("“%(typed)s” holds no letter and no digit to search for: type a word or a number.") % {
        "typed": typed.strip()
    }


def search_vector(field: str = "search_text") -> SearchVector:
    """The expression that a model's GIN index and ``matching`` must share, so that the index serves the search."""
    return SearchVector(field, config="simple")


def matching(queryset: QuerySet, typed: str, field: str = "search_text") -> QuerySet:
    """The rows of ``queryset`` with a word that begins like each word of ``typed``, in any order.

    ``field`` holds folded text. Numbers typed in groups ("418 166 096 00051") are also tried in one piece. What holds
    no word finds nothing (``nothing_to_search`` says so); nothing typed finds everything.
    """
    words = words_of(typed)
    if not words:
        return queryset.none() if typed.strip() else queryset
    forms = {" & ".join(f"{word}:*" for word in words)}
    if all(word.isdecimal() for word in words):
        forms.add("".join(words) + ":*")
    query = SearchQuery(" | ".join(f"({form})" for form in sorted(forms)), search_type="raw", config="simple")
    return queryset.annotate(_search=search_vector(field)).filter(_search=query)


_THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_THIN = re.compile(r" (?=[;?!%€])")
_WIDE = re.compile(r" (?=[:»])|(?<=«) ")


@lru_cache(maxsize=4096)
def french_spaces(text: str) -> str:
    """``text`` with the spaces that French does not break: in "30 000 €", "80 %", before ":" and inside quotes.

    People who write a programme's file type plain spaces; on a telephone a line would end between a number and its
    unit.
    """
    text = _THOUSANDS.sub("\u202f", text)
    return _WIDE.sub("\u00a0", _THIN.sub("\u202f", text))


def colon() -> str:
    """The punctuation between a label and what it labels, with the space that French puts before it."""
    return pgettext("punctuation after a label", ":")


def listed(items: Iterable[object]) -> str:
    """Several things in one sentence: "statutes; accounts" in English, "statuts ; comptes" in French."""
    return pgettext("punctuation between the items of a list", "; ").join(str(item) for item in items)
