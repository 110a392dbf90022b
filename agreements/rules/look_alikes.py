"""Numbers of invoices that look alike: typed with letters of another script, O for 0, l for 1, zeros before a number.

What two rows have in common here is a question to a person, never the identity of an invoice: that is its number key
(``agreements.rules.duplicates``). Pure functions. The table follows Unicode UTS 39 (confusables), for the letters and
digits that numbers of invoices are made of.
"""

import re
import unicodedata
from decimal import Decimal
from hashlib import blake2b

from core.text import fold

#: Lower-case letters that look, as they are or as capitals, like a Latin letter.
_LETTERS = dict(zip("авгеёкмнорстухіїјѕԁһԛԝҽүց", "abreekmhopctyxiijsdhqweyg", strict=True)) | dict(
    zip("αβεζηικμνορςτυχϲϳ", "abezhikmnopctyxcj", strict=True)
) | {"ɑ": "a", "օ": "o", "ո": "n", "ʟ": "l", "ɪ": "i", "ᴏ": "o", "σ": "o"}  # fmt: skip
#: Latin letters that look like a digit.
_DIGITS = {"o": "0", "i": "1", "l": "1"}
_SEEN_AS = str.maketrans({letter: _DIGITS.get(latin, latin) for letter, latin in _LETTERS.items()} | _DIGITS)
_ZEROS_BEFORE = re.compile(r"(?<!\d)0+")
_RUNS = re.compile(r"[0-9]+|[^\W\d_]+")
#: Signs from which a number, with its total, tells an invoice whoever sent it.
TELLING_LENGTH = 3


def seen_as(text: str) -> str:
    """``text`` folded, each sign replaced by the Latin letter or the digit that it is taken for.

    >>> seen_as("FА-1OO") == seen_as("fa 100")
    True
    """
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in unicodedata.normalize("NFKC", text))
    return fold(plain).translate(_SEEN_AS)


def forms_of(number: str) -> tuple[str, ...]:
    """The forms under which a number is met again, in one piece and by its runs, without the zeros before a number.

    >>> set(forms_of("F-2026-001")) & set(forms_of("F2026-1")), set(forms_of("F-1")) & set(forms_of("F-10"))
    ({'f-2026-1'}, set())
    """
    seen = seen_as(number)
    runs = _RUNS.findall(seen)
    whole = _ZEROS_BEFORE.sub("", "".join(runs))
    parts = "-".join(filter(None, (_ZEROS_BEFORE.sub("", run) for run in runs)))
    return tuple(dict.fromkeys(filter(None, (whole, parts)))) or (seen or number,)


def alike_keys(*, siren: str, name: str, number: str, total: Decimal) -> list[str]:
    """The keys of which two rows share one where their invoices look alike: by the supplier's number, by its name and,
    where the number is long enough to tell, by the total in euros. Hashes of 16 digits: they name nobody."""
    forms = forms_of(number)
    suppliers = [f"siren {siren}"] if siren else []
    suppliers.append(f"name {seen_as(name)[:80]}")
    if any(len(form) >= TELLING_LENGTH for form in forms):
        suppliers.append(f"total {total:.2f}")
    keys = (f"{supplier}|{form}" for supplier in suppliers for form in forms)
    return sorted(blake2b(key.encode(), digest_size=8).hexdigest() for key in keys)
