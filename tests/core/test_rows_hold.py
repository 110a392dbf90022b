"""What a table would refuse is named where it stands, also when the guard was put back and is said to be valid."""

from datetime import date

import pytest

from core.acting import acting_as
from core.engine.held_rows import check_held, held_models
from core.engine.plain_values import NAME
from core.engine.seals import seal_all
from core.models import OutboxMessage, User
from core.outbox import enqueue_mail
from reporting.models import AccountingYear
from tests.core.test_proof_of_the_proof import behind_the_triggers, broken, in_english, sql
from tests.factories.core import UserFactory

__all__ = ["in_english"]
pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


def _rewritten(table: str, name: str, *edits: str) -> None:
    """Edits under which a CHECK is away, and back afterwards as if it had looked at every row."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("SET LOCAL allow_system_table_mods = on")
    own = f"conname = '{name}' AND conrelid = '{table}'::regclass"
    sql(
        f"CREATE TEMPORARY TABLE was ON COMMIT DROP AS SELECT pg_get_constraintdef(oid) AS says FROM pg_constraint WHERE {own}"  # noqa: S608
    )
    sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    with behind_the_triggers():
        for edit in edits:
            sql(edit)
    again = f"'ALTER TABLE {table} ADD CONSTRAINT {name} ' || says || ' NOT VALID'"
    sql(f"DO $$ BEGIN EXECUTE (SELECT {again} FROM was); END $$")  # noqa: S608
    sql(f"UPDATE pg_constraint SET convalidated = true WHERE {own}")  # noqa: S608
    sql("DROP TABLE was")


def test_nothing_that_a_table_refuses_stands_in_it():
    with acting_as(label="tests"):
        UserFactory()
    assert [str(finding) for model in held_models() for finding in check_held(model)] == []


def test_a_password_and_a_mail_rewritten_behind_their_marks_are_named():
    with acting_as(label="tests"):
        thief, person = UserFactory(), UserFactory()
        mail = enqueue_mail(
            to=[person.email], template="essor/mail/known_address", context={"user": person, "url": "x"}, key="one"
        )
    seal_all()
    _rewritten(
        "core_user", "core_user_password_is_marked",
        f"UPDATE core_user SET password = 'x' || (SELECT password FROM core_user WHERE id = {thief.pk}) WHERE id = {person.pk}",  # noqa: S608
    )  # fmt: skip
    _rewritten("core_outboxmessage", "core_outbox_content_is_marked", "UPDATE core_outboxmessage SET body = 'x'")
    lines = sorted(broken())
    assert [line.partition(":")[0] for line in lines] == [
        f"core_outboxmessage id={mail.pk} field=content_mark", f"core_user id={person.pk} field=password_mark",
    ]  # fmt: skip
    assert all("no longer has the content that it was made of" in line for line in lines)


A_FINDING = (
    "INSERT INTO core_figurefinding (code, model, object_id, label, expected, found, first_seen, last_seen) "
    "VALUES ('x', 'core.user', 1, 'x', '', '', now(), now())"
)


@pytest.mark.parametrize(
    ("table", "away", "edit", "said"),
    [
        ("core_outboxmessage", f"ALTER TABLE core_outboxmessage DROP CONSTRAINT {NAME}",
         "UPDATE core_outboxmessage SET next_attempt_at = 'infinity'", "field=next_attempt_at: this row says what its table"),
        ("core_figurecheck", "ALTER TABLE core_figurecheck DROP CONSTRAINT core_figurecheck_milliseconds_check",
         "INSERT INTO core_figurecheck (code, checked_at, broken_count, milliseconds, error) VALUES ('x', now(), 0, -1, '')",
         "field=milliseconds: this row says what its table"),
        ("core_figurefinding", "DROP INDEX figure_finding_open_once", f"{A_FINDING}; {A_FINDING}",
         "say together what the table refuses (figure_finding_open_once)"),
        ("core_user_groups", "SELECT 1", "INSERT INTO core_user_groups (user_id, group_id) SELECT 99999, min(id) FROM auth_group",
         "field=user_id: this row names a row that is not there"),
    ],
)  # fmt: skip
def test_a_row_that_no_guard_would_take_is_named(table, away, edit, said):
    """Whatever the guard: a day, a number below 0, what may stand once, a row that is named and is not there."""
    with acting_as(label="tests"):
        person = UserFactory()
        enqueue_mail(
            to=["a@b.example"], template="essor/mail/known_address", context={"user": person, "url": "x"}, key="one"
        )
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(away)
    with behind_the_triggers():
        sql(edit)
    (model,) = (model for model in held_models() if model._meta.db_table == table)
    (found,) = check_held(model)
    assert said in str(found), str(found)


def test_two_accounting_years_of_one_day_are_named_together():
    AccountingYear.objects.create(starts_on=date(2031, 7, 1), ends_on=date(2032, 6, 30))
    later = AccountingYear.objects.create(starts_on=date(2032, 7, 1), ends_on=date(2033, 6, 30))
    assert list(check_held(AccountingYear)) == []
    sql("ALTER TABLE reporting_accountingyear DROP CONSTRAINT accounting_years_do_not_overlap")
    with behind_the_triggers():
        sql("UPDATE reporting_accountingyear SET starts_on = '2032-06-01' WHERE id = %s", later.pk)
        sql("UPDATE reporting_accountingyearevent SET starts_on = '2032-06-01' WHERE id = %s", later.pk)
    (found,) = check_held(AccountingYear)
    assert f", {later.pk} say together" in str(found)


def test_a_row_that_is_named_for_what_was_edited_is_not_named_twice():
    with acting_as(label="tests"):
        person = UserFactory()
    seal_all()
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE core_user DROP CONSTRAINT core_user_password_is_marked")
    with behind_the_triggers():
        sql("UPDATE core_user SET password_mark = repeat('0', 64) WHERE id = %s", person.pk)
    assert list(check_held(User)) == [] and list(check_held(OutboxMessage)) == []
