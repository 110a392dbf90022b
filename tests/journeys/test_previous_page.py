"""The "previous page" button, a reload, a closed tab: a page shows what the server has, what was typed is marked, and
nothing is written over what somebody else changed meanwhile."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from agreements.models import PaymentClaim
from applicants.models import Applicant
from core.roles import Role
from core.transitions import perform
from grants.models import Application
from grants.services import filing
from tests.factories.agreements import in_force, opened, submitted
from tests.factories.applicants import ApplicantFactory
from tests.factories.grants import PERSONS, filled_draft
from tests.factories.instruction import CaseFactory, answer_all, staff
from tests.factories.reporting import cofinanced, cut, under_control
from tests.journeys.test_application_form import copies, drafted, person, saved
from tests.journeys.test_unsaved import answer, begin, mark, question, score

pytestmark = pytest.mark.django_db(transaction=True)


def leave(page) -> None:
    """Away from a page of the staff site, by a link of the menu, whatever is typed."""
    page.locator("#nav-sidebar a[href='/admin/']").first.click()
    if page.locator("#es-unsaved").is_visible():
        answer(page, "Continuer sans enregistrer")
    page.wait_for_url("**/admin/")


def test_scores_typed_before_somebody_else_gave_theirs_are_not_written_over_them(journey):
    instructor = staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(case, "completeness", "admissibility", "eligibility")
    journey.sign_in(instructor.email)
    page, form = journey.page, journey.page.locator("#scoring form")
    journey.go(f"/admin/grants/application/{case.pk}/change/")
    score(page, "3")
    leave(page)
    page.go_back()
    expect(mark(form)).to_be_visible()  # it comes back as what it is: typed, and not saved
    expect(form.locator("input[name^=score-]").first).to_have_value("3")
    page.get_by_role("button", name="Enregistrer les notes").click()
    expect(mark(form)).to_have_count(0)
    score(page, "4")
    leave(page)
    case.scores.filter(comment="Besoin établi.").update(score=Decimal("1"))
    page.go_back()
    expect(form.locator("input[name^=score-]").first).to_have_value(re.compile("^1"))
    told = form.locator("[data-moved]")
    expect(told).to_contain_text("4")
    expect(mark(form)).to_have_count(0)
    told.get_by_role("button", name="Reprendre ma saisie").click()
    expect(mark(form)).to_be_visible()
    assert case.scores.get(comment="Besoin établi.").score == Decimal("1")


def test_a_line_of_a_control_is_marked_or_as_it_was_decided(journey):
    case = cofinanced()
    declaration = under_control(case, "12000", "8000")
    second = case.items[1]
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    journey.sign_in(case.controller.email)
    page = journey.page
    journey.go(f"/admin/reporting/expendituredeclaration/{declaration.pk}/change/")
    page.locator("select[name^=decision]").first.select_option("reject_partly")
    page.locator("input[name^=rejected]").first.fill("1 000,00")
    leave(page)
    cut(second, case.controller, "500.00")
    page.go_back()
    form = page.locator("form[action$='/decide/']")
    expect(mark(form)).to_be_visible()
    expect(page.locator("input[name^=rejected]").first).to_have_value("1 000,00")
    expect(page.locator(f"#rejected-{second.pk}")).to_have_value("500,00")
    second.refresh_from_db()
    expect(page.locator(f"#error-{second.pk}")).to_have_value(str(second.error_type_id))  # a list that nobody touched
    begin(page, "Achever le contrôle")
    expect(question(page).get_by_role("button", name="Enregistrer les décisions d’abord")).to_be_visible()
    page.keyboard.press("Escape")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(mark(form)).to_have_count(0)
    expect(page.locator("input[name^=rejected]").first).to_have_value("")
    # With the proof beside, every field that is typed in stays whole.
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(f"#item-{second.pk} a[data-title]").click()
    expect(page.locator(".es-beside iframe, .es-beside img, .es-beside-body a")).not_to_have_count(0)
    for name in ("decision", "rejected", "error", "reason"):
        covered = page.locator(f"#{name}-{second.pk}").evaluate(
            """field => { field.scrollIntoView({ block: "center" }); const box = field.getBoundingClientRect();
            return [0.1, 0.5, 0.9].filter((part) =>
              document.elementFromPoint(box.left + box.width * part, box.top + box.height / 2) !== field).length }"""
        )
        assert covered == 0, f"{name} is covered"


def test_the_form_of_a_step_opens_again_with_what_was_typed_in_it(journey):
    agreement, house = in_force()
    claim = perform(submitted(agreement, house, "balance", "12000", "8000"), "start_review", actor=house.instructor)
    journey.sign_in(house.instructor.email)
    page = journey.page
    journey.go(f"/admin/agreements/paymentclaim/{claim.pk}/change/")
    begin(page, "Suspendre")
    pane = page.locator(".es-beside")
    pane.locator("textarea").first.fill("Pièce à joindre.")
    page.locator("#lines input[name^=amount-]").first.fill("11000")
    page.locator("#lines input[name^=reason-]").first.fill("Hors de la période.")
    with page.expect_navigation():
        page.get_by_role("button", name="Enregistrer les lignes").click()
        answer(page, "Continuer sans enregistrer")
    expect(pane.locator("textarea").first).to_have_value("Pièce à joindre.")
    expect(mark(pane)).to_be_visible()
    assert claim.lines.order_by("rank").first().certified_amount == Decimal("11000.00")


def test_the_form_of_an_application_shows_what_the_other_device_saved(journey):
    application = drafted(journey, "projet")
    page, user = journey.page, application.created_by
    page.fill("#q-need", "Tapé sur le téléphone")
    saved(page)
    page.get_by_role("button", name="Enregistrer et continuer").click()
    page.wait_for_url("**/formulaire/budget/**")
    filing.save_answers(application, user=user, typed={"need": "Tapé sur l’ordinateur"})
    page.go_back()
    expect(page.locator("#q-need")).to_have_value("Tapé sur l’ordinateur")
    page.fill("#q-jobs_created", "3")
    saved(page)
    application.refresh_from_db()
    assert application.answers["need"] == "Tapé sur l’ordinateur"
    # … and a budget.
    journey.go(f"/mes-dossiers/{application.public_id}/formulaire/budget/")
    amount = page.locator("[data-group=charge] input[data-column=amount]").first
    page.locator("[data-group=charge] select[data-column=account]").first.select_option("622")
    amount.fill("35 500,00")
    saved(page)
    page.get_by_role("button", name="Enregistrer et continuer").click()
    page.wait_for_url(lambda address: "/formulaire/budget/" not in address)
    application.budget_lines.filter(account_code="622").update(amount=Decimal("20000.00"), account_code="604")
    page.go_back()
    expect(amount).to_have_value(re.compile("20.000,00"))
    expect(page.locator("[data-group=charge] select[data-column=account]").first).to_have_value("604")


def test_the_amount_of_a_claim_is_that_of_the_server(journey):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    journey.sign_in(house.member.email)
    page, address = journey.page, claim.get_absolute_url()
    journey.go(address)
    field = page.locator("input[name=claimed_amount]")
    field.fill("1 000,00")
    page.goto(f"{journey.site}/mes-dossiers/")  # not sent: kept on this device
    PaymentClaim.objects.filter(pk=claim.pk).update(claimed_amount=Decimal("1500.00"))
    page.go_back()
    expect(field).to_have_value(re.compile("1.500,00"))
    told = page.locator("[data-moved=claimed_amount]")
    expect(told).to_contain_text("1 000,00")
    assert len(copies(page)) == 1
    told.get_by_role("button", name="Reprendre ma saisie").click()
    expect(field).to_have_value("1 000,00")
    page.reload()
    expect(field).to_have_value("1 000,00")
    expect(page.get_by_text("n’a pas été envoyé")).to_be_visible()


def test_a_field_that_a_browser_fills_by_itself_is_that_of_the_server_too(journey):
    user = person()
    applicant = ApplicantFactory(representative=user, email="avant@argonne.example")
    journey.sign_in(user.email)
    page = journey.page
    journey.go(reverse("applicants:edit", args=[applicant.pk]))
    field = page.locator("input[name=email]")
    assert field.get_attribute("autocomplete") == "email"
    field.fill("tape@argonne.example")
    page.goto(f"{journey.site}/mes-dossiers/")
    Applicant.objects.filter(pk=applicant.pk).update(email="maintenant@argonne.example")
    page.go_back(wait_until="load")
    expect(page.locator("[data-moved=email]")).to_contain_text("tape@argonne.example")
    expect(field).to_have_value("maintenant@argonne.example")
    page.locator("[data-moved=email]").get_by_role("button", name="Garder ce qui est enregistré").click()
    assert copies(page) == []


def founders(application: Application) -> list[tuple[str, Decimal]]:
    return [(row.first_name, row.own_contribution) for row in application.persons.order_by("rank")]


def test_a_conflict_that_was_refused_is_not_written_by_opening_the_step_again(journey):
    application = drafted(journey, "fondateurs", "CAPITAL-SCOP", filled_draft)
    page, user = journey.page, application.created_by
    question = page.locator("[data-kind=persons]")
    code = question.get_attribute("data-question")
    typed = page.locator(f"[name=q-{code}-1-own_contribution]")
    filing.save_answers(application, user=user, typed={code: [PERSONS[0], PERSONS[1] | {"own_contribution": "2 000"}]})
    typed.fill("2 500")
    expect(question.locator(".conflict")).to_contain_text(re.compile("Noé, Petit.*2.000,00"), timeout=10_000)
    page.get_by_role("button", name="Enregistrer et continuer").click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    expect(question.locator(".conflict")).to_contain_text(re.compile("Noé, Petit.*2.000,00"))
    journey.see("portal-form-conflict-refused")
    page.on("dialog", lambda dialog: dialog.accept())
    other, step = (f"/mes-dossiers/{application.public_id}/formulaire/{name}/" for name in ("projet", "fondateurs"))
    journey.go(other)
    with page.expect_response("**/enregistrer/"):
        journey.go(step)
    expect(typed).to_have_value("2 500")
    expect(question.locator(".conflict")).to_contain_text(re.compile("2.000,00"))
    assert founders(application) == [("Alix", Decimal("3200.00")), ("Noé", Decimal("2000.00"))]
    # … nor is somebody who was removed elsewhere there again.
    filing.save_answers(application, user=user, typed={code: [PERSONS[0]]})
    with page.expect_response("**/enregistrer/"):
        page.reload()
    expect(page.locator("[data-status]")).to_contain_text("n’est pas encore enregistré")
    assert founders(application) == [("Alix", Decimal("3200.00"))]
    # What the page shows beside one’s own is chosen by saving it, or left.
    page.get_by_role("button", name="Enregistrer et continuer").click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    question.get_by_role("button", name="Garder la mienne").click()
    saved(page)
    assert founders(application) == [("Alix", Decimal("3200.00")), ("Noé", Decimal("2500.00"))]
    assert copies(page) == []
    page.get_by_role("button", name="Enregistrer et continuer").click()
    page.wait_for_url(lambda address: "/fondateurs/" not in address)
