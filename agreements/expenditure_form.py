"""The workbook of expenditure as it is handed out, and what it says of itself when it comes back.

Two defined names travel with it: the claim that it was made for, and the newest history line of the claim's lines, by
which the lines are known as the person read them (``agreements.line_versions``).
"""

import re
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from django.utils.translation import gettext as _

from agreements.axes import axis_choices
from agreements.budget_accounts import charge_accounts
from agreements.claims import LINE_FIELDS
from agreements.line_versions import newest
from agreements.models import PaymentClaim
from agreements.workbooks import FORM_ID, FORM_VERSION, expenditure_columns
from core.text import is_number
from core.workbooks import write_template

FORM_NAME = "ESSOR_FORM"
LINES_NAME = "ESSOR_LINES"
_DEFINED = re.compile(
    rb'<definedName[^>]*name="(ESSOR_FORM|ESSOR_LINES)"[^>]*>(.{0,400}?)</definedName>', re.DOTALL
)  # fmt: skip


def write_form(path: Path, claim: PaymentClaim) -> None:
    """Write the workbook to fill for a claim: its number, its period and its budget, the lines already there."""
    agreement = claim.agreement
    accounts = charge_accounts(agreement)
    axes = axis_choices(agreement)
    labels = {code: f"{code} {label}" for code, label in accounts}
    # Before the lines: what is written between the two reads is a change since, and told as one.
    made_at = newest(claim)
    rows = [
        {"rank": line.rank}
        | {name: getattr(line, name) for name in LINE_FIELDS}
        | {"account_code": labels.get(line.account_code, line.account_code), "axis": dict(axes).get(line.axis, "")}
        for line in claim.lines.order_by("rank")
    ]
    write_template(
        path,
        expenditure_columns(accounts, axes),
        title=_("Expenditure"),
        facts=[
            (_("Claim"), claim.number),
            (_("Agreement"), agreement.number),
            (_("Beneficiary"), agreement.beneficiary.display_name),
            (_("Identifier"), agreement.beneficiary.identifier),
            (_("Payment"), claim.instalment.label),
            (_("Invoices from"), agreement.start),
            (_("Invoices until"), agreement.end),
            (_("Lines already declared"), len(rows)),
        ],
        rows=rows,
        names=[
            (FORM_NAME, f'"{FORM_ID}|{FORM_VERSION}|{claim.number}"'),
            (LINES_NAME, f'"{made_at}"'),
        ],
    )


@dataclass(frozen=True)
class SaysOfItself:
    """What a workbook says of itself: nothing, when it is a table of the person's own."""

    form: str = ""
    version: str = ""
    claim: str = ""
    made_at: int | None = None
    """The newest history line of the claim's lines when it was made; None for one that was made before it was said."""


def says_of_itself(content: bytes) -> SaysOfItself:
    """Read the defined names of a workbook."""
    if not content.startswith(b"PK"):
        return SaysOfItself()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        found = {
            name.decode(): text.decode("utf-8", "replace").replace("&quot;", '"').strip('"')
            for name, text in _DEFINED.findall(archive.read("xl/workbook.xml"))
        }
    form, _sep, rest = found.get(FORM_NAME, "").partition("|")
    version, _sep, number = rest.partition("|")
    made_at = found.get(LINES_NAME, "")
    return SaysOfItself(form, version, number, int(made_at) if is_number(made_at) else None)


def of_another_claim(claim: PaymentClaim, said: SaysOfItself) -> str:
    """Why this template is not the one of the claim; empty for a file that says nothing of itself."""
    if not said.form:
        return ""
    if (said.form, said.version) != (FORM_ID, FORM_VERSION):
        return _("This template is no longer the current one. Download it again and copy your rows into it.")
    if said.claim != claim.number:
        return _(
            "This workbook was made for the claim %(other)s, and you are on the claim %(number)s."
            " Send it on the page of its own claim, or download the template of this page."
        ) % {"other": said.claim[:30], "number": claim.number}
    return ""
