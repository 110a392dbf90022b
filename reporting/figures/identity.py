"""Beneficiaries of operations are known by their exact name."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from core.engine.erasure import erased_rows
from core.figures.invariants import Broken, Invariant, Unit, register
from reporting.models import EUBeneficiary
from reporting.rules.listing import name_key


def otherwise_keyed() -> Iterator[Broken]:
    """The beneficiaries whose key is not that of their name; one query."""
    named = EUBeneficiary.objects.filter(applicant=None).exclude(pk__in=erased_rows(EUBeneficiary)).order_by("pk")
    named = named.values_list("pk", "name", "name_key")
    for pk, name, key in named.iterator(chunk_size=2_000):
        if (wanted := name_key(name)) != key:
            yield Broken(pk, name, wanted, key)


register(
    Invariant(
        code="reporting.beneficiary-known-by-its-name",
        name=_("Key of a beneficiary"),
        sentence=_("A beneficiary of an official list is known by the key of its exact name: no two names share one."),
        source=_("Rule 9 of the domain: one fact under one reference."),
        subject=EUBeneficiary,
        rows=otherwise_keyed,
        unit=Unit.TEXT,
    )
)
