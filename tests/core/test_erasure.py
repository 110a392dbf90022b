"""Erasing a person: the values are gone everywhere, the proof stays clean and says so."""

from collections.abc import Iterator
from io import StringIO

import pgtrigger
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from applicants.bank_accounts import payable_account
from applicants.models import Applicant, BankAccount
from core.acting import acting_as
from core.engine.erasure import ErasureRefused, _filled_again, erase
from core.engine.seals import seal_all
from core.events import history, record
from core.history import history_rows, personal_fields, tracked_models
from core.models import Document, Erasure, EventSeal, PersonSalt, StoredFile
from core.models.user import User
from core.outbox import enqueue_mail
from tests.factories.applicants import ApplicantFactory, BankAccountFactory
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def person() -> User:
    with acting_as(label="tests"):
        person = UserFactory(applicant=True, first_name="Odile", last_name="Zwingel", phone="0102030405")
    with acting_as(person), transaction.atomic():
        person.phone = "06 07 08 09 10"
        person.save()
        record(person, "edit_account", actor=person, data={"phone": person.phone}, comment="Zwingel a déménagé")
    seal_all()
    return person


def verify() -> str:
    output = StringIO()
    call_command("verify_history", "--no-files", stdout=output)
    return output.getvalue()


def everything() -> str:
    """All the words that the database keeps in the tables of the proof and of the accounts."""
    text = []
    with connection.cursor() as cursor:
        for table in ("core_user", "core_userevent", "core_event", "core_historyseal", "core_personsalt"):
            cursor.execute(f"SELECT coalesce(string_agg(row::text, ' '), '') FROM {table} AS row")  # noqa: S608
            text.append(cursor.fetchone()[0])
    return " ".join(text)


def test_an_erased_person_is_nowhere_and_the_proof_is_clean(person):
    before = EventSeal.objects.order_by("position").last()
    assert "Zwingel" in everything() and "0102030405" in everything()
    done = erase([person], reason="Request of 2 December, GDPR Article 17")
    assert (done.rows, done.kept) == (1, 0)
    for value in ("Zwingel", "Odile", "0102030405", "06 07 08 09 10", "déménagé", "example.org"):
        assert value not in everything()
    assert "Erasures of personal values met on the way, each recorded: 1." in verify()
    assert EventSeal.objects.get(position=before.position).hash == before.hash
    last = history(User.objects.get(pk=person.pk)).last()
    assert (last.action, last.comment) == ("erase", "Request of 2 December, GDPR Article 17")


def test_life_goes_on_after_an_erasure(person):
    erase([person], reason="Article 17")
    with acting_as(label="tests"):
        User.objects.filter(pk=person.pk).update(is_active=False)
    seal_all()
    verify()
    assert PersonSalt.objects.filter(table="core_user", row=str(person.pk)).count() == 1  # a new one
    assert history_rows(person).last().is_active is False


def test_an_erasure_hides_no_edit(person):
    erase([person], reason="Article 17")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE core_userevent SET is_staff = true WHERE pgh_label = 'insert'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    with pytest.raises(CommandError, match="was edited after it was sealed"):
        verify()


def forge(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


def erased_person(person) -> User:
    erase([person], reason="Article 17")
    return person


@pytest.mark.parametrize(
    ("column", "value"), [("first_name", "Escroc"), ("email", "escroc@example.org"), ("phone", "0102030405")]
)
def test_an_erased_place_holds_the_mark_of_it_and_nothing_else(person, column, value):
    erased_person(person)
    forge(
        f"UPDATE core_user SET {column} = '{value}' WHERE id = {person.pk}",  # noqa: S608
        f"UPDATE core_userevent SET {column} = '{value}' WHERE pgh_obj_id = {person.pk}",  # noqa: S608
    )
    with pytest.raises(CommandError) as caught:
        verify()
    assert f"core_user id={person.pk} field={column}: line" in str(caught.value)
    assert f"was erased by law, and says something again. before={'—' if column == 'first_name' else ''}" in str(
        caught.value
    )


def test_a_line_of_an_erased_row_that_says_something_again_accuses_no_row(person):
    erased_person(person)
    forge(f"UPDATE core_userevent SET first_name = 'Odile' WHERE pgh_obj_id = {person.pk}")  # noqa: S608
    with pytest.raises(CommandError) as caught:
        verify()
    lines = str(caught.value).splitlines()
    assert lines and all("was erased by law, and says something again" in line for line in lines), lines


def test_an_erasure_says_when_it_was_made(person):
    erased_person(person)
    forge("UPDATE core_erasure SET erased_at = erased_at - interval '200 days'")
    with pytest.raises(CommandError, match="core_erasure id=.* field=erased_at: this erasure says that it was made at"):
        verify()


def test_an_erased_bank_account_receives_no_other_number():
    with acting_as(label="tests"):
        account = BankAccountFactory(verified=True)
        seal_all()
        erase([account], reason="Article 17")
    verify()
    forge(
        f"UPDATE applicants_bankaccount SET iban = 'FR7630006000011234567890189' WHERE id = {account.pk}",  # noqa: S608
        "UPDATE applicants_bankaccountevent SET iban = 'FR7630006000011234567890189' "  # noqa: S608
        f"WHERE pgh_obj_id = {account.pk}",
    )
    with pytest.raises(CommandError, match="field=iban: line .* before=XX00ERASED.* after=FR76"):
        verify()


def test_an_erased_event_says_nothing_again(person):
    erased_person(person)
    forge("UPDATE core_event SET comment = 'forged' WHERE action = 'edit_account'")
    with pytest.raises(CommandError, match="the words of this event were erased by law, and it says something again"):
        verify()


def test_every_kind_of_row_that_can_be_erased_has_marks_that_are_found(person):
    """For each tracked table with personal columns, the statement that looks for what was filled again runs."""
    for model in tracked_models():
        if personal_fields(model):
            assert list(_filled_again(model, {"1": 0, "2": 0})) == [], model


def test_an_emptied_place_that_no_event_names_is_found(person):
    line = history_rows(person).last()
    event = record(person, "look")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM core_personsalt WHERE row = %s", [str(person.pk)])
        cursor.execute("SET LOCAL session_replication_role = origin")
    Erasure.objects.create(table="core_user", row=str(person.pk), last_line=line.pgh_id, event=event.pk)
    with pytest.raises(CommandError, match="said to be erased, but no event says who did it"):
        verify()


def test_what_nobody_may_erase_like_this(person):
    with pytest.raises(ErasureRefused, match="needs its reason"):
        erase([person], reason=" ")
    stored = StoredFile(sha256="0" * 64, size=1, media_type="x")
    with pytest.raises(ErasureRefused, match="holds no personal value"):
        erase([stored], reason="Article 17")


def test_the_command(person, capsys):
    with acting_as(label="tests"):
        applicant = ApplicantFactory(natural=True, first_name="Odile", last_name="Zwingel")
    call_command(
        "erase_person", f"core.User:{person.pk}", f"applicants.applicant:{applicant.pk}", "--reason", "Article 17"
    )
    assert "Erased: 2 rows" in capsys.readouterr().out
    applicant.refresh_from_db()
    assert "Zwingel" not in f"{applicant.last_name} {applicant.search_text} {applicant.sort_name}"
    verify()
    for wrong in ("core.User:0", "nonsense", "core.Nothing:1"):
        with pytest.raises(CommandError, match="write APP.MODEL:ID"):
            call_command("erase_person", wrong, "--reason", "Article 17")
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("erase_person", f"core.User:{person.pk}", "--reason", "x", "--by", "nobody@example.org")


def test_a_verified_account_is_erased_and_paid_no_more(person):
    """By an event; the number that stands for the erased one is neither verified nor ordered on again, by SQL either."""
    with acting_as(label="tests"):
        account = BankAccountFactory(verified=True)
        erase([account], reason="Article 17")
    account = BankAccount.objects.get(pk=account.pk)
    assert (account.state, account.holder_name, account.masked_iban) == ("erased", "—", "number erased by law")
    assert [event.action for event in history(account)][-2:] == ["erase_by_law", "erase"]
    assert payable_account(account.applicant)[0] is None
    verify()
    for state in ("verified", "entered"):
        with pgtrigger.ignore(), pytest.raises(IntegrityError, match="erased"), transaction.atomic():
            BankAccount.objects.filter(pk=account.pk).update(state=state)


def test_what_waits_is_left_and_the_command_goes_on(person, capsys):
    """Each row that is left is named with its reason; the exit code says that something was left."""
    with acting_as(label="tests"):
        waiting, other = BankAccountFactory(), ApplicantFactory(natural=True, last_name="Zwingel")
        agent = UserFactory(finance_officer=True)
    rows = [f"applicants.BankAccount:{waiting.pk}", f"core.User:{agent.pk}", f"applicants.Applicant:{other.pk}"]
    with pytest.raises(CommandError) as caught:
        call_command("erase_person", *rows, "--reason", "Article 17")
    assert "Erased: 1 rows" in capsys.readouterr().out
    said = str(caught.value).splitlines()
    assert said[0] == "2 rows were not erased:"
    assert "waits to be verified: verify or reject it first." in said[1] and "still acts for the Region" in said[2]
    other.refresh_from_db()
    assert other.last_name == "—"


def test_a_rule_of_the_database_is_told_in_words(person, monkeypatch):
    """Never in the words of the server."""
    with acting_as(label="tests"):
        other = UserFactory(applicant=True)
    monkeypatch.setattr("core.engine.erasure._nothing", lambda field, pk: other.email if field.name == "email" else "")
    with pytest.raises(ErasureRefused) as caught:
        erase([person], reason="Article 17")
    assert "cannot be emptied" in str(caught.value)
    assert not {"violates", "DETAIL", "Key ("} & {
        word for word in ("violates", "DETAIL", "Key (") if word in str(caught.value)
    }


def test_what_is_personal_is_declared():
    declared = {model: set(personal_fields(model)) for model in tracked_models()}
    assert {"email", "first_name", "last_name", "phone"} <= declared[User]
    assert {"last_name", "birth_date", "email", "address_line"} <= declared[Applicant]
    assert declared[Document] == {"name"}
    named = {"email", "first_name", "last_name", "phone", "iban", "birth_date", "address_line", "person_name"}
    forgotten = {
        f"{model._meta.label}.{field.name}"
        for model, names in declared.items()
        for field in model._meta.concrete_fields
        if field.name in named and field.name not in names
    }
    assert not forgotten


def test_a_mail_can_be_erased_and_the_proof_stays_clean(person):
    with acting_as(label="tests"):
        mail = enqueue_mail(
            to=["odile.zwingel@example.org"], template="essor/mail/known_address", context={"user": person}, key="one"
        )
    with pytest.raises(ErasureRefused, match="has not left yet"):
        erase([mail], reason="Article 17")
    with acting_as(label="tests"):
        type(mail).objects.filter(pk=mail.pk).update(state="sent", sent_at=timezone.now())
    erase([mail], reason="Article 17")
    mail.refresh_from_db()
    assert mail.to == ["erased@erased.invalid"] and "Zwingel" not in mail.body + mail.subject_line
    seal_all()
    assert "Erasures of personal values met on the way, each recorded: 1" in verify()
