"""The invariants that reporting declares: importing the files registers them."""

from core.figures.as_told import Told, Which, register_persons
from core.figures.numbers import register_numbers
from core.figures.one_parent import register_one_parent
from core.figures.parameters import register_parameters
from reporting.figures import (
    certificates,
    control,
    hands,
    identity,
    impartial,
    operations,
    payment_applications,
    shares,
)
from reporting.models import (
    AccountingYear,
    Certificate,
    CertificateAllocation,
    CofinancingRule,
    ErrorType,
    EUProgramme,
    ExpenditureDeclaration,
    ExpenditureItem,
    Fund,
    InterventionField,
    Operation,
    OperationFlag,
    OperationImport,
    OperationVersion,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationLine,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)

DECLARED = (operations, identity, control, hands, impartial, certificates, payment_applications, shares)

register_numbers((Certificate, "number"), (ExpenditureDeclaration, "number"), (Operation, "code"))
register_parameters(
    EUProgramme,
    CofinancingRule,
    Fund,
    ErrorType,
    InterventionField,
    AccountingYear,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
register_one_parent(
    (Operation, "pk", "current__operation"),
    (OperationVersion, "priority", "specific_objective__priority"),
    (ExpenditureDeclaration, "operation__agreement", "claim__agreement"),
    (ExpenditureDeclaration, "operation", "read_version__operation"),
    (ExpenditureItem, "declaration__claim", "expenditure_line__claim"),
    (Certificate, "operation", "declaration__operation"),
    (Certificate, "operation", "version__operation"),
    (CertificateAllocation, "certificate__version", "source__version"),
    (OperationFlag, "operation__agreement", "claim__agreement"),
    (PaymentApplicationLine, "application__programme", "priority__programme"),
)
# An operation may be of no agreement and not know its programme yet, a plan its priority and its fund, a beneficiary of the EU be
# a name alone; older controls do not say which plan was read.
register_one_parent(
    (Operation, "programme", "current__priority__programme"),
    (Operation, "agreement__beneficiary", "current__beneficiary__applicant"),
    (OperationVersion, "operation__programme", "priority__programme"),
    (OperationVersion, "operation__agreement__beneficiary", "beneficiary__applicant"),
    (Certificate, "version", "declaration__read_version"),
    (PaymentApplicationEntry, "line__application__programme", "certificate__operation__programme"),
    (PaymentApplicationEntry, "line__priority", "certificate__version__priority"),
    (PaymentApplicationEntry, "line__application__fund", "certificate__version__fund"),
    where_both=True,
)
# Who decided on an item: reporting.controlled-by-another.
register_persons(
    Told(ExpenditureDeclaration, "certifier", ("certify", "certify_less"), of="claim"),
    Told(ExpenditureDeclaration, "orderer", ("order", "close_without_payment"), of="claim", which=Which.ANY),
    Told(ExpenditureDeclaration, "submitted_by", ("submit",)),
    Told(ExpenditureDeclaration, "controller", ("start_control",)),
    Told(Certificate, "issued_by", ("conclude",), of="declaration"),
    Told(PaymentApplication, "closed_by", ("close",)),
    Told(PaymentApplication, "withdrawn_by", ("withdraw",)),
    Told(PaymentApplication, "sent_by", ("send",)),
    Told(OperationImport, "imported_by", ("import",)),
    Told(OperationFlag, "answered_by", ("answer_flag",)),
)
