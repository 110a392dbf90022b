"""Text made comparable: what a person types finds what another person typed, whatever the accents and capitals."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet
from django.utils.translation import pgettext

# Letters that Unicode does not decompose, though a French reader takes them for two.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "’": " ", "'": " "})
_WORD = re.compile(r"[a-z0-9]+")


def fold(text: str) -> str:
    """``text`` without accents, capitals, punctuation or double spaces.

    >>> fold("L'Éléphant  d’Or & Cie")
    'l elephant d or cie'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(_WORD.findall(bare))


def search_vector(field: str = "search_text") -> SearchVector:
    """The expression that a model's GIN index and ``matching`` must share, so that the index serves the search."""
    return SearchVector(field, config="simple")


def matching(queryset: QuerySet, typed: str, field: str = "search_text") -> QuerySet:
    """The rows of ``queryset`` with a word that begins like each word of ``typed``, in any order.

    ``field`` holds folded text. Numbers typed in groups ("418 166 096 00051") are also tried in one piece.
    """
    words = fold(typed).split()
    if not words:
        return queryset
    forms = {" & ".join(f"{word}:*" for word in words)}
    if all(word.isdigit() for word in words):
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
