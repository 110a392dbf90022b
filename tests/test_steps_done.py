"""A step of the portal taken from two devices: the second one, late, reads its own words back, or said nothing new.

Each writing address of the portal is driven here, or says why it ends no step. The first client takes the step; the second,
whose page was read before, sends something else (a word, an amount, a file), and is told what was not recorded, with all
that was typed. The same content is a second click: it is done once, and nothing is said.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal as D
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import WARNING, get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims
from agreements.models import PaymentClaim, TrancheReport
from agreements.reports import file_report
from applicants.people import invite
from core.models.event import Event
from core.models.user import User
from core.transitions import perform
from tests.applicants.test_portal import LEGAL
from tests.factories.agreements import add_line, in_force, opened, sent
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import filled_draft, incomplete
from tests.forms import PageForm, forms_of
from tests.test_writing_views import EXEMPT, PAGES, key_of, page_of_a_body, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]

ENDS_NOTHING = {
    "agreements:claim_amount": "saves what is typed, field by field (tests/test_two_clients.py)",
    "agreements:line_change": "saves what is typed, field by field (tests/test_two_clients.py)",
    "agreements:line_proof": "adds a proof to lines that both pages show (tests/test_two_clients.py; sent again: below)",
    "agreements:workbook_preview": "its rows are taken in once (tests/agreements/test_workbook.py); nothing else is typed",
    "applicants:edit": "saves what is typed, field by field (tests/test_two_clients.py)",
    "core:profile": "saves what is typed, field by field (tests/test_two_clients.py)",
    "grants:submit": "nothing is typed beside its button (tests/grants/test_submission.py)",
    "grants:step": "each answer carries its own version (tests/grants/test_autosave.py)",
    "grants:autosave": "each answer carries its own version (tests/grants/test_autosave.py)",
    "grants:remove_piece": "names a file; nothing is typed beside its button",
    "grants:start": "begins a draft; nothing is typed",
    "agreements:open_claim": "opens one claim, whoever presses; nothing is typed",
    **dict.fromkeys(
        ["agreements:claim_reply", "agreements:claim_piece", "agreements:workbook_upload", "agreements:line_add"],
        "adds a row of its own to those of the other page",
    ),
    **dict.fromkeys(
        ["applicants:people", "applicants:new_bank_account", "applicants:de_minimis", "applicants:join"],
        "adds a row of its own to those of the other page",
    ),
    **dict.fromkeys(["applicants:new_natural", "grants:write_message", "grants:add_piece"], "adds a row of its own"),
    **dict.fromkeys(
        ["applicants:answer_request", "applicants:cancel_invitation", "applicants:member"],
        "a button or a choice, refused in words (tests/test_two_clients.py)",
    ),
    "applicants:withdraw_de_minimis": "a button; nothing is typed",
    "applicants:no_interest": "the answer of one person about themselves (tests/core/test_own_hands.py)",
    **dict.fromkeys(["applicants:invitation", "applicants:my_invitation"], "two buttons: below"),
}
"""The writing addresses of the portal that end no step with something typed, and why."""


@dataclass
class Step:
    """One step: who takes it, on which page, with what; ``typed`` gives the values of the n-th device by field."""

    person: User
    page: str
    typed: Callable[[int], dict[str, Any]]
    also: dict[str, Any] = field(default_factory=dict)
    """What only the second device typed beside (another button of the page would take it)."""


def file(name: str, turn: int) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{name}-{turn}.pdf", pdf(f"{name} {turn}"), "application/pdf")


def claim_filed() -> Iterator[Step]:
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    code = claim.instalment.required_pieces[0]["code"]

    def typed(turn: int) -> dict[str, Any]:
        amount = f"{1000 + turn}"
        word = {"claimed_amount": amount, "statement": f"Fait en {turn} fois.", "attested": "on"}
        return word | {f"{code}-file": file("compte-rendu", turn)}

    yield Step(house.member, claim.get_absolute_url(), typed)


def claim_filed_again() -> Iterator[Step]:
    """Sent back, and answered from two devices."""
    (step,) = claim_filed()
    claim = PaymentClaim.objects.get()
    client = signed_in(step.person)
    form = form_of(client, step, "agreements:claim_submit")
    take(client, form, step.typed(9))
    claim.refresh_from_db()
    officer = claim.agreement.application.instructor
    perform(claim, "start_review", actor=officer)
    perform(claim, "give_back", actor=officer, data={}, comment="Il manque le détail.")
    yield step


def claim_given_up() -> Iterator[Step]:
    claim = opened(*in_force())
    person = claim.agreement.beneficiary.memberships.get().user
    yield Step(person, reverse("agreements:claim_abandon", args=[claim.number]), lambda n: {"comment": f"Motif {n}."})


def line_removed() -> Iterator[Step]:
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    word = {"claimed_amount": "1777", "statement": "Écrit sur le second."}
    yield Step(house.member, claim.get_absolute_url(), lambda turn: {"sure": "1"}, also=word)


def piece_removed() -> Iterator[Step]:
    (step,) = claim_filed()
    client, claim = signed_in(step.person), PaymentClaim.objects.get()
    code = claim.instalment.required_pieces[0]["code"]
    form = form_of(client, step, "agreements:claim_amount")
    assert client.post(form.action, form.fields | {f"{code}-file": file("bilan", 1)}).status_code == 302
    word = {"claimed_amount": "1777", "statement": "Écrit sur le second."}
    yield Step(step.person, step.page, lambda turn: {"sure": "1"}, also=word)


def case_completed() -> Iterator[Step]:
    application = incomplete(pieces=())
    yield Step(application.created_by, application.get_absolute_url(), lambda turn: {"comment": f"Un mot, {turn}."})


def case_withdrawn() -> Iterator[Step]:
    application = filled_draft()
    page = reverse("grants:withdraw", args=[application.public_id])
    yield Step(application.created_by, page, lambda turn: {"comment": f"Motif {turn}."})


def signed() -> Iterator[Step]:
    agreement, house = sent(granted="30000.00")
    typed = lambda turn: {"signatory": f"Nadia B. {turn}", "quality": f"Gérante {turn}", "accepted": "on"}  # noqa: E731
    yield Step(house.member, agreement.get_absolute_url(), typed)


def copy_sent() -> Iterator[Step]:
    agreement, house = sent(granted="30000.00")

    def typed(turn: int) -> dict[str, Any]:
        who = {"signatory": f"Nadia B. {turn}", "quality": f"Gérante {turn}"}
        return who | {"signed_on": timezone.localdate().isoformat(), "file": file("convention", turn)}

    yield Step(house.member, agreement.get_absolute_url(), typed)


def year_reported() -> Iterator[Step]:
    agreement, house = in_force("CPO", "180000.00")
    tranche = agreement.tranches.get(rank=1)

    def typed(turn: int) -> dict[str, Any]:
        word = {"summary": f"Fait, {turn}.", "spent_amount": f"{90000 + turn}"}
        return word | {"document": file("bilan", turn)}

    page = reverse("agreements:report", args=[agreement.number, 1])
    yield Step(house.member, page, typed)
    report = file_report(
        tranche, summary="Fait.", spent_amount=90000, upload=file("bilan", 9), actor=house.member
    )  # fmt: skip
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    assert TrancheReport.objects.get().state == "returned"
    yield Step(house.member, page, typed)


def body_answered() -> Iterator[Step]:
    ((person, (page,)),) = page_of_a_body()

    def typed(turn: int) -> dict[str, Any]:
        word = {"result": "favourable", "summary": f"Avis {turn}.", "name": f"Mme R. {turn}, cheffe"}
        return word | {"document": file("avis", turn)}

    yield Step(person, page, typed)


def organisation_typed() -> Iterator[Step]:
    person = UserFactory(applicant=True)

    def typed(turn: int) -> dict[str, Any]:
        return LEGAL | {"address_line": f"{turn} rue du Port", "email": f"a{turn}@example.org"}

    yield Step(person, reverse("applicants:new_legal"), typed)


STEPS: dict[Callable[[], Iterator[Step]], str] = {
    claim_filed: "agreements:claim_submit",
    claim_filed_again: "agreements:claim_submit",
    claim_given_up: "agreements:claim_abandon",
    line_removed: "agreements:line_remove",
    piece_removed: "agreements:claim_remove_piece",
    case_completed: "grants:complete",
    case_withdrawn: "grants:withdraw",
    signed: "agreements:sign",
    copy_sent: "agreements:signed_copy",
    year_reported: "agreements:report",
    body_answered: "grants:opinion",
    organisation_typed: "applicants:new_legal",
}


def test_every_writing_address_of_the_portal_is_driven_or_ends_nothing():
    apps = ("agreements:", "applicants:", "grants:", "core:profile")
    written = {name for keys in PAGES.values() for name in keys} | set(EXEMPT)
    assert {name for name in written if name.startswith(apps)} == {*STEPS.values(), *ENDS_NOTHING}


def form_of(client, step: Step, key: str) -> PageForm:
    page = client.get(step.page)
    assert page.status_code == 200
    return next(form for form in forms_of(page, step.page) if key_of(form.action) == key)


def take(client, form: PageForm, typed: dict[str, Any]) -> None:
    """Take the step, through the page that says first what it costs where there is one."""
    answer = client.post(form.action, form.fields | typed)
    if answer.status_code == 200:
        (sure,) = [item for item in forms_of(answer, form.action) if item.action == form.action]
        answer = client.post(sure.action, sure.fields)
    assert answer.status_code == 302, said_in(answer)


def late(step: Step, key: str, turns: tuple[int, int]):
    """The answer to the second device, and how many events it wrote: both pages were read before the first one was sent."""
    clients = [signed_in(step.person) for _turn in turns]
    forms = [form_of(client, step, key) for client in clients]
    take(clients[0], forms[0], step.typed(turns[0]))
    before = Event.objects.count()
    more = step.also if turns[0] != turns[1] else {}
    answer = clients[1].post(forms[1].action, forms[1].fields | step.typed(turns[1]) | more)
    return answer, Event.objects.count() - before


def said_in(answer) -> str:
    """The text of a page, its figures as they are typed."""
    text = unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"(?<=\d)[\s\u202f\xa0](?=\d{3})", "", text)


OF_ITSELF = ["Vérifications automatiques calculées", "Début de la conservation"]


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: steps.__name__)
def test_the_second_device_has_its_words_and_the_names_of_its_files_back(steps):
    for step in steps():
        with transaction.atomic():
            page = said_in(signed_in(step.person).get(step.page))
            answer, wrote = late(step, STEPS[steps], (1, 2))
            assert answer.status_code in (409, 422) and wrote == 0, (answer.status_code, wrote)
            told = said_in(answer)
            # Of what happened meanwhile: the step that was taken, not what follows by itself; and what the page shows.
            assert [words for words in OF_ITSELF if words in told] == []
            changes = (answer.context or {}).get("changes", ())
            assert [label for item in changes for label, _then, _now in item.values if label not in page] == []
            for name, value in {**step.typed(2), **step.also}.items():
                if isinstance(value, SimpleUploadedFile):
                    assert value.name in answer.content.decode(), name
                elif value not in ("on", "1", step.typed(1).get(name)):
                    assert value in told, name
            transaction.set_rollback(True)


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: steps.__name__)
def test_the_same_content_is_a_second_click(steps):
    for step in steps():
        with transaction.atomic():
            answer, wrote = late(step, STEPS[steps], (1, 1))
            assert (answer.status_code, wrote) == (302, 0)
            loud = [str(item) for item in get_messages(answer.wsgi_request) if item.level >= WARNING]
            assert not loud or "entre-temps" in loud[0], loud  # a row that is gone: only that is said
            transaction.set_rollback(True)


ASKS_FIRST = {claim_filed, claim_filed_again, line_removed, piece_removed}
"""The steps that keep what is typed beside their button, then ask."""


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: steps.__name__)
def test_a_question_whose_page_was_lost_is_asked_again(steps):
    """The form is sent once more from the page that it was typed on: what it brings is kept by then, by itself."""
    for step in steps():
        with transaction.atomic():
            client = signed_in(step.person)
            form = form_of(client, step, STEPS[steps])
            pages, wrote = [], []
            for _time in range(2):
                typed = {name: value for name, value in {**step.typed(1), **step.also}.items() if name != "sure"}
                before = Event.objects.count()
                pages.append(client.post(form.action, form.fields | typed))
                wrote.append(Event.objects.count() - before)
            asks = pages[0].status_code == 200
            assert asks == (steps in ASKS_FIRST)
            if asks:
                assert (pages[1].status_code, wrote[1]) == (200, 0) and wrote[0] > 0, said_in(pages[1])
                first, second = ([item.action for item in forms_of(page, form.action)] for page in pages)
                assert first == second
            transaction.set_rollback(True)


BROKEN = SimpleUploadedFile("bilan.pdf", b"nothing of a PDF", "application/pdf")
"""A file that is not taken."""


@pytest.mark.parametrize(
    ("key", "amount", "is_broken", "status"),
    [
        ("agreements:claim_submit", "1001", True, 422),
        ("agreements:line_remove", "1001", True, 422),
        ("agreements:line_proof", "1001", False, 302),
        ("agreements:line_proof", "1001", True, 422),
        ("agreements:line_proof", "une somme", False, 422),
    ],
)
def test_what_was_kept_in_part_is_judged_again_as_it_was(key, amount, is_broken, status):
    """The amount or the proof was kept, a piece beside it refused: the same form, sent once more, says the same."""
    (step,) = claim_filed()
    client, claim = signed_in(step.person), PaymentClaim.objects.get()
    form = form_of(client, step, key)
    code = claim.instalment.required_pieces[0]["code"]
    told = []
    for _time in range(2):
        BROKEN.seek(0)
        beside = BROKEN if is_broken else file("bilan", 1)
        typed = step.typed(1) | {"claimed_amount": amount, f"{code}-file": beside}
        typed |= {"lines": ["1"], "proof": file("facture", 7)} if key == "agreements:line_proof" else {}
        before = Event.objects.count()
        answer = client.post(form.action, form.fields | typed)
        told.append((answer.status_code, said_in(answer), Event.objects.count() > before))
    assert told == [(status, told[0][1], True), (status, told[0][1], False)]


@pytest.mark.parametrize("key", ["agreements:claim_submit", "agreements:line_remove", "agreements:line_proof"])
@pytest.mark.parametrize("act", ["join_piece", "amount", "proof", "add_line"])
def test_what_the_same_person_did_in_another_window_is_a_conflict(key, act):
    """A form that brings nothing of it did not do it (the page of confirmation: tests/agreements/test_ends_of_claims.py)."""
    (step,) = claim_filed()
    client, claim = signed_in(step.person), PaymentClaim.objects.get()
    form = form_of(client, step, key)
    code = claim.instalment.required_pieces[0]["code"]
    typed = {"proof": file("facture", 7), "lines": ["1"]} if key == "agreements:line_proof" else {}
    match act:
        case "join_piece":
            claims.join_piece(claim, code, pdf("autre"), actor=step.person)
        case "amount":
            claims.set_amount(claim, D("900.00"), actor=step.person)
        case "proof":
            claims.attach_proof(claim, claim.lines.all(), pdf("autre"), actor=step.person)
        case "add_line":
            add_line(claim, SimpleNamespace(member=step.person), invoice_number="F-2")
    before = Event.objects.count()
    answer = client.post(form.action, form.fields | typed | {"attested": "on"})
    assert (answer.status_code, Event.objects.count()) == (409, before)


def test_a_question_is_not_asked_again_over_what_somebody_else_did_meanwhile():
    (step,) = claim_filed()
    client, claim = signed_in(step.person), PaymentClaim.objects.get()
    form = form_of(client, step, "agreements:claim_submit")
    assert client.post(form.action, form.fields | step.typed(1)).status_code == 200
    other = signed_in(step.person)
    line = claim.lines.get()
    forms = forms_of(other.get(step.page), step.page)
    remove = next(
        item for item in forms if item.action == reverse("agreements:line_remove", args=[claim.number, line.rank])
    )
    asked = forms_of(other.post(remove.action, remove.fields), remove.action)
    sure = next(item for item in asked if item.action == remove.action)
    assert other.post(sure.action, sure.fields).status_code == 302 and not claim.lines.exists()
    assert client.post(form.action, form.fields | step.typed(1)).status_code == 409


def test_an_invitation_that_was_accepted_is_not_declined_in_silence():
    person, applicant = UserFactory(applicant=True), ApplicantFactory(representative=UserFactory(applicant=True))
    invite(applicant, actor=applicant.memberships.get().user, email=person.email, role="editor")
    page = reverse("applicants:my_invitation", args=[applicant.invitations.get().pk])
    client = signed_in(person)
    assert client.post(page, {}).status_code == 302
    assert client.post(page, {}).status_code == 302
    answer = client.post(page, {"decline": "1"})
    assert answer.status_code == 409 and applicant.memberships.filter(user=person).exists()
