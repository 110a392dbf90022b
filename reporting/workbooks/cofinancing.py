"""The co-financing workbook: what the EU funds co-finance, from the plan to the payment application, line by line."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.engine.past import Past, Present
from core.jobs import JobError
from core.models.user import User
from core.money import ZERO
from core.workbooks import Column, Cover, Erased, Link, Sheet, Written, in_format, write_workbook
from reporting.facts import ItemSums, Selection, in_chunks
from reporting.models import (
    AccountingYear,
    CategoryOfRegion,
    ErrorType,
    EUBeneficiary,
    EUProgramme,
    Fund,
    InterventionField,
    ItemState,
    PaymentApplication,
    PaymentApplicationState,
    Priority,
    SourceKind,
    SpecificObjective,
)
from reporting.rules.ends import certified_above
from reporting.stated import stated_before
from reporting.workbooks import columns

Progress = Callable[[int, int], None]
FORMAT = 3
"""The version of the workbook's format: raised when a column comes (``since``), goes (``until``) or changes its words,
so that a report of an earlier format can be made again with the same hash. Since 2, an operation whose agreement has ended
ends on that day, as in the list of Article 49. Since 3, a source says what is certified on it above its plan."""
SUMMED_BY = ("programme", "priority", "fund", "category")
SUMMED = ("operations", "eligible", "eu", "declared", "retained", "certified_eu", "applied", "applied_eu")


def link_to(model: str, pk: int, text: str) -> Link:
    """Return a cell that leads to the row's page in the staff site."""
    return Link(text, f"{settings.ESSOR_SITE_URL}{reverse(f'admin:reporting_{model}_change', args=[pk])}")


def link_to_list(row: dict) -> Link | str:
    """Return a cell that leads to the list of the operations that a line of a summary adds up."""
    if not row["programme_known"]:
        return row["programme_name"]
    question = urlencode({"eu_programme": row["programme"], "fund": row["fund_code"]})
    address = reverse("admin:reporting_operation_changelist")
    return Link(row["programme_name"], f"{settings.ESSOR_SITE_URL}{address}?{question}")


class CofinancingWorkbook:
    """Writes the workbook of a selection. The summaries add up what the sheets of lines gave out while written."""

    def __init__(self, selection: Selection, progress: Progress = lambda done, total: None):
        self.selection = selection
        self.past = selection.past
        self.format_version = format_of(selection, FORMAT)
        self.progress = progress
        self.done = 0
        self.total = selection.versions.count() + selection.items.count()
        self.summary: dict[tuple, dict[str, Decimal | int]] = {}
        self.sources: dict[tuple, dict[str, Decimal]] = {}

    def write(self, path: Path, *, by: str) -> Written:
        """Write the file; raise RuntimeError when its totals are not those of the database."""
        sheets = [
            Sheet(
                pgettext("sheet", "Summary"),
                self._columns(columns.summary),
                self._summary_rows(),
                key="summary",
                derived=True,
                colour="0F5C46",
            ),
            Sheet(
                _("By fund"),
                self._columns(columns.funds),
                self._fund_rows(),
                key="funds",
                derived=True,
                colour="0F5C46",
            ),
            Sheet(
                _("By source"),
                self._columns(columns.sources),
                self._source_rows(),
                key="sources",
                derived=True,
                colour="0F5C46",
            ),
            Sheet(_("Operations"), self._columns(columns.operations), self._operation_rows(), key="operations"),
            Sheet(_("Financing plan"), self._columns(columns.financing), self._financing_rows(), key="financing"),
            Sheet(_("Expenditure"), self._columns(columns.items), self._item_rows(), key="items"),
            Sheet(
                _("Payment applications"),
                self._columns(columns.applications),
                self._application_rows(),
                key="applications",
            ),
        ]
        cover = cover_of(self.selection, _("Co-financing by the European funds"), by, self.format_version)
        cover.notes.append(_("The total cost is empty where the source states the eligible cost only (2014-2020)."))
        written = write_workbook(path, sheets, cover)
        self._check(written)
        return written

    def _columns(self, declared: Callable[[], list[Column]]) -> list[Column]:
        return in_format(declared(), self.format_version)

    def _check(self, written: Written) -> None:
        expected, found = self.selection.totals(), written.totals["operations"]
        pairs = [("eligible", "eligible"), ("eu", "eu"), ("declared", "declared"), ("certified", "retained")]
        for of_database, of_sheet in pairs:
            if expected[of_database] != found[of_sheet]:
                raise RuntimeError(
                    f"The workbook adds {of_sheet} up to {found[of_sheet]}, the database to {expected[of_database]}."
                )

    def totals_by_fund(self) -> dict[str, dict[str, Decimal | int]]:
        """Return the totals per fund, after the workbook was written."""
        funds: dict[str, dict[str, Decimal | int]] = {}
        for key, sums in self.summary.items():
            of_fund = funds.setdefault(key[2], dict.fromkeys(SUMMED, ZERO) | {"operations": 0})
            for name in SUMMED:
                of_fund[name] += sums[name]
        return dict(sorted(funds.items()))

    def _step(self) -> None:
        self.done += 1
        if self.done % 200 == 0 or self.done == self.total:
            self.progress(self.done, self.total)

    # --- operations ---------------------------------------------------------------------------------------------------

    def _operation_rows(self) -> Iterator[dict]:
        sums, applied = self.selection.item_sums(), self.selection.applied()
        certified, flags = self.selection.certified_by_source(), self.selection.open_flags()
        versions = self.selection.versions.select_related("operation__agreement__application").order_by(
            "operation__code"
        )
        for version in in_chunks(versions):
            operation = version.operation
            spent = sums.get(operation.pk, ItemSums())
            eligible_applied, union_applied = applied.get(operation.pk, (ZERO, ZERO))
            by_source = certified.get(operation.pk, {})
            row = {
                **identity(version, self.past),
                "link": link_to("operation", operation.pk, operation.code),
                "name": version.name,
                "beneficiary": version.beneficiary_name
                or shown(
                    self.past, beneficiary := self.past.get(EUBeneficiary, version.beneficiary_id), beneficiary.name
                ),
                "location": version.location,
                "start": version.start_date,
                "end": version.completed_on(self.selection.cut_off) if self.format_version > 1 else version.end_date,
                "programmed_on": version.programmed_on,
                "field": text_of(self.past.get(InterventionField, version.intervention_field_id)),
                "total_cost": version.total_cost,
                "eligible": version.eligible_cost,
                "eu": version.eu_amount,
                "declared": spent.declared,
                "retained": spent.retained,
                "rejected": spent.rejected,
                "parked": spent.parked,
                "certified_eu": sum((a for (kind, _name), a in by_source.items() if kind == SourceKind.EU), ZERO),
                "applied": eligible_applied,
                "applied_eu": union_applied,
                "flags": flags.get(operation.pk, 0),
            }
            self._add_to_summary(row)
            self._step()
            yield row

    def _add_to_summary(self, row: dict) -> None:
        key = tuple(row[name] for name in SUMMED_BY)
        if key not in self.summary:
            words = {"programme_name": link_to_list(row), "priority_label": row["priority_label"]}
            self.summary[key] = dict.fromkeys(SUMMED, ZERO) | {"operations": 0} | words
        sums = self.summary[key]
        sums["operations"] += 1
        for name in SUMMED[1:]:
            sums[name] += row[name]

    def _summary_rows(self) -> Iterator[dict]:
        for key in sorted(self.summary):
            yield dict(zip(SUMMED_BY, key, strict=True)) | self.summary[key]

    def _fund_rows(self) -> Iterator[dict]:
        for fund, sums in self.totals_by_fund().items():
            yield {"fund": fund} | sums

    # --- financing ----------------------------------------------------------------------------------------------------

    def _financing_rows(self) -> Iterator[dict]:
        certified = self.selection.certified_by_source()
        versions = (
            self.selection.versions.select_related("operation__agreement__application")
            .prefetch_related("financing")
            .order_by("operation__code")
        )
        for version in in_chunks(versions):
            left = dict(certified.get(version.operation_id, {}))
            lines = [(line.kind, line.label, line.amount) for line in version.financing.all()]
            lines = [(kind, name, amount, left.pop((kind, name), ZERO)) for kind, name, amount in lines]
            lines += [(kind, name, ZERO, amount) for (kind, name), amount in sorted(left.items())]
            for kind, name, planned, amount in lines:
                row = {
                    **identity(version, self.past),
                    "operation": link_to("operation", version.operation_id, version.operation.code),
                    "kind": str(SourceKind(kind).label),
                    "source": name if kind != SourceKind.EU else "",
                    "planned": planned,
                    "certified": amount,
                    "above": certified_above(kind, planned, amount),
                }
                key = (row["programme"], row["fund"], row["kind"])
                if key not in self.sources:
                    self.sources[key] = {"planned": ZERO, "certified": ZERO, "programme_name": link_to_list(row)}
                sums = self.sources[key]
                sums["planned"] += planned
                sums["certified"] += amount
                yield row

    def _source_rows(self) -> Iterator[dict]:
        for key in sorted(self.sources):
            yield dict(zip(("programme", "fund", "kind"), key, strict=True)) | self.sources[key]

    # --- expenditure --------------------------------------------------------------------------------------------------

    def _item_rows(self) -> Iterator[dict]:
        limit = self.selection.limit
        versions = {
            version.operation_id: identity(version, self.past)
            for version in self.selection.versions.filter(
                operation__in=self.selection.items.values("declaration__operation_id")
            ).select_related("operation__agreement__application")
        }
        entries = {
            entry.certificate.declaration_id: name_of(entry.line.application, self.past)
            for entry in self.selection.entries.select_related("certificate", "line__application")
        }
        items = self.selection.items.select_related(
            "declaration__operation", "declaration__claim", "declaration__certificate", "expenditure_line"
        ).order_by("declaration__operation__code", "declaration__number", "rank")
        for item in in_chunks(items):
            declaration, line = item.declaration, item.expenditure_line
            controlled = declaration.controlled_at is not None and declaration.controlled_at <= limit
            certificate = getattr(declaration, "certificate", None) if controlled else None
            controller = self.past.get(User, declaration.controller_id) if controlled else None
            self._step()
            yield {
                **versions[declaration.operation_id],
                "link": link_to("expenditureitem", item.pk, str(item)),
                "claim": declaration.claim.number,
                "declaration": declaration.number,
                "controller": shown(self.past, controller, str(controller)) if controlled else "",
                "controlled_on": timezone.localdate(declaration.controlled_at) if controlled else None,
                "certificate": certificate.number if certificate else "",
                "application": entries.get(declaration.pk, ""),
                "supplier": shown(self.past, line, line.supplier_name),
                "invoice": line.invoice_number,
                "invoice_date": line.invoice_date,
                "paid_on": line.paid_on,
                "description": shown(self.past, line, line.description),
                "claimed": line.declared_amount,
                "certified": line.certified_amount,
                "declared": item.declared_amount,
                "state": str(ItemState(item.state).label) if controlled else _("Under control"),
                "retained": item.retained_amount if controlled else ZERO,
                "rejected": item.rejected_amount if controlled else ZERO,
                "parked": item.parked_amount if controlled else ZERO,
                "error": text_of(self.past.get(ErrorType, item.error_type_id)) if controlled else "",
                "reason": item.reason if controlled else "",
                "proof": proof_link(item),
            }

    # --- payment applications -----------------------------------------------------------------------------------------

    def _application_rows(self) -> Iterator[dict]:
        past = self.past
        for line in sorted(self.selection.application_lines.select_related("application"), key=self._place_of_line):
            application = line.application
            yield {
                "link": link_to("paymentapplication", application.pk, name_of(application, past)),
                "programme": past.get(EUProgramme, application.programme_id).code,
                "fund": past.get(Fund, application.fund_id).label,
                "year": str(past.get(AccountingYear, application.accounting_year_id)),
                "number": application.number,
                "state": self._state_of(application),
                "priority": past.get(Priority, line.priority_id).code,
                "category": category_label(line.category_of_region),
                "basis": line.get_basis_display(),
                "eligible": line.eligible_amount,
                "union": line.union_amount,
                "public": line.public_amount,
            }

    def _place_of_line(self, line) -> tuple:
        """Return where a line stands among the others: by what it was called then, so that the order stays."""
        application, past = line.application, self.past
        return (
            past.get(EUProgramme, application.programme_id).code,
            past.get(Fund, application.fund_id).rank,
            past.get(AccountingYear, application.accounting_year_id).starts_on,
            application.number,
            past.get(Priority, line.priority_id).code,
            line.category_of_region,
        )

    def _state_of(self, application) -> str:
        """Return the state at the cut-off: later steps had not been taken."""
        state = PaymentApplicationState.CLOSED
        if application.sent_at and application.sent_at <= self.selection.limit:
            state = PaymentApplicationState.SENT
            if application.accepted_at and application.accepted_at <= self.selection.limit:
                state = PaymentApplicationState.ACCEPTED
        return str(state.label)


def proof_link(item) -> Link | str:
    """Return a cell that leads to the page where the proof opens beside the item."""
    if item.expenditure_line.proof_id is None:
        return ""
    path = reverse("core:document", args=[item.expenditure_line.proof_id])
    return Link(_("proof"), f"{settings.ESSOR_SITE_URL}{path}")


def category_label(category: str) -> str:
    """Return the words of a category of region; nothing for none."""
    return str(CategoryOfRegion(category).label) if category else ""


def shown(past: Past | Present, row: models.Model | None, text: str) -> str:
    """Return a text that this row gave, as a report shows it: nothing where the law had it erased since."""
    return Erased() if text and past.erasures and past.erasures.of(row) else text


def text_of(row: object | None) -> str:
    """Return how a row is called; nothing for none."""
    return "" if row is None else str(row)


def name_of(application: PaymentApplication, past: Past) -> str:
    """Return how a payment application was called."""
    programme, fund = past.get(EUProgramme, application.programme_id), past.get(Fund, application.fund_id)
    return PaymentApplication.name_from(
        programme, fund, past.get(AccountingYear, application.accounting_year_id), application.number
    )


def format_of(selection: Selection, newest: int) -> int:
    """Return the version of the format that a report is asked in. Raises JobError when there is none of this number."""
    asked = selection.format_version or newest
    if not 1 <= asked <= newest:
        raise JobError(
            _("This report has no format %(asked)d: the versions go from 1 to %(newest)d.")
            % {"asked": asked, "newest": newest}
        )
    return asked


def identity(version, past: Past) -> dict[str, str | bool]:
    """Return what names an operation and where it belongs, in words that formulas can compare (never empty)."""
    operation, agreement = version.operation, version.operation.agreement
    programme = past.get(EUProgramme, version.eu_programme_id)
    priority, fund = past.get(Priority, version.priority_id), past.get(Fund, version.fund_id)
    objective = past.get(SpecificObjective, version.specific_objective_id)
    unknown, unknown_feminine = _("not stated"), pgettext("feminine", "not stated")
    return {
        "operation": operation.code,
        "case": agreement.application.number if agreement else "",
        "agreement": agreement.number if agreement else "",
        "programme": programme.code if programme else unknown,
        "programme_name": programme.name if programme else unknown,
        "programme_known": programme is not None,
        "priority": priority.code if priority else unknown_feminine,
        "priority_label": priority.label if priority else "",
        "objective": objective.code if objective else "",
        "fund": fund.label if fund else unknown,
        "fund_code": fund.code if fund else "unknown",
        "category": category_label(version.category_of_region) or unknown_feminine,
    }


def cover_of(selection: Selection, title: str, by: str, format_version: int) -> Cover:
    """Return the cover: what, up to when, for which programme and fund, by whom, and how to check it."""
    programme, fund = selection.past.of(selection.programme), selection.past.of(selection.fund)
    lasting = _(
        "The same cut-off date gives the same figures and the same SHA-256 later: only facts recorded by the end of "
        "that day count, and names are those of that day."
    )
    passing = _(
        "The cut-off day was not over when this was made: what is recorded later that day is missing, and a later "
        "report of the same date may give other figures and another SHA-256. From the next day on they are the same."
    )
    notes = [
        lasting if selection.is_final else passing,
        _("Amounts are in euros. Texts beginning with a sign of calculation are texts."),
    ]
    return Cover(
        title=title,
        facts=[
            (_("Body"), settings.ESSOR_REGION["name"]),
            (_("Cut-off date"), selection.cut_off),
            (_("EU programme"), programme.name if programme else _("all")),
            (_("Fund"), fund.label if fund else _("all")),
            (_("Version of the format"), format_version),
            (_("Made by"), by),
            (_("Made on"), timezone.now()),
        ],
        notes=notes,
        stated=partial(stated_before, cut_off=selection.cut_off),
    )
