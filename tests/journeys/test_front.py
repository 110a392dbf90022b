"""From the home page to an account that works, and the pages that say what went wrong."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from core import navigation
from core.acting import acting_as
from core.models.job import Job
from core.models.user import User
from core.navigation import WorkItem
from core.roles import Role
from core.transitions import perform
from tests.core.sample.models import Case
from tests.factories.core import UserFactory
from tests.journeys.helpers import PASSWORD, Journey, delivered_links

pytestmark = pytest.mark.django_db(transaction=True)


def make_user(**traits: object) -> User:
    with acting_as(label="test"):
        return UserFactory(**traits)


def test_from_the_home_page_to_a_working_account(journey: Journey, page: Page) -> None:
    journey.go("/")
    journey.see("home")
    page.get_by_role("main").get_by_role("link", name="Créer un compte").click()
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.get_by_role("alert")).to_contain_text("points à corriger")
    journey.see("sign-up-errors")

    page.get_by_label("Prénom").fill("Inès")
    page.get_by_label("Nom", exact=True).fill("Lefèvre")
    page.get_by_label("Adresse électronique").fill("Ines.Lefevre@example.org")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_label("Mot de passe, une seconde fois").fill(PASSWORD)
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.get_by_role("main")).to_contain_text("ines.lefevre@example.org")
    journey.see("sign-up-done")

    [link] = delivered_links()
    assert mail.outbox[0].subject.endswith("activez votre compte")
    page.goto(link)
    assert not User.objects.get(email="ines.lefevre@example.org").is_active  # opening the link is not enough
    journey.see("activate")
    page.get_by_role("button", name="Activer mon compte").click()
    expect(page.get_by_role("status")).to_contain_text("Votre compte est actif")
    user = User.objects.get(email="ines.lefevre@example.org")
    assert user.is_active and user.role_set == {Role.APPLICANT}
    journey.see("first-page-of-an-applicant")

    page.get_by_role("button", name="Se déconnecter").click()
    journey.sign_in("ines.lefevre@example.org")
    journey.go("/mon-compte/")
    journey.see("profile")


def test_opened_on_another_device_an_account_asks_who_it_is_and_for_its_password(
    journey: Journey, page: Page, new_context
) -> None:
    """The sign-up on the computer, the mail on the telephone."""
    elsewhere = new_context()
    asked = elsewhere.new_page()
    asked.goto(f"{journey.site}/inscription/")
    asked.get_by_label("Prénom").fill("Votre")
    asked.get_by_label("Nom", exact=True).fill("Région")
    asked.get_by_label("Adresse électronique").fill("ines.lefevre@example.org")
    asked.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    asked.get_by_label("Mot de passe, une seconde fois").fill(PASSWORD)
    asked.get_by_role("button", name="Créer mon compte").click()
    expect(asked.get_by_role("main")).to_contain_text("ines.lefevre@example.org")

    [link] = delivered_links()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(link)
    expect(page.get_by_role("main")).to_contain_text("ines.lefevre@example.org")
    expect(page.get_by_label("Prénom")).to_have_value("Votre")
    journey.see("choose-and-open")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_label("Prénom").fill("Inès")
    page.get_by_label("Nom", exact=True).fill("Lefèvre")
    first, second = page.locator("#id_new_password1"), page.locator("#id_new_password2")
    first.fill("encore un autre mot de passe")
    second.fill("encore une faute de frappe")
    page.get_by_role("main").locator("button[type=submit]").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label("Prénom")).to_have_value("Inès")
    expect(page.get_by_label("Nom", exact=True)).to_have_value("Lefèvre")
    journey.see("choose-and-open-errors")
    page.set_viewport_size({"width": 360, "height": 740})
    first.fill("encore un autre mot de passe")
    second.fill("encore un autre mot de passe")
    page.get_by_role("main").locator("button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text("Votre compte est actif")
    user = User.objects.get(email="ines.lefevre@example.org")
    assert user.is_active and user.get_full_name() == "Inès Lefèvre" and not user.check_password(PASSWORD)


def test_a_wrong_password_and_the_way_back_in(journey: Journey, page: Page) -> None:
    user = make_user(applicant=True)
    journey.go("/connexion/")
    journey.see("sign-in")
    page.fill("#id_username", user.email)
    page.fill("#id_password", "pas le bon")
    page.locator("main button[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("ne vont pas ensemble")
    assert page.input_value("#id_username") == user.email
    journey.see("sign-in-refused")

    page.get_by_role("link", name="Mot de passe oublié").click()
    page.get_by_label("Adresse électronique").fill(user.email)
    journey.see("forgotten-password")
    page.get_by_role("button", name="M’envoyer un lien").click()
    [link] = delivered_links()
    page.goto(link)
    journey.see("new-password")
    page.get_by_label("Nouveau mot de passe", exact=True).fill("encore un autre mot de passe")
    page.locator("#id_new_password2").fill("encore un autre mot de passe")
    page.get_by_role("button", name="Enregistrer ce mot de passe").click()
    journey.sign_in(user.email, "encore un autre mot de passe")
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()


def test_an_expired_session_keeps_what_was_typed(journey: Journey, page: Page) -> None:
    user = make_user(applicant=True)
    journey.sign_in(user.email)
    journey.go("/mon-compte/")
    page.get_by_label("Prénom").fill("Un prénom vraiment très long à retaper")
    page.context.clear_cookies()  # the session ends while the person writes
    page.get_by_role("button", name="Enregistrer").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Votre session a expiré")
    expect(page.get_by_role("main")).not_to_contain_text("Un prénom vraiment très long à retaper")
    journey.see("session-expired")
    page.fill("#id_username", user.email)
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Me connecter et continuer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reprendre ce que vous aviez saisi")
    expect(page.get_by_role("main")).to_contain_text("Un prénom vraiment très long à retaper")
    journey.see("session-resumed")
    assert page.evaluate("sessionStorage.getItem('essor-form-sent')"), "the page that follows cannot tell what was sent"
    page.get_by_role("button", name="Envoyer ce que j’avais saisi").click()

    expect(page.get_by_role("status")).to_contain_text("enregistrées")
    assert (
        page.evaluate("Object.keys({...localStorage, ...sessionStorage}).filter((key) => key.startsWith('essor-form'))")
        == []
    )
    user.refresh_from_db()
    assert user.first_name == "Un prénom vraiment très long à retaper"

    journey.go("/mon-compte/")
    page.get_by_label("Prénom").fill("Un prénom qui n’est pas envoyé")
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("status")).to_contain_text("Vous êtes déconnecté")
    assert page.evaluate("Object.keys({...localStorage}).filter((key) => key.startsWith('essor-'))") == []


@pytest.mark.parametrize(
    "path", ["/accessibilite/", "/donnees-personnelles/", "/mentions-legales/", "/page-qui-n-existe-pas/"]
)
def test_the_pages_around(journey: Journey, path: str) -> None:
    journey.go(path)
    journey.see(path.strip("/"))


def test_the_whole_portal_speaks_english_on_demand(journey: Journey, page: Page) -> None:
    journey.go("/")
    assert page.locator("html").get_attribute("lang") == "fr"
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("main").get_by_role("link", name="Create an account")).to_be_visible()


def test_a_job_on_the_screen(journey: Journey, page: Page) -> None:
    user = make_user(finance_officer=True)
    job = Job.objects.create(kind="test.kind", key="test", requested_by=user)
    journey.sign_in(user.email)
    journey.go(f"/travaux/{job.pk}/")
    journey.see("job-waiting")
    page.get_by_role("button", name="Annuler ce travail").click()
    expect(page.get_by_role("main")).to_contain_text("annulé")
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


@pytest.mark.parametrize("role", ["administrator", "instructor", "auditor"])
def test_staff_land_on_their_work(journey: Journey, page: Page, role: str) -> None:
    user = make_user(**{role: True})
    journey.sign_in(user.email)
    expect(page).to_have_url(re.compile(r"/admin/$"))
    journey.see(f"my-work-{role}")


def test_what_is_due_comes_first(journey: Journey, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    today = timezone.localdate()
    items = [
        WorkItem(today - timedelta(days=2), "PROG-2026-00042 · Textile", "Refus implicite", "/a/", "Instruire", "act"),
        WorkItem(today + timedelta(days=9), "CPO-2026-00003 · Réseau des régies", "Visa", "/b/", "Viser"),
        WorkItem(None, "Compte bancaire de La Fabrique", "Attestation à vérifier", "/c/", "Vérifier"),
    ]
    monkeypatch.setattr(navigation, "_work_providers", [lambda user: items])
    journey.sign_in(make_user(instructor=True).email)
    journey.see("my-work-full")


def test_a_case_on_the_staff_site(journey: Journey, page: Page) -> None:
    owner, instructor = make_user(applicant=True), make_user(instructor=True)
    with acting_as(owner):
        case = Case.objects.create(title="Filière textile du pays d’Argonne", owner=owner, asked=Decimal("28400"))
        perform(case, "submit", actor=owner)
    journey.sign_in(instructor.email)
    journey.go(f"/admin/sample/case/{case.pk}/change/")
    journey.see("staff-case")
    page.get_by_role("link", name="Accept").click()
    page.get_by_role("button", name="Accept").click()
    journey.see("staff-transition-refused")
    page.fill("#id_amount", "500")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("C’est fait : Accept.")).to_be_visible()
    page.get_by_role("link", name="Tout l’historique").click()
    journey.see("staff-history")
    journey.go("/admin/sample/case/")
    journey.see("staff-cases")


def test_the_lists_and_forms_of_the_staff_site(journey: Journey, page: Page) -> None:
    administrator = make_user(administrator=True, last_name="Archambault-Desrosiers")
    for number in range(30):
        make_user(applicant=True, last_name=f"Personne au nom plutôt long {number}")
    journey.sign_in(administrator.email)
    journey.go("/admin/core/user/")
    journey.see("staff-list")
    journey.go(f"/admin/core/user/{administrator.pk}/change/")
    journey.see("staff-form")
    page.emulate_media(color_scheme="dark")
    page.evaluate("localStorage.setItem('_x_adminTheme', JSON.stringify('dark'))")
    page.reload()
    journey.see("staff-form-dark")
