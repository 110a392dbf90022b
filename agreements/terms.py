"""The terms of an agreement as plain data: what is frozen when it enters in force."""

import hashlib
import json
from typing import Any

from core.json_safe import json_safe

BUDGET = ("rank", "side", "account_code", "label", "amount", "eligible_amount")
"""What is frozen of a line of the annexed budget; acts of before 2026-12-01 do not hold the last."""


def terms_of(agreement) -> dict[str, Any]:
    """Return everything that was agreed, JSON-safe: amounts as texts with two digits, dates in ISO form."""
    return json_safe(
        {
            "number": agreement.number,
            "application": agreement.application.number,
            "kind": agreement.kind,
            "title": agreement.title,
            "beneficiary": {
                "name": agreement.beneficiary.display_name,
                "identifier": agreement.beneficiary.identifier,
                "address": agreement.beneficiary.address,
            },
            "granted_amount": agreement.granted_amount,
            "eligible_base": agreement.eligible_base,
            "rate": agreement.rate,
            "start": agreement.start,
            "end": agreement.end,
            "claim_deadline": agreement.claim_deadline,
            "report_due_on": agreement.report_due_on,
            "payee": agreement.payee,
            "proration": agreement.proration,
            "proration_tolerance": agreement.proration_tolerance,
            "proration_cut": agreement.proration_cut,
            "cascade_allowed": agreement.cascade_allowed,
            "decision_reference": agreement.decision_reference,
            "decision_date": agreement.decision_date,
            "eu_fund": agreement.eu_fund,
            "document_sha256": agreement.document_pdf.file.sha256 if agreement.document_pdf_id else "",
            "signed_sha256": agreement.signed_sha256,
            "budget": list(agreement.budget_lines.values(*BUDGET)),
            "plan": agreement.application.granted_plan,
            "shares": list(agreement.shares.values("rank", "person_name", "amount", "cost")),
            "tranches": list(agreement.tranches.values("rank", "label", "amount", "cost", "starts_on", "ends_on")),
            "instalments": list(
                agreement.instalments.values("rank", "kind", "label", "amount", "trigger_text", "tranche__rank")
            ),
        }
    )


def sha256_of_terms(terms: dict[str, Any]) -> str:
    """Return the fingerprint of the terms, the same whatever the order of their keys."""
    text = json.dumps(terms, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
