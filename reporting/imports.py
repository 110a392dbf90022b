"""Taking an official list of operations in: read, judge each row, compare with what is known, write.

Nothing is written before everything is judged. What is new goes in set-based; a row that changed makes a new version
of its operation; a row already known as it is changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from django.db import connection, transaction
from django.db.models import Count, F, Sum
from django.utils.text import slugify
from django.utils.translation import gettext as _

from core.events import record
from core.money import sum_money
from core.text import exact, fold
from core.workbooks import RowProblem, TableReading, TableRow, read_table
from reporting.models import (
    EUBeneficiary,
    EUProgramme,
    FinancingLine,
    Fund,
    InterventionField,
    Operation,
    OperationFlag,
    OperationImport,
    OperationVersion,
)
from reporting.operations import add_version, listed_financing
from reporting.reconciliation import Reconciliation
from reporting.rules.listing import COLUMNS, ListedOperation, code_of, date_in_name, judge, name_key, written_fund

MAX_ROWS = 200_000
MAX_BYTES = 50 * 1024 * 1024
BATCH = 1_000
Progress = Callable[[int, int, str], None]


@dataclass
class ImportPlan:
    """What an import would do, row by row. ``refused`` rows carry their problems."""

    file_name: str
    sha256: str
    period: str
    listed_on: date | None
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    new: list[tuple[ListedOperation, int]] = field(default_factory=list)
    changed: list[tuple[ListedOperation, Operation]] = field(default_factory=list)
    unchanged: list[ListedOperation] = field(default_factory=list)
    refused: list[TableRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    ignored: str = ""
    """Which columns of the file are not read, in a sentence; empty where all are."""

    @property
    def good(self) -> Iterable[ListedOperation]:
        yield from (listed for listed, _ordinal in self.new)
        yield from (listed for listed, _operation in self.changed)
        yield from self.unchanged

    @property
    def repaired(self) -> list[ListedOperation]:
        return sorted((listed for listed in self.good if listed.repairs), key=lambda listed: listed.row)

    @property
    def flagged(self) -> list[ListedOperation]:
        return sorted((listed for listed in self.good if listed.doubts), key=lambda listed: listed.row)

    @property
    def writes(self) -> bool:
        return bool(self.new or self.changed)


class FileRefused(Exception):
    """The file cannot be used at all; ``problems`` say why."""

    def __init__(self, problems: Iterable[RowProblem]):
        self.problems = list(problems)
        super().__init__(" ".join(problem.message for problem in self.problems))


def plan_import(
    file: str | Path | bytes | IO[bytes], file_name: str, *, period: str = "2014-2020", listed_on: date | None = None
) -> ImportPlan:
    """Read the file and say what would be done with each row; write nothing. Raises FileRefused."""
    reading = read_table(file, COLUMNS, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
    if not reading.is_refused and "fund" not in reading.headers:
        raise FileRefused([RowProblem(reading.header_row, "", None, _("The column “Fund” was not found. Add it."))])
    if reading.is_refused:
        raise FileRefused(reading.problems)
    if slipped := [problem for problem in reading.problems if problem.row == reading.header_row]:
        raise FileRefused(slipped)  # refusing each row would hide what is wrong with all of them
    plan = ImportPlan(file_name, reading.sha256, period, listed_on or date_in_name(file_name))
    plan.ignored = reading.ignored_sentence
    good = _judge_rows(reading, plan)
    _compare(good, plan)
    if not plan.reconciliation.balances:
        raise RuntimeError("The outcomes of an import do not add up to its file.")
    return plan


def _judge_rows(reading: TableReading, plan: ImportPlan) -> list[ListedOperation]:
    """Judge every row and count it twice: as the file has it, and by what becomes of it."""
    good, account = [], plan.reconciliation
    for row in reading.all_rows:
        fund, eligible, eu_amount = written_fund(row.values), row.get("eligible"), row.get("eu_amount")
        account.count_file(fund, eligible, eu_amount)
        listed = None
        if row.is_good:
            listed, reasons = judge(row.number, row.values, period=plan.period, listed_on=plan.listed_on)
            row.problems += [
                RowProblem(row.number, reading.headers[key], row.raw[key], sentence, record=row.raw)
                for key, sentence in reasons
            ]
        if listed is None:
            plan.refused.append(row)
            plan.problems += [problem for problem in row.problems if problem.blocking]
            account.count("refused", fund, eligible, eu_amount)
        else:
            good.append(listed)
            account.count("flagged" if listed.doubts else "imported", fund, eligible, eu_amount)
    return good


def _compare(good: list[ListedOperation], plan: ImportPlan) -> None:
    """Pair the rows with the operations that are known: by all their content first, then in their order."""
    groups: dict[str, list[ListedOperation]] = defaultdict(list)
    for listed in good:
        groups[listed.key].append(listed)
    known: dict[str, list[Operation]] = defaultdict(list)
    found = Operation.objects.filter(source_key__in=list(groups)).order_by("source_ordinal")
    for operation in found.select_related("current__fund"):
        known[operation.source_key].append(operation)
    for key, rows in groups.items():
        operations = known[key]
        following = max((operation.source_ordinal + 1 for operation in operations), default=0)
        left = []
        for listed in rows:
            same = next((o for o in operations if o.source_hash == listed.content_hash), None)
            if same is None:
                left.append(listed)
            else:
                operations.remove(same)
                plan.unchanged.append(listed)
        for listed in left:
            if operations:
                plan.changed.append((listed, operations.pop(0)))
            else:
                plan.new.append((listed, following))
                following += 1


def apply_import(
    plan: ImportPlan, *, actor=None, progress: Progress = lambda done, total, message: None
) -> OperationImport | None:
    """Write the plan in one transaction; None when there is nothing to write."""
    if not plan.writes:
        return None
    total = len(plan.new) + len(plan.changed)
    with transaction.atomic():
        references = References(plan)
        done = 0
        for start in range(0, len(plan.new), BATCH):
            batch = plan.new[start : start + BATCH]
            _create(batch, plan.period, references, actor)
            done += len(batch)
            progress(done, total, _("Operations"))
        for listed, operation in plan.changed:
            _change(listed, operation, references, actor, plan.file_name)
            done += 1
            progress(done, total, _("Operations"))
        return _record(plan, actor)


class References:
    """The programmes, beneficiaries, funds and fields that the rows name, made where they are missing."""

    def __init__(self, plan: ImportPlan):
        listed = list(plan.good)
        self.funds = Fund.objects.by_code()
        self.programmes = self._programmes(listed, plan.period)
        self.beneficiaries = self._beneficiaries(listed)
        self.fields = self._fields(listed, plan.period)

    def _programmes(self, listed: list[ListedOperation], period: str) -> dict[str, EUProgramme]:
        known = {exact(programme.name): programme for programme in EUProgramme.objects.filter(period=period)}
        codes = set(EUProgramme.objects.values_list("code", flat=True))
        for name in dict.fromkeys(row.programme for row in listed):
            if exact(name) in known:
                continue
            base = code = slugify(name)[:50] or "programme"
            number = 1
            while code in codes:
                number += 1
                code = f"{base}-{number}"
            codes.add(code)
            known[exact(name)] = EUProgramme.objects.create(code=code, name=name, period=period)
        return known

    def _beneficiaries(self, listed: list[ListedOperation]) -> dict[tuple[str, str], EUBeneficiary]:
        wanted = {(name_key(row.beneficiary), row.postcode): row for row in listed}
        known = self._known_beneficiaries()
        EUBeneficiary.objects.bulk_create(
            (
                EUBeneficiary(name=row.beneficiary, name_key=key[0], postcode=key[1], country=row.country)
                for key, row in wanted.items()
                if key not in known
            ),
            batch_size=BATCH,
        )
        return self._known_beneficiaries()

    @staticmethod
    def _known_beneficiaries() -> dict[tuple[str, str], EUBeneficiary]:
        listed = EUBeneficiary.objects.filter(applicant=None)
        return {(beneficiary.name_key, beneficiary.postcode): beneficiary for beneficiary in listed}

    @staticmethod
    def _fields(listed: list[ListedOperation], period: str) -> dict[str, InterventionField]:
        labels = {row.category_code: row.category_label for row in listed if row.category_code}
        InterventionField.objects.bulk_create(
            (
                InterventionField(period=period, code=code, label_fr=label or code)
                for code, label in sorted(labels.items())
            ),
            ignore_conflicts=True,
        )
        return {field.code: field for field in InterventionField.objects.filter(period=period)}

    def facts(self, listed: ListedOperation) -> dict:
        """Return what a version says of a row, but for its amounts of financing."""
        return {
            "name": listed.name,
            "beneficiary": self.beneficiaries[name_key(listed.beneficiary), listed.postcode],
            "beneficiary_name": listed.beneficiary,
            "start_date": listed.start,
            "end_date": listed.end,
            "programmed_on": listed.programmed_on,
            "fund": self.funds.get(listed.fund),
            "intervention_field": self.fields.get(listed.category_code),
            "eligible_cost": listed.eligible,
            "eu_amount": listed.eu_amount,
            "location": listed.postcode,
            "country": listed.country,
        }


def _create(batch: list[tuple[ListedOperation, int]], period: str, references: References, actor) -> None:
    """Create operations with their first version, financing and doubts, set-based."""
    operations = Operation.objects.bulk_create(
        Operation(
            code=(code := code_of(listed.key, period, ordinal)),
            programme=references.programmes[exact(listed.programme)],
            source_key=listed.key,
            source_ordinal=ordinal,
            source_hash=listed.content_hash,
            search_text=fold(f"{code} {listed.name} {listed.beneficiary}"),
        )
        for listed, ordinal in batch
    )
    versions = OperationVersion.objects.bulk_create(
        OperationVersion(operation=operation, number=1, recorded_by=actor, **references.facts(listed))
        for operation, (listed, _ordinal) in zip(operations, batch, strict=True)
    )
    FinancingLine.objects.bulk_create(
        FinancingLine(version=version, rank=rank, kind=kind, label=name, amount=amount)
        for version in versions
        for rank, (kind, name, amount) in enumerate(
            listed_financing(version.fund, version.eligible_cost, version.eu_amount), 1
        )
    )
    OperationFlag.objects.bulk_create(
        OperationFlag(operation=operation, kind=kind, detail=dict(detail))
        for operation, (listed, _ordinal) in zip(operations, batch, strict=True)
        for kind, detail in listed.doubts.items()
    )
    _verify(operations, [listed for listed, _ordinal in batch])


def _change(listed: ListedOperation, operation: Operation, references: References, actor, file_name: str) -> None:
    """Add a version with what the file says now; what people answered stays where the file says nothing."""
    facts = references.facts(listed)
    current = operation.current
    facts["fund"] = facts["fund"] or current.fund
    for name in ("priority", "specific_objective", "category_of_region", "purpose", "nuts", "total_cost"):
        facts[name] = getattr(current, name)
    financing = listed_financing(facts["fund"], listed.eligible, listed.eu_amount)
    add_version(operation, facts, financing, actor=actor, reason=_("Import of %(file)s") % {"file": file_name})
    Operation.objects.filter(pk=operation.pk).update(
        source_hash=listed.content_hash, search_text=fold(f"{operation.code} {listed.name} {listed.beneficiary}")
    )
    open_kinds = set(operation.flags.open().values_list("kind", flat=True))
    for kind, detail in listed.doubts.items():
        if kind not in open_kinds and not (kind == "fund_unknown" and facts["fund"]):
            OperationFlag.objects.create(operation=operation, kind=kind, detail=dict(detail))
    record(operation, "import", actor=actor, data={"file": file_name, "row": listed.row})


def _verify(operations: list[Operation], rows: list[ListedOperation]) -> None:
    """Compare what stands in the database with the rows it was made of, to the cent."""
    written = OperationVersion.objects.filter(operation__in=operations, operation__current_id=F("id")).aggregate(
        rows=Count("pk"), eligible=Sum("eligible_cost"), eu=Sum("eu_amount")
    )
    planned = {
        "rows": len(rows),
        "eligible": sum_money(listed.eligible for listed in rows),
        "eu": sum_money(listed.eu_amount for listed in rows),
    }
    if written != planned:
        raise RuntimeError(f"The database holds {written} and not the planned {planned}.")


def _tell_the_planner(plan: ImportPlan) -> None:
    """Have the database count its rows anew after a large import: a report made at once is then planned well."""
    if len(plan.new) < BATCH:
        return
    tables = (Operation, OperationVersion, FinancingLine, OperationFlag, EUBeneficiary)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in tables)}")


def _record(plan: ImportPlan, actor) -> OperationImport:
    """Keep what was done: the file, the counts and the account per fund."""
    done = OperationImport.objects.create(
        file_name=plan.file_name,
        file_sha256=plan.sha256,
        imported_by=actor,
        rows=plan.reconciliation.total_in_file().rows,
        created=len(plan.new),
        changed=len(plan.changed),
        unchanged=len(plan.unchanged),
        repaired=len(plan.repaired),
        flagged=len(plan.flagged),
        refused=len(plan.refused),
        reconciliation=plan.reconciliation.as_list(),
    )
    record(
        done,
        "import",
        actor=actor,
        data={"sha256": plan.sha256, "created": len(plan.new), "changed": len(plan.changed)},
    )
    return done
