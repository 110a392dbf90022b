"""Aids that stood twice in the register, at the vote and in force, become one; those of ended agreements follow."""

import pgtrigger
from django.db import migrations

from core.acting import acting_as

ENDED = ("completed", "terminated", "lapsed")


def one_row_a_case(apps, schema_editor):
    """Keep the row of the vote, give it the number of the agreement and what the agreement has become.

    The row that the agreement had added goes; the row history keeps it. Doing it again changes nothing.
    """
    aids = apps.get_model("applicants", "DeMinimisAid").objects.filter(origin="granted")
    agreements = apps.get_model("agreements", "Agreement").objects.select_related("application")
    known = agreements.filter(number__in=aids.values("reference")).order_by("pk")
    guards = ("applicants.DeMinimisAid:grant_stays", "applicants.DeMinimisAid:grant_keeps_identity")
    with acting_as(label="command migrate"), pgtrigger.ignore(*guards):
        for agreement in known:
            case, late = agreement.application.number, aids.filter(reference=agreement.number).order_by("pk").first()
            vote = aids.filter(case_number=case).exclude(pk=late.pk).first()
            if vote is not None:
                late.delete()
            kept = vote or late
            kept.case_number, kept.reference, kept.amount = case, agreement.number, agreement.granted_amount
            if agreement.state in ENDED and agreement.ordered_amount:
                kept.amount = agreement.ordered_amount
            elif agreement.state in ENDED:
                kept.withdrawn_on = agreement.ended_on or kept.granted_on
            kept.save(update_fields=["case_number", "reference", "amount", "withdrawn_on"])


class Migration(migrations.Migration):
    dependencies = [
        ("agreements", "0006_index_of_suppliers"),
        ("applicants", "0005_one_de_minimis_row_a_case"),
    ]

    operations = [migrations.RunPython(one_row_a_case, migrations.RunPython.noop)]
