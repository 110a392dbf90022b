"""Names in any script are found: their folded text is written again."""

from django.db import migrations

from core.lib.refolding import refold
from core.text import fold


def texts(row):
    """As ``Applicant.save`` folds them."""
    return {
        "sort_name": fold(row.name or f"{row.last_name} {row.first_name}")[:300],
        "search_text": fold(
            f"{row.name} {row.acronym} {row.first_name} {row.last_name} {row.siret or ''} {row.rna or ''}"
            f" {row.city} {row.postcode}"
        ),
    }


def refold_names(apps, schema_editor):
    refold(apps.get_model("applicants", "Applicant").objects.all(), texts)


class Migration(migrations.Migration):
    dependencies = [("applicants", "0007_known_numbers_and_waiting_orders")]

    operations = [migrations.RunPython(refold_names, migrations.RunPython.noop)]
