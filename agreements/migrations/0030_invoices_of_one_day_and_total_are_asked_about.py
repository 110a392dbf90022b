import pgtrigger
from django.db import migrations

from agreements.rules.duplicates import Invoice, keys_of
from core.lib.refolding import refold


def key_what_looks_alike(apps, schema_editor):
    """Lines that were declared get the keys of what they look like now: more signs, prefixes, one day and one total."""
    lines = apps.get_model("agreements", "ExpenditureLine").objects.select_related("claim")
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        refold(lines, _keys)


def _keys(line):
    invoice = Invoice(
        line.supplier_name, line.supplier_siret, line.invoice_number, line.invoice_date, line.invoice_total
    )
    alike = {*invoice.alike_keys(), *invoice.same_day_keys(line.claim.agreement_id)}
    return keys_of(invoice, line.corrects_number) | {"alike_keys": sorted(alike)}


class Migration(migrations.Migration):

    dependencies = [
        ("agreements", "0029_days_that_are_set_are_plausible"),
    ]

    operations = [
        migrations.RunPython(key_what_looks_alike, migrations.RunPython.noop),
    ]
