"""What the history of an act, of a claim and of a batch shows besides their own fields."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import models
from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agreements.models import (
    Agreement,
    AgreementBudgetLine,
    AgreementShare,
    ClaimExtension,
    ClaimPiece,
    DuplicateWarning,
    ExpenditureLine,
    GivenUpPart,
    Instalment,
    PaymentBatch,
    PaymentClaim,
    PaymentOrder,
    Settlement,
    SettlementLine,
    Tranche,
)
from applicants.admin.history_parts import regime_in_words
from core.admin.changes import part_name, register_parts
from core.admin.values import register_field_name, register_reader
from core.engine.changes import Part, register_told
from core.engine.entries import Entries, amount, register_entries
from core.engine.owners import register_owner
from grants.models import BudgetLine, Commitment, CreditUse

ORDER = ("amount", "state", "payee", "bank_account", "paid_on", "external_reference", "cancel_reason")


def part_in_words(code: str) -> str:
    """A part of the project as the budget calls it; its code where it is none of today's."""
    return str(dict(BudgetLine.Axis.choices).get(code, code))


register_reader("agreements.Agreement", "de_minimis_regime", regime_in_words)
for _model in ("agreements.ExpenditureLine", "agreements.AgreementBudgetLine"):
    register_reader(_model, "axis", part_in_words)


def _end_in_words(code: str) -> str:
    return str(dict(Agreement.State.choices).get(code, code))


def _claim_state_in_words(code: str) -> str:
    return str(dict(PaymentClaim.State.choices).get(code, code))


def _settled_claim(agreement: models.Model, values: Mapping[str, Any]) -> str:
    """What a settlement says of a claim, by the number of the claim."""
    prefetch_related_objects([agreement], "claims")  # read once for a page
    number = next((claim.number for claim in agreement.claims.all() if claim.pk == values["claim_id"]), "")
    return _("Settlement, claim %(number)s") % {"number": number or values["claim_id"]}


def _given_up(claim: models.Model, values: Mapping[str, Any]) -> str:
    """A part that was given up, by its person where the act has several."""
    if values["share_id"] is None:
        return _("Part given up")
    prefetch_related_objects([claim], "agreement__shares")  # read once for a page
    names = (share.person_name for share in claim.agreement.shares.all() if share.pk == values["share_id"])
    return _("Part given up, %(person)s") % {"person": next(names, "") or values["share_id"]}


def _question(claim: models.Model, values: Mapping[str, Any]) -> str:
    """A question about an invoice that looks declared twice, by the line about which it is asked."""
    ranks = Prefetch("lines", ExpenditureLine.objects.only("claim_id", "rank"), to_attr="ranks_of_lines")
    prefetch_related_objects([claim], ranks)  # read once for a page
    rank = next((line.rank for line in claim.ranks_of_lines if line.pk == values["line_id"]), "–")
    return _("Line %(rank)s, invoice declared twice") % {"rank": rank}


register_reader("agreements.Settlement", "target", _end_in_words)
register_reader("agreements.SettlementLine", "claim_state", _claim_state_in_words)
register_field_name(Instalment, "trigger_text", gettext_lazy("Condition of its payment"))
register_owner(CreditUse, "reference", PaymentOrder, "reference")


def _ordered(order: Mapping[str, Any]) -> Decimal:
    return Decimal(0) if order["state"] == PaymentOrder.State.CANCELLED else order["amount"]


def _paid(order: Mapping[str, Any]) -> Decimal:
    return order["amount"] if order["state"] == PaymentOrder.State.PAID else Decimal(0)


for _model, _owner in (
    (Agreement, "claim__agreement_id"), (PaymentClaim, "claim_id"), (Tranche, "claim__instalment__tranche_id"),
    (Commitment, "claim__agreement__commitment_id"),
):  # fmt: skip
    register_entries(_model, "ordered_amount", Entries(PaymentOrder, _owner, "reference", _ordered, whom="payee_id"))
for _model, _owner in ((Agreement, "claim__agreement_id"), (PaymentClaim, "claim_id")):
    register_entries(_model, "paid_amount", Entries(PaymentOrder, _owner, "reference", _paid, whom="payee_id"))
for _total, _counted in (("declared_total", "declared_amount"), ("certified_total", "certified_amount")):
    counts = partial(amount, name=_counted)
    register_entries(PaymentClaim, _total, Entries(ExpenditureLine, "claim_id", "rank", counts, together=True))
register_entries(PaymentClaim, "given_up_amount", Entries(GivenUpPart, "claim_id", "share_id", amount))
register_told(ExpenditureLine, reason="certified_reason", by={"line": "rank"})
register_told(DuplicateWarning, reason="comment")
register_told(PaymentOrder, reason="cancel_reason")
register_told(Settlement, reason="reason")
register_told(GivenUpPart, reason="reason")
register_parts(
    Agreement,
    Part(Tranche, "agreement_id", ("amount", "starts_on", "ends_on", "state", "released_on", "ordered_amount"),
         part_name(gettext_lazy("tranche"), "rank")),
    Part(Instalment, "agreement_id", ("amount", "due_on", "trigger_text"),
         part_name(gettext_lazy("instalment"), "rank")),
    Part(ClaimExtension, "agreement_id", ("until", "reason"), part_name(gettext_lazy("more time to claim"))),
    Part(AgreementShare, "agreement_id", ("amount", "applicant"), part_name(gettext_lazy("share of"), "person_name")),
    Part(PaymentClaim, "agreement_id", ("state", "claimed_amount", "certified_amount", "ordered_amount", "paid_amount"),
         part_name(gettext_lazy("payment claim"), "number")),
    Part(AgreementBudgetLine, "agreement_id", ("label", "account_code", "axis", "amount", "eligible_amount"),
         part_name(gettext_lazy("budget line"), "label")),
    Part(Settlement, "agreement_id", ("target", "reason", "decided_by"), part_name(gettext_lazy("settlement"))),
    Part(SettlementLine, "settlement__agreement_id", ("outcome", "claim_state", "amount"), _settled_claim),
)  # fmt: skip
register_parts(
    PaymentClaim,
    Part(
        ExpenditureLine, "claim_id",
        ("declared_amount", "certified_amount", "certified_reason", "invoice_number", "corrects_number", "invoice_date", "invoice_total",
         "paid_on", "paid_before_why", "other_year_why", "supplier_name", "account_code", "axis", "proof"),
        part_name(gettext_lazy("line"), "rank"),
    ),
    Part(PaymentOrder, "claim_id", ORDER, part_name(gettext_lazy("order"), "reference")),
    Part(ClaimPiece, "claim_id", ("document",), part_name(gettext_lazy("piece"), "label")),
    Part(GivenUpPart, "claim_id", ("amount", "reason", "decided_by"), _given_up),
    Part(DuplicateWarning, "line__claim_id", ("answer", "comment"), _question),
)  # fmt: skip
register_parts(PaymentBatch, Part(PaymentOrder, "batch_id", ORDER, part_name(gettext_lazy("order"), "reference")))
