"""What keeps a case once money has moved: the last payment of an operation that an EU fund co-finances."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentBatch, PaymentClaim, PaymentOrder
from applicants.models import BankAccount
from core import retention
from core.models.document import Document
from core.retention import RetentionRule
from core.signals import transitioned
from grants.models import Application

EU_PAYMENT = RetentionRule(
    "eu_payment",
    _("Last payment to the beneficiary of a co-financed operation"),
    _("Regulation (EU) 2021/1060, Article 82(1): five years from 31 December of the year of the last payment"),
    "ESSOR_RETENTION_EU_YEARS",
    from_end_of_year=True,
    least=5,
)


def documents_of_agreement(application: Application) -> QuerySet[Document]:
    """The acts, reports, claims and proofs of a case."""
    kinds = {model: ContentType.objects.get_for_model(model) for model in (Agreement, PaymentClaim)}
    claims = PaymentClaim.objects.filter(agreement__application=application).values("pk")
    agreements = Agreement.objects.filter(application=application).values("pk")
    return Document.objects.filter(
        Q(content_type=kinds[Agreement], object_id__in=agreements)
        | Q(content_type=kinds[PaymentClaim], object_id__in=claims)
    )


def documents_of_payments(application: Application) -> QuerySet[Document]:
    """What proves that a case was paid, and to whom: the workbooks of its batches, the proofs of its bank accounts.

    They stand on a batch and on an applicant, who may have other cases: the longest of these decides.
    """
    orders = PaymentOrder.objects.filter(claim__agreement__application=application)
    accounts = BankAccount.objects.filter(pk__in=orders.values("bank_account"))
    return Document.objects.filter(
        Q(content_type=ContentType.objects.get_for_model(PaymentBatch), object_id__in=orders.values("batch"))
        | Q(pk__in=accounts.values("proof"))
        | Q(pk__in=accounts.exclude(other_proof=None).values("other_proof"))
    )


def order_moved(sender, instance: PaymentOrder, name: str, **kwargs) -> None:
    """A payment by an EU fund keeps its case from the end of its year; a later payment, from the end of a later one."""
    agreement = instance.claim.agreement
    if name == "confirm" and agreement.eu_fund:
        retention.start(agreement.application, EU_PAYMENT.code, instance.paid_on)


def catch_up() -> int:
    """Start the retention of the cases whose payments came before this rule was known; how many."""
    started = 0
    paid = PaymentOrder.objects.filter(state="paid").exclude(claim__agreement__eu_fund="").order_by("paid_on", "pk")
    last = {order.claim.agreement.application: order.paid_on for order in paid.select_related(
        "claim__agreement__application")}  # fmt: skip
    for application, day in last.items():
        before = retention.until_of(application, EU_PAYMENT.code)
        if before is None or before < EU_PAYMENT.until(day):
            retention.start(application, EU_PAYMENT.code, day)
            started += 1
    return started


def connect() -> None:
    """Declare the rule, and listen to the payments."""
    retention.register_rule(EU_PAYMENT)
    for documents in (documents_of_agreement, documents_of_payments):
        retention.register_documents(Application, documents)
    retention.register_catch_up(catch_up)
    transitioned.connect(order_moved, sender=PaymentOrder, dispatch_uid="agreements_retention")
