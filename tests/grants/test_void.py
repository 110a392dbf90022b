"""Nothing is decided on figures that changed: a computation, an answer, a proposal, a visa are void, and say so."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements.drafting import DraftingRefused, draft_agreement
from core.roles import Role
from core.transitions import TransitionRefused, available_transitions, perform
from grants import committee, instruction, opinion_links
from grants.conditions import opinions_rest_on_the_present_file
from grants.models import AgendaItem, AidComputation, Piece, Proposal
from grants.opinions import uphold_opinion
from grants.rules.automatic_checks import AUTOMATIC, RESTS_ON, CaseFacts, fingerprint
from grants.services import filing
from grants.services.snapshots import take_snapshot
from grants.void import present_facts, void_answers, void_checks, void_computation, void_opinions
from tests.factories.applicants import DeMinimisAidFactory, pdf
from tests.factories.grants import filed, incomplete
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, answer_all, consulted, score_all, staff
from tests.forms import form_to
from tests.rows import never_written

pytestmark = pytest.mark.django_db

FAVOUR = {"favourable": "yes", "proposed_amount": "26000", "reasons": "Un bon projet."}


@pytest.fixture
def officer():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def case(officer):
    """A case in instruction of which everything was answered, scored and computed: 35,500 euros at 80 %."""
    case = CaseFactory(state="in_instruction", instructor=officer)
    answer_all(case, "eligibility")
    score_all(case)
    instruction.compute_aid(case, actor=officer)
    return case


def cut(case, amount="10000"):
    """An expense is cut in the database, by whatever door."""
    case.budget_lines.filter(label="Formation-action").update(eligible_amount=Decimal(amount), retained_reason="Devis.")


# --- the computation -------------------------------------------------------------------------------------------------


def test_a_cut_expense_makes_the_computation_void_and_says_which(case, officer):
    assert void_computation(case) == ""
    line = case.budget_lines.get(label="Formation-action")
    instruction.retain_amount(line, Decimal(10000), actor=officer, reason="Devis trop haut.")
    reason = void_computation(case)
    assert "Formation-action" in reason and "10 000,00" in reason.replace("\u202f", " ").replace("\xa0", " ")
    with pytest.raises(TransitionRefused) as refused:
        perform(case, "propose", actor=officer, data=FAVOUR)
    assert "Formation-action" in str(refused.value)
    instruction.compute_aid(case, actor=officer)
    assert void_computation(case) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda case: cut(case),
        lambda case: case.budget_lines.filter(label="Ventes").update(amount=9000),
        lambda case: case.budget_lines.filter(label="Fournitures").delete(),
        lambda case: case.persons.create(rank=1, first_name="Alix", last_name="Moreau", own_contribution=10),
        lambda case: type(case).objects.filter(pk=case.pk).update(answers={"is_renewal": True}),
        lambda case: type(case).objects.filter(pk=case.pk).update(project_end=None),
    ],
    ids=["retained", "resource", "line", "person", "answer", "dates"],
)
def test_whatever_the_aid_rests_on_makes_it_void(case, change):
    change(case)
    assert void_computation(type(case).objects.get(pk=case.pk))


def test_what_follows_from_the_computation_does_not_make_it_void(case):
    case.budget_lines.filter(financer_status="this_request").update(amount=1)
    assert void_computation(case) == ""


def test_a_figure_put_back_makes_the_computation_hold_again(case):
    cut(case)
    case.budget_lines.filter(label="Formation-action").update(eligible_amount=None)
    assert void_computation(case) == ""


def test_the_page_says_that_the_computation_is_void(case, officer, client):
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    cut(case)
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert void_computation(case).replace("’", "’") in page.replace("&#x27;", "’")


# --- what rests on the computation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "transition", "role"),
    [("instructed", "give_visa", Role.HEAD_OF_SERVICE), ("ready_for_committee", "schedule", Role.COMMITTEE_SECRETARY)],
)
def test_neither_visa_nor_agenda_on_changed_figures(state, transition, role):
    case = CaseFactory(state=state)
    person = staff(role)
    cut(case)
    option = next(item for item in available_transitions(case, person) if item.spec.name == transition)
    assert not option.allowed and "Formation-action" not in option.spec.label
    with pytest.raises(TransitionRefused):
        perform(case, transition, actor=person, data={"session": SessionFactory().pk})


def test_no_grant_on_changed_figures():
    case = CaseFactory(state="scheduled")
    secretary = staff(Role.COMMITTEE_SECRETARY)
    (item,) = agenda(SessionFactory(state="in_session", members=3), case)
    cut(case)
    with pytest.raises(committee.SessionRefused):
        committee.record_decision(item, "granted", actor=secretary)
    committee.record_decision(item, "deferred", actor=secretary, reason="À recalculer.")


def test_no_act_on_changed_figures(officer):
    case = CaseFactory(state="approved")
    cut(case)
    with pytest.raises(DraftingRefused):
        draft_agreement(case, actor=officer)


def test_the_database_refuses_a_proposal_a_visa_an_agenda_and_a_grant_on_changed_figures():
    case = CaseFactory(state="ready_for_committee")
    live = case.live_proposal()
    session = SessionFactory(state="in_session", members=3)
    scheduled = CaseFactory(state="scheduled", call=case.call)
    (item,) = agenda(session, scheduled)
    other = CaseFactory(state="instructed", call=case.call)
    for each in (case, scheduled, other):
        cut(each)
    copy = {name: getattr(live, name) for name in ("computation", "amount", "eligible_base", "reasons", "made_by")}
    writes = [
        lambda: Proposal.objects.create(application=other, **copy),
        lambda: other.proposals.update(visa_by=staff(Role.HEAD_OF_SERVICE), visa_at=timezone.now()),
        lambda: session.items.create(application=case, rank=2, proposed_amount=live.amount),
        lambda: AgendaItem.objects.filter(pk=item.pk).update(
            decision="granted", decided_amount=1, decided_by=live.made_by, decided_at=timezone.now()
        ),
    ]
    for write in writes:
        with pytest.raises(IntegrityError, match="figures changed"), transaction.atomic():
            write()


def test_the_agenda_shows_the_amount_of_the_proposal_and_no_other():
    case = CaseFactory(state="ready_for_committee")
    with pytest.raises(IntegrityError, match="figures changed"), transaction.atomic():
        SessionFactory().items.create(application=case, rank=1, proposed_amount=Decimal("25000.00"))


def test_a_proposal_rests_on_the_newest_computation(case, officer):
    old = case.latest_computation()
    instruction.compute_aid(case, actor=officer)
    with pytest.raises(IntegrityError, match="figures changed"), transaction.atomic():
        Proposal.objects.create(
            application=case, computation=old, amount=1, eligible_base=1, reasons="Non.", made_by=officer
        )


def test_the_fingerprint_is_the_databases_not_the_callers(case):
    number = case.latest_computation().number + 1
    forged = AidComputation.objects.create(
        application=case, number=number, amount=0, eligible_base=1, facts={}, lines=[], basis="0" * 64
    )
    forged.refresh_from_db()
    assert forged.basis != "0" * 64


# --- the answers to checks -------------------------------------------------------------------------------------------


def piece_check(case):
    return next(rule for rule in case.rules.checks if rule.automatic == "pieces")


def test_an_answer_is_void_after_a_piece_was_refused(officer):
    case = filed()
    instruction.answer_automatic_checks(case)
    rule = piece_check(case)
    assert case.check_answers.get(code=rule.code).answer == "yes"
    assert void_checks(case) == []
    piece = case.pieces.order_by("pk").first()
    instruction.judge_piece(piece, Piece.State.REFUSED, actor=officer, note="Illisible.")
    assert rule in void_checks(case)
    answer_all(case, "completeness", "admissibility")
    never_written(case.check_answers.filter(code=rule.code))
    instruction.answer_check(case, rule.code, "yes", actor=officer)
    assert void_checks(case) == []
    instruction.judge_piece(piece, Piece.State.ACCEPTED, actor=officer)
    with pytest.raises(TransitionRefused) as refused:
        perform(case, "declare_admissible", actor=officer)
    assert str(rule.label) in str(refused.value)
    instruction.answer_check(case, rule.code, "yes", actor=officer)
    perform(case, "declare_admissible", actor=officer)


def test_a_piece_refused_during_the_instruction_reopens_its_check_and_stops_the_proposal(officer, client):
    case = filed()
    answer_all(case, "completeness", "admissibility")
    rule = piece_check(case)
    never_written(case.check_answers.filter(code=rule.code))
    instruction.answer_automatic_checks(case)
    perform(case, "declare_admissible", actor=officer)
    perform(case, "start_instruction", actor=officer, data={})
    piece = case.pieces.order_by("pk").first()
    instruction.judge_piece(piece, Piece.State.REFUSED, actor=officer, note="Illisible.")
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert page.count("es-warn") and f'name="code" value="{rule.code}"' in page
    option = next(item for item in available_transitions(case, officer) if item.spec.name == "propose")
    assert str(rule.label) in option.reason
    instruction.refresh_automatic_checks(case, actor=officer)
    assert case.check_answers.get(code=rule.code).answer == "no"
    option = next(item for item in available_transitions(case, officer) if item.spec.name == "propose")
    assert str(rule.label) in option.reason


def test_an_answer_that_is_not_void_stays_closed_after_admission(case, officer):
    rule = piece_check(case)
    with pytest.raises(instruction.InstructionRefused):
        instruction.answer_check(case, rule.code, "no", actor=officer, reason="Non.")


class _Watched:
    """Facts that remember what was looked at."""

    def __init__(self, facts: CaseFacts):
        self.facts, self.seen = facts, set()

    def __getattr__(self, name):
        self.seen.add(name)
        return getattr(self.facts, name)


@pytest.mark.parametrize("name", list(AUTOMATIC))
def test_a_fingerprint_covers_every_fact_that_its_check_looks_at(name):
    explains = {"computed_refusals", "de_minimis_reason"}
    today = timezone.localdate()
    facts = [
        CaseFacts(missing_pieces=("a",), is_renewal=True, persons=1, persons_below_floor=("b",), must_sign_cer=True),
        CaseFacts(refused_pieces=("a",), filed_on=today, project_start=today, place="x", de_minimis_allowed=True),
        CaseFacts(filed_on=today, project_start=today.replace(year=2020), early_start_reason="x"),
    ]
    seen = set()
    for each in facts:
        watched = _Watched(each)
        AUTOMATIC[name](watched)
        seen |= watched.seen
    assert seen - explains <= set(RESTS_ON[name])
    assert fingerprint(name, facts[0]) != ""
    assert fingerprint("", facts[0]) == ""


# --- opinions --------------------------------------------------------------------------------------------------------


def asked_before_the_completion() -> tuple:
    """A case of which pieces were asked, whose body was asked for its opinion before they came."""
    case = incomplete()
    officer = staff(Role.INSTRUCTOR)
    due_on = timezone.localdate() + timedelta(days=20)
    opinion = instruction.ask_opinion(case, "x", actor=officer, email="avis@ddets.example", body="DDETS", due_on=due_on)
    return case, officer, opinion


def complete(case) -> None:
    filing.attach_piece(case, code="statutes", content=pdf("signés"), name="statuts-signés.pdf", user=case.created_by)
    filing.answer_piece_request(case, user=case.created_by)


def given(opinion, officer):
    today = timezone.localdate()
    return instruction.record_opinion(
        opinion, "favourable", actor=officer, given_on=today, proof=pdf("avis"), proof_name="avis.pdf"
    )


def sent_by_link(opinion):
    upload = SimpleUploadedFile("avis.pdf", pdf("avis"), "application/pdf")
    return opinion_links.receive(opinion, result="favourable", summary="Bien.", name="Mme Roy", upload=upload)


def test_an_opinion_given_before_the_file_was_completed_is_void_and_says_so(client):
    case, officer, opinion = asked_before_the_completion()
    sent_by_link(opinion)
    complete(case)
    instruction.record_opinion(opinion, "favourable", actor=officer, given_on=timezone.localdate())
    assert void_opinions(case) == [opinion]
    assert "DDETS" in opinions_rest_on_the_present_file(case, {}, officer)["__all__"]
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:grants_application_change", args=[case.pk]))
    form = form_to(page, "opinion-uphold/")
    assert client.post(form.action, form.typed(reason="")).status_code == 422
    assert void_opinions(case) == [opinion]
    client.post(form.action, form.typed(reason="Une signature manquait."))
    assert void_opinions(case) == []
    assert case.events.filter(action="opinion_upheld", actor=officer).exists()


def test_an_opinion_asked_again_after_the_completion_counts():
    case, officer, opinion = asked_before_the_completion()
    given(opinion, officer)
    assert void_opinions(case) == []
    complete(case)
    assert void_opinions(case) == [opinion]
    again = instruction.ask_opinion(
        case, "x", actor=officer, email="avis@ddets.example", body="DDETS",
        due_on=timezone.localdate() + timedelta(days=20),
    )  # fmt: skip
    given(again, officer)
    assert void_opinions(case) == []


def test_what_came_on_the_very_day_may_not_have_been_read():
    case, officer, opinion = asked_before_the_completion()
    complete(case)
    given(opinion, officer)
    assert void_opinions(case) == [opinion]


def test_the_database_takes_no_proposal_on_an_opinion_of_before(case, officer):
    instruction.ask_opinion(
        case, "x", actor=officer, email="a@b.example", body="DDETS", due_on=timezone.localdate() + timedelta(days=9)
    )
    opinion = given(case.opinions.get(), officer)
    take_snapshot(case, kind="completion", actor=case.created_by, content={})
    computation = case.latest_computation()
    values = {
        "application": case, "computation": computation, "amount": computation.amount, "reasons": "Bien.",
        "eligible_base": computation.eligible_base, "plan": computation.plan, "made_by": officer,
    }  # fmt: skip
    with pytest.raises(IntegrityError, match="an opinion was given before"), transaction.atomic():
        Proposal.objects.create(**values)
    uphold_opinion(opinion, "Rien de neuf.", actor=officer)
    Proposal.objects.create(**values)


# --- the facts of the checks, after the visa ---------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["register", "seat"])
def test_what_the_checks_rest_on_voids_them_up_to_the_decision(client, officer, what):
    """290,000 euros recorded, or the seat moved, once the visa is given: seen on the page, and nothing is granted."""
    case = CaseFactory(state="in_instruction", instructor=officer)
    answer_all(case, "completeness", "admissibility", "eligibility")
    for rule in case.rules.checks:
        if rule.automatic:
            instruction._write_answer(case, rule, "yes", "", officer, present_facts(case))
    score_all(case)
    instruction.compute_aid(case, actor=officer)
    head = staff(Role.HEAD_OF_SERVICE)
    case = perform(case, "propose", actor=officer, data=FAVOUR | consulted())
    assert void_answers(case) == ""
    change_fact(case, what)
    case = type(case).objects.get(pk=case.pk)
    assert "instruction" in void_answers(case)
    with pytest.raises(TransitionRefused, match="ont changé"):
        perform(case, "give_visa", actor=head)
    client.force_login(head, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert "a changé depuis" in page and "ont changé" in page


def test_the_database_refuses_the_visa_and_the_agenda_on_another_seat_or_older_opinions(officer):
    """Behind the conditions: the seat moved, or the file was completed, after the proposal."""
    case = CaseFactory(state="in_instruction", instructor=officer)
    answer_all(case, "completeness", "admissibility", "eligibility")
    for rule in case.rules.checks:
        if rule.automatic:
            instruction._write_answer(case, rule, "yes", "", officer, present_facts(case))
    score_all(case)
    asked = instruction.ask_opinion(
        case, "x", actor=officer, email="a@b.example", body="DDETS", due_on=timezone.localdate() + timedelta(days=9)
    )
    given(asked, officer)
    instruction.compute_aid(case, actor=officer)
    case = perform(case, "propose", actor=officer, data=FAVOUR | consulted())
    head, city = staff(Role.HEAD_OF_SERVICE), case.applicant.city
    body = type(case.applicant).objects.filter(pk=case.applicant_id)
    body.update(city="Paris")
    with pytest.raises(IntegrityError, match="seat of the applicant changed"), transaction.atomic():
        case.proposals.update(visa_by=head, visa_at=timezone.now())
    body.update(city=city)
    case = perform(type(case).objects.get(pk=case.pk), "give_visa", actor=head)
    body.update(city="Paris")
    with pytest.raises(IntegrityError, match="seat of the applicant changed"), transaction.atomic():
        SessionFactory().items.create(application=case, rank=1, proposed_amount=case.live_proposal().amount)
    body.update(city=city)
    take_snapshot(case, kind="completion", actor=case.created_by, content={})
    with pytest.raises(IntegrityError, match="an opinion was given before"), transaction.atomic():
        SessionFactory().items.create(application=case, rank=1, proposed_amount=case.live_proposal().amount)


def change_fact(case, what: str) -> None:
    """A fact of the applicant is recorded by another door, behind the proposal."""
    if what == "register":
        DeMinimisAidFactory(applicant=case.applicant, amount=Decimal("290000.00"))
    else:
        type(case.applicant).objects.filter(pk=case.applicant_id).update(city="Paris", postcode="75001")
