"""What was filed, as plain data with its fingerprint."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from grants.models.snapshot import Snapshot

APPLICANT_FIELDS = (
    "kind",
    "name",
    "acronym",
    "siret",
    "rna",
    "legal_category_id",
    "is_association",
    "ess_statut",
    "in_formation",
    "representative_name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "address_line",
    "postcode",
    "city",
    "insee_commune",
)


def content_of(application) -> dict[str, Any]:
    """Everything the applicant declared, and the SHA-256 of each file, as JSON data."""
    version = application.programme_version
    return {
        "number": application.number,
        "programme": {"code": version.programme.code, "version": version.number, "sha256": version.sha256},
        "call": application.call.code,
        "applicant": {name: getattr(application.applicant, name) for name in APPLICANT_FIELDS},
        "title": application.title,
        "answers": application.answers,
        "project": {
            "start": application.project_start.isoformat() if application.project_start else None,
            "end": application.project_end.isoformat() if application.project_end else None,
        },
        "requested_amount": str(application.requested_amount),
        "computed_amount": str(application.computed_amount),
        "partners": [
            {
                "rank": partner.rank,
                "name": partner.name,
                "siret": partner.siret,
                "role": partner.role,
                "contribution": str(partner.contribution),
            }
            for partner in application.partners.all()
        ],
        "persons": [
            {
                "rank": person.rank,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "own_contribution": str(person.own_contribution),
            }
            for person in application.persons.all()
        ],
        "budget": [
            {
                "side": line.side,
                "rank": line.rank,
                "account": line.account_code,
                "label": line.label,
                "axis": line.axis,
                "amount": str(line.amount),
                "status": line.financer_status,
            }
            for line in application.budget_lines.all()
        ],
        "pieces": [
            {
                "code": piece.code,
                "document": piece.document_id,
                "name": piece.document.name,
                "sha256": piece.document.file.sha256,
                "size": piece.document.file.size,
            }
            for piece in application.pieces.current().select_related("document__file").order_by("code", "pk")
        ],
    }


def fingerprint(content: dict) -> str:
    """SHA-256 of the content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def take_snapshot(application, *, kind: str, actor, content: dict, receipt=None) -> Snapshot:
    """Keep ``content`` for good, as the next snapshot of the application."""
    last = application.snapshots.order_by("-number").values_list("number", flat=True).first() or 0
    return Snapshot.objects.create(
        application=application,
        number=last + 1,
        kind=kind,
        content=content,
        sha256=fingerprint(content),
        taken_at=timezone.now(),
        taken_by=actor,
        receipt=receipt,
    )
