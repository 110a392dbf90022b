"""Capital SCOP: three persons found a cooperative; those whom the rules help are paid once, on the Kbis."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from agreements.models import Agreement, PaymentClaim
from applicants.models import Applicant
from core.dates import add_months
from grants.models import Application
from tests.factories.applicants import iban, pdf, siret
from tests.journeys import applicant, money, staff
from tests.journeys.applicant import YES
from tests.journeys.cast import Cast, Window, paper
from tests.journeys.region import Region, region_of

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "SCOP Les Bâtisseurs de l’Ouest"
FOUNDERS = [
    {
        "first_name": "Alix",
        "last_name": "Moreau",
        "email": "alix.moreau@batisseurs.example",
        "own_contribution": "3200",
    },
    {"first_name": "Noé", "last_name": "Petit", "email": "noe.petit@batisseurs.example", "own_contribution": "7500"},
    {"first_name": "Jeanne", "last_name": "Le Goff", "email": "j.legoff@batisseurs.example", "own_contribution": "800"},
]
#: What each contribution gives: itself, at most 5,000 EUR; under 1,000 EUR what the parameter says, here nothing.
GRANTED = {"Alix Moreau": Decimal("3200.00"), "Noé Petit": Decimal("5000.00"), "Jeanne Le Goff": None}


def test_the_founders_of_a_cooperative_are_paid(cast: Cast) -> None:
    region = region_of("CAPITAL-SCOP")
    alix = cast.newcomer("Alix")
    number = file_the_application(alix)
    instruct(cast.enter(region.instructor), number)
    staff.give_visa(cast.enter(region.head), number)
    staff.decide(cast.enter(region.secretary), region.session, number, "26CP-0513")
    agreement = grant(cast, region, alix, number)
    claim = claim_on_the_kbis(alix, agreement)
    certify(cast.enter(region.instructor), claim)
    workbook = money.pay(cast.enter(region.finance), [claim], total="8 200,00")
    assert sorted(money.amounts_of(workbook)) == [Decimal("3200.00"), Decimal("5000.00")]
    the_persons_are_paid(alix, number, agreement)


def file_the_application(alix: Window) -> str:
    """One application for the company in formation and its three founders."""
    applicant.sign_up(alix, "Alix", "Moreau", "alix.moreau@batisseurs.example")
    applicant.choose_programme(alix, "Capital SCOP")
    alix.see("scop-01-programme")
    alix.follow("Déposer une demande")
    applicant.add_organisation(
        alix,
        in_formation=True,
        name=NAME,
        ess_statut="cooperative",
        legal_category="5458",
        representative_name="Alix Moreau",
        representative_title="Future gérante",
        email="contact@batisseurs.example",
        address_line="3 quai de la Fosse",
        postcode="44000",
        city="Nantes",
    )
    alix.see("scop-02-organisation-in-formation")
    alix.press("Enregistrer")
    alix.told("Pour qui déposez-vous")
    alix.press("Commencer")
    fill_in_the_form(alix)
    return applicant.file_application(alix)


def fill_in_the_form(alix: Window) -> None:
    today = timezone.localdate()
    company = {
        "title": NAME,
        "legal_form": ["scop_sarl"],
        "origin": ["creation"],
        "activity": "Rénovation de bâtiments anciens avec des matériaux de réemploi, pour les bailleurs sociaux.",
        "city": "Nantes",
        "registration": today + timedelta(days=30),
        "jobs": "3",
        "period": (today, add_months(today, 12)),
    }
    applicant.step(alix, "societe", company)
    alix.see("scop-03-form-company")
    applicant.go_on(alix)
    applicant.step(alix, "fondateurs", {"persons": FOUNDERS, "hours": YES})
    expect(alix.page.locator('[data-sum="own_contribution"]')).to_contain_text("500,00")
    alix.see("scop-04-form-founders")
    applicant.go_on(alix)
    financing = {
        "total_capital": "11500",
        "turnover": "180000",
        "urscop_contact": "Hélène Garnier",
        "urscop_email": "h.garnier@urscop.example",
    }
    applicant.step(alix, "financement", financing)
    alix.see("scop-05-form-financing")
    applicant.go_on(alix)
    applicant.step(alix, "pieces")
    applicant.join_pieces(alix, "draft_statutes", "business_plan", "contributions")
    alix.follow("Continuer")
    values = ["accurate", "own_money", "seat", "de_minimis", "informed"]
    applicant.step(alix, "engagements", {"attestations": values})
    applicant.go_on(alix)
    alix.told("aucune aide n’est possible pour : Jeanne Le Goff")
    alix.see("scop-06-read-again")


def instruct(claire: Window, number: str) -> None:
    """The regional union is consulted; each person gets what the rules give."""
    case = staff.admit(claire, number)
    opinions = staff.panel(claire, "opinions")
    opinions.get_by_text("Demander par courriel").click()
    opinions.locator("[name=email]").fill("avis@urscop.example")
    claire.see("scop-07-ask-for-the-opinion")
    claire.press("Demander l’avis", opinions)
    claire.told("Avis demandé par courriel")
    opinions.get_by_text("Enregistrer l’avis reçu").click()
    form = opinions.locator("form")
    form.locator("[name=result]").select_option("favourable")
    form.locator("[name=given_on]").fill(timezone.localdate().isoformat())
    form.locator("[name=proof]").set_input_files(paper("avis-urscop.pdf", pdf("avis")))
    form.locator("[name=summary]").fill("Projet mûr, équipe formée à la coopération.")
    claire.press("Enregistrer", opinions)
    claire.told("Avis enregistré")
    below_the_floor(claire)
    reasons = "Projet mûr ; Mme Le Goff apporte moins que le minimum du règlement."
    staff.propose(claire, ["4", "4", "5"], reasons, **staff.register_consulted())
    claire.see("scop-08-case-proposed")
    case.refresh_from_db()
    assert case.proposed_amount == Decimal("8200.00")
    assert {person.full_name: person.computed_amount or None for person in case.persons.all()} == GRANTED


def below_the_floor(claire: Window) -> None:
    """The product says that one contribution is under the minimum; the officer keeps the case for the others."""
    section = staff.panel(claire, "checks-eligibility")
    line = section.locator("tr", has_text="Chaque apport est en numéraire")
    expect(line).to_contain_text("Jeanne Le Goff")
    if line.locator(".pill.no").count():
        line.locator("summary").click()
        line.locator("input[name=reason]").fill("Apports justifiés ; aucune bourse pour Mme Le Goff.")
        line.get_by_role("button", name="Oui", exact=True).click()
        claire.told("Réponse enregistrée")


def grant(cast: Cast, region: Region, alix: Window, number: str) -> str:
    """An act, which binds by its notification; the accounts of the two persons, entered and verified."""
    claire, youssef = cast.enter(region.instructor), cast.enter(region.second_finance)
    case = Application.objects.get(number=number)
    assert (case.state, case.granted_amount) == ("approved", Decimal("8200.00"))
    agreement = staff.draw_up_act(claire, number)
    claire.see("scop-09-act-drawn-up")
    claire.move("Envoyer au bénéficiaire")
    staff.sign_for_the_region(cast.enter(region.head), agreement)
    alix.go(f"/conventions/{agreement}/")
    alix.see("scop-10-act-in-force")
    for rank, name in enumerate(("Alix Moreau", "Noé Petit"), 1):
        claire.staff_page(Agreement.objects.get(number=agreement))
        claire.follow(name, staff.panel(claire, "shares"))
        claire.follow("Saisir un compte bancaire")
        claire.fill(holder_name=name, iban=iban(5000 + rank), proof=paper("rib.pdf", pdf(f"rib {name}")))
        if rank == 1:
            claire.see("scop-11-account-of-a-person")
        claire.press("Enregistrer")
        claire.told("Le compte est")
        money.verify_account(youssef, name)
    return agreement


def claim_on_the_kbis(alix: Window, agreement: str) -> str:
    """The company is registered: its number, its Kbis, and one claim for all."""
    organisation = Applicant.objects.get(name=NAME)
    alix.go(f"/ma-structure/{organisation.pk}/")
    alix.see("scop-12-organisation-to-register")
    alix.follow("Ajouter le numéro SIRET")
    alix.fill(siret=siret(4400), in_formation=False)
    alix.press("Enregistrer")
    alix.told("Vos modifications sont enregistrées")
    claim = applicant.open_claim(alix, agreement, "Versement")
    alix.see("scop-13-claim")
    applicant.join_claim_pieces(alix)
    applicant.file_claim(alix)
    return claim


def certify(claire: Window, claim: str) -> None:
    """The Kbis is there: the whole is due."""
    money.start_review(claire, claim)
    claire.see("scop-14-claim-to-certify")
    claire.move("Certifier (service fait)", certified_amount="8200")
    assert PaymentClaim.objects.get(number=claim).state == "certified"


def the_persons_are_paid(alix: Window, number: str, agreement: str) -> None:
    alix.go(f"/conventions/{agreement}/")
    alix.see("scop-37-act-paid")
    alix.go(f"/dossier/{number}/")
    alix.see("scop-38-case-paid")
    assert Agreement.objects.get(number=agreement).paid_amount == Decimal("8200.00")
