"""The way on from a claim, an agreement or a scanned proof: what it became for the European fund."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.translation import gettext as _

from agreements.models import Agreement, PaymentClaim
from core.admin import Panel, register_panels
from core.models.document import Document
from reporting.models import ExpenditureItem, Operation, PaymentApplication

SHOWN = 200


def of_agreement(request: HttpRequest, agreement: Agreement) -> Iterator[Panel]:
    """The operation of a co-financed agreement."""
    if not agreement.eu_fund:
        return
    operation = Operation.objects.for_user(request.user).filter(agreement=agreement).select_related("programme").first()
    if operation:
        template = "admin/reporting/way_back/operation.html"
        yield Panel(_("European co-financing"), template, {"operation": operation}, side=True)


def of_claim(request: HttpRequest, claim: PaymentClaim) -> Iterator[Panel]:
    """The items under which the lines of a claim were declared."""
    yield from _panel(request, declaration__claim=claim)


def of_document(request: HttpRequest, document: Document) -> Iterator[Panel]:
    """The items that a scanned invoice proves."""
    if document.kind == "proof":
        yield from _panel(request, expenditure_line__proof=document)


def _panel(request: HttpRequest, **condition) -> Iterator[Panel]:
    items = (
        ExpenditureItem.objects.for_user(request.user)
        .filter(**condition)
        .select_related(
            "declaration__certificate__entry__line__application__programme",
            "declaration__certificate__entry__line__application__fund",
            "declaration__certificate__entry__line__application__accounting_year",
            "expenditure_line",
        )
        .order_by("declaration", "rank")
    )
    rows = [(item, _application_of(item)) for item in items[:SHOWN]]
    PaymentApplication.name_together(application for _item, application in rows if application)
    if rows:
        template = "admin/reporting/way_back/items.html"
        yield Panel(_("Declared to the European fund"), template, {"rows": rows}, anchor="europe")


def _application_of(item: ExpenditureItem):
    certificate = getattr(item.declaration, "certificate", None)
    entry = getattr(certificate, "entry", None)
    return entry.line.application if entry else None


register_panels("agreements.Agreement", of_agreement)
register_panels("agreements.PaymentClaim", of_claim)
register_panels("core.Document", of_document)
