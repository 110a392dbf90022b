"""Filing: once, by the right person, at the right time, with everything frozen."""

import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from core.models.outbox import OutboxMessage
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.models import Application, Snapshot
from grants.services import filing
from grants.services.drafting import FilingRefused
from grants.services.missing import missing_of
from grants.services.snapshots import fingerprint
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import (
    PARTNERS,
    TRANCHES,
    draft,
    filed,
    filled_draft,
    in_instruction,
    incomplete,
    open_call,
    questions_shown,
    withdrawn,
)

pytestmark = pytest.mark.django_db
PROGRAMMES = ["PROGRESS1", "CAPITAL-SCOP", "CPO"]


def refusal(function, *args, **kwargs) -> TransitionRefused:
    with pytest.raises(TransitionRefused) as caught:
        function(*args, **kwargs)
    return caught.value


# --- a draft --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", PROGRAMMES)
def test_an_application_of_each_programme_can_be_filed(code):
    application = filled_draft(code)
    assert missing_of(application) == []
    submission = filing.submit(application, user=application.created_by)
    assert not submission.replayed
    assert application.state == "submitted"
    year = timezone.localdate().year
    assert application.number == f"{application.rules.number_prefix}-{year}-00001"


def test_amounts_follow_from_what_was_typed():
    progress = filled_draft("PROGRESS1")
    assert (progress.computed_amount, progress.requested_amount) == (28400, 28400)
    assert progress.budget_lines.get(financer_status="this_request").amount == 28400
    scop = filled_draft("CAPITAL-SCOP")
    assert scop.requested_amount == 8200
    assert [person.computed_amount for person in scop.persons.all()] == [3200, 5000]
    cpo = filled_draft("CPO")
    assert cpo.requested_amount == 180000
    assert cpo.budget_lines.get(financer_status="this_request").amount == 180000


def test_a_part_that_is_more_than_its_whole_is_said_before_the_filing():
    """The partners of a collective, and the years of a programme, against the budget that they are parts of."""
    collective = filled_draft("PROGRESS1")
    user = collective.created_by
    typed = {"is_collective": "yes", "partners": [PARTNERS[0] | {"contribution": "1 234 567,89"}]}
    filing.save_answers(collective, user=user, typed=typed)
    said = {item.code: item.message for item in missing_of(collective)}
    assert "plus que tout le budget" in said["partners"]
    filing.save_answers(collective, user=user, typed={"partners": PARTNERS})
    assert "partners" not in {item.code for item in missing_of(collective)}
    programme = filled_draft("CPO")
    rows = [row | {"cost": "250 000"} for row in TRANCHES]
    filing.save_answers(programme, user=programme.created_by, typed={"tranches": rows})
    said = [item.message for item in missing_of(programme) if item.code == "tranches"]
    assert any("plus que le budget" in message for message in said)
    rows = [TRANCHES[0], TRANCHES[1] | {"requested": "0"}, TRANCHES[2]]
    filing.save_answers(programme, user=programme.created_by, typed={"tranches": rows})
    (said,) = [item.message for item in missing_of(programme) if item.code == "tranches"]
    assert "Année 2" in said and "supérieurs à zéro" in said


def test_the_same_token_makes_one_draft():
    user = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=user)
    call, token = open_call(), uuid.uuid4()
    first = filing.create_draft(call=call, applicant=applicant, user=user, token=token)
    assert filing.create_draft(call=call, applicant=applicant, user=user, token=token) == first
    assert Application.objects.count() == 1


def test_a_draft_is_for_ones_own_applicants_of_the_right_kind():
    user = UserFactory(applicant=True)
    with pytest.raises(FilingRefused):
        filing.create_draft(call=open_call(), applicant=ApplicantFactory(), user=user)
    person = ApplicantFactory(natural=True, representative=user)
    with pytest.raises(FilingRefused, match="organisme|structure"):
        filing.create_draft(call=open_call(), applicant=person, user=user)


def test_a_closed_call_takes_no_draft():
    with pytest.raises(FilingRefused, match="clos|fermé"):
        draft(call=open_call(closes_at=timezone.now() - timedelta(hours=1)))


# --- what is missing ------------------------------------------------------------------------------------------------


def test_missing_things_are_listed_with_their_step():
    application = filled_draft(without=("need", "statutes", "attestations"))
    found = {(item.section, item.code, item.is_piece) for item in missing_of(application)}
    assert found == {("projet", "need", False), ("pieces", "statutes", True), ("engagements", "attestations", False)}
    refused = refusal(filing.submit, application, user=application.created_by)
    assert refused.code == "conditions"
    assert set(refused.errors) == {"need", "statutes", "attestations"}
    assert application.state == "draft"


def test_a_budget_that_does_not_balance_is_not_filed():
    application = filled_draft()
    rows = [{"account": "622", "label": "Conseil", "amount": "10000"}]
    filing.save_answers(application, user=application.created_by, typed={"budget": rows})
    refused = refusal(filing.submit, application, user=application.created_by)
    assert "2\u202f000,00\u202f€" in refused.errors["budget"][0]


def test_questions_follow_conditions():
    association = draft()
    assert "partners" not in questions_shown(association)
    assert "volunteers_count" in questions_shown(association)
    filing.save_answers(association, user=association.created_by, typed={"is_collective": "yes"})
    assert "partners" in questions_shown(association)
    user = UserFactory(applicant=True)
    scop = draft(user=user, applicant=ApplicantFactory(scop=True, representative=user))
    assert "volunteers_count" not in questions_shown(scop)


def test_the_republican_contract_is_for_associations_and_foundations():
    user = UserFactory(applicant=True)
    scop = filled_draft(
        user=user, applicant=ApplicantFactory(scop=True, representative=user), without=("attestations",)
    )
    ticked = ["accurate", "duties", "de_minimis", "mandate"]
    filing.save_answers(scop, user=user, typed={"attestations": ticked})
    assert missing_of(scop) == []
    association = filled_draft(without=("attestations",))
    filing.save_answers(association, user=association.created_by, typed={"attestations": ticked})
    assert [item.code for item in missing_of(association)] == ["attestations"]


def test_under_the_floor_a_founder_gets_nothing_and_the_others_go_on():
    application = filled_draft("CAPITAL-SCOP")
    rows = [
        {"first_name": "Alix", "last_name": "Moreau", "own_contribution": "800"},
        {"first_name": "Noé", "last_name": "Petit", "own_contribution": "2 000"},
    ]
    filing.save_answers(application, user=application.created_by, typed={"persons": rows})
    filed = filing.submit(application, user=application.created_by).application
    amounts = {person.first_name: person.computed_amount for person in filed.persons.all()}
    assert amounts == {"Alix": Decimal("0.00"), "Noé": Decimal("2000.00")}


def test_founders_do_not_put_in_more_than_the_capital():
    application = filled_draft("CAPITAL-SCOP")
    user = application.created_by
    filing.save_answers(application, user=user, typed={"total_capital": "10 699,99"})
    refused = refusal(filing.submit, application, user=user)
    (sentence,) = refused.errors["persons"]
    assert "10\u202f700,00" in sentence and "10\u202f699,99" in sentence and "Capital prévu" in sentence
    filing.save_answers(application, user=user, typed={"total_capital": "10 700"})
    filing.submit(application, user=user)


def test_more_than_the_aid_possible_cannot_be_asked():
    application = filled_draft()
    filing.save_answers(application, user=application.created_by, typed={"requested": "30 000"})
    assert "28\u202f400,00" in refusal(filing.submit, application, user=application.created_by).errors["requested"][0]


# --- start before filing --------------------------------------------------------------------------------------------


def test_a_project_that_started_is_refused_unless_a_reason_is_written():
    application = filled_draft()
    user = application.created_by
    started = timezone.localdate() - timedelta(days=5)
    period = {"start": started.isoformat(), "end": (started + timedelta(days=200)).isoformat()}
    filing.save_answers(application, user=user, typed={"period": period})
    refused = refusal(filing.submit, application, user=user)
    assert set(refused.errors) == {"period", "project_start"}
    filing.save_answers(application, user=user, typed={"early_start": "Inondation du local le 12 novembre."})
    assert filing.submit(application, user=user).application.state == "submitted"
    assert "Inondation" in application.early_start_reason


def test_a_cpo_has_no_exception_for_an_early_start():
    application = filled_draft("CPO")
    started = timezone.localdate() - timedelta(days=1)
    period = {"start": started.isoformat(), "end": (started + timedelta(days=900)).isoformat()}
    filing.save_answers(application, user=application.created_by, typed={"period": period})
    assert "project_start" in refusal(filing.submit, application, user=application.created_by).errors


def test_a_project_may_start_on_the_day_of_filing():
    application = filled_draft()
    today = timezone.localdate()
    period = {"start": today.isoformat(), "end": (today + timedelta(days=100)).isoformat()}
    filing.save_answers(application, user=application.created_by, typed={"period": period})
    filing.submit(application, user=application.created_by)


# --- who and when ---------------------------------------------------------------------------------------------------


def test_an_editor_types_but_does_not_file():
    application = filled_draft()
    editor = MembershipFactory(applicant=application.applicant, role="editor").user
    assert filing.save_answers(application, user=editor, typed={"need": "Un besoin précis."}).ok
    refused = refusal(filing.submit, application, user=editor)
    assert refused.code == "permission"
    assert application.state == "draft"


@pytest.mark.parametrize("role", list(Role))
def test_only_a_representative_files(role):
    application = filled_draft()
    stranger = UserFactory(roles=[role])
    assert refusal(filing.submit, application, user=stranger).code == "permission"
    with pytest.raises(FilingRefused):
        filing.save_answers(application, user=stranger, typed={"need": "autre"})
    application.refresh_from_db()
    assert application.state == "draft"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"closes_at": timezone.now() - timedelta(minutes=1), "opens_at": timezone.now() - timedelta(days=9)}, "clos"),
        ({"opens_at": timezone.now() + timedelta(days=1)}, "ouvre"),
        ({"is_locked": True, "lock_reason": "L’enveloppe est épuisée."}, "épuisée"),
        ({"is_published": False}, "publié"),
    ],
)
def test_a_call_that_is_not_open_refuses_with_a_sentence_and_keeps_everything(change, words):
    application = filled_draft()
    call = application.call
    for name, value in change.items():
        setattr(call, name, value)
    with pgtrigger.ignore("grants.Call:call_keeps_its_window"):  # a call closes by the time that passes
        call.save()
    refused = refusal(filing.submit, application, user=application.created_by)
    assert words in str(refused)
    application.refresh_from_db()
    assert application.state == "draft"
    assert application.answers["need"]
    assert application.budget_lines.count() == 7


# --- what filing leaves ---------------------------------------------------------------------------------------------


def test_filing_freezes_what_was_filed():
    application = filed()
    snapshot = application.snapshots.get()
    content = snapshot.content
    assert snapshot.sha256 == fingerprint(content)
    assert content["number"] == application.number
    assert content["applicant"]["siret"] == application.applicant.siret
    assert content["answers"]["need"] == application.answers["need"]
    assert len(content["budget"]) == 7
    assert {piece["sha256"] for piece in content["pieces"]} == {
        piece.document.sha256 for piece in application.pieces.all()
    }
    with pytest.raises(FilingRefused):
        filing.save_answers(application, user=application.created_by, typed={"need": "autre chose"})
    with pytest.raises(FilingRefused):
        filing.attach_piece(application, code="statutes", content=pdf("2"), name="b.pdf", user=application.created_by)


def test_a_snapshot_cannot_be_changed_even_in_sql():
    snapshot = filed().snapshots.get()
    for statement in ("UPDATE grants_snapshot SET sha256 = 'x'", "DELETE FROM grants_snapshot"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        snapshot.delete()


def test_the_receipt_says_what_the_law_asks(django_capture_on_commit_callbacks):
    application = filed()
    message = OutboxMessage.objects.get(key__startswith=f"application-{application.pk}-filed")
    receipt = application.snapshots.get().receipt
    assert list(message.attachments.all()) == [receipt]
    assert receipt.file.media_type == "application/pdf"
    text = message.body.replace("\u202f", " ")
    due = application.decision_due_on
    for expected in (
        application.number,
        str(due.year),
        "refusée",
        "deux mois",
        "tribunal administratif",
        "telerecours",
        application.rules.contact.email,
        application.rules.contact.phone,
        str(application.public_id),
        "Devis",  # a piece that was not joined
    ):
        assert expected in text, expected
    assert application.created_by.email in message.to


def test_the_implied_decision_is_two_months_after_receipt():
    application = filed()
    received = timezone.localdate(application.submitted_at)
    assert (application.decision_due_on - received).days in range(58, 63)
    assert application.decision_due_on.day == received.day or application.decision_due_on.month != received.month


def test_filing_twice_is_the_same_file_number_and_receipt():
    application = filled_draft()
    token = uuid.uuid4()
    first = filing.submit(application, user=application.created_by, token=token)
    second = filing.submit(Application.objects.get(pk=application.pk), user=application.created_by, token=token)
    assert second.replayed
    assert second.application.number == first.application.number
    assert Snapshot.objects.count() == 1
    assert OutboxMessage.objects.filter(key__contains="-filed").count() == 1
    assert application.events.filter(action="submit").count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_once_make_one_file():
    application = filled_draft()
    token, user = uuid.uuid4(), application.created_by
    barrier = threading.Barrier(10)
    results: list = []

    def click() -> None:
        try:
            mine = Application.objects.get(pk=application.pk)
            barrier.wait()
            results.append(filing.submit(mine, user=user, token=token))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _click in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [result for result in results if isinstance(result, Exception)], results
    assert sum(not result.replayed for result in results) == 1
    assert len({result.application.number for result in results}) == 1
    assert Snapshot.objects.filter(application=application).count() == 1
    assert OutboxMessage.objects.filter(key__startswith=f"application-{application.pk}-filed").count() == 1
    assert application.events.filter(action="submit").count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_once_make_one_draft():
    user = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=user)
    call, token = open_call(), uuid.uuid4()
    barrier = threading.Barrier(10)
    found: list = []

    def click() -> None:
        try:
            barrier.wait()
            found.append(filing.create_draft(call=call, applicant=applicant, user=user, token=token).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _click in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 10
    assert len(set(found)) == 1


# --- the database holds it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "number = 'X-1'",
        "submitted_at = now()",
        "state = 'submitted'",
        "requested_amount = -1",
        "granted_amount = 10",
        "project_start = '2027-01-01', project_end = '2026-01-01'",
        "eu_fund = 'XXX'",
        "clock_suspended_at = now()",
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_by_the_database(change):
    application = draft()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE grants_application SET {change} WHERE id = %s", [application.pk])  # noqa: S608


@pytest.mark.parametrize("change", ["state = 'approved'", "number = NULL", "submitted_by_id = NULL"])
def test_a_filed_case_that_makes_no_sense_is_refused_by_the_database(change):
    application = filed()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE grants_application SET {change} WHERE id = %s", [application.pk])  # noqa: S608


def test_the_state_is_not_assigned():
    with pytest.raises(AttributeError):
        draft().state = "approved"


# --- missing pieces asked for, withdrawal ---------------------------------------------------------------------------


def test_a_request_for_pieces_is_answered_with_a_new_snapshot():
    application = incomplete(pieces=("statutes", "accounts"))
    user = application.created_by
    before = application.snapshots.get().sha256
    refused = refusal(filing.answer_piece_request, application, user=user)
    assert "Statuts" in str(refused)
    for code in ("statutes", "accounts"):
        filing.attach_piece(application, code=code, content=pdf(f"new {code}"), name=f"{code}2.pdf", user=user)
    due, suspended = application.decision_due_on, application.clock_suspended_at
    request_due = application.open_piece_request().due_on
    assert suspended is not None
    filing.answer_piece_request(application, user=user, comment="Voici.")
    assert application.state == "submitted"
    assert application.clock_suspended_at is None
    assert application.decision_due_on == due - (request_due - timezone.localdate())  # answered the same day
    assert application.piece_requests.get().answered_by == user
    assert [snapshot.kind for snapshot in application.snapshots.all()] == ["submission", "completion"]
    assert application.snapshots.first().sha256 == before
    assert OutboxMessage.objects.filter(key__contains="-completed-").count() == 1


def test_only_the_pieces_asked_for_can_be_joined_meanwhile():
    application = incomplete(pieces=("statutes",))
    with pytest.raises(FilingRefused):
        filing.attach_piece(application, code="accounts", content=pdf("x"), name="x.pdf", user=application.created_by)


def test_a_refused_piece_is_replaced_and_stays_for_its_snapshot():
    application = incomplete(pieces=("statutes",))
    old = application.pieces.get(code="statutes")
    old.state, old.note = "refused", "La page 2 manque."
    old.save()
    new = filing.attach_piece(
        application, code="statutes", content=pdf("signed"), name="signed.pdf", user=application.created_by
    )
    old.refresh_from_db()
    assert old.state == "replaced"
    assert list(application.pieces.current().filter(code="statutes")) == [new]


def test_a_draft_and_a_filed_case_can_be_withdrawn():
    application = draft()
    filing.withdraw(application, user=application.created_by)
    assert application.state == "withdrawn"
    assert application.number is None
    other = withdrawn()
    assert other.state == "withdrawn"
    assert OutboxMessage.objects.filter(key=f"application-{other.pk}-withdrawn").count() == 1
    assert in_instruction().state == "in_instruction"


def test_a_stranger_withdraws_nothing():
    application = filed()
    assert refusal(filing.withdraw, application, user=UserFactory(applicant=True)).code == "permission"


def test_pieces_are_limited_by_their_rule():
    application = draft()
    user = application.created_by
    with pytest.raises(FilingRefused):
        filing.attach_piece(application, code="nothing", content=pdf(), name="a.pdf", user=user)
    filing.attach_piece(application, code="bank_details", content=pdf("a"), name="a.pdf", user=user)
    with pytest.raises(FilingRefused, match="1"):
        filing.attach_piece(application, code="bank_details", content=pdf("b"), name="b.pdf", user=user)
    filing.remove_piece(application.pieces.get(), user=user)
    assert not application.pieces.exists()


def test_a_new_version_that_is_taken_back_leaves_what_was_asked():
    """The file that the service refused stands again, with its reason, and is not taken back itself."""
    application = incomplete(pieces=("statutes",))
    user, old = application.created_by, application.pieces.get(code="statutes")
    type(old).objects.filter(pk=old.pk).update(state="refused", note="Il manque la signature.")
    new = filing.attach_piece(application, code="statutes", content=pdf("signed"), name="b.pdf", user=user)
    old.refresh_from_db()
    assert old.state == "replaced"
    filing.remove_piece(new, user=user)
    old.refresh_from_db()
    assert (old.state, old.note) == ("refused", "Il manque la signature.")
    with pytest.raises(FilingRefused, match="autre version"):
        filing.remove_piece(old, user=user)


def test_numbers_follow_each_other_without_gap():
    call = open_call()
    numbers = []
    for _case in range(3):
        application = filled_draft(call=call)
        broken = filled_draft(call=call, without=("need",))
        refusal(filing.submit, broken, user=broken.created_by)
        numbers.append(filing.submit(application, user=application.created_by).application.number)
    assert [number[-5:] for number in numbers] == ["00001", "00002", "00003"]


def test_submit_is_not_for_the_system():
    application = filled_draft()
    assert refusal(perform, application, "submit", actor=None, system=True).code == "permission"
    assert not mail.outbox
