"""A database as it was when the keys of listed operations were made of folded text."""

import importlib
from collections import Counter

import pgtrigger
from django.apps import apps

from reporting.models import EUBeneficiary, Operation, OperationVersion

migration = importlib.import_module("reporting.migrations.0006_operations_known_exactly")


def as_before() -> None:
    """Give the listed operations and beneficiaries the keys of before; what folded alike becomes one beneficiary."""
    ordinals: Counter = Counter()
    with pgtrigger.ignore(*migration.GUARDS):
        for operation in Operation.objects.exclude(source_key="").select_related("programme", "current").order_by("pk"):
            key = migration._key(migration._folded_before, operation.programme.name, operation.current)
            Operation.objects.filter(pk=operation.pk).update(source_key=key, source_ordinal=ordinals[key])
            ordinals[key] += 1
        firsts: dict[tuple[str, str], EUBeneficiary] = {}
        for beneficiary in EUBeneficiary.objects.filter(applicant=None).order_by("pk"):
            key = migration._folded_before(beneficiary.name), beneficiary.postcode
            if first := firsts.get(key):
                OperationVersion.objects.filter(beneficiary=beneficiary).update(beneficiary=first)
                beneficiary.delete()
            else:
                firsts[key] = beneficiary
        for (key, _postcode), beneficiary in firsts.items():
            EUBeneficiary.objects.filter(pk=beneficiary.pk).update(name_key=key)


def migrate() -> None:
    """What the migration does."""
    migration.known_exactly(apps, None)
