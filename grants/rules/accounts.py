"""The accounts of the provisional budget, as the CERFA form 12156 lays them out.

Source: ``grants/data/cerfa_accounts.csv`` (MGDIS/DAUPHIN layout and a coded 15059 form). Rows with ``verified`` = no
(69, 79, 870, 875) were not seen on the present form: the file is data that a Region edits.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import get_language

ACCOUNTS_FILE = Path(__file__).resolve().parent.parent / "data" / "cerfa_accounts.csv"


@dataclass(frozen=True)
class Account:
    """One line of the form. ``nature`` is ``money`` or ``kind`` (volunteer work, goods lent)."""

    code: str
    shown: str
    side: str
    nature: str
    group: str
    is_public: bool
    verified: bool
    label_fr: str
    label_en: str

    @property
    def in_kind(self) -> bool:
        return self.nature == "kind"

    @property
    def label(self) -> str:
        return self.label_fr if (get_language() or "fr").startswith("fr") else self.label_en

    def __str__(self):
        return f"{self.shown} {self.label}".strip()


@cache
def accounts() -> dict[str, Account]:
    """Every account by its code, in the order of the form."""
    with ACCOUNTS_FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Account(
                code=row["code"],
                shown=row["shown"],
                side=row["side"],
                nature=row["nature"],
                group=row["group"],
                is_public=row["public"] == "yes",
                verified=row["verified"] == "yes",
                label_fr=row["label_fr"],
                label_en=row["label_en"],
            )
            for row in csv.DictReader(file)
        }


def account_of(code: str) -> Account:
    """The account of a budget line.

    Raises:
        KeyError: the code is not in the list.
    """
    return accounts()[code]


def accounts_of(side: str, nature: str = "money") -> list[Account]:
    """The accounts of one side (``charge`` or ``product``) and nature, in the order of the form."""
    return [account for account in accounts().values() if account.side == side and account.nature == nature]
