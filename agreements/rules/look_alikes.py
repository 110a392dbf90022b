"""Numbers of invoices that look alike: typed with letters of another script, O for 0, l for 1, zeros before a number.

What two rows have in common here is a question to a person, never the identity of an invoice: that is its number key
(``agreements.rules.duplicates``). Pure functions. The table follows Unicode UTS 39 (confusables), for the letters and
digits that numbers of invoices are made of.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from string import digits

from core.text import fold

#: Lower-case letters that look, as they are or as capitals, like a Latin letter.
_LETTERS = dict(zip("авгеёкмнорстухіїјѕԁһԛԝҽүց", "abreekmhopctyxiijsdhqweyg", strict=True)) | dict(
    zip("αβεζηικμνορςτυχϲϳ", "abezhikmnopctyxcj", strict=True)
) | dict(
    zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)
) | dict(
    zip("ꭰꭱꭲꭴꭵꭺꭻꭼꮃꮇꮋꮐꮓꮟꮢꮤꮥꮩꮪꮮꮯꮲꮶᏼ", "drtoiajewmhgzbrwsvslcpkb", strict=True)
) | {"ɑ": "a", "օ": "o", "ո": "n", "σ": "o"}  # fmt: skip
#: Latin letters that look like a digit.
_DIGITS = {"o": "0", "i": "1", "l": "1", "ا": "1"}
#: Signs that would be lost, or taken for another letter, once the text is brought to one encoding.
_BEFORE = str.maketrans({"|": "l", "Ϲ": "c", "ϲ": "c"})
#: What people write before the number of an invoice, as :func:`seen_as` gives it.
_PREFIX = re.compile(r"(?:n0?|num|numer0|facture|fact?|fa|f|1nv01ce|1nv|ref|reference)(?![a-z])\W*(?=\w)")
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
    letters = "".join(sign for sign in text if unicodedata.category(sign) not in {"Lm", "Sk"}).translate(_BEFORE)
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in unicodedata.normalize("NFKC", letters))
    # Cherokee letters fold to their capitals; the table has the small ones.
    return fold(plain).lower().translate(_SEEN_AS)


def forms_of(number: str) -> tuple[str, ...]:
    """The forms under which a number is met again: in one piece and by its runs, without the zeros before a number, also
    without the word before it ("N°", "Facture", "FA") and without what is no Latin letter or digit beside its digits.

    >>> set(forms_of("F-2026-001")) & set(forms_of("F2026-1")), set(forms_of("F-1")) & set(forms_of("F-10"))
    ({'f-2026-1', '2026-1'}, set())
    """
    seen = seen_as(number)
    writings = {seen: None, without_prefix(seen): None}
    for written in list(writings):
        latin = "".join(sign for sign in written if sign.isascii())
        if any(sign in digits for sign in latin):
            writings |= {latin: None, without_prefix(latin): None}
    forms = [form for written in writings for form in _two_forms(written)]
    return tuple(dict.fromkeys(filter(None, forms))) or (seen or number,)


def without_prefix(seen: str) -> str:
    """A number without the words that people write before it; one that is nothing else stays."""
    while found := _PREFIX.match(seen):
        seen = seen[found.end() :]
    return seen


def _two_forms(seen: str) -> tuple[str, str]:
    runs = _RUNS.findall(seen)
    whole = _ZEROS_BEFORE.sub("", "".join(runs))
    return whole, "-".join(filter(None, (_ZEROS_BEFORE.sub("", run) for run in runs)))


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


def same_day_keys(*, siren: str, name: str, day: date, total: Decimal, body: int) -> list[str]:
    """The keys that two lines of one beneficiary, in any of its agreements, share where one supplier sent both on one
    day for one total, in euros, whatever their numbers: the supplier by its number, and by its name as it is seen.

    Lines of two beneficiaries share none: one supplier has many customers on a day.
    """
    suppliers = [f"siren {siren}"] if siren else []
    suppliers.append(f"name {seen_as(name)[:80]}")
    keys = (f"body {body}|{supplier}|{day}|{total:.2f}" for supplier in suppliers)
    return sorted(blake2b(key.encode(), digest_size=8).hexdigest() for key in keys)
