"""Operations and beneficiaries of official lists are known by exact text: folded text is for searches.

What folded alike so far (any name in Greek or Cyrillic, "Été" and "Ete") is told apart, and the same list imported
again finds its operations. The codes that were given stay.
"""

import hashlib
import re
import unicodedata

import pgtrigger
from django.db import migrations

from core.acting import acting_as
from core.lib.refolding import refold
from core.text import exact, fold

BATCH = 2_000
GUARDS = ("reporting.Operation:identity_frozen", "reporting.OperationVersion:append_only")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "’": " ", "'": " "})


def _folded_before(text):
    """What the keys were made of until now."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return " ".join(re.findall("[a-z0-9]+", bare))


def _key(way, programme, version):
    parts = (way(programme), way(version.name), way(version.beneficiary_name), version.start_date.isoformat())
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def known_exactly(apps, schema_editor):
    """Give each listed operation the key of the row that it came from, each listed beneficiary its own record."""
    with acting_as(label="command migrate"), pgtrigger.ignore(*GUARDS):
        _name_beneficiaries(apps)
        _key_operations(apps)
        operations = apps.get_model("reporting", "Operation").objects
        refold(operations.select_related("current", "agreement__beneficiary"), _texts)


def _key_operations(apps):
    operation_model = apps.get_model("reporting", "Operation")
    versions = {}
    for version in apps.get_model("reporting", "OperationVersion").objects.exclude(operation__source_key="").order_by(
        "operation_id", "-number"
    ).iterator(chunk_size=BATCH):
        versions.setdefault(version.operation_id, []).append(version)
    changed = []
    for operation in operation_model.objects.exclude(source_key="").select_related("programme"):
        programme = operation.programme.name
        # The newest version that says what the list said: a person may have corrected the name since.
        listed = (v for v in versions.get(operation.pk, ()) if _key(_folded_before, programme, v) == operation.source_key)
        if (version := next(listed, None)) is not None:
            operation.source_key = _key(exact, programme, version)
            changed.append(operation)
    operation_model.objects.bulk_update(changed, ["source_key"], batch_size=BATCH)


def _texts(operation):
    """As imports and ``ensure_operation`` fold them."""
    if operation.agreement_id is None:
        said = f"{operation.current.name} {operation.current.beneficiary_name}" if operation.current else ""
        return {"search_text": fold(f"{operation.code} {said}")}
    agreement = operation.agreement
    body = agreement.beneficiary
    name = body.name if body.kind == "legal" else f"{body.first_name} {body.last_name}"
    return {"search_text": fold(f"{operation.code} {agreement.number} {agreement.title} {name}")}


def _name_beneficiaries(apps):
    beneficiaries = apps.get_model("reporting", "EUBeneficiary").objects
    changed = []
    for beneficiary in beneficiaries.all():
        if (key := exact(beneficiary.name)[:300]) != beneficiary.name_key:
            beneficiary.name_key = key
            changed.append(beneficiary)
    beneficiaries.bulk_update(changed, ["name_key"], batch_size=BATCH)
    listed = apps.get_model("reporting", "OperationVersion").objects.filter(beneficiary__applicant=None)
    mixed = {}
    for version in listed.select_related("beneficiary").order_by("pk").iterator(chunk_size=BATCH):
        key, first = exact(version.beneficiary_name)[:300], version.beneficiary
        if version.beneficiary_name and key != first.name_key:
            mixed.setdefault((key, first.postcode), []).append(version)
    for (key, postcode), versions in mixed.items():
        first = versions[0].beneficiary
        own, _new = beneficiaries.get_or_create(
            applicant=None,
            name_key=key,
            postcode=postcode,
            defaults={"name": versions[0].beneficiary_name, "country": first.country, "kind": first.kind},
        )
        listed.filter(pk__in=[version.pk for version in versions]).update(beneficiary=own)


class Migration(migrations.Migration):
    dependencies = [("reporting", "0005_impartial_people")]

    operations = [migrations.RunPython(known_exactly, migrations.RunPython.noop)]
