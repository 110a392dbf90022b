"""Days and numbers that are none: refused by every table; such a day is read all the same where one stands."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import formats, timezone, translation

from agreements.models import Agreement
from core.acting import acting_as
from core.dates import format_closing, format_closing_short, format_date_long, format_moment
from core.engine.contents import check_content, contents
from core.engine.line_checks import check_authors
from core.engine.plain_values import NAME, NUMBERS, check_values, refuse_odd_values
from core.engine.verification import check_outside, check_rows, check_states, state_columns
from core.lib.odd_days import OddDay
from core.models import User
from core.templatetags.essor import short_date
from tests.core.test_proof_of_the_proof import sql
from tests.factories.agreements import in_force
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]
ODD = ("infinity", "-infinity", "12000-01-01", "0044-03-15 BC")


@pytest.mark.parametrize("day", ODD)
def test_no_table_takes_such_a_day(day):
    """A superuser with every trigger off is refused too: a CHECK, on the histories and the tables of libraries as well."""
    person = UserFactory(applicant=True)
    for table, column, key in (
        ("core_user", "last_login", "id"), ("core_userevent", "date_joined", "id"), ("core_userevent", "pgh_created_at", "id"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=NAME), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [day, person.pk])  # noqa: S608


def test_no_table_takes_a_number_that_is_none():
    """ "NaN" is above every number: it would pass "at least 0 €" and every floor."""
    with acting_as(label="tests"):
        agreement, _house = in_force("PROGRESS1", "20000.00")
    for table, column in (("agreements_agreement", "granted_amount"), ("agreements_agreementevent", "granted_amount"),
                          ("grants_envelope", "voted_amount")):  # fmt: skip
        with pytest.raises(IntegrityError, match=NUMBERS), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"UPDATE {table} SET {column} = 'NaN'")  # noqa: S608
    assert agreement.granted_amount


def test_a_table_that_takes_them_is_named_and_mended_after_a_migration():
    assert list(check_values()) == []
    sql(f"ALTER TABLE grants_note DROP CONSTRAINT {NAME}")
    sql(f"ALTER TABLE core_event DROP CONSTRAINT {NAME}, ADD CONSTRAINT {NAME} CHECK (created_at < 'infinity')")
    sql("ALTER TABLE grants_score ADD later date")
    sql(f"ALTER TABLE grants_score DROP CONSTRAINT {NUMBERS}")
    sql(f"ALTER TABLE core_user DROP CONSTRAINT {NAME}")
    person = UserFactory(applicant=True)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    User.objects.filter(pk=person.pk).update(last_login=None)
    sql("UPDATE core_user SET last_login = 'infinity' WHERE id = %s", person.pk)
    places = {(finding.table, finding.id) for finding in check_values()}
    assert ("grants_score", NUMBERS) in places
    assert {(table, NAME) for table in ("grants_note", "core_event", "grants_score", "core_user")} <= places
    with connection.cursor() as cursor:
        refuse_odd_values(cursor)
    (left,) = check_values()
    assert left.table == "core_user", "a row of it keeps such a day: it is said, and no other is taken"
    with pytest.raises(IntegrityError, match=NAME), transaction.atomic():
        sql("UPDATE core_user SET last_login = '-infinity'")


@pytest.mark.parametrize("day", ["infinity", "0044-03-15 BC"])
def test_such_a_day_stops_no_page_and_no_check(client, day):
    with acting_as(label="tests"):
        agreement, house = in_force("PROGRESS1", "20000.00")
    client.force_login(house.finance)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE agreements_agreement DROP CONSTRAINT {NAME}")
    sql("SET LOCAL session_replication_role = replica")
    sql("UPDATE agreements_agreement SET notified_on = %s, created_at = %s WHERE id = %s", day, day, agreement.pk)
    sql("SET LOCAL session_replication_role = origin")

    agreement.refresh_from_db()
    is_early = day.startswith("-") or day.endswith("BC")
    assert str(agreement.notified_on) == day and (agreement.notified_on < date(2026, 1, 1)) == is_early
    assert (agreement.created_at < timezone.now()) == is_early
    assert agreement.notified_on + timedelta(days=400) and timezone.localtime(agreement.created_at)

    findings = list(check_rows(Agreement))
    assert [(finding.id, finding.field) for finding in findings] == [(agreement.pk, "created_at, notified_on")]
    assert day[:9] in str(findings[0])
    for check in (check_authors, check_outside):
        assert list(check(Agreement)) == []
    for model, column in state_columns():
        assert list(check_states(model, column)) == []
    for content in contents():
        list(check_content(content))

    with translation.override("fr"):
        for name in ("change", "history"):
            page = reverse(f"admin:agreements_agreement_{name}", args=[agreement.pk])
            answer = client.get(page, headers={"accept-language": "fr"})
            assert answer.status_code == 200
            assert name == "history" or f"date illisible ({day})" in answer.content.decode()
    Agreement.objects.get(pk=agreement.pk).save(update_fields=["notified_on"])
    assert str(Agreement.objects.values_list("notified_on", flat=True).get(pk=agreement.pk)) == day


def test_such_a_day_is_said_in_words_wherever_days_are_printed():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'infinity'::date, '-infinity'::timestamptz, 'infinity'::timestamp, date '2026-11-29'")
        day, moment, naive, real = cursor.fetchone()
    assert isinstance(day, OddDay) and real == date(2026, 11, 29) and type(real) is date
    with translation.override("fr"):
        words = {formats.date_format(day), formats.localize(day), format_date_long(day), short_date(day)}
        assert words == {"date illisible (infinity)"}
        words = {format_moment(moment), format_closing(moment), format_closing_short(moment), short_date(moment)}
        assert words == {"date illisible (-infinity)"}
        assert formats.date_format(real, "SHORT_DATE_FORMAT") == "29/11/2026"
    assert str(naive) == naive.isoformat() == f"{naive:%Y}" == "infinity"
