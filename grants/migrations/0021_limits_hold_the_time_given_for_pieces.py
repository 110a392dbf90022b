from django.conf import settings
from django.db import migrations

SQL = f"""
    UPDATE grants_application app
       SET decision_due_on = decision_due_on + greatest(
           r.due_on - (app.clock_suspended_at AT TIME ZONE '{settings.TIME_ZONE}')::date, 0)
      FROM grants_piecerequest r
     WHERE r.application_id = app.id AND r.answered_at IS NULL
       AND app.clock_suspended_at IS NOT NULL AND app.state = 'incomplete'
"""  # noqa: S608 - a constant


class Migration(migrations.Migration):
    """The limit of a case whose pieces are awaited: it did not hold yet the suspension under way."""

    dependencies = [("grants", "0020_addresses_in_cases_are_interests")]

    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
