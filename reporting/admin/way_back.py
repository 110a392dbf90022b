"""The way on from a claim, an agreement or a scanned proof: what it became for the European fund."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agreements.models import Agreement, PaymentClaim
from core.admin import Panel, register_panels
from core.models.document import Document
from reporting.asked import asked_from
from reporting.models import (
    DeclarationState,
    ExpenditureDeclaration,
    ExpenditureItem,
    Operation,
    PaymentApplication,
    PaymentApplicationState,
)

SHOWN = 200
_STOPPED = gettext_lazy("The payment is suspended; what was certified and declared stays until the fault is settled.")
#: What a person can do about a fault found after the declaration, by the state of the claim.
STOPPABLE = {
    PaymentClaim.State.CERTIFIED: gettext_lazy(
        "If a fault is found, suspend the claim: nothing is paid until it is settled."
    ),
    PaymentClaim.State.ORDERED: gettext_lazy(
        "If a fault is found, have the order cancelled, then suspend the claim: nothing is paid until it is settled."
    ),
    PaymentClaim.State.SUSPENDED: _STOPPED,
}


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
    yield from _panel(request, standing_of(claim), declaration__claim=claim)


def standing_of(claim: PaymentClaim) -> str:
    """What a fault that is found now may still stop, and what only a correction takes back; empty where nothing is."""
    declaration = ExpenditureDeclaration.objects.filter(claim=claim).select_related("certificate")
    declaration = declaration.prefetch_related(asked_from("certificate")).first()
    if declaration is None or declaration.state == DeclarationState.DRAFT or claim.state not in STOPPABLE:
        return ""
    entry = getattr(getattr(declaration, "certificate", None), "entry", None)
    words = [STOPPABLE[claim.state]]
    if entry is None:
        words.append(_("While it is suspended, its certificate enters no payment application."))
    elif entry.line.application.state == PaymentApplicationState.OPEN:
        words.append(_("Its certificate leaves the open payment application when what is certified is taken in again."))
    elif entry.line.application.state == PaymentApplicationState.CLOSED:
        sentence = _("Its certificate stands in %(application)s, closed and not sent yet: while the claim is suspended it"
                     " is not sent; it is withdrawn, and another one opened, to leave the claim out.")  # fmt: skip
        words.append(sentence % {"application": entry.line.application})
    else:
        sentence = _("Its certificate stands in %(application)s, which no longer changes: suspend the payment, and have the"
                     " expenditure withdrawn, or corrected with the authority of the programme.")  # fmt: skip
        words.append(sentence % {"application": entry.line.application})
    return " ".join(str(word) for word in words)


def of_document(request: HttpRequest, document: Document) -> Iterator[Panel]:
    """The items that a scanned invoice proves."""
    if document.kind == "proof":
        yield from _panel(request, expenditure_line__proof=document)


def _panel(request: HttpRequest, standing: str = "", **condition) -> Iterator[Panel]:
    items = (
        ExpenditureItem.objects.for_user(request.user)
        .filter(**condition)
        .select_related(
            "declaration__certificate",
            "expenditure_line",
        )
        .prefetch_related(asked_from("declaration__certificate"))
        .order_by("declaration", "rank")
    )
    rows = [(item, _application_of(item)) for item in items[:SHOWN]]
    PaymentApplication.name_together(application for _item, application in rows if application)
    if rows:
        template = "admin/reporting/way_back/items.html"
        yield Panel(_("Declared to the European fund"), template, {"rows": rows, "standing": standing}, anchor="europe")


def _application_of(item: ExpenditureItem):
    certificate = getattr(item.declaration, "certificate", None)
    entry = getattr(certificate, "entry", None)
    return entry.line.application if entry else None


register_panels("agreements.Agreement", of_agreement)
register_panels("agreements.PaymentClaim", of_claim)
register_panels("core.Document", of_document)
