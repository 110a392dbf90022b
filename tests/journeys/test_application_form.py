"""The application's form in a real browser: saved as one types, kept when the line is cut, never overwritten."""

import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from core.transitions import perform
from grants.models import Application, Call
from grants.services import filing
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import draft, filled_draft, in_instruction, incomplete, open_call
from tests.journeys.helpers import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def person():
    return UserFactory(applicant=True, password=PASSWORD)


def drafted(journey, section: str, code: str = "PROGRESS1", make=draft) -> Application:
    """A draft on the screen at one of its steps."""
    user = person()
    kind = {"being_formed": True} if code == "CAPITAL-SCOP" else {}
    application = make(code, user=user, applicant=ApplicantFactory(representative=user, **kind))
    journey.sign_in(user.email)
    journey.go(f"/mes-dossiers/{application.public_id}/formulaire/{section}/")
    return application


def saved(page) -> None:
    """Wait until the page says that the server has everything."""
    expect(page.locator("[data-status]")).to_contain_text("Enregistré à", timeout=10_000)


def copies(page) -> list[str]:
    """What the pages kept on the device, by key."""
    return page.evaluate("Object.keys({...localStorage}).filter((key) => key.startsWith('essor-'))")


def closes_in(application: Application, time: timedelta) -> None:
    """The end of the call is moved, from elsewhere."""
    Call.objects.filter(pk=application.call_id).update(closes_at=timezone.now() + time)


def withdrawn(application: Application) -> None:
    """The draft is withdrawn, from elsewhere."""
    perform(application, "withdraw", actor=application.created_by, comment="Projet reporté.")


def test_an_answer_is_saved_while_typing(journey):
    application = drafted(journey, "projet")
    page = journey.page
    page.fill("#q-title", "Filière textile")
    saved(page)
    page.get_by_label("Oui", exact=True).first.check()
    page.locator("#question-renewed_case").wait_for(state="visible")
    application.refresh_from_db()
    assert application.title == "Filière textile"
    page.reload()
    expect(page.locator("#q-title")).to_have_value("Filière textile")
    closes_in(application, timedelta(seconds=4))
    page.fill("#q-title", "Filière textile rémoise")
    # The page learns with its next save that the call closes sooner. It asks before it says so: there is more time again.
    with page.expect_response("**/cloture/"):
        saved(page)
        closes_in(application, timedelta(days=1))
    expect(page.locator("main")).to_contain_text("à déposer au plus tard")
    expect(page.locator(".notice[role=alert]").first).to_be_hidden()
    closes_in(application, timedelta(seconds=3))
    page.fill("#q-title", "Filière textile de Reims")
    expect(page.locator("main")).to_contain_text("elle ne peut plus être déposée")
    expect(page.locator(".notice[role=alert]").first).to_contain_text("Cet appel est clos depuis")
    closes_in(application, timedelta(days=1))
    page.fill("#q-title", "Filière textile")
    expect(page.locator("main")).to_contain_text("à déposer au plus tard")
    expect(page.locator(".notice[role=alert]").first).to_be_hidden()


def test_the_budget_adds_up_while_typing(journey):
    application = drafted(journey, "budget")
    page = journey.page
    charges = page.locator('[data-group="charge"]')
    charges.locator("select[data-column=account]").first.select_option("622")
    charges.locator("input[data-column=amount]").first.fill("35 500,00")
    expect(page.locator('[data-total="charge"]')).to_contain_text(re.compile("35.500,00"))
    expect(page.locator("[data-aid]")).to_contain_text(re.compile("28.400,00"), timeout=10_000)
    expect(page.locator("[data-gap]")).to_contain_text(re.compile("Il manque 7.100,00"))
    products = page.locator('[data-group="product"]')
    products.locator("select[data-column=account]").first.select_option("insufprevisionnel")
    products.locator("input[data-column=amount]").first.fill("7100")
    expect(page.locator("[data-gap]")).to_contain_text("équilibré")
    charges.locator("input[data-column=amount]").first.fill("35 5oo")  # no amount, and not 0
    expect(page.locator('[data-total="charge"]')).to_have_text("attend un montant lisible")
    expect(page.locator("[data-gap]")).to_contain_text("Un montant ne peut pas être lu")
    charges.locator("input[data-column=amount]").first.fill("35 500,00")
    expect(page.locator("[data-gap]")).to_contain_text("équilibré")
    rows = charges.locator("tr[data-row]").count()
    page.get_by_role("button", name="Ajouter une ligne").first.click()
    expect(charges.locator("tr[data-row]")).to_have_count(rows + 1)
    saved(page)
    journey.see("portal-form-budget")
    assert application.budget_lines.count() == 3
    page.reload()
    expect(page.locator("[data-gap]")).to_contain_text("équilibré")


def test_a_cut_line_is_said_and_nothing_is_lost(journey):
    application = drafted(journey, "projet")
    page = journey.page
    page.context.set_offline(True)
    page.fill("#q-need", "Un besoin écrit dans le train")
    expect(page.locator("[data-status]")).to_contain_text("Non enregistré", timeout=10_000)
    page.context.set_offline(False)  # the line comes back: the page tries again by itself
    saved(page)
    page.route("**/enregistrer/", lambda route: route.abort())
    page.fill("#q-need", "Un besoin écrit dans un tunnel")
    expect(page.locator("[data-status]")).to_contain_text("Non enregistré", timeout=10_000)
    page.unroute("**/enregistrer/")
    page.get_by_role("button", name="Réessayer maintenant").click()
    saved(page)
    application.refresh_from_db()
    assert application.answers["need"] == "Un besoin écrit dans un tunnel"


def test_the_list_of_steps_counts_what_is_missing_while_typing(journey):
    drafted(journey, "budget", make=filled_draft)
    page = journey.page
    step = page.locator('[data-step="budget"]')
    expect(step).to_have_class("done")
    page.fill("#q-public_aid_three_years", "")
    expect(step).to_contain_text("1 manquant", timeout=10_000)
    expect(step.locator(".dot")).to_have_text("!")
    page.fill("#q-public_aid_three_years", "Aucune")
    expect(step.locator(".dot")).to_have_text("✓", timeout=10_000)
    expect(step).not_to_contain_text("manquant")


def test_going_on_while_an_answer_is_on_its_way_is_no_conflict_with_oneself(journey):
    application = drafted(journey, "projet", make=filled_draft)
    page = journey.page
    held = []
    page.route("**/enregistrer/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/enregistrer/"):
        page.fill("#q-need", "Un besoin")
    page.locator("#q-need").press_sequentially(" écrit vite")
    page.get_by_role("button", name="Enregistrer et continuer").click()
    held[0].continue_()
    page.wait_for_url("**/formulaire/budget/**")
    application.refresh_from_db()
    assert application.answers["need"] == "Un besoin écrit vite"


def test_an_ended_session_keeps_what_was_typed_on_the_device(journey):
    application = drafted(journey, "projet")
    page = journey.page
    journey.sign_out()
    page.fill("#q-need", "Écrit après la fin de la session")
    expect(page.locator("[data-status]")).to_contain_text("session a expiré", timeout=10_000)
    page.on("dialog", lambda dialog: dialog.accept())
    step = f"/mes-dossiers/{application.public_id}/formulaire/projet/"
    colleague = MembershipFactory(applicant=application.applicant, role="editor").user
    colleague.set_password(PASSWORD)
    colleague.save()
    journey.sign_in(colleague.email)  # another person, on the same telephone
    journey.go(step)
    expect(page.locator("#q-need")).to_have_value("")
    page.locator("#q-title").fill("Tapé par une collègue, enregistré avec le bouton")
    page.get_by_role("button", name="Enregistrer et continuer").click()
    page.wait_for_url("**/formulaire/budget/**")
    assert copies(page) == [f"essor-form-{application.created_by.pk}-{application.public_id}-q-need"]
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("status")).to_contain_text("Vous êtes déconnecté")
    assert len(copies(page)) == 1, "who signs out removed what another account had typed"
    application.refresh_from_db()
    assert "need" not in application.answers
    journey.sign_in(application.created_by.email)
    journey.go(step)
    expect(page.locator("#q-need")).to_have_value("Écrit après la fin de la session")
    saved(page)
    assert copies(page) == []
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit après la fin de la session"
    assert application.answer_versions["need"]["by"] == application.created_by.get_full_name()
    # Once the case is a draft no more, nothing typed for its form can be sent: its page and the list say so.
    left = f"essor-form-{application.created_by.pk}-{application.public_id}-q-need"
    page.evaluate("key => { localStorage.setItem(key, '{}'); localStorage.setItem('essor-0-need', '{}') }", left)
    withdrawn(application)
    journey.go("/mes-dossiers/")
    assert copies(page) == []


def test_signing_in_again_in_another_tab_lets_the_first_page_go_on(journey):
    application = drafted(journey, "projet")
    page = journey.page
    page.context.clear_cookies(name="sessionid")
    page.fill("#q-need", "Écrit après la fin de la session")
    expect(page.locator("#session-expired")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_hidden()  # the header names nobody any more
    with page.context.expect_page() as opened:
        page.locator("[data-sign-in]").click()  # beside "try again", which does nothing until then
    other = opened.value
    other.fill("#id_username", application.created_by.email)
    other.fill("#id_password", PASSWORD)
    other.locator("main button[type=submit]").click()
    other.wait_for_url("**/formulaire/projet/")
    other.close()
    page.get_by_role("button", name="Réessayer maintenant").click()
    saved(page)
    expect(page.locator("#session-expired")).to_be_hidden()
    expect(page.locator("[data-sign-in]")).to_be_hidden()
    page.get_by_role("button", name="Enregistrer et continuer").click()
    page.wait_for_url("**/formulaire/budget/**")
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit après la fin de la session"
    # Who signs out in another window signs out of this one: it shows nothing more, and keeps nothing on the device.
    page.locator("[data-group=charge] input[data-column=label]").first.press_sequentially("Tapé")
    other = page.context.new_page()
    other.goto(page.url)
    other.on("dialog", lambda dialog: dialog.accept())
    other.get_by_role("button", name="Se déconnecter").click()
    expect(page.locator("main")).to_contain_text("Vous vous êtes déconnecté dans une autre fenêtre")
    expect(page.locator("main input")).to_have_count(0)
    assert copies(page) == []


def test_two_people_are_told_of_one_another(journey):
    application = drafted(journey, "projet")
    page = journey.page
    other = MembershipFactory(applicant=application.applicant, role="editor").user
    filing.save_answers(application, user=other, typed={"need": "La version de l’autre"})
    page.fill("#q-need", "Ma version")
    expect(page.locator("#question-need .conflict")).to_contain_text("La version de l’autre", timeout=10_000)
    journey.see("portal-form-conflict")
    with page.expect_response("**/enregistrer/"):
        page.fill("#q-jobs_created", "3")
    expect(page.locator("[data-status]")).to_contain_text("n’est pas encore enregistré", timeout=10_000)
    page.get_by_role("button", name="Garder la mienne").click()
    saved(page)
    application.refresh_from_db()
    assert application.answers["need"] == "Ma version"


def test_founders_and_years_add_up(journey):
    drafted(journey, "fondateurs", "CAPITAL-SCOP", filled_draft)
    expect(journey.page.locator('[data-sum="own_contribution"]')).to_contain_text(re.compile("10.700,00"))
    journey.see("portal-form-founders")
    journey.sign_out()
    drafted(journey, "programme", "CPO", filled_draft)
    expect(journey.page.locator('[data-sum="requested"]')).to_contain_text(re.compile("180.000,00"))
    journey.see("portal-form-years")


def test_pieces_are_joined_and_removed_in_place(journey, tmp_path):
    application = drafted(journey, "pieces")
    page = journey.page
    path = tmp_path / "statuts.pdf"
    path.write_bytes(pdf("statuts"))
    piece = page.locator("#piece-statutes")
    piece.locator("input[type=file]").set_input_files(path)
    expect(page.locator("[data-status]")).to_contain_text("« statuts.pdf » est choisi")
    page.get_by_role("link", name="Continuer").click()  # held back: the file would be lost in silence
    without = piece.get_by_label("Continuer sans joindre « statuts.pdf »")
    expect(without).to_be_focused()
    page.context.set_offline(True)
    piece.get_by_role("button", name="Joindre").click()
    expect(piece.get_by_role("alert")).to_contain_text("fichier non envoyé")
    expect(page.locator("[data-status]")).to_contain_text("n’est pas encore enregistré")
    page.context.set_offline(False)
    journey.console.clear()  # the browser's own words on a connection that failed, as it was made to
    piece.get_by_role("button", name="Joindre").click()
    expect(piece.get_by_role("link", name="statuts.pdf")).to_be_visible()
    expect(page.locator("[data-status]")).to_contain_text("Vous pouvez fermer cette page")
    journey.see("portal-form-pieces")
    page.once("dialog", lambda dialog: dialog.accept())  # one tap has no way back: it is asked first
    piece.get_by_role("button", name="Retirer").click()
    expect(piece.get_by_role("link", name="statuts.pdf")).to_have_count(0)
    assert not application.pieces.exists()
    piece.locator("input[type=file]").set_input_files(path)
    page.get_by_role("link", name="Continuer").click()
    without.check()
    page.get_by_role("link", name="Continuer").click()
    page.wait_for_url(lambda address: "/formulaire/pieces/" not in address)


def test_from_the_catalogue_to_the_receipt(journey):
    user = person()
    ApplicantFactory(representative=user)
    call = open_call()
    page = journey.page
    journey.go("/aides/")
    journey.see("portal-catalogue")
    page.get_by_role("link", name="PROGRESS, volet 1").click()
    page.fill("#simulate-general", "50000")
    page.keyboard.press("Tab")
    expect(page.locator("#simulation")).to_contain_text(re.compile("Aide possible : 30.000,00"), timeout=10_000)
    journey.see("portal-programme")
    journey.sign_in(user.email)
    journey.go(f"/mes-dossiers/nouveau/{call.code}/")
    journey.see("portal-start")
    page.get_by_role("button", name="Commencer").click()
    journey.see("portal-form-empty")
    application = filled_draft(user=user, applicant=user.memberships.get().applicant, call=call)
    journey.go(f"/mes-dossiers/{application.public_id}/relire/")
    journey.see("portal-review")
    page.get_by_role("button", name="Déposer ma demande").click()
    expect(page.locator("main")).to_contain_text("Votre demande est déposée sous le numéro")
    journey.see("portal-case-filed")
    journey.go("/mes-dossiers/")
    journey.see("portal-my-cases")


def test_the_pages_of_a_case_are_accessible(journey):
    user = person()
    applicant = ApplicantFactory(representative=user, name="Association pour la coopération " * 6)
    waiting = incomplete(user=user, applicant=applicant, pieces=("statutes", "accounts"))
    running = in_instruction(user=user, applicant=applicant)
    journey.sign_in(user.email)
    for application, name in ((waiting, "waiting"), (running, "running")):
        journey.go(application.get_absolute_url())
        journey.see(f"portal-case-{name}")
    journey.go(f"/mes-dossiers/{running.public_id}/demande/")
    journey.see("portal-case-answers")
    journey.go(f"/mes-dossiers/{waiting.public_id}/abandonner/")
    journey.see("portal-case-withdraw")


def test_a_full_form_and_its_errors_are_accessible(journey):
    application = drafted(journey, "projet", make=filled_draft)
    start = timezone.localdate().replace(year=2020).isoformat()
    filing.save_answers(
        application,
        user=application.created_by,
        typed={"period": {"start": start, "end": start}, "need": "", "jobs_created": "beaucoup"},
    )
    journey.go(f"/mes-dossiers/{application.public_id}/formulaire/projet/?check=1")
    expect(journey.page.locator("#question-period .msg")).to_contain_text("avant aujourd’hui")
    journey.see("portal-form-errors")
    assert uuid.UUID(str(application.public_id))
