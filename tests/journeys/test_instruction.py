"""The staff's screens of the instruction in a real browser: list, case page, and the session grid by keyboard."""

from decimal import Decimal

import pytest

from core.documents import store
from core.roles import Role
from grants import instruction
from grants.models import Message, Piece
from tests.factories.applicants import pdf
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, answer_all, consulted, score_all, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def instructor():
    return staff(Role.INSTRUCTOR)


def overfull(case, person, rows: int = 12):
    """Long names, many pieces, many lines."""
    for number in range(rows):
        name = f"une-piece-au-nom-particulierement-long-et-peu-commode-{number:02d}.pdf"
        document = store(pdf(f"{case.pk}{number}"), name=name, subject=case, user=person)
        Piece.objects.create(application=case, code="statutes", document=document, added_by=person)
        case.partners.create(rank=number + 1, name=f"Communauté de communes du pays d’Argonne et alentours {number}")
        case.budget_lines.create(rank=100 + number, side="charge", account_code="604", label="Ligne", amount=10)
    Message.objects.create(
        application=case, author=case.created_by, body="Bonjour, où en est notre dossier ?", from_staff=False
    )
    answer_all(case, "completeness", "admissibility")
    score_all(case)
    instruction.compute_aid(case, actor=person)
    return case


def test_the_instructor_s_list_and_case(journey, instructor):
    for number in range(8):
        CaseFactory(title=f"Ressourcerie mobile {number}")
    case = overfull(CaseFactory(state="in_instruction", instructor=instructor), instructor)
    empty = CaseFactory(budget=False)
    journey.sign_in(instructor.email)
    for address, name in (
        ("/admin/grants/application/?queue=todo", "staff-list"),
        ("/admin/grants/application/?q=introuvable", "staff-list-empty"),
        (f"/admin/grants/application/{case.pk}/change/", "staff-case-overfull"),
        (f"/admin/grants/application/{empty.pk}/change/", "staff-case"),
        (f"/admin/grants/application/{case.pk}/transition/propose/", "staff-propose"),
    ):
        journey.go(address)
        journey.see(name)


def test_a_check_is_answered_without_leaving_the_page(journey, instructor):
    case = CaseFactory(state="in_instruction", instructor=instructor)
    journey.sign_in(instructor.email)
    journey.go(f"/admin/grants/application/{case.pk}/change/")
    first = journey.page.locator("#checks-eligibility .es-answer").first
    first.get_by_role("button", name="Oui", exact=True).click()
    journey.page.wait_for_url("**/change/#checks-eligibility")
    assert case.check_answers.get(stage="eligibility").answered_by == instructor


def test_a_session_is_decided_by_keyboard(journey):
    secretary = staff(Role.COMMITTEE_SECRETARY)
    session = SessionFactory(state="in_session", members=3)
    first = CaseFactory(state="scheduled")
    items = agenda(session, first, *[CaseFactory(state="scheduled", call=first.call) for _number in range(4)])
    journey.sign_in(secretary.email)
    page = journey.page
    journey.go(f"/admin/grants/committeesession/{session.pk}/change/")
    journey.see("session-grid")

    def recorded(count: int) -> None:
        page.wait_for_function(f"document.querySelectorAll('.es-grid tr.es-done').length === {count}")

    page.locator(f"#item-{items[0].pk}").focus()
    page.keyboard.press("a")
    recorded(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    page.keyboard.type("Hors règlement, art. 3.")
    page.keyboard.press("Enter")
    recorded(2)
    page.keyboard.press("d")
    page.keyboard.type("Plan de financement à revoir.")
    page.keyboard.press("Enter")
    recorded(3)
    page.keyboard.type("20000")
    page.keyboard.press("Enter")
    page.keyboard.type("Assiette réduite.")
    page.keyboard.press("Enter")
    recorded(4)
    page.keyboard.type("99999")
    page.keyboard.press("Enter")
    page.keyboard.type("Trop.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".es-grid tr.es-bad")
    journey.see("session-grid-decided")
    decided = [(item.decision, item.decided_amount) for item in session.items.order_by("rank")]
    assert decided == [
        ("granted", Decimal("26000.00")),
        ("rejected", None),
        ("deferred", None),
        ("granted", Decimal("20000.00")),
        ("", None),
    ]
    page.locator(f"#item-{items[4].pk}").focus()
    page.keyboard.press("i")
    page.keyboard.press("Tab")
    page.keyboard.type("Présidente de la structure.")
    page.keyboard.press("Enter")
    # The amount that was refused is still typed.
    with page.expect_navigation():
        page.get_by_role("button", name="Continuer sans enregistrer").click()
    assert page.locator(f"#item-{items[4].pk} input[name$=amount]").input_value() == "99999"
    assert items[4].recusals.get().reason == "Présidente de la structure."


def test_a_piece_and_the_form_of_a_step_open_beside_the_case(journey, instructor):
    case = CaseFactory(state="in_instruction", instructor=instructor)
    document = store(pdf("statuts"), name="statuts.pdf", subject=case, user=instructor)
    Piece.objects.create(application=case, code="statutes", document=document, added_by=instructor)
    answer_all(case, "completeness", "admissibility", "eligibility")
    score_all(case)
    instruction.compute_aid(case, actor=instructor)
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go(f"/admin/grants/application/{case.pk}/change/")

    page.evaluate("addEventListener('blur', () => { window.isTaken = true })")
    page.get_by_role("link", name="statuts.pdf").click()
    pane = page.locator(".es-beside")
    assert pane.locator("iframe[src^='blob:']").get_attribute("title") == "statuts.pdf"
    assert pane.get_by_role("link", name="Télécharger").get_attribute("href").endswith(document.get_absolute_url())
    assert page.locator("#checks-eligibility").is_visible()
    # The reader of documents takes the keyboard when it is ready; a person gets it back, and Escape closes.
    if not page.evaluate("navigator.pdfViewerEnabled"):
        pane.locator("iframe").evaluate("view => view.focus()")
    page.wait_for_function("window.isTaken")
    page.wait_for_function("document.activeElement.id === 'es-beside-title'")
    for _attempt in range(20):
        page.keyboard.press("Escape")
        if not pane.count():
            break
        page.wait_for_timeout(250)
    assert not pane.count()
    assert page.evaluate("document.activeElement.textContent").startswith("statuts.pdf")

    page.locator(".es-transitions").get_by_role("link", name="Proposer au visa").click()
    pane.get_by_label("Motifs").fill("Projet conforme au règlement.")
    for name, value in consulted().items():
        pane.locator(f"[name='{name}']").fill(str(value))
    journey.see("staff-form-beside")
    pane.get_by_role("button", name="Proposer au visa").click()
    page.wait_for_url("**/change/")
    case.refresh_from_db()
    assert case.state == "instructed"
