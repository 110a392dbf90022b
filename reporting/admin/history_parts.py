"""What the history of an operation, of a declaration and of a payment application shows besides their own fields."""

from django.utils.translation import gettext_lazy

from core.admin.changes import part_name, register_parts
from core.engine.changes import Part
from reporting.models import (
    EUProgramme,
    ExpenditureDeclaration,
    ExpenditureItem,
    Operation,
    OperationFlag,
    OperationVersion,
    PaymentApplication,
    PaymentApplicationLine,
    Priority,
    PriorityAllocation,
)

register_parts(
    Operation,
    Part(
        OperationVersion, "operation_id",
        ("name", "eligible_cost", "total_cost", "eu_amount", "fund", "priority", "specific_objective",
         "category_of_region", "intervention_field", "start_date", "end_date", "reason"),
        part_name(gettext_lazy("version"), "number"),
    ),
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
register_parts(
    PaymentApplication,
    Part(PaymentApplicationLine, "application_id", ("priority", "category_of_region", "eligible_amount", "union_amount"),
         part_name(gettext_lazy("line"))),
)  # fmt: skip
register_parts(
    EUProgramme, Part(Priority, "programme_id", ("code", "label_fr"), part_name(gettext_lazy("priority"), "code"))
)
register_parts(
    Priority,
    Part(PriorityAllocation, "priority_id", ("fund", "category_of_region", "basis", "eu_rate", "amount"),
         part_name(gettext_lazy("allocation"))),
)  # fmt: skip
