"""Looks at the figures: what is kept and told, the page "Checks", the command, the banner, the health."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from core import health
from core.dates import format_moment
from core.engine.kept_findings import check_kept_findings
from core.engine.lines import fetch
from core.engine.seals import UNSEALED_EVENTS
from core.events import record
from core.figures import jobs
from core.figures.alerts import broken_codes, broken_number, is_silent
from core.figures.checking import LISTED, keep, look, look_at
from core.figures.invariants import Broken, Invariant, Unit, invariant_of, invariants, register
from core.figures.looking import look_and_keep
from core.figures.models import FigureCheck, FigureFinding
from core.jobs import run_now
from core.management.commands.check_figures import summary
from core.models import Event, IncompatibleRoles, Job, OutboxMessage, RoleGroup, User
from core.roles import Role
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
PAGE = "admin:core_figurecheck_changelist"
CODE = "core.staff-follows-roles"


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()
    yield
    cache.clear()


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ")


def give_access(user: User) -> None:
    """A person without a role enters the staff screens: a false state."""
    User.objects.filter(pk=user.pk).update(is_staff=True)


def take_access(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


def signed_in(**roles) -> Client:
    client = Client()
    client.force_login(UserFactory(**roles))
    return client


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_a_finding_is_kept_from_the_first_look_to_the_one_that_finds_it_right():
    someone = UserFactory(applicant=True)
    give_access(someone)
    with time_machine.travel(timezone.now() - timedelta(days=2), tick=False):
        first = timezone.now()
        (fresh,) = keep(look([CODE]))
    assert (fresh.object_id, fresh.label, fresh.model) == (someone.pk, someone.email, "core.user")
    assert keep(look([CODE])) == []
    finding = FigureFinding.objects.get()
    assert finding.first_seen == first < finding.last_seen
    check = FigureCheck.objects.get(code=CODE)
    assert (check.broken_count, check.broken_since) == (1, first)

    take_access(someone)
    keep(look([CODE]))
    finding.refresh_from_db()
    check.refresh_from_db()
    assert finding.resolved_at is not None
    assert (check.broken_count, check.broken_since, check.holds) == (0, None, True)

    give_access(someone)
    assert len(keep(look([CODE]))) == 1  # broken anew: a finding of its own
    assert FigureFinding.objects.count() == 2


def test_an_invariant_that_cannot_be_looked_at_does_not_hold():
    broken = Invariant("core.test", "n", "s", "o", User, sql="SELECT id, label, expected, found FROM nowhere")
    result = look_at(broken)
    assert not result.holds and "nowhere" in result.error
    keep([result])
    assert not FigureCheck.objects.get(code="core.test").holds
    assert User.objects.count() == 0  # the transaction goes on


def test_a_table_that_breaks_as_a_whole_is_counted_and_kept_in_part(monkeypatch):
    monkeypatch.setattr("core.figures.checking.KEPT", 3)
    rows = [Broken(number, f"row {number}", 1, 2) for number in range(1, 6)]
    result = look_at(Invariant("core.test", "n", "s", "o", User, rows=lambda: iter(rows)))
    assert (result.count, len(result.rows)) == (5, 3)
    assert len(keep([result])) == 3


def test_two_faults_of_one_name_are_two_findings_and_stay_so():
    rows = [Broken(19, "VERS-2026-00011 · zz", 1, 2), Broken(19, "VERS-2026-00011 · zz", 3, 4), Broken(19, "x" * 300, 1, 2),
            Broken(19, "x" * 250, 1, 2)]  # fmt: skip
    result = look_at(Invariant("core.test", "n", "s", "o", User, rows=lambda: iter(rows)))
    kept = keep([result])
    assert [finding.label for finding in kept] == [
        "VERS-2026-00011 · zz", "VERS-2026-00011 · zz (2)", "x" * 200, "x" * 196 + " (2)"
    ]  # fmt: skip
    assert keep([result]) == []
    assert FigureFinding.objects.open().count() == 4
    keep([look_at(Invariant("core.test", "n", "s", "o", User, rows=lambda: iter(rows[1:])))])
    assert FigureFinding.objects.open().count() == 3


def test_a_check_that_fails_in_any_way_silences_no_other():
    def fails():
        yield Broken(1, "seen before it fails", 1, 2)
        raise KeyError("a setting")

    someone = UserFactory(applicant=True)
    give_access(someone)
    failing = look_at(Invariant("core.test", "n", "s", "o", User, rows=fails))
    beyond = Invariant("core.test.beyond", "n", "s", "o", User, rows=lambda: iter([Broken(2**70, "no row of ours")]))
    fresh = keep([failing, look_at(beyond), *look([CODE])])
    assert [finding.object_id for finding in fresh] == [someone.pk]
    assert "KeyError" in FigureCheck.objects.get(code="core.test").error
    check = FigureCheck.objects.get(code="core.test.beyond")
    assert (check.broken_count, check.holds) == (1, False) and check.error


def test_a_day_that_is_none_is_shown_as_it_stands():
    """PostgreSQL keeps days that Python has none of: whoever writes one hides nothing by it."""
    person = UserFactory(applicant=True)
    for day in ("infinity", "-infinity", "12000-01-01", "0044-03-15 BC"):
        sql = f"SELECT {person.pk} AS id, 'x' AS label, '{day}'::date AS expected, '{day}'::timestamptz AS found"
        result = look_at(Invariant("core.test", "n", "s", "o", User, sql=sql, unit=Unit.DAY))
        assert (result.error, result.count) == ("", 1)
        assert day[:8] in result.invariant.shown(result.rows[0].expected)
        keep([result])
    assert (
        plain(Invariant("core.test", "n", "s", "o", User, sql=sql).shown("no amount"))
        == "« no amount », valeur impossible"
    )


def test_a_check_that_could_not_be_made_never_says_that_nothing_was_found(client):
    client.force_login(UserFactory(administrator=True))
    invariant = invariant_of(CODE)
    keep([replace(look_at(invariant), rows=(), count=0, error="DataError: date too small")])
    with translation.override("fr"):
        for url in (reverse("admin:core_figurecheck_changelist"), reverse("admin:core_figurecheck_rows", args=[CODE])):
            page = client.get(url, headers={"accept-language": "fr"}).content.decode()
            assert "n’a pas pu être fait" in page and "Aucun écart" not in page
        assert "1 n’a pas pu être fait" in summary([replace(look_at(invariant), error="x")], 0)


def test_an_auditor_whose_role_nobody_recorded_is_named():
    """The role was given with the triggers off: nothing says since when, and all that they did counts."""
    person = UserFactory(applicant=True)
    record(UserFactory(applicant=True), "look", actor=person)
    auditor = RoleGroup.objects.get(name=Role.AUDITOR)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("INSERT INTO core_user_groups (user_id, group_id) VALUES (%s, %s)", [person.pk, auditor.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    result = look_at(invariant_of("core.auditors-change-nothing"))
    assert (result.error, [row.pk for row in result.rows]) == ("", [person.pk])
    assert result.invariant.shown(result.rows[0].expected) == "–"
    keep([result])


def test_two_invariants_do_not_share_a_code():
    with pytest.raises(ValueError, match=CODE):
        register(Invariant(CODE, "n", "another", "o", User, sql="SELECT 1"))
    with pytest.raises(ValueError, match="SQL or by a function"):
        Invariant("core.test", "n", "s", "o", User)


@pytest.mark.parametrize(
    ("said", "found"),
    [('{"user": null, "label": "repair 2026-12, J. Martin"}', 1), ("", 1), ('{"user": null, "label": "command migrate"}', 0)],
)  # fmt: skip
def test_a_parameter_that_sql_changes_needs_its_reason_too(said, found):
    pair = IncompatibleRoles.objects.order_by("pk").first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pghistory.context_metadata', %s, true)", [said])
        cursor.execute("UPDATE core_incompatibleroles SET reason = reason || ' x' WHERE id = %s", [pair.pk])
        cursor.execute("SELECT set_config('pghistory.context_metadata', '', true)")
    result = look_at(invariant_of("core.parameters-change-with-a-reason"))
    assert [row.pk for row in result.rows] == [pair.pk] * found


# --- the night ------------------------------------------------------------------------------------------------------


def test_those_who_answer_for_the_figures_are_told_once():
    """Auditors too: what is found may be about the administrators and finance officers themselves."""
    finance, admin, auditor = (UserFactory(**{role: True}) for role in ("finance_officer", "administrator", "auditor"))
    UserFactory(finance_officer=True, is_active=False)
    UserFactory(instructor=True)
    give_access(UserFactory(applicant=True))
    job = run_now(jobs.KIND, {}, key=jobs.KEY)
    assert job.state == Job.State.DONE
    mails = OutboxMessage.objects.filter(template="essor/mail/figures")
    assert {address for mail in mails for address in mail.to} == {finance.email, admin.email, auditor.email}
    assert str(invariant_of(CODE).name) in mails[0].body and reverse(PAGE) in mails[0].body
    run_now(jobs.KIND, {}, key=jobs.KEY)
    assert mails.count() == 3
    assert FigureFinding.objects.filter(told_at__isnull=True).count() == 0


def test_what_cannot_be_told_by_mail_is_said_and_told_by_the_next_look(caplog):
    """Whoever switches the mails off silences nobody: the command prints what it found, and the mail comes once it can."""
    UserFactory(administrator=True)
    give_access(UserFactory(applicant=True))
    mails = OutboxMessage.objects.filter(template="essor/mail/figures")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_outboxmessage ADD CONSTRAINT refuses CHECK (template = '') NOT VALID")
    out = StringIO()
    with pytest.raises(CommandError, match=CODE) as caught:
        call_command("check_figures", "--only", CODE, stdout=out)
    assert caught.value.returncode == 1
    assert "personne n’en a été averti" in out.getvalue() and "could not be written" in caplog.text
    assert not mails.exists() and FigureFinding.objects.filter(told_at=None).count() == 1
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_outboxmessage DROP CONSTRAINT refuses")
    look_and_keep([CODE])
    assert mails.count() == 1 and not FigureFinding.objects.filter(told_at=None).exists()


def test_a_check_that_could_not_be_made_is_told_by_mail_once_a_day(monkeypatch):
    """It finds nothing, so that no finding would ever be told of it; what the others find is told all the same."""
    admin = UserFactory(administrator=True)
    give_access(UserFactory(applicant=True))
    failing = Invariant(
        "core.fails", "Un contrôle", "s", "o", User, sql="SELECT id, label, expected, found FROM nowhere"
    )
    monkeypatch.setattr("core.figures.checking.invariants", lambda: [failing, invariant_of(CODE)])
    monkeypatch.setattr(
        "core.figures.alerts.invariant_of", lambda code: {"core.fails": failing}.get(code, invariant_of(CODE))
    )
    today = timezone.localtime().replace(hour=12)
    for day, mails in ((0, 1), (0, 1), (1, 2)):
        with time_machine.travel(today + timedelta(days=day), tick=False):
            results = look_and_keep()
        assert [bool(result.error) for result in results] == [True, False]
        told = OutboxMessage.objects.filter(template="essor/mail/figures_failed").order_by("pk")
        assert told.count() == mails and {address for mail in told for address in mail.to} == {admin.email}
    assert "Un contrôle" in told[0].body and "nowhere" in told[0].body
    assert OutboxMessage.objects.filter(template="essor/mail/figures").count() == 1
    assert "core.fails" in broken_codes() and not health.check_all()["figures"]["ok"]


def test_the_look_of_the_night_is_made_once_and_made_good():
    today = timezone.localtime()
    with time_machine.travel(today.replace(hour=1, minute=30), tick=False):
        assert not jobs.is_due()
    with time_machine.travel(today.replace(hour=2, minute=10), tick=False):
        assert jobs.is_due()
        jobs.check_figures_at_night()
        jobs.check_figures_at_night()
        assert Job.objects.filter(kind=jobs.KIND).count() == 1
        keep(look([CODE]))
        assert jobs.is_due()  # one figure is not all of them
        keep(look())
        assert not jobs.is_due()
    with time_machine.travel((today + timedelta(days=1)).replace(hour=11), tick=False):
        assert jobs.is_due()  # the worker was away at night


def test_health_and_banner_follow_the_last_look():
    someone = UserFactory(applicant=True)
    assert health.check_all()["figures"] == {"ok": True}
    give_access(someone)
    run_now(jobs.KIND, {}, key=jobs.KEY)
    assert broken_codes() == [CODE] and broken_number() == 1
    assert health.check_all()["figures"] == {"ok": False}
    words = "1 contrôle des chiffres n’est pas conforme."
    for roles, sees in ((Role.FINANCE_OFFICER, True), (Role.ADMINISTRATOR, True), (Role.INSTRUCTOR, False)):
        answer = signed_in(roles=[roles]).get(reverse("admin:index"))
        assert (words in answer.content.decode()) is sees
    take_access(someone)
    run_now(jobs.KIND, {}, key=jobs.KEY)
    assert broken_number() == 0 and health.check_all()["figures"] == {"ok": True}
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert is_silent() and health.check_all()["figures"] == {"ok": False}


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_shows_every_check_and_the_rows_with_links():
    someone = UserFactory(applicant=True)
    client = signed_in(finance_officer=True)
    before = client.get(reverse(PAGE)).content.decode()
    assert "Les chiffres n’ont pas encore été contrôlés" in before
    assert before.count("pas encore contrôlé") >= len(invariants())
    give_access(someone)
    since = timezone.now() - timedelta(days=9)
    with time_machine.travel(since, tick=False):
        keep(look())
    keep(look())
    page = client.get(reverse(PAGE)).content.decode()
    assert "1 contrôle n’est pas conforme" in page
    for invariant in invariants():
        assert reverse("admin:core_figurecheck_rows", args=[invariant.code]) in page
    rows = client.get(reverse("admin:core_figurecheck_rows", args=[CODE])).content.decode()
    link = reverse("admin:core_user_change", args=[someone.pk])
    assert someone.email in rows and link not in rows, "finance does not open the page of an account"
    client = signed_in(administrator=True)
    rows = client.get(reverse("admin:core_figurecheck_rows", args=[CODE])).content.decode()
    assert someone.email in rows and link in rows
    assert rows.count(format_moment(since)) == 2, (
        "since when the check does not hold, and since when this row breaks it"
    )
    take_access(someone)
    keep(look())
    assert "Tous les contrôles sont conformes" in client.get(reverse(PAGE)).content.decode()
    rows = client.get(reverse("admin:core_figurecheck_rows", args=[CODE])).content.decode()
    assert "Aucun écart." in rows and "Rétabli depuis" in rows
    assert client.get(reverse("admin:core_figurecheck_rows", args=["core.nothing"])).status_code == 404


@pytest.mark.parametrize(
    ("role", "reads", "asks"),
    [
        (Role.FINANCE_OFFICER, True, True),
        (Role.ADMINISTRATOR, True, True),
        (Role.AUDITOR, True, False),
        (Role.INSTRUCTOR, False, False),
        (Role.EU_CONTROLLER, False, False),
    ],
)
def test_who_reads_the_page_and_who_asks(role, reads, asks):
    client = signed_in(roles=[role])
    answer = client.get(reverse(PAGE))
    assert (answer.status_code == 200) is reads
    assert client.get(reverse("admin:core_figurecheck_rows", args=[CODE])).status_code == (200 if reads else 403)
    if reads:
        assert ("Contrôler maintenant" in answer.content.decode()) is asks
    answer = client.post(reverse("admin:core_figurecheck_ask"))
    assert Job.objects.filter(kind=jobs.KIND).count() == int(asks)
    assert answer.status_code == (302 if asks else 403)


def test_a_second_person_who_asks_sees_the_look_that_is_under_way():
    assert signed_in(administrator=True).post(reverse("admin:core_figurecheck_ask")).status_code == 302
    client = signed_in(finance_officer=True)
    answer = client.post(reverse("admin:core_figurecheck_ask"), follow=True)
    assert "Contrôle des chiffres en cours" in answer.content.decode()
    assert Job.objects.filter(kind=jobs.KIND).count() == 1


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_each_broken_row_and_keeps_what_the_page_shows():
    out = StringIO()
    call_command("check_figures", stdout=out)
    assert f"{len(invariants())} contrôles conformes" in out.getvalue()
    someone = UserFactory(applicant=True)
    give_access(someone)
    with pytest.raises(CommandError) as caught:
        call_command("check_figures", "--only", CODE)
    assert caught.value.returncode == 1
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and lines[0].startswith(f"{CODE}\u202f: {someone.email} (core_user id={someone.pk})")
    assert "1 non conformes" in lines[1]
    kept = FigureCheck.objects.get(code=CODE)
    assert not kept.holds and FigureFinding.objects.open().get().object_id == someone.pk
    assert FigureCheck.objects.count() == len(invariants())
    page = signed_in(finance_officer=True).get(reverse("admin:core_figurecheck_changelist")).content.decode()
    assert format_moment(kept.checked_at) in page and "pas encore contrôlé" not in page
    with pytest.raises(CommandError, match="core.nothing"):
        call_command("check_figures", "--only", "core.nothing")
    out = StringIO()
    call_command("check_figures", "--list", stdout=out)
    assert len(out.getvalue().splitlines()) == len(invariants())


# --- the list has no history ----------------------------------------------------------------------------------------


def test_the_command_seals_what_it_wrote():
    """Also where no worker runs: an hour later, both proofs are as they were."""
    call_command("check_figures", "--only", CODE, stdout=StringIO())
    assert Event.objects.filter(action=LISTED).exists() and not fetch(UNSEALED_EVENTS)
    give_access(UserFactory(applicant=True))
    with pytest.raises(CommandError):
        call_command("check_figures", "--only", CODE, stdout=StringIO())
    assert not fetch(UNSEALED_EVENTS)


def test_a_list_that_no_look_made_is_found():
    """A finding put in, taken out or told to be right again by SQL: the count of the last look says so, until the next."""
    someone = UserFactory(applicant=True)
    give_access(someone)
    keep(look([CODE]))
    assert list(check_kept_findings()) == []
    finding = FigureFinding.objects.get()
    edits = (
        "INSERT INTO core_figurefinding (code, model, object_id, label, expected, found, first_seen, last_seen) "
        "SELECT code, model, object_id, 'another', expected, found, last_seen, last_seen FROM core_figurefinding",
        "UPDATE core_figurefinding SET resolved_at = now()",
        "UPDATE core_figurecheck SET broken_count = 2",
        "UPDATE core_figurefinding SET last_seen = last_seen + interval '1 hour'",
        "INSERT INTO core_figurefinding (code, model, object_id, label, expected, found, first_seen, last_seen) "
        "VALUES ('core.nobody', 'core.user', 1, 'x', '', '', now(), now())",
        "WITH looked AS (UPDATE core_figurecheck SET checked_at = now() + interval '1 hour' RETURNING checked_at) "
        "UPDATE core_figurefinding SET found = 'x', last_seen = (SELECT max(checked_at) FROM looked)",
    )
    for edit in edits:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # some are refused by triggers
            cursor.execute(edit)
            assert [said.table for said in check_kept_findings()] == ["core_figurefinding"], edit
            transaction.set_rollback(True)
    assert FigureFinding.objects.get() == finding


@pytest.mark.parametrize(
    "edit",
    ["core_figurefinding SET found = expected", "core_figurefinding SET expected = found || 'x'",
     "core_figurefinding SET last_seen = last_seen - interval '1 day', first_seen = first_seen - interval '1 day'",
     "core_figurefinding SET told_at = NULL", "core_figurecheck SET broken_count = 2", "core_figurecheck SET error = 'x'",
     "core_figurecheck SET checked_at = checked_at - interval '1 hour'"],
)  # fmt: skip
def test_what_a_look_found_changes_by_a_later_look_alone(edit):
    give_access(UserFactory(applicant=True))
    keep(look([CODE]))
    FigureFinding.objects.update(told_at=timezone.now())
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {edit}")
    keep(look([CODE]))


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE core_figurefinding SET label = 'another'",
        "UPDATE core_figurefinding SET first_seen = first_seen - interval '1 day'",
        "UPDATE core_figurefinding SET resolved_at = NULL WHERE resolved_at IS NOT NULL",
        "DELETE FROM core_figurefinding",
        "DELETE FROM core_figurecheck",
    ],
)
def test_what_a_look_found_stays(edit):
    keep([look_at(Invariant("core.test", "n", "s", "o", User, rows=lambda: iter([Broken(1, "row", 1, 2)])))])
    keep([look_at(Invariant("core.test", "n", "s", "o", User, rows=lambda: iter([])))])
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(edit)


def test_a_value_says_what_it_is():
    """A number what it counts, a hash that it is one, a day with its sign, an impossible day or amount that it is none."""
    number = Invariant("core.test", "n", "s", "o", User, sql="-", unit=Unit.NUMBER, counted="appels")
    assert plain(number.shown("2")) == "appels : 2"
    day = Invariant("core.test", "n", "s", "o", User, sql="-", unit=Unit.DAY)
    assert day.shown("≥ 2025-09-28") == "≥ 28/09/2025"
    assert plain(day.shown("≥ infinity")) == "≥ « infinity », valeur impossible"
    euros = Invariant("core.test", "n", "s", "o", User, sql="-")
    assert plain(euros.shown("NaN")) == "« NaN », valeur impossible"
    assert plain(euros.shown("12.5")) == "12,50 €"
    digest = Invariant("core.test", "n", "s", "o", User, sql="-", unit=Unit.HASH)
    assert digest.shown("0123456789abcdef" * 4) == "empreinte 01234567…"
    state = Invariant("core.test", "n", "s", "o", Job, sql="-", unit=Unit.STATE)
    assert state.shown("queued") == "en attente"


def test_a_number_says_what_it_counts_or_is_not_declared():
    with pytest.raises(ValueError, match="what its numbers count"):
        Invariant("core.test", "n", "s", "o", User, sql="-", unit=Unit.NUMBER)


def test_a_database_that_awaits_migrations_is_told_in_french(monkeypatch, capsys):
    class Waiting:
        loader = type("Loader", (), {"graph": type("Graph", (), {"leaf_nodes": staticmethod(lambda: [])})})

        def __init__(self, connection):
            pass

        def migration_plan(self, targets):
            return [(type("Migration", (), {"app_label": "core"}), False)]

    monkeypatch.setattr("core.management.base.MigrationExecutor", Waiting)
    call_command("check_figures", list=True, skip_checks=False)
    said = capsys.readouterr().out
    assert "attend 1 mise à jour (core)" in said and "unapplied" not in said


def test_a_look_of_a_later_day_is_brought_back_by_the_next_one_and_by_nothing_else(client):
    """A clock that was ahead dated a look: no look could be kept before that day had come."""
    someone = UserFactory(applicant=True)
    give_access(someone)
    with time_machine.travel(timezone.now() + timedelta(days=60), tick=False):
        look_and_keep([CODE])
    check, finding = FigureCheck.objects.get(code=CODE), FigureFinding.objects.get()
    assert check.checked_at > timezone.now() and not check.holds
    for rows in (FigureCheck.objects.all(), FigureFinding.objects.all()):
        day = timezone.now() + timedelta(days=30)
        names = ("checked_at",) if rows.model is FigureCheck else ("last_seen", "first_seen")
        for name in names:
            with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
                rows.update(**{name: day})
    said = []
    look_and_keep([CODE], say=said.append)
    check.refresh_from_db()
    finding.refresh_from_db()
    assert len(said) == 1 and "avance" in said[0]
    assert max(check.checked_at, check.broken_since, finding.first_seen, finding.last_seen) <= timezone.now()
    assert not list(check_kept_findings())
    look_and_keep([CODE], say=said.append)
    assert len(said) == 1
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        FigureCheck.objects.update(checked_at=timezone.now() - timedelta(days=1))


def test_a_look_that_failed_is_said_on_the_page_of_the_checks(client):
    admin = UserFactory(administrator=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:core_figurecheck_changelist")
    job = jobs.ask(admin)
    Job.objects.filter(pk=job.pk).update(state="failed", finished_at=timezone.now(), reason="Le disque est plein.")
    assert "Le disque est plein." in client.get(address).text
    keep(look([CODE]))
    assert "Le disque est plein." not in client.get(address).text


def test_a_look_of_a_day_to_come_is_named_by_the_proof_and_the_page_and_is_no_look(client):
    """Whoever writes as the application may date a look in 2926: it is not the last one, and the next brings it back."""
    admin = UserFactory(administrator=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    keep(look([CODE]))
    FigureCheck.objects.filter(code=CODE).update(checked_at=timezone.now() + timedelta(days=365 * 900))
    (named,) = [finding for finding in check_kept_findings() if finding.field == "checked_at"]
    assert named.table == "core_figurecheck" and CODE in str(named)
    page = client.get(reverse("admin:core_figurecheck_changelist")).text
    assert "2926" in page and "Tous les contrôles sont conformes" not in page
    assert is_silent() and health.check_all()["figures"] == {"ok": False}
    look_and_keep([CODE])
    assert not list(check_kept_findings()) and not is_silent()


def test_what_cannot_be_kept_of_one_look_is_told_and_ends_no_other():
    """The job fails, with a mail of the day and on the health page; the other looks are kept."""
    admin = UserFactory(administrator=True)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE core_figurecheck ADD CONSTRAINT refuses CHECK (code <> '{CODE}') NOT VALID")
    someone = UserFactory(applicant=True)
    give_access(someone)
    results = look_and_keep([CODE, invariants()[0].code])
    assert [result.is_kept for result in results] == [False, True] and "refuses" in results[0].error
    assert FigureCheck.objects.filter(code=invariants()[0].code).exists()
    job = run_now(jobs.KIND, {}, key=jobs.KEY)
    assert job.state == Job.State.FAILED and jobs.has_failed() and not health.check_all()["figures"]["ok"]
    (mail,) = OutboxMessage.objects.filter(template="essor/mail/figures_failed")
    assert admin.email in mail.to and "refuses" in mail.body
