from django.db import connection, migrations
from django.utils import timezone

from agreements.migrations._sql import STILL_GRANTED
from core.acting import acting_as
from core.events import record

ENDED = "('completed', 'terminated', 'lapsed')"
REASON = "Versé au-delà de ce qui est dû : à demander en retour, ce n’est plus une aide."


def the_register_holds_what_is_due(apps, schema_editor):
    """A grant that ended with more paid than what is due counts for what is due, as the next ones do by themselves."""
    aids = apps.get_model("applicants", "DeMinimisAid").objects.select_related("applicant")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT app.number, {STILL_GRANTED} FROM agreements_agreement a JOIN grants_application app"  # noqa: S608
            f" ON app.id = a.application_id WHERE a.state IN {ENDED} AND EXISTS (SELECT 1 FROM agreements_paymentclaim c"
            " WHERE c.agreement_id = a.id AND c.overpaid_amount > 0) ORDER BY a.id"
        )
        due = dict(cursor.fetchall())
    with acting_as(label="command migrate"):
        for aid in aids.filter(origin="granted", withdrawn_on=None, case_number__in=due).order_by("pk"):
            amount = due[aid.case_number]
            if amount == aid.amount:
                continue
            name, value = ("amount", amount) if amount > 0 else ("withdrawn_on", timezone.localdate())
            changes = {name: [getattr(aid, name), value]}
            setattr(aid, name, value)
            aid.save(update_fields=[name])
            data = {"aid": aid.pk, "case": aid.case_number, "reference": aid.reference, "amount": aid.amount}
            action = "de_minimis_amount" if amount > 0 else "de_minimis_withdrawn"
            record(aid.applicant, action, data=data, changes=changes, comment=REASON)


class Migration(migrations.Migration):

    dependencies = [
        ('applicants', '0010_named_people_answer'),
        ('agreements', '0021_one_invoice_is_looked_up_by_its_keys'),
    ]

    operations = [migrations.RunPython(the_register_holds_what_is_due, migrations.RunPython.noop)]
