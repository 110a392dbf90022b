"""The columns of the co-financing workbook, sheet by sheet."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.workbooks import Column, Ratio, SumIfs, Terms


def _where(*keys: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, key) for key in keys)


def _place(*, short: bool = False) -> list[Column]:
    """Where an operation belongs: the columns that summaries add up by."""
    columns = [
        Column("programme", _("EU programme"), width=22),
        Column("programme_name", _("Name of the programme"), width=34),
        Column("priority", _("Priority"), width=12),
        Column("objective", _("Specific objective"), width=12),
        Column("fund", _("Fund"), width=10),
        Column("category", _("Category of region"), width=22),
    ]
    return [column for column in columns if not short or column.key not in ("programme_name", "objective")]


def summary() -> list[Column]:
    """By programme, priority, fund and category of region: sums over the sheet of operations."""
    return [
        Column("programme", _("EU programme"), width=22),
        Column("programme_name", _("Name of the programme"), "link", width=40),
        Column("priority", _("Priority"), width=10),
        Column("priority_label", _("Label of the priority"), width=30),
        Column("fund", _("Fund"), width=10),
        Column("category", _("Category of region"), width=22),
        *_added_operations("programme", "priority", "fund", "category"),
    ]


def funds() -> list[Column]:
    """By fund: the same sums, those that the command prints."""
    return [Column("fund", _("Fund"), width=16), *_added_operations("fund")]


def _added_operations(*keys: str) -> list[Column]:
    """The sums of the sheet of operations over the rows that agree with a summary's by these columns."""
    by = _where(*keys)

    def added(key: str, label) -> Column:
        return Column(key, label, "money", total=True, formula=SumIfs("operations", key, by))

    return [
        Column("operations", _("Operations"), "integer", total=True),
        added("eligible", _("Eligible cost")),
        added("eu", _("EU amount")),
        Column("rate", _("EU rate"), "percent", total=True, formula=Ratio("eu", "eligible")),
        added("declared", _("Declared expenditure")),
        added("retained", _("Retained expenditure")),
        Column("progress", _("Retained / eligible"), "percent", total=True, formula=Ratio("retained", "eligible")),
        added("certified_eu", _("Certified EU share")),
        added("applied", _("In closed payment applications")),
        added("applied_eu", _("EU share in payment applications")),
    ]


def sources() -> list[Column]:
    """By programme, fund and source: sums over the sheet of financing plans."""
    by = _where("programme", "fund", "kind")
    return [
        Column("programme", _("EU programme"), width=22),
        Column("programme_name", _("Name of the programme"), "link", width=40),
        Column("fund", _("Fund"), width=10),
        Column("kind", _("Source"), width=28),
        Column("planned", _("Planned"), "money", total=True, formula=SumIfs("financing", "planned", by)),
        Column("certified", _("Certified"), "money", total=True, formula=SumIfs("financing", "certified", by)),
        Column("share", _("Certified / planned"), "percent", total=True, formula=Ratio("certified", "planned")),
    ]


def operations() -> list[Column]:
    """One line an operation."""
    return [
        Column("link", _("Operation"), "link", width=20),
        *_place(),
        Column("case", _("Case"), width=18),
        Column("agreement", _("Agreement"), width=18),
        Column("beneficiary", _("Beneficiary"), width=36, personal=True),
        Column("location", _("Location"), width=20),
        Column("name", _("Name of the operation"), width=50),
        Column("start", _("Start"), "date"),
        Column("end", _("End"), "date"),
        Column("programmed_on", _("Programmed on"), "date"),
        Column("field", _("Field of intervention"), width=36),
        Column("total_cost", _("Total cost"), "money", total=True),
        Column("eligible", _("Eligible cost"), "money", total=True),
        Column("eu", _("EU amount"), "money", total=True),
        Column("rate", _("EU rate"), "percent", total=True, formula=Ratio("eu", "eligible")),
        Column("others", _("Other sources"), "money", total=True, formula=Terms(("eligible",), ("eu",))),
        Column("declared", _("Declared expenditure"), "money", total=True),
        Column("retained", _("Retained expenditure"), "money", total=True),
        Column("rejected", _("Rejected"), "money", total=True),
        Column("parked", _("Parked"), "money", total=True),
        Column("waiting", _("Not yet controlled"), "money", total=True,
               formula=Terms(("declared",), ("retained", "rejected", "parked"))),
        Column("certified_eu", _("Certified EU share"), "money", total=True),
        Column("applied", _("In closed payment applications"), "money", total=True),
        Column("applied_eu", _("EU share in payment applications"), "money", total=True),
        Column("flags", _("Open doubts"), "integer", total=True),
    ]  # fmt: skip


def financing() -> list[Column]:
    """One line an operation and source."""
    return [
        Column("operation", _("Operation"), "link", width=20),
        *_place(short=True),
        Column("kind", _("Source"), width=28),
        Column("source", _("Name of the source"), width=28),
        Column("planned", _("Planned"), "money", total=True),
        Column("certified", _("Certified"), "money", total=True),
        Column(
            "above",
            _("Certified above the plan: not paid, or to be asked back"),
            "money",
            total=True,
            width=24,
            since=3,
        ),
    ]


def items() -> list[Column]:
    """One line an expenditure item, with the way from the case to the payment application."""
    return [
        Column("link", _("Item"), "link", width=22),
        Column("operation", _("Operation"), width=20),
        *_place(short=True),
        Column("case", _("Case"), width=18),
        Column("agreement", _("Agreement"), width=18),
        Column("claim", _("Payment claim"), width=20),
        Column("declaration", _("Declaration"), width=18),
        Column("controller", _("Controller"), width=22, personal=True),
        Column("controlled_on", _("Controlled on"), "date"),
        Column("certificate", _("Certificate"), width=18),
        Column("application", _("Payment application"), width=30),
        Column("supplier", _("Supplier"), width=28, personal=True),
        Column("invoice", _("Invoice"), width=16),
        Column("invoice_date", _("Invoice date"), "date"),
        Column("paid_on", pgettext_lazy("feminine", "Paid on"), "date"),
        Column("description", _("What was bought"), width=36, personal=True),
        Column("proof", _("Proof"), "link", width=14),
        Column("claimed", _("Claimed by the beneficiary"), "money", total=True),
        Column("certified", _("Certified by the Region"), "money", total=True),
        Column("declared", _("Declared to the fund"), "money", total=True),
        Column("state", _("Control"), width=16),
        Column("retained", _("Retained"), "money", total=True),
        Column("rejected", _("Rejected"), "money", total=True),
        Column("parked", _("Parked"), "money", total=True),
        Column("error", _("Type of error"), width=28),
        Column("reason", _("Reason"), width=36),
    ]


def applications() -> list[Column]:
    """One line a priority and category of region of a closed payment application."""
    return [
        Column("link", _("Payment application"), "link", width=34),
        Column("programme", _("EU programme"), width=22),
        Column("fund", _("Fund"), width=10),
        Column("year", _("Accounting year"), width=14),
        Column("number", _("Number"), "integer"),
        Column("state", _("State"), width=22),
        Column("priority", _("Priority"), width=12),
        Column("category", _("Category of region"), width=22),
        Column("basis", _("Basis"), width=18),
        Column("eligible", _("Eligible expenditure"), "money", total=True),
        Column("union", _("Union contribution"), "money", total=True),
        Column("public", _("Public contribution"), "money", total=True),
    ]
