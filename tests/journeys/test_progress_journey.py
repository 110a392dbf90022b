"""PROGRESS from the first visit to the payment, by the people who do it, each at their window of a browser."""

from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from agreements.models import Agreement, PaymentClaim
from core.dates import add_months
from grants.models import Application
from tests.factories.applicants import SIRET_OF_THE_GUIDE, pdf
from tests.journeys import applicant, money, staff
from tests.journeys.applicant import NO, YES
from tests.journeys.cast import Cast, Window, paper
from tests.journeys.helpers import delivered_links
from tests.journeys.region import Region, region_of

pytestmark = pytest.mark.django_db(transaction=True)

TITLE = "Filière textile du pays d’Argonne"
CHARGES = [
    {"account": "622", "label": "Formation-action du collectif", "amount": "18500"},
    {"account": "623", "label": "Communication", "amount": "6000"},
    {"account": "625", "label": "Réunions et déplacements", "amount": "11000"},
]
PRODUCTS = [
    {"account": "74com", "label": "Communauté de communes", "amount": "4000", "status": "granted"},
    {"account": "756", "label": "Cotisations", "amount": "3100", "status": "own"},
]
PARTNERS = [
    {"name": "Commune de Sainte-Menehould", "role": "Prête un local", "contribution": "4000"},
    {"name": "Les Ateliers d’insertion de l’Argonne", "role": "Accueille les salariés en parcours"},
]
INVOICES = [
    ("622", "Coopérative de formation champenoise", "F-2026-118", "Formation-action", "18500"),
    ("623", "Imprimerie solidaire", "2026-0457", "Affiches et site", "6000"),
    ("625", "Autopartage des Ardennes", "AP-991", "Déplacements et salles", "11000"),
]


def test_a_collective_is_paid(cast: Cast) -> None:
    region = region_of("PROGRESS1")
    nadia = cast.newcomer("Nadia")
    number = file_the_application(nadia, region)
    ask_for_a_piece(cast.enter(region.instructor), nadia, number)
    instruct(cast.enter(region.instructor), number)
    approve(cast.enter(region.head), number)
    decide(cast.enter(region.secretary), region, number)
    agreement = contract(cast, region, nadia, number)
    claims = claim(nadia, agreement)
    certify(cast.enter(region.instructor), claims)
    money.pay(cast.enter(region.finance), claims, total="28 400,00", see="progress")
    the_money_is_there(nadia, number, agreement)


def file_the_application(nadia: Window, region: Region) -> str:
    """Account, organisation, form step by step, pieces, filing, receipt."""
    applicant.sign_up(nadia, "Nadia", "Rousseau", "nadia.rousseau@fil-argonne.example")
    applicant.choose_programme(nadia, "PROGRESS")
    nadia.see("progress-01-programme")
    nadia.follow("Déposer une demande")
    nadia.see("progress-02-first-your-organisation")
    applicant.add_organisation(
        nadia,
        siret="41816609600052",
        name="La Fabrique itinérante",
        ess_statut="association",
        legal_category="9220",
        representative_name="Nadia Rousseau",
        representative_title="Présidente",
        email="contact@fil-argonne.example",
        phone="03 26 00 00 00",
        address_line="12 rue des Lilas",
        postcode="51800",
        city="Sainte-Menehould",
    )
    nadia.press("Enregistrer")
    expect(nadia.page.get_by_role("alert")).to_contain_text("SIRET")
    nadia.see("progress-03-wrong-siret")
    nadia.fill(siret=SIRET_OF_THE_GUIDE)
    nadia.press("Enregistrer")
    nadia.told("Pour qui déposez-vous")
    nadia.see("progress-04-for-whom")
    nadia.press("Commencer")
    fill_in_the_form(nadia)
    nadia.see("progress-10-read-again")
    number = applicant.file_application(nadia)
    with nadia.page.expect_download() as receipt:
        nadia.follow("Accusé de réception")
    assert receipt.value.path().read_bytes().startswith(b"%PDF")
    delivered_links()
    assert any(number in message.body + message.subject for message in mail.outbox)
    return number


def fill_in_the_form(nadia: Window) -> None:
    today = timezone.localdate()
    answers = {
        "object_of_structure": "Nous relançons la filière textile avec les habitants et les artisans.",
        "staff_count": "4",
        "volunteers_count": "32",
        "contact_name": "Nadia Rousseau",
        "contact_email": "nadia.rousseau@fil-argonne.example",
        "contact_phone": "03 26 00 00 00",
    }
    applicant.step(nadia, "structure", answers)
    nadia.see("progress-05-form-organisation")
    applicant.go_on(nadia)
    collective = {"is_collective": YES, "partners": PARTNERS, "governance": "Un comité de pilotage mensuel."}
    applicant.step(nadia, "collectif", collective)
    nadia.see("progress-06-form-partners")
    applicant.go_on(nadia)
    project = {
        "title": TITLE,
        "need": "Les déchets textiles partent à l’enfouissement alors que des emplois manquent.",
        "experiment": "Collecte, tri et revalorisation en circuit court ; nous mesurons les tonnes détournées.",
        "sectors": ["environment", "industry"],
        "jobs_created": "3",
        "is_renewal": NO,
        "period": (today, add_months(today, 11)),
    }
    applicant.step(nadia, "projet", project)
    nadia.see("progress-07-form-project")
    applicant.go_on(nadia)
    applicant.step(nadia, "budget")
    applicant.budget(nadia, CHARGES, PRODUCTS)
    expect(nadia.page.locator("[data-aid]")).to_contain_text("400,00", timeout=10_000)
    applicant.step(nadia, "budget", {"recovers_vat": NO, "public_aid_three_years": "Commune, 2025, 2 000 €."})
    nadia.see("progress-08-form-budget")
    applicant.go_on(nadia)
    applicant.step(nadia, "pieces")
    applicant.join_pieces(nadia, "statutes", "officers", "accounts", "partnership", "bank_details")
    nadia.see("progress-09-form-pieces")
    nadia.follow("Continuer")
    applicant.step(nadia, "engagements", {"attestations": ["accurate", "duties", "cer", "de_minimis", "mandate"]})
    applicant.go_on(nadia)


def ask_for_a_piece(claire: Window, nadia: Window, number: str) -> None:
    """The accounts are not the approved ones: the instructor asks, the applicant answers."""
    claire.go("/admin/")
    claire.told(number)
    claire.see("progress-12-my-work")
    staff.open_case(claire, number)
    staff.judge_piece(claire, "accounts.pdf", "Refuser", "Les comptes joints ne sont pas les comptes approuvés.")
    form = claire.begin("Demander des pièces")
    claire.see("progress-13-ask-for-pieces")
    claire.confirm(form, "Demander des pièces", message="Merci de joindre les comptes approuvés en assemblée.")

    nadia.page.goto(delivered_links()[-1])
    nadia.told("comptes approuvés en assemblée")
    nadia.see("progress-14-pieces-asked")
    applicant.join_pieces(nadia, "accounts")
    nadia.press("Envoyer les pièces manquantes")
    nadia.told("Vos pièces sont envoyées")


def instruct(claire: Window, number: str) -> None:
    """Checks, admissibility, scoring, the aid with its explanation, the proposal."""
    case = staff.open_case(claire, number)
    for name in ("statutes.pdf", "officers.pdf", "accounts.pdf", "partnership.pdf", "bank_details.pdf"):
        staff.judge_piece(claire, name, "Accepter")
    staff.answer_checks(claire, "completeness")
    staff.answer_checks(claire, "admissibility")
    claire.see("progress-15-case-complete")
    claire.move("Déclarer recevable")
    claire.move("Commencer l’instruction")
    staff.answer_checks(claire, "eligibility")
    staff.score(claire, ["4", "3", "4", "5"])
    staff.compute_aid(claire)
    expect(staff.panel(claire, "amount")).to_contain_text("80")
    claire.see("progress-16-case-instructed")
    claire.see_in_the_dark("progress-16-case-instructed")
    form = claire.begin("Proposer au visa")
    claire.see("progress-17-proposal")
    claire.confirm(
        form,
        "Proposer au visa",
        reasons="Projet conforme au règlement, partenaires engagés, budget sincère.",
        **staff.register_consulted(),
    )
    case.refresh_from_db()
    assert (case.state, case.proposed_amount) == ("instructed", Decimal("28400.00"))


def approve(anne: Window, number: str) -> None:
    """The visa, by another person."""
    anne.go("/admin/")
    anne.told(number)
    staff.open_case(anne, number)
    anne.see("progress-18-case-for-the-visa")
    anne.move("Donner le visa", transition_comment="Vu.")


def decide(bruno: Window, region: Region, number: str) -> None:
    """Agenda, convocation, presence, decision in the grid, deliberation number."""
    staff.put_on_agenda(bruno, region.session, number)
    bruno.see("progress-19-agenda")
    staff.hold_session(bruno, region.session)
    row = bruno.page.locator(".es-grid tbody tr").first
    row.focus()
    bruno.page.keyboard.press("a")
    staff.all_decided(bruno)
    bruno.see("progress-20-session-grid")
    bruno.see_in_the_dark("progress-20-session-grid")
    bruno.move("Clore la séance", deliberation_number="26CP-0512")
    bruno.told("26CP-0512")
    bruno.see("progress-21-session-closed")
    case = Application.objects.get(number=number)
    assert (case.state, case.granted_amount) == ("approved", Decimal("28400.00"))


def contract(cast: Cast, region: Region, nadia: Window, number: str) -> str:
    """The agreement drawn up, sent, signed in the portal, in force; the bank account given and verified."""
    claire = cast.enter(region.instructor)
    agreement = staff.draw_up_act(claire, number)
    claire.see("progress-22-agreement-drawn-up")
    claire.move("Envoyer au bénéficiaire")

    nadia.go(f"/conventions/{agreement}/")
    nadia.see("progress-23-agreement-to-sign")
    applicant.sign_agreement(nadia, "Nadia Rousseau", "Présidente")
    nadia.go("/ma-structure/")
    nadia.follow("La Fabrique itinérante")
    nadia.see("progress-24-my-organisation")
    nadia.follow("Coordonnées bancaires")
    applicant.give_bank_details(nadia, "La Fabrique itinérante", 4711)
    nadia.see("progress-25-bank-details")

    youssef = cast.enter(region.second_finance)
    money.verify_account(youssef, "La Fabrique itinérante", see="progress-26-bank-account")
    anne = cast.enter(region.head)
    staff.sign_for_the_region(anne, agreement)
    return agreement


def claim(nadia: Window, agreement: str) -> list[str]:
    """The advance, then the balance with its invoices typed in, each with its proof."""
    nadia.go(f"/conventions/{agreement}/")
    nadia.see("progress-28-agreement-to-claim")
    advance = applicant.open_claim(nadia, agreement, "Avance")
    applicant.join_claim_pieces(nadia)
    applicant.file_claim(nadia)

    balance = applicant.open_claim(nadia, agreement, "Solde")
    applicant.join_claim_pieces(nadia)
    today = timezone.localdate()
    for rank, (account, supplier, invoice, what, euros) in enumerate(INVOICES, 1):
        nadia.press("Ajouter une ligne")
        nadia.fill(
            account_code=account,
            supplier_name=supplier,
            invoice_number=invoice,
            invoice_date=today.isoformat(),
            paid_on=today.isoformat(),
            description=what,
            invoice_total=euros,
            declared_amount=euros,
            proof=paper(f"facture-{rank}.pdf", pdf(f"facture {invoice}")),
        )
        if rank == 1:
            nadia.see("progress-30-expenditure-line")
        nadia.press("Enregistrer")
        nadia.told(f"La ligne {rank} est ajoutée")
    nadia.see("progress-31-claim-of-the-balance")
    applicant.file_claim(nadia)
    nadia.see("progress-32-claim-filed")
    return [advance, balance]


def certify(claire: Window, claims: list[str]) -> None:
    """The advance as it is; the balance line by line, with a cut and its reason."""
    advance, balance = claims
    money.start_review(claire, advance)
    claire.move("Certifier (service fait)", certified_amount="14200")
    money.start_review(claire, balance)
    money.keep(claire, 3, "10880,00", "Frais de bouche non prévus par la convention.")
    claire.see("progress-33-claim-checked")
    claire.move("Certifier (service fait)", certified_amount="14200")
    found = PaymentClaim.objects.get(number=balance)
    assert (found.state, found.certified_total) == ("certified", Decimal("35380.00"))


def the_money_is_there(nadia: Window, number: str, agreement: str) -> None:
    """The applicant reads it on the agreement and on the timeline of the case."""
    nadia.go(f"/conventions/{agreement}/")
    expect(nadia.page.locator("#payments")).to_contain_text("versés le")
    nadia.see("progress-37-agreement-paid")
    nadia.go(f"/dossier/{number}/")
    nadia.see("progress-38-case-paid")
    nadia.go("/mes-dossiers/")
    nadia.see("progress-39-my-cases")
    assert Agreement.objects.get(number=agreement).paid_amount == Decimal("28400.00")
