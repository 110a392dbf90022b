"""Bank accounts: checked, verified by another person, never changed in silence."""

from datetime import timedelta

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from applicants.bank_accounts import enter_account, payable_account, people_to_alert
from applicants.models import Applicant, BankAccount, CallBack
from core.acting import acting_as
from core.documents import DocumentRefused, may_read
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.history import history_model_of
from core.lib.telephones import normal_number
from core.models import OutboxMessage
from core.transitions import TransitionRefused, available_transitions, perform
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, iban, pdf
from tests.factories.core import UserFactory, recorded_earlier

pytestmark = pytest.mark.django_db
IBAN = "FR76 3000 6000 0112 3456 7890 189"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


@pytest.fixture
def representative():
    return UserFactory(applicant=True)


@pytest.fixture
def applicant(representative):
    return ApplicantFactory(name="Les Coquelicots", representative=representative)


@pytest.fixture
def finance():
    return UserFactory(finance_officer=True)


def enter(applicant, actor, number: str = IBAN, **changes) -> BankAccount:
    values = {
        "holder_name": "Association Les Coquelicots",
        "iban": number,
        "proof": pdf(number),
        "proof_name": "rib.pdf",
    }
    return enter_account(applicant, actor=actor, **values | changes)


def seen(**changes) -> dict:
    return {"proof_dated": timezone.localdate()} | changes


CALL = {"phone": "03 26 00 00 00", "person": "Mme Durand"}


def call() -> dict:
    return CALL | {"called_at": timezone.now()}


# --- Entering --------------------------------------------------------------------------------------------------------


def test_an_account_waits_for_another_person(applicant, representative, finance) -> None:
    account = enter(applicant, representative)
    assert (account.state, account.iban) == ("entered", "FR7630006000011234567890189")
    assert payable_account(applicant)[0] is None
    perform(account, "verify", actor=finance, data=seen())
    assert (account.state, account.verified_by) == ("verified", finance)
    assert payable_account(applicant) == (account, "")
    assert [event.action for event in history(account)] == ["enter", "verify"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iban": "FR7630006000011234567890188"}, ValidationError),
        ({"bic": "X"}, ValidationError),
        ({"proof": b"MZ", "proof_name": "rib.exe"}, DocumentRefused),
        ({"proof": b"nom;iban\n", "proof_name": "rib.csv"}, DocumentRefused),
    ],
)
def test_wrong_details_are_refused(applicant, representative, changes: dict, error: type) -> None:
    with pytest.raises(error):
        enter(applicant, representative, **changes)
    assert not BankAccount.objects.exists()


def test_who_may_enter(applicant) -> None:
    editor = UserFactory(applicant=True)
    applicant.memberships.create(user=editor, role="editor")
    for person in (editor, UserFactory(applicant=True), UserFactory(finance_officer=True), UserFactory(auditor=True)):
        with pytest.raises(TransitionRefused) as caught:
            enter(applicant, person)
        assert caught.value.code == "permission"
    assert enter(applicant, UserFactory(instructor=True)).pk


def test_a_new_entry_replaces_the_one_that_waits(applicant, representative) -> None:
    first = enter(applicant, representative)
    second = enter(applicant, representative, iban(2))
    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "entered")
    assert not second.is_change


# --- Changing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def verified(applicant, representative):
    """An applicant that has been known for long, with its verified account."""
    for row in (applicant, representative, *applicant.memberships.all()):
        recorded_earlier(row)
    return BankAccountFactory(applicant=applicant, verified=True)


def test_a_change_is_told_and_stops_the_payments(applicant, representative, verified, finance) -> None:
    account = enter(applicant, representative)
    assert account.is_change
    mail = OutboxMessage.objects.get(template="applicants/mail/bank_account_change")
    assert mail.to == [representative.email, applicant.email, verified.entered_by.email]
    assert finance.email in OutboxMessage.objects.get(template="applicants/mail/bank_account_change_service").to
    assert account.masked_iban in mail.body and verified.masked_iban in mail.body
    assert account.iban not in mail.body
    assert "change_alert" in [event.action for event in history(account)]
    payable, reason = payable_account(applicant)
    assert payable is None and reason


def test_a_change_needs_a_call_back(applicant, representative, verified, finance) -> None:
    account = enter(applicant, representative)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen())
    assert set(caught.value.errors) == {"phone", "person", "called_at"}
    perform(account, "verify", actor=finance, data=seen(**call()))
    verified.refresh_from_db()
    assert (account.state, verified.state) == ("verified", "superseded")
    assert account.call_backs.get().called_by == finance
    assert payable_account(applicant)[0] == account


@pytest.mark.parametrize("phone", ["0", "X", "03 26 99 99 99", "00000000000"])
def test_only_a_number_known_long_before_is_called(applicant, representative, verified, finance, phone: str) -> None:
    """The representative who changes the number today and the account a minute later is not called on the new one."""
    applicant.phone = "03 26 99 99 99"
    applicant.save()
    account = enter(applicant, representative)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen(**call() | {"phone": phone}))
    assert set(caught.value.errors) == {"phone"}
    perform(account, "verify", actor=finance, data=seen(**call() | {"phone": "+33 3 26 00 00 00"}))
    assert account.state == "verified"


@pytest.mark.parametrize("when", [timedelta(minutes=5), timedelta(days=-400)])
def test_the_call_is_made_after_the_entry_and_before_now(applicant, representative, verified, finance, when) -> None:
    account = enter(applicant, representative)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen(**CALL | {"called_at": timezone.now() + when}))
    assert set(caught.value.errors) == {"called_at"}


def test_the_people_of_before_are_alerted_too(applicant, representative, verified) -> None:
    """Whoever took hold of an account first removes the others and changes the address."""
    old = applicant.email
    other = UserFactory(applicant=True)
    membership = applicant.memberships.create(user=other, role="representative")
    for row in (other, membership):
        recorded_earlier(row)
    membership.delete()
    applicant.email = "autre@example.org"
    applicant.save()
    account = enter(applicant, representative)
    assert {old, other.email} <= set(people_to_alert(account))


def test_without_a_known_number_another_proof_of_another_person(representative, finance) -> None:
    applicant = ApplicantFactory(name="Les Coquelicots", representative=representative)  # on file since today
    BankAccountFactory(applicant=applicant, verified=True)
    account = enter(applicant, representative)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen(**call()))
    assert set(caught.value.errors) == {"phone"}
    files = {"document": SimpleUploadedFile("pv.pdf", pdf("pv"), "application/pdf")}
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "vouch", actor=finance, data={"reason": "Vue au siège."})
    assert set(caught.value.errors) == {"document"}
    perform(account, "vouch", actor=finance, data={"reason": "Présidente vue au siège, PV du CA."}, files=files)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen())
    assert caught.value.code == "permission"
    perform(account, "verify", actor=UserFactory(finance_officer=True), data=seen())
    assert (account.state, account.other_proof.name) == ("verified", "pv.pdf")
    control = invariant_of("applicants.changed-account-was-called")
    assert look_at(control).holds
    with pgtrigger.ignore():  # proved after it was verified: that is no proof of it
        BankAccount.objects.filter(pk=account.pk).update(vouched_at=timezone.now() + timedelta(days=1))
    assert look_at(control).count == 1


def test_no_other_proof_where_somebody_can_be_called(applicant, representative, verified, finance) -> None:
    files = {"document": SimpleUploadedFile("pv.pdf", pdf("pv"), "application/pdf")}
    with pytest.raises(TransitionRefused) as caught:
        perform(enter(applicant, representative), "vouch", actor=finance, data={"reason": "Vue."}, files=files)
    assert caught.value.code == "conditions"


def test_the_database_wants_a_true_call(applicant, representative, verified, finance) -> None:
    account = enter(applicant, representative)
    with pytest.raises(IntegrityError, match="verified by a call"), transaction.atomic():
        BankAccount.objects.filter(pk=account.pk).update(
            state="verified", verified_by=finance, verified_at=timezone.now(), proof_dated=timezone.localdate()
        )
    good = CALL | {"bank_account": account, "called_by": finance, "called_at": timezone.now()}
    for changes, words in (
        ({"phone": "X"}, "telephone number"),
        ({"phone": "03 26 99 99 99"}, "not known long before"),
        ({"called_at": timezone.now() - timedelta(days=400)}, "between the entry"),
        ({"called_at": timezone.now() + timedelta(days=1)}, "between the entry"),
    ):
        with pytest.raises(IntegrityError, match=words), transaction.atomic():
            CallBack.objects.create(**good | changes)
    assert CallBack.objects.create(**good).pk


# --- the number called, by SQL and in the figure -----------------------------------------------------------------------


def known_since(applicant, phone: str, days: float) -> None:
    """The applicant has had this number for so many days; the one of before, for longer."""
    applicant.phone = phone
    applicant.save()
    line = history_model_of(Applicant).objects.filter(pgh_obj_id=applicant.pk).latest("pgh_id")
    with pgtrigger.ignore(), acting_as(label="test"):
        moment = timezone.now() - timedelta(days=days)
        type(line).objects.filter(pgh_id=line.pgh_id).update(pgh_created_at=moment)


def called_on(phone: str, account, finance, **changes) -> CallBack:
    values = {"bank_account": account, "called_by": finance, "called_at": timezone.now(), "person": "Mme Durand"}
    return CallBack.objects.create(phone=phone, **values | changes)


@pytest.mark.parametrize(
    ("days", "setting", "refused"), [(29, 30, True), (31, 30, False), (59, 60, True), (61, 60, False), (29, 7, True)]
)
def test_the_number_called_was_known_by_the_days_of_the_setting(
    applicant, representative, verified, finance, settings, days, setting, refused
) -> None:
    """By the form, by SQL with the days of the row, and never by fewer than thirty."""
    settings.ESSOR_CALL_BACK_KNOWN_DAYS = setting
    known_since(applicant, "03 26 99 99 99", days)
    account = enter(applicant, representative)
    if refused:
        with pytest.raises(IntegrityError, match="not known long before"), transaction.atomic():
            called_on("03 26 99 99 99", account, finance, known_days=setting)
        with pytest.raises(TransitionRefused):
            perform(account, "verify", actor=finance, data=seen(**call() | {"phone": "03 26 99 99 99"}))
    else:
        with pytest.raises(IntegrityError, match="not known long before"), transaction.atomic():
            called_on("03 26 00 00 00", account, finance, known_days=setting)  # the one of before, no longer theirs
        perform(account, "verify", actor=finance, data=seen(**call() | {"phone": "03 26 99 99 99"}))
        assert account.call_backs.get().known_days == setting


@pytest.mark.parametrize("role", ["representative", "editor"])
def test_the_number_of_who_represented_the_body_then_is_one_of_its_own(
    applicant, representative, verified, finance, role
) -> None:
    other = UserFactory(applicant=True, phone="06 11 22 33 44")
    for row in (other, applicant.memberships.create(user=other, role=role)):
        recorded_earlier(row)
    applicant.memberships.filter(user=other).delete()
    account = enter(applicant, representative)
    if role == "representative":
        called_on("+33 6 11 22 33 44", account, finance, known_days=1)
        assert account.call_backs.get().known_days == 30, "never fewer"
    else:
        with pytest.raises(IntegrityError, match="not known long before"), transaction.atomic():
            called_on("+33 6 11 22 33 44", account, finance)


def test_the_figure_reads_the_number_the_day_and_the_days_of_the_call(
    applicant, representative, verified, finance, settings
) -> None:
    known_since(applicant, "03 26 99 99 99", 40)
    account = enter(applicant, representative)
    perform(account, "verify", actor=finance, data=seen(**call() | {"phone": "03 26 99 99 99"}))
    control = invariant_of("applicants.changed-account-was-called")
    calls, entered, verified_at = account.call_backs.all(), account.entered_at, account.verified_at
    settings.ESSOR_CALL_BACK_KNOWN_DAYS = 90
    assert look_at(control).holds, "a setting that changes later accuses nobody"
    true = calls.values("phone", "called_at", "known_days").get()
    for wrong in (
        {"phone": "03 26 00 00 00"},
        {"phone": "06 00 00 00 01"},
        {"known_days": 41},
        {"called_at": entered - timedelta(minutes=2)},
        {"called_at": verified_at + timedelta(seconds=1)},
    ):
        with pgtrigger.ignore():
            calls.update(**true | wrong)
        assert look_at(control).count == 1, wrong
    with pgtrigger.ignore():
        calls.update(**true | {"known_days": None})
    assert look_at(control).holds, "the calls of before do not know their days"


def test_a_change_is_one_whatever_the_writer_says(applicant, verified) -> None:
    account = BankAccountFactory(applicant=applicant, is_change=False)
    account.refresh_from_db()
    assert account.is_change


@pytest.mark.parametrize("became", ["entered", "rejected"])
def test_an_account_after_that_of_another_person_is_a_change(applicant, representative, finance, became: str) -> None:
    """Whoever removes a representative removes no account that this one entered: their own is called about."""
    first = enter(applicant, representative)
    if became == "rejected":
        perform(first, "reject", actor=finance, data={"reason": "Illisible."})
    newcomer = UserFactory(applicant=True)
    with acting_as(representative):
        applicant.memberships.create(user=newcomer, role="representative")
    applicant.memberships.get(user=representative).delete()
    account = enter(applicant, newcomer, iban(2))
    assert account.is_change
    for template in ("bank_account_change", "bank_account_change_service"):
        mail = OutboxMessage.objects.get(template=f"applicants/mail/{template}")
        assert first.masked_iban in mail.body and account.masked_iban in mail.body
    assert representative.email in OutboxMessage.objects.get(template="applicants/mail/bank_account_change").to
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen())
    assert "phone" in caught.value.errors
    control = invariant_of("applicants.change-is-told-as-one")
    assert look_at(control).holds
    with pgtrigger.ignore():
        BankAccount.objects.filter(pk=account.pk).update(is_change=False)
    assert look_at(control).count == 1


@pytest.mark.parametrize(("days", "is_change"), [(0, True), (29, True), (31, False)])
def test_the_first_account_of_who_joined_lately_is_a_change(applicant, finance, days: int, is_change: bool) -> None:
    """The body was here before them, and nobody knows them: a person of long standing is called about nothing."""
    Applicant.objects.filter(pk=applicant.pk).update(created_at=timezone.now() - timedelta(days=90))
    applicant.refresh_from_db()
    newcomer = UserFactory(applicant=True)
    joined = timezone.now() - timedelta(days=days)
    applicant.memberships.create(user=newcomer, role="representative", created_at=joined)
    account = enter(applicant, newcomer)
    assert account.is_change is is_change
    mails = OutboxMessage.objects.filter(template__startswith="applicants/mail/bank_account_change")
    assert [account.masked_iban in mail.body for mail in mails] == [True, True] * is_change
    by_hand = BankAccountFactory.build(applicant=applicant, entered_by=newcomer, proof=account.proof, state="rejected")
    by_hand.save()
    by_hand.refresh_from_db()
    assert by_hand.is_change is is_change


def test_the_founders_of_a_body_change_nothing(applicant, representative) -> None:
    account = enter(applicant, representative)
    assert not account.is_change
    assert not OutboxMessage.objects.filter(template__startswith="applicants/mail/bank_account_change").exists()


@pytest.mark.parametrize("typed", ["0326000000", "03.26.00.00.00", "+33 (0)3 26 00 00 00", "0033326000000"])
def test_one_writing_of_a_number(typed: str) -> None:
    assert normal_number(typed) == "+33326000000"


@pytest.mark.parametrize("typed", ["0", "X", "", "12", "0000000000", "+33 0", "03 26", "+11111111111", "0326000000000"])
def test_what_is_no_number(typed: str) -> None:
    with pytest.raises(ValidationError):
        normal_number(typed)


def test_a_refused_change_leaves_the_account_that_was_there(applicant, representative, verified, finance) -> None:
    account = enter(applicant, representative)
    perform(account, "reject", actor=finance, data={"reason": "Le titulaire ne répond pas."})
    verified.refresh_from_db()
    assert (account.state, verified.state) == ("rejected", "verified")
    assert "Le titulaire ne répond pas." in OutboxMessage.objects.get(template__endswith="bank_account_answer").body
    assert payable_account(applicant)[0] == verified


def test_the_account_in_use_is_not_entered_again(applicant, representative, verified) -> None:
    with pytest.raises(TransitionRefused) as caught:
        enter(applicant, representative, verified.iban)
    assert "iban" in caught.value.errors


# --- Verifying -------------------------------------------------------------------------------------------------------


def test_who_enters_does_not_verify(applicant) -> None:
    both = UserFactory(roles=["instructor", "finance_officer"])
    account = enter(applicant, both)
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=both, data=seen())
    assert caught.value.code == "permission"
    option = next(option for option in available_transitions(account, both) if option.spec.name == "verify")
    assert not option.allowed and option.reason
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE applicants_bankaccount SET verified_by_id = entered_by_id")


def test_one_who_acts_for_the_applicant_does_not_verify(applicant, representative) -> None:
    colleague = UserFactory(finance_officer=True)
    applicant.memberships.create(user=colleague, role="editor")
    with pytest.raises(TransitionRefused):
        perform(enter(applicant, representative), "verify", actor=colleague, data=seen())


@pytest.mark.parametrize(
    "role", ["applicant", "instructor", "head_of_service", "eu_controller", "auditor", "administrator"]
)
def test_only_finance_verifies(applicant, representative, role: str) -> None:
    account = enter(applicant, representative)
    for name, data in (("verify", seen()), ("reject", {"reason": "x"}), ("supersede", {})):
        with pytest.raises(TransitionRefused) as caught:
            perform(account, name, actor=UserFactory(**{role: True}), data=data)
        assert caught.value.code == "permission"


def test_another_holder_needs_a_reason(applicant, representative, finance) -> None:
    account = enter(applicant, representative, holder_name="DUPONT CONSEIL SARL")
    assert not account.holder_matches
    with pytest.raises(TransitionRefused) as caught:
        perform(account, "verify", actor=finance, data=seen())
    assert set(caught.value.errors) == {"note"}
    perform(account, "verify", actor=finance, data=seen(note="Compte ouvert sous l'ancien nom, statuts vus."))
    assert account.decision_note


@pytest.mark.parametrize("days", [1, -400])
def test_the_proof_is_recent(applicant, representative, finance, days: int) -> None:
    with pytest.raises(TransitionRefused) as caught:
        perform(
            enter(applicant, representative),
            "verify",
            actor=finance,
            data={"proof_dated": timezone.localdate() + timedelta(days=days)},
        )
    assert set(caught.value.errors) == {"proof_dated"}


# --- The database ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE applicants_bankaccount SET iban = 'FR7630006000011234567890189'",
        "UPDATE applicants_bankaccount SET holder_name = 'Un autre'",
        "UPDATE applicants_bankaccount SET state = 'entered'",
        "UPDATE applicants_bankaccount SET state = 'rejected'",
        "DELETE FROM applicants_bankaccount",
    ],
)
def test_an_account_is_not_edited_behind_the_workflow(verified, sql: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iban": "fr76"},
        {"verified": True, "proof_dated": None},
        {"verified": True, "verified_by": None},
        {"state": "unknown"},
    ],
)
def test_the_database_refuses(applicant, wrong: dict) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        BankAccountFactory(applicant=applicant, **wrong)


@pytest.mark.parametrize("verified_", [True, False])
def test_one_account_of_each_kind(applicant, verified_: bool) -> None:
    BankAccountFactory(applicant=applicant, verified=verified_)
    with pytest.raises(IntegrityError), transaction.atomic():
        BankAccountFactory(applicant=applicant, verified=verified_)


def test_a_call_back_is_kept(applicant, representative, verified, finance) -> None:
    account = enter(applicant, representative)
    perform(account, "verify", actor=finance, data=seen(**call()))
    for sql in ("UPDATE applicants_callback SET phone = 'x'", "DELETE FROM applicants_callback"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


# --- The proof -------------------------------------------------------------------------------------------------------


def test_who_reads_the_proof(applicant, representative) -> None:
    proof = enter(applicant, representative).proof
    assert may_read(representative, proof) is None
    assert may_read(UserFactory(auditor=True), proof) is None
    assert may_read(UserFactory(applicant=True), proof)
