import pgtrigger
from django.db import migrations

from agreements.rules.duplicates import Invoice, keys_of
from core.lib.refolding import refold


def key_by_body(apps, schema_editor):
    """Lines of one supplier, day and total meet in all the agreements of their beneficiary, no more in one alone."""
    lines = apps.get_model("agreements", "ExpenditureLine").objects.select_related("claim__agreement")
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        refold(lines, _keys)


def _keys(line):
    invoice = Invoice(
        line.supplier_name, line.supplier_siret, line.invoice_number, line.invoice_date, line.invoice_total
    )
    alike = {*invoice.alike_keys(), *invoice.same_day_keys(line.claim.agreement.beneficiary_id)}
    return keys_of(invoice, line.corrects_number) | {"alike_keys": sorted(alike)}


class Migration(migrations.Migration):

    dependencies = [
        ("agreements", "0030_invoices_of_one_day_and_total_are_asked_about"),
    ]

    operations = [
        migrations.RunPython(key_by_body, migrations.RunPython.noop),
    ]
