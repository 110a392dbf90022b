"""Titles and names in any script are found: the folded text of the cases is written again."""

from django.db import migrations

from core.lib.refolding import refold
from core.text import fold


def texts(row):
    """As ``Application.refresh_search_text`` folds them."""
    applicant = row.applicant
    name = applicant.name if applicant.kind == "legal" else f"{applicant.first_name} {applicant.last_name}"
    return {
        "search_text": fold(f"{row.number or ''} {row.title} {name} {applicant.acronym} {applicant.siret or ''}")
    }


def refold_cases(apps, schema_editor):
    refold(apps.get_model("grants", "Application").objects.select_related("applicant"), texts)


class Migration(migrations.Migration):
    dependencies = [("grants", "0007_impartial_people")]

    operations = [migrations.RunPython(refold_cases, migrations.RunPython.noop)]
