"""What the history of an operation, a declaration, a certificate and a payment application shows besides their fields."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import models
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.changes import part_name, register_parts
from core.admin.values import register_field_name, register_reader, register_row_name
from core.engine.changes import Part, register_told
from core.engine.entries import Entries, amount, register_entries
from core.presentation import register_actors
from core.text import in_a_sentence
from reporting.models import (
    CategoryOfRegion,
    Certificate,
    CertificateAllocation,
    EUProgramme,
    ExpenditureDeclaration,
    ExpenditureItem,
    FinancingLine,
    Operation,
    OperationFlag,
    OperationVersion,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationLine,
    Priority,
    PriorityAllocation,
)
from reporting.models.financing import SourceKind, name_in_words
from reporting.models.flag import found_in_words


def _source(_operation: models.Model, values: Mapping[str, Any]) -> str:
    """A line of the financing plan by who pays: the kind of source, with its name where it has one."""
    kind, name = SourceKind(values["kind"]).label, name_in_words(values["kind"], values["label"])
    return _("Financing plan, %(source)s") % {"source": f"{kind} ({name})" if name else kind}


def _line(application: PaymentApplication, values: Mapping[str, Any]) -> str:
    """A line of a payment application by its priority and its category of region: an application has several."""
    prefetch_related_objects([application], "programme__priorities")  # read once for a page
    priorities = application.programme.priorities.all()
    code = next((priority.code for priority in priorities if priority.pk == values["priority_id"]), "")
    words = {"priority": code, "category": _category(values)}
    return _("Line of priority %(priority)s, %(category)s") % words


def _share(certificate: Certificate, values: Mapping[str, Any]) -> str:
    """The share of a certificate that one source bears, by its kind and, where it has one, its name."""
    prefetch_related_objects([certificate], "allocations__source")  # read once for a page
    sources = (share.source for share in certificate.allocations.all() if share.source_id == values["source_id"])
    source = next(sources, None) if values["source_id"] else None
    kind = dict(SourceKind.choices).get(values["kind"], values["kind"])
    named = f"{kind} ({source.name})" if source is not None and source.name else kind
    return _("Share of %(source)s") % {"source": in_a_sentence(str(named))}


def _entry(application: PaymentApplication, values: Mapping[str, Any]) -> str:
    """A certificate in a payment application, by its number."""
    prefetch_related_objects([application], "lines__entries__certificate")  # read once for a page
    entries = (entry for line in application.lines.all() for entry in line.entries.all())
    numbers = (entry.certificate.number for entry in entries if entry.certificate_id == values["certificate_id"])
    number = (
        next(numbers, "")
        or Certificate.objects.filter(pk=values["certificate_id"]).values_list("number", flat=True).first()
    )
    return _("Certificate %(number)s") % {"number": number or values["certificate_id"]}


def _allocation(priority: Priority, values: Mapping[str, Any]) -> str:
    """An allocation of a priority by its fund and its category of region."""
    prefetch_related_objects([priority], "allocations__fund")  # read once for a page
    fund = next((str(line.fund) for line in priority.allocations.all() if line.fund_id == values["fund_id"]), "")
    return _("Allocation %(fund)s, %(category)s") % {"fund": fund, "category": _category(values)}


def _category(values: Mapping[str, Any]) -> str:
    """A category of region inside a sentence."""
    code = values["category_of_region"]
    return in_a_sentence(str(dict(CategoryOfRegion.choices).get(code, code)))


register_reader("reporting.OperationFlag", "detail", found_in_words)
register_field_name(Operation, "source_ordinal", gettext_lazy("place among identical rows of the list"))
register_actors(
    {
        "command import_operations": gettext_lazy("import of a list of operations"),
        "command report": gettext_lazy("making of a report"),
    }
)
register_row_name(
    FinancingLine, lambda line: f"{line.get_kind_display()} ({line.name})" if line.name else line.get_kind_display()
)
register_told(OperationVersion, reason="reason")
register_told(OperationFlag, reason="explanation")
register_told(ExpenditureItem, reason="reason")
for _sum in ("eligible_amount", "union_amount", "public_amount"):
    register_entries(
        PaymentApplicationLine, _sum,
        Entries(PaymentApplicationEntry, "line_id", "certificate_id", partial(amount, name=_sum)),
    )  # fmt: skip
register_parts(
    Operation,
    Part(
        OperationVersion, "operation_id",
        ("name", "eligible_cost", "total_cost", "eu_amount", "fund", "priority", "specific_objective",
         "category_of_region", "intervention_field", "start_date", "end_date", "reason"),
        part_name(gettext_lazy("version"), "number"),
    ),
    Part(FinancingLine, "version__operation_id", ("amount",), _source),
    Part(OperationFlag, "operation_id", ("kind", "state", "answer", "explanation"), part_name(gettext_lazy("doubt"))),
)  # fmt: skip
register_parts(
    ExpenditureDeclaration,
    Part(
        ExpenditureItem, "declaration_id",
        ("state", "declared_amount", "retained_amount", "rejected_amount", "parked_amount", "error_type", "reason"),
        part_name(gettext_lazy("item"), "rank"),
    ),
)  # fmt: skip
register_parts(Certificate, Part(CertificateAllocation, "certificate_id", ("kind", "source", "amount"), _share))
register_parts(
    PaymentApplication,
    Part(
        PaymentApplicationLine, "application_id",
        ("priority", "category_of_region", "basis", "eligible_amount", "union_amount", "public_amount"),
        _line,
    ),
    Part(PaymentApplicationEntry, "line__application_id", ("line", "released_at"), _entry),
)  # fmt: skip
register_parts(
    EUProgramme, Part(Priority, "programme_id", ("code", "label_fr"), part_name(gettext_lazy("priority"), "code"))
)
register_parts(
    Priority,
    Part(PriorityAllocation, "priority_id", ("fund", "category_of_region", "basis", "eu_rate", "amount"), _allocation),
)  # fmt: skip
