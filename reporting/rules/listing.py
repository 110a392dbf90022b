"""Rows of an official list of operations: what they say once read, repaired and judged. Pure, no database.

The published lists of 2014-2020 have no code of an operation: a row is known by its programme, name, beneficiary and
start, and rows that only amounts tell apart by their rank among these.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.lib.planned_days import Planned, periods
from core.past_days import HasCome
from core.text import exact, is_number
from core.workbooks import Column
from reporting.rules.doubts import PLACEHOLDER_DATES, doubts

FUNDS = {
    "FEDER": "ERDF", "ERDF": "ERDF", "FSE": "ESF", "ESF": "ESF", "IEJ": "YEI", "YEI": "YEI",
    "FSE+": "ESF+", "ESF+": "ESF+", "FTJ": "JTF", "JTF": "JTF",
}  # fmt: skip
UNKNOWN = frozenset({"", "NR", "NA", "N/A", "N.R.", "ND", "-", "?"})
PERIOD_STARTS = {"2014-2020": date(2014, 1, 1), "2021-2027": date(2021, 1, 1)}
_CATEGORY = re.compile(r"^(?:CI\d+_)?(?P<code>\d{1,3}[a-z]?)\s*(?:[-–:]\s*(?P<label>.+))?$", re.DOTALL)
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "’": " ", "'": " "})
_LATIN = re.compile(r"[a-z0-9]+")
_NAME_DATE = re.compile(r"^([0-9]{4})([0-9]{2})([0-9]{2})")

COLUMNS = [
    Column("programme", pgettext_lazy("European Union", "Programme"), required=True, max_length=300, width=34),
    Column(
        "name",
        gettext_lazy("Name of the operation"),
        required=True,
        max_length=500,
        width=50,
        aliases=("Intitulé du projet - operation name", "Intitulé du projet", "operation name", "Nom de l'opération"),
    ),
    Column(
        "beneficiary",
        gettext_lazy("Name of the beneficiary"),
        required=True,
        max_length=300,
        width=40,
        aliases=("Nom du bénéficiaire - beneficiary name", "beneficiary name", "Bénéficiaire"),
    ),
    Column(
        "postcode",
        gettext_lazy("Postcode of the beneficiary"),
        max_length=10,
        aliases=("Code postal du bénéficiaire", "Code postal", "postcode", "Operation postcode"),
    ),
    Column(
        "start",
        gettext_lazy("Start of the operation"),
        "date",
        required=True,
        days=Planned(periods, may_be_past=True),
        aliases=("Date de début de l'opération - operation start date", "operation start date", "Date de début"),
    ),
    Column(
        "end",
        gettext_lazy("End of the operation"),
        "date",
        required=True,
        days=Planned(periods, may_be_past=True),
        aliases=("Date de fin de l'opération - operation end date", "operation end date", "Date de fin"),
    ),
    Column(
        "eligible",
        gettext_lazy("Total eligible expenditure"),
        "money",
        required=True,
        total=True,
        aliases=("Total dépenses éligibles", "Total des dépenses éligibles", "total eligible expenditure"),
    ),
    Column(
        "eu_amount",
        gettext_lazy("EU amount"),
        "money",
        required=True,
        total=True,
        # The published lists put an amount under a header that speaks of a rate.
        aliases=("Montant UE programmé - Union co-financing rate", "Montant UE programmé", "Montant UE"),
    ),
    Column("country", gettext_lazy("Country"), max_length=20, aliases=("Pays - Country", "Pays", "Country")),
    Column(
        "programmed_on",
        gettext_lazy("Date of programming"),
        "date",
        days=HasCome(min(PLACEHOLDER_DATES)),  # written where none is known: a doubt that somebody answers
        aliases=("Date de programmation", "programming date"),
    ),
    Column(
        "category",
        gettext_lazy("Category of intervention"),
        width=40,
        aliases=("Catégorie d'intervention - category of intervention", "Catégorie d'intervention"),
    ),
    Column("fund", gettext_lazy("Fund"), required=False, aliases=("Fonds", "Fund")),
]
# The header of the fund must be there even though a cell may be empty.
NAME_KEY_LENGTH = 300
NEEDED_HEADERS = ("fund",)


@dataclass
class ListedOperation:
    """One good row: typed values, what was repaired (sentences), and the doubts it raises (kind: figures)."""

    row: int
    programme: str
    name: str
    beneficiary: str
    postcode: str
    start: date
    end: date
    eligible: Decimal
    eu_amount: Decimal
    country: str
    programmed_on: date | None
    category_code: str
    category_label: str
    fund: str
    written_fund: str
    repairs: list[str] = field(default_factory=list)
    doubts: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The hash of what names the operation."""
        return _sha(exact(self.programme), exact(self.name), exact(self.beneficiary), self.start.isoformat())

    @property
    def content_hash(self) -> str:
        """The hash of everything that the row says: whether it changed, not which operation it is.

        What the key says comes in as it always did, without accents: the hashes that are kept stay comparable.
        """
        named = (_bare(self.programme), _bare(self.name), _bare(self.beneficiary), self.start.isoformat())
        return _sha(
            _sha(*named), self.end.isoformat(), f"{self.eligible:.2f}", f"{self.eu_amount:.2f}", self.postcode,
            self.country, self.programmed_on.isoformat() if self.programmed_on else "", self.category_code,
            self.fund or self.written_fund, self.name, self.beneficiary,
        )  # fmt: skip


def _bare(text: str) -> str:
    """``text`` in unaccented Latin letters and digits."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return " ".join(_LATIN.findall("".join(sign for sign in decomposed if not unicodedata.combining(sign))))


def _sha(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def name_key(name: str) -> str:
    """What tells a beneficiary of a list from another one of the same postcode."""
    return exact(name)[:NAME_KEY_LENGTH]


def code_of(key: str, period: str, ordinal: int) -> str:
    """Return the code of a listed operation: the same one whenever and wherever the list is imported."""
    years = period[2:4] + period[7:9]
    return f"{years}-{key[:10].upper()}" + (f"-{ordinal + 1}" if ordinal else "")


def written_fund(values: Mapping[str, Any]) -> str:
    """Return the fund as the file names it, "NR" when it does not: what totals are reconciled by."""
    text = " ".join(str(values.get("fund") or "").upper().split())
    return "NR" if text in UNKNOWN else text


def parse_category(text: str | None) -> tuple[str, str]:
    """Return (code, label) of "CI01_103 - label"; empty texts when nothing is known."""
    text = " ".join((text or "").split())
    found = _CATEGORY.match(text)
    if text.upper() in UNKNOWN or not found:
        return "", ""
    return found["code"], (found["label"] or "").strip()


def repaired_postcode(text: str | None, country: str) -> tuple[str, bool]:
    """Return the postcode, and whether its first zero had to be put back."""
    text = (text or "").strip().replace(" ", "")
    if country == "FR" and len(text) == 4 and is_number(text):
        return f"0{text}", True
    return text, False


def date_in_name(file_name: str) -> date | None:
    """Return the day that a list's file name begins with (20160711_…), if it does."""
    found = _NAME_DATE.match(file_name)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def judge(
    row: int, values: Mapping[str, Any], *, period: str, listed_on: date | None
) -> tuple[ListedOperation | None, list[tuple[str, str]]]:
    """Return the operation of a row whose cells are readable, or None with the reasons (column key, sentence)."""
    reasons = []
    if values["end"] < values["start"]:
        reasons.append((
            "end",
            _("The operation ends (%(end)s) before it starts (%(start)s). Correct one of the two dates.")
            % {"start": f"{values['start']:%d/%m/%Y}", "end": f"{values['end']:%d/%m/%Y}"},
        ))  # fmt: skip
    for key in ("eligible", "eu_amount"):
        if values[key] < 0:
            reasons.append((key, _("An amount is not negative. Give the amount of the operation.")))
    if reasons:
        return None, reasons
    country = (values.get("country") or "FR").strip().upper()[:2]
    postcode, was_repaired = repaired_postcode(values.get("postcode"), country)
    fund = FUNDS.get(written_fund(values), "")
    code, label = parse_category(values.get("category"))
    listed = ListedOperation(
        row=row, programme=_one_line(values["programme"]), name=_one_line(values["name"]),
        beneficiary=_one_line(values["beneficiary"]), postcode=postcode, start=values["start"], end=values["end"],
        eligible=values["eligible"], eu_amount=values["eu_amount"], country=country,
        programmed_on=values.get("programmed_on"), category_code=code, category_label=label, fund=fund,
        written_fund=written_fund(values),
    )  # fmt: skip
    if was_repaired:
        listed.repairs.append(_("postcode %(postcode)s: its first zero was put back") % {"postcode": postcode})
    listed.doubts = doubts(
        fund_known=bool(fund), eligible=listed.eligible, eu_amount=listed.eu_amount,
        programmed_on=listed.programmed_on, period_start=PERIOD_STARTS[period], listed_on=listed_on,
    )  # fmt: skip
    if not fund:
        listed.doubts["fund_unknown"] = {"written": listed.written_fund}
    return listed, []


def _one_line(text: str) -> str:
    return " ".join(text.split())
