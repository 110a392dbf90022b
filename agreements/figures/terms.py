"""The terms of an agreement in force are those that were frozen: their fingerprint is worked out anew."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement
from agreements.terms import sha256_of_terms
from core.figures.invariants import Broken, Invariant, Unit, register


def rewritten() -> Iterator[Broken]:
    """The agreements whose kept terms do not give their kept fingerprint; one query."""
    kept = (
        Agreement.objects.exclude(terms_sha256="").order_by("pk").values_list("pk", "number", "terms", "terms_sha256")
    )
    for pk, number, terms, sha256 in kept.iterator(chunk_size=500):
        found = sha256_of_terms(terms)
        if found != sha256:
            yield Broken(pk, number, sha256, found)


register(
    Invariant(
        code="agreements.terms-are-frozen",
        name=_("Terms of an agreement"),
        sentence=_("The terms kept when an agreement entered in force give the fingerprint that was kept with them."),
        source=_("Rule 6 of the domain: a signed document never changes."),
        subject=Agreement,
        rows=rewritten,
        unit=Unit.TEXT,
    ),
    Invariant(
        code="agreements.signed-is-the-act",
        name=_("Signed act"),
        sentence=_("What the beneficiary signed in the portal is the very file of the act."),
        source=_("Rule 6 of the domain: a signed document never changes."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, f.sha256 AS expected, a.signed_sha256 AS found
            FROM agreements_agreement a JOIN core_document d ON d.id = coalesce(a.signed_document_id, a.document_pdf_id)
            JOIN core_storedfile f ON f.id = d.file_id
            WHERE a.signed_sha256 <> '' AND a.signed_sha256 <> f.sha256 ORDER BY a.id
        """,
        unit=Unit.TEXT,
    ),
)
