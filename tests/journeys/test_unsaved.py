"""What is typed on a staff page and not saved: it is marked, and nothing is done without it before a question."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from agreements.claims import certify_lines
from core.roles import Role
from core.transitions import perform
from grants import instruction
from grants.models import Message
from tests.factories.agreements import in_force, submitted
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, answer_all, staff
from tests.factories.reporting import cofinanced, under_control

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = "sessionStorage.getItem('essor-unsaved')"


def question(page: Page) -> Locator:
    """The question, once it stands on the page."""
    dialog = page.get_by_role("dialog", name="Ce que vous avez saisi n’est pas enregistré")
    expect(dialog).to_be_visible()
    return dialog


def answer(page: Page, button: str) -> None:
    """Answer the question with one of its buttons."""
    question(page).get_by_role("button", name=button, exact=True).click()


def mark(form: Locator) -> Locator:
    """The mark of a form that is not saved."""
    return form.get_by_text("Non enregistré")


def begin(page: Page, label: str) -> None:
    page.locator(".es-transitions").get_by_role("link", name=label).click()


@pytest.fixture
def claim():
    """A final claim under review, its lines recorded as they were declared; and who reviews it."""
    agreement, house = in_force()
    found = perform(submitted(agreement, house, "balance", "12000", "8000"), "start_review", actor=house.instructor)
    certify_lines(found, {line.pk: (line.declared_amount, "") for line in found.lines.all()}, actor=house.instructor)
    return found, house.instructor


@pytest.fixture
def instructor():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def case(instructor):
    found = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(found, "completeness", "admissibility")
    Message.objects.create(application=found, author=found.created_by, body="Bonjour", from_staff=False)
    return found


def score(page: Page, value: str) -> Locator:
    """Type the first score and its reason; the form."""
    form = page.locator("#scoring form")
    form.locator("input[name^=score-]").first.fill(value)
    form.locator("input[name^=comment-]").first.fill("Besoin établi.")
    return form


def test_a_claim_is_not_certified_without_the_cuts_that_are_typed(journey, claim):
    claim, instructor = claim
    journey.sign_in(instructor.email)
    page, address = journey.page, f"/admin/agreements/paymentclaim/{claim.pk}/change/"
    journey.go(address)
    lines = page.locator("#lines form")
    expect(mark(lines)).to_have_count(0)
    lines.locator("input[name^=amount-]").first.fill("0")
    lines.locator("input[name^=reason-]").first.fill("Hors de la période.")
    expect(mark(lines)).to_be_visible()
    begin(page, "Certifier (service fait)")
    expect(question(page)).to_contain_text("Dépenses")
    expect(page.locator(".es-beside")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "es-unsaved-title"
    journey.see("unsaved-claim")
    page.keyboard.press("Escape")
    expect(page.locator("#es-unsaved")).to_be_hidden()
    assert page.evaluate("document.activeElement.name").startswith("amount-")

    begin(page, "Certifier (service fait)")
    answer(page, "Enregistrer les lignes d’abord")
    page.wait_for_url("**/change/**")
    expect(page.locator("body")).to_contain_text("8 000,00")
    expect(mark(page.locator("#lines"))).to_have_count(0)
    begin(page, "Certifier (service fait)")
    expect(page.locator(".es-beside form")).to_be_visible()
    kept = [line.certified_amount for line in claim.lines.order_by("rank")]
    assert kept == [Decimal("0.00"), Decimal("8000.00")]


def test_what_is_typed_after_the_form_of_a_step_was_opened_is_asked_about_when_it_is_confirmed(journey, claim):
    claim, instructor = claim
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go(f"/admin/agreements/paymentclaim/{claim.pk}/change/")
    begin(page, "Suspendre")
    pane = page.locator(".es-beside")
    pane.locator("textarea").first.fill("Pièce à joindre.")
    page.locator("#lines input[name^=reason-]").first.fill("Hors de la période.")
    pane.get_by_role("button", name="Suspendre").click()
    expect(question(page)).to_contain_text("Dépenses")
    answer(page, "Rester")
    # What is typed in the pane goes with it: asked about too, and offered no button that would decide.
    pane.get_by_role("button", name="Fermer").click()
    expect(question(page).get_by_role("listitem")).to_have_text(["Suspendre"])
    expect(question(page).get_by_role("button")).to_have_count(2)
    answer(page, "Continuer sans enregistrer")
    expect(pane).to_have_count(0)
    claim.refresh_from_db()
    assert claim.state == "under_review"


def test_a_check_that_is_answered_leaves_the_scores_that_are_typed(journey, case, instructor):
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go(f"/admin/grants/application/{case.pk}/change/")
    score(page, "3")
    page.locator("#messages textarea").fill("Bonjour, il manque le devis.")
    check = page.locator("#checks-eligibility .es-answer").first
    check.get_by_role("button", name="Oui", exact=True).click()
    expect(question(page).get_by_role("listitem")).to_have_text(["Notation", "Messages avec le demandeur"])
    journey.see("unsaved-case")
    with page.expect_navigation():
        answer(page, "Continuer sans enregistrer")
    assert case.check_answers.get(stage="eligibility").answered_by == instructor
    form = page.locator("#scoring form")
    expect(form.locator("input[name^=comment-]").first).to_have_value("Besoin établi.")
    expect(mark(form)).to_be_visible()
    expect(page.locator("#messages textarea")).to_have_value("Bonjour, il manque le devis.")
    assert page.evaluate(KEPT) is None

    page.get_by_role("button", name="Calculer de nouveau").click()
    with page.expect_navigation():
        answer(page, "Enregistrer les notes d’abord")
    expect(mark(page.locator("#scoring"))).to_have_count(0)
    expect(page.locator("#messages textarea")).to_have_value("Bonjour, il manque le devis.")
    assert case.scores.get(comment="Besoin établi.").scored_by == instructor


def test_a_refused_form_is_still_not_saved(journey, case, instructor):
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go(f"/admin/grants/application/{case.pk}/change/")
    score(page, "99")
    page.get_by_role("button", name="Enregistrer les notes").click()
    page.wait_for_url("**/score/")
    expect(mark(page.locator("#scoring"))).to_be_visible()
    page.locator("#checks-eligibility .es-answer input[name=reason]").first.fill("Vu avec le demandeur.")
    page.get_by_role("button", name="Calculer de nouveau").click()
    expect(question(page)).to_contain_text("Notation")
    expect(question(page)).to_contain_text("(par ses propres boutons : Oui, Non, Sans objet)")


def test_a_page_is_left_knowingly(journey, case, instructor):
    journey.sign_in(instructor.email)
    page, address = journey.page, f"/admin/grants/application/{case.pk}/change/"
    journey.go(address)
    score(page, "3")
    page.locator("#nav-sidebar a[href='/admin/grants/application/']").first.click()
    answer(page, "Rester")
    assert page.evaluate("document.activeElement.name").startswith("score-")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    expect(mark(page.locator("#scoring"))).to_have_count(0)
    score(page, "3")
    page.locator("#nav-sidebar a[href='/admin/grants/application/']").first.click()
    answer(page, "Continuer sans enregistrer")
    page.wait_for_url("**/admin/grants/application/")
    journey.go(address)
    expect(page.locator("#scoring input[name^=comment-]").first).to_have_value("")

    # Who signs out leaves nothing in the window.
    score(page, "3")
    page.evaluate("document.getElementById('logout-form').requestSubmit()")
    answer(page, "Continuer sans enregistrer")
    page.wait_for_url(lambda url: "/application/" not in url)
    assert page.evaluate(KEPT) is None


def test_searches_and_lists_ask_nothing(journey, case, instructor):
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go("/admin/grants/application/")
    page.locator("#searchbar").fill(case.number)
    page.locator("input.action-select").first.check()
    page.keyboard.press("Tab")
    page.locator("#searchbar").press("Enter")
    page.wait_for_url("**?*q=*")
    expect(page.locator("#es-unsaved")).to_be_hidden()


def test_a_session_saved_line_by_line_leaves_no_mark(journey):
    secretary = staff(Role.COMMITTEE_SECRETARY)
    session = SessionFactory(state="in_session", members=3)
    first = CaseFactory(state="scheduled")
    items = agenda(session, first, CaseFactory(state="scheduled", call=first.call))
    journey.sign_in(secretary.email)
    page = journey.page
    journey.go(f"/admin/grants/committeesession/{session.pk}/change/")
    grid = page.locator("#session-grid")
    page.locator(f"#item-{items[0].pk}").focus()
    page.keyboard.press("r")
    expect(mark(grid)).to_be_visible()
    page.keyboard.type("Hors règlement, art. 3.")
    page.keyboard.press("Enter")
    expect(mark(grid)).to_have_count(0)
    page.locator(f"#item-{items[1].pk} input[name$=reason]").fill("À revoir.")
    expect(mark(grid)).to_be_visible()
    page.locator("#nav-sidebar a[href='/admin/grants/application/']").first.click()
    expect(question(page).get_by_role("button", name="Enregistrer les décisions d’abord")).to_be_visible()
    answer(page, "Rester")


def test_a_control_is_not_ended_without_the_decision_that_is_typed(journey):
    case = cofinanced()
    declaration = under_control(case, "12000", "8000")
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    journey.sign_in(case.controller.email)
    page = journey.page
    journey.go(f"/admin/reporting/expendituredeclaration/{declaration.pk}/change/")
    page.locator("select[name^=decision]").first.select_option("reject")
    begin(page, "Achever le contrôle")
    expect(question(page).get_by_role("button", name="Enregistrer les décisions d’abord")).to_be_visible()


# --- what nobody disputes comes back after somebody else's change ----------------------------------------------------

GARDER = "Garder ce qui est enregistré"


def keep_theirs(page: Page) -> None:
    """On the page of a conflict, its main button."""
    with page.expect_navigation():
        page.get_by_role("link", name=GARDER).click()


def test_the_lines_of_a_claim_that_nobody_disputes_come_back_after_a_conflict(journey, claim):
    claim, instructor = claim
    first, second = claim.lines.order_by("rank")
    journey.sign_in(instructor.email)
    page, address = journey.page, f"/admin/agreements/paymentclaim/{claim.pk}/change/"
    journey.go(address)
    certify_lines(
        claim, {first.pk: (Decimal("5000"), "Part privée."), second.pk: (second.declared_amount, "")}, actor=instructor
    )
    typed = {
        f"amount-{first.pk}": "5 500",
        f"amount-{second.pk}": "1 000",
        f"reason-{second.pk}": "Hors de la période.",
    }
    for name, value in typed.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Enregistrer les lignes").click()
    expect(page.get_by_role("heading", name="Ce que vous avez saisi par ailleurs")).to_be_visible()
    expect(page.locator("body")).to_contain_text("Hors de la période.")
    journey.see("conflict-of-lines")

    keep_theirs(page)
    lines = page.locator("#lines form")
    for _reading in range(2):
        expect(lines.locator(f"[name=amount-{first.pk}]")).to_have_value(re.compile(r"^5.000,00$"))
        expect(lines.locator(f"[name=amount-{second.pk}]")).to_have_value("1 000")
        expect(lines.locator(f"[name=reason-{second.pk}]")).to_have_value("Hors de la période.")
        expect(mark(lines)).to_be_visible()
        page.reload()
    journey.see("conflict-of-lines-kept")
    begin(page, "Certifier (service fait)")
    with page.expect_navigation():
        answer(page, "Enregistrer les lignes d’abord")
    expect(mark(page.locator("#lines"))).to_have_count(0)
    kept = claim.lines.order_by("rank").values_list("certified_amount", "certified_reason")
    assert [*kept] == [(Decimal("5000.00"), "Part privée."), (Decimal("1000.00"), "Hors de la période.")]
    journey.go(address)
    expect(page.get_by_role("button", name="Ne pas le garder")).to_have_count(0)


def conflict_of_scores(journey, case, instructor) -> list[tuple[str, str]]:
    """Three scores are typed, of which somebody else gave the first meanwhile; the codes and the texts of the others."""
    page = journey.page
    journey.go(f"/admin/grants/application/{case.pk}/change/")
    codes = [criterion.code for criterion in case.rules.criteria[:3]]
    other = staff(Role.INSTRUCTOR, last_name="Bernard")
    instruction.score_criterion(case, codes[0], Decimal("1"), actor=other, comment="À revoir.")
    for code in codes:
        page.locator(f"[name=score-{code}]").fill("2")
        page.locator(f"[name=comment-{code}]").fill(f"Pourquoi {code}.")
    page.get_by_role("button", name="Enregistrer les notes").click()
    expect(page.locator("body")).to_contain_text(f"Pourquoi {codes[2]}.")
    return [(code, f"Pourquoi {code}.") for code in codes]


def test_the_scores_that_nobody_disputes_come_back_after_a_conflict(journey, case, instructor):
    journey.sign_in(instructor.email)
    page = journey.page
    (first, _why), *others = conflict_of_scores(journey, case, instructor)
    keep_theirs(page)
    form = page.locator("#scoring form")
    for _reading in range(2):
        expect(form.locator(f"[name=score-{first}]")).to_have_value("1,00")
        expect(form.locator(f"[name=comment-{first}]")).to_have_value("À revoir.")
        for code, why in others:
            expect(form.locator(f"[name=score-{code}]")).to_have_value("2")
            expect(form.locator(f"[name=comment-{code}]")).to_have_value(why)
        expect(mark(form)).to_be_visible()
        page.reload()
    # Somebody gives one of them meanwhile: it is asked about, not written over.
    instruction.score_criterion(case, others[0][0], Decimal("1"), actor=instructor, comment="Vu en commission.")
    page.reload()
    expect(form.locator(f"[name=score-{others[0][0]}]")).to_have_value("1,00")
    expect(form.locator(f"[data-moved=score-{others[0][0]}]")).to_be_visible()
    expect(form.locator(f"[name=score-{others[1][0]}]")).to_have_value("2")


def test_what_came_back_after_a_conflict_is_let_go(journey, case, instructor):
    journey.sign_in(instructor.email)
    page = journey.page
    _first, (code, _why), _last = conflict_of_scores(journey, case, instructor)
    keep_theirs(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Ne pas le garder").click()
    expect(page.locator(f"[name=score-{code}]")).to_have_value("")
    expect(mark(page.locator("#scoring"))).to_have_count(0)
    page.reload()
    expect(page.locator(f"[name=comment-{code}]")).to_have_value("")


def test_the_reason_of_a_step_comes_back_when_the_step_is_opened_again(journey, claim):
    claim, instructor = claim
    journey.sign_in(instructor.email)
    page = journey.page
    journey.go(f"/admin/agreements/paymentclaim/{claim.pk}/change/")
    begin(page, "Suspendre")
    pane = page.locator(".es-beside")
    pane.locator("textarea[name=comment]").fill("Pièce à joindre.")
    first, second = claim.lines.order_by("rank")
    certify_lines(
        claim, {first.pk: (Decimal("5000"), "Part privée."), second.pk: (second.declared_amount, "")}, actor=instructor
    )
    pane.get_by_role("button", name="Suspendre").click()
    expect(page.locator("body")).to_contain_text("Pièce à joindre.")
    keep_theirs(page)
    expect(page.locator("body")).to_contain_text("Pièce à joindre.")
    begin(page, "Suspendre")
    expect(pane.locator("textarea[name=comment]")).to_have_value("Pièce à joindre.")
    expect(mark(pane)).to_be_visible()
    with page.expect_navigation():
        pane.get_by_role("button", name="Suspendre").click()
    claim.refresh_from_db()
    assert claim.state == "suspended"
