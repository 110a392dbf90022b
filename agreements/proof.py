"""What the proof of the past needs to know of agreements: each stored hash, and how it is made again."""

from agreements.models import Agreement, ExpenditureUpload
from agreements.terms import sha256_of_terms
from core.engine.contents import Content, Rests, prove
from core.models import Document, StoredFile


def _document(mine: str) -> Rests:
    return Rests(Document, "pk", mine, behind=(Rests(StoredFile, "pk", "file_id"),))


def _signed(agreement: Agreement) -> str:
    """The hash of the file that was signed: the copy that came back, else the act that was confirmed in the portal."""
    document = agreement.signed_document or agreement.document_pdf
    return document.file.sha256 if document else ""


def register() -> None:
    """Declare the hashes of the app."""
    prove(
        Content(
            Agreement,
            "terms_sha256",
            Agreement.objects.exclude(terms_sha256="").all,
            lambda agreement: sha256_of_terms(agreement.terms),
            personal=True,
        ),
        Content(
            Agreement,
            "signed_sha256",
            Agreement.objects.exclude(signed_sha256="")
            .select_related("signed_document__file", "document_pdf__file")
            .all,
            _signed,
            rests_on=(_document("signed_document_id"), _document("document_pdf_id")),
        ),
        Content(
            ExpenditureUpload,
            "sha256",
            ExpenditureUpload.objects.select_related("document__file", "claim").all,
            lambda upload: upload.document.file.sha256,
            rests_on=(_document("document_id"),),
        ),
    )
