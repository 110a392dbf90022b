"""A network under a three-year agreement: advance and balance of the first year, its report, the second year opened."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pgtrigger
import pytest
from django.db.models import F
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import expect

from agreements.models import Agreement, Tranche, TrancheReport
from core.acting import acting_as
from core.dates import add_months
from core.file_types import XLSX
from tests.factories.applicants import pdf, siret
from tests.journeys import applicant, money, staff
from tests.journeys.cast import Cast, Window, paper
from tests.journeys.region import Region, region_of

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "Réseau des coopératives de l’Est"
TITLE = "Programme d’actions 2027-2029 du réseau"
YEARS = [
    {"summary": f"Accompagner 40 coopératives, année {year}", "cost": "100000", "requested": "60000"}
    for year in (1, 2, 3)
]
CHARGES = [{"account": "641", "label": "Équipe du réseau", "amount": "300000"}]
PRODUCTS = [{"account": "756", "label": "Cotisations des membres", "amount": "120000", "status": "own"}]
SALARIES = ["A. M., janvier à avril", "L. P., janvier à avril", "Équipe, mai à août", "Équipe, septembre à décembre"]


def test_a_network_is_paid_year_by_year(cast: Cast, tmp_path) -> None:
    region = region_of("CPO")
    lea = cast.newcomer("Léa")
    number = file_the_application(lea)
    claire, anne, finance = (cast.enter(person) for person in (region.instructor, region.head, region.finance))
    staff.admit(claire, number)
    staff.propose(claire, ["4", "4", "3", "5"], "Objectifs chiffrés, ressources diverses, réseau représentatif.")
    claire.see("cpo-07-case-proposed")
    staff.give_visa(anne, number)
    staff.decide(cast.enter(region.secretary), region.session, number, "26CP-0514")
    agreement = contract(cast, region, lea, number)
    advance = claim_the_advance(lea, agreement)
    pay(claire, finance, advance)
    balance = claim_the_balance(lea, agreement)
    certify_the_balance(claire, balance)
    money.pay(finance, [balance], total="30 000,00")
    report_on_the_year(lea, claire, agreement)
    assert Agreement.objects.get(number=agreement).paid_amount == Decimal("60000.00")


def file_the_application(lea: Window) -> str:
    """The network, its programme of actions year by year, its budget over the three years."""
    applicant.sign_up(lea, "Léa", "Schmitt", "lea.schmitt@reseau-est.example")
    applicant.choose_programme(lea, "Convention pluriannuelle")
    lea.see("cpo-01-programme")
    lea.follow("Déposer une demande")
    applicant.add_organisation(
        lea,
        siret=siret(5100),
        name=NAME,
        ess_statut="association",
        legal_category="9220",
        representative_name="Léa Schmitt",
        representative_title="Présidente",
        email="contact@reseau-est.example",
        address_line="2 place de la République",
        postcode="51000",
        city="Châlons-en-Champagne",
    )
    lea.press("Enregistrer")
    lea.told("Pour qui déposez-vous")
    lea.press("Commencer")
    fill_in_the_form(lea)
    number = applicant.file_application(lea)
    return number


def fill_in_the_form(lea: Window) -> None:
    today = timezone.localdate()
    network = {
        "members": "140",
        "mission": "Représenter, former et accompagner les coopératives de la région.",
        "governance": "Une assemblée générale et un conseil de douze personnes élues.",
        "staff_count": "7",
        "contact_email": "lea.schmitt@reseau-est.example",
        "contact_phone": "03 26 00 00 01",
    }
    applicant.step(lea, "reseau", network)
    lea.see("cpo-02-form-network")
    applicant.go_on(lea)
    programme = {
        "title": TITLE,
        "objectives": "40 coopératives accompagnées par an ; 12 créations ; 300 personnes formées.",
        "period": (today, add_months(today, 36) - timedelta(days=1)),
        "tranches": YEARS,
    }
    applicant.step(lea, "programme", programme)
    expect(lea.page.locator('[data-sum="requested"]')).to_contain_text("000,00")
    lea.see("cpo-03-form-years")
    applicant.go_on(lea)
    applicant.step(lea, "budget")
    applicant.budget(lea, CHARGES, PRODUCTS)
    lea.see("cpo-04-form-budget")
    applicant.go_on(lea)
    applicant.step(lea, "pieces")
    applicant.join_pieces(lea, "statutes", "accounts", "activity_report", "action_programme", "bank_details")
    lea.follow("Continuer")
    applicant.step(lea, "engagements", {"attestations": ["accurate", "duties", "cer", "mandate"]})
    applicant.go_on(lea)
    lea.see("cpo-05-read-again")


def contract(cast: Cast, region: Region, lea: Window, number: str) -> str:
    """The network signs on paper; the instructor records the signed copy; the Region signs."""
    claire = cast.enter(region.instructor)
    agreement = staff.draw_up_act(claire, number)
    claire.see("cpo-08-agreement-of-three-years")
    claire.move("Envoyer au bénéficiaire")
    claire.move(
        "Enregistrer l’exemplaire signé",
        file=paper("convention-signee.pdf", pdf("convention signée")),
        signatory="Léa Schmitt",
        quality="Présidente",
        signed_on=timezone.localdate().isoformat(),
    )
    lea.go("/ma-structure/")
    lea.follow(NAME)
    lea.follow("Coordonnées bancaires")
    applicant.give_bank_details(lea, NAME, 5100)
    money.verify_account(cast.enter(region.second_finance), NAME)
    staff.sign_for_the_region(cast.enter(region.head), agreement)
    return agreement


def claim_the_advance(lea: Window, agreement: str) -> str:
    """The first year is open: its advance may be claimed, the second year's not."""
    lea.go(f"/conventions/{agreement}/")
    expect(lea.page.locator("#payments")).to_contain_text("bilan de l’année précédente")
    lea.see("cpo-09-agreement-in-force")
    number = applicant.open_claim(lea, agreement, "Avance")
    applicant.join_claim_pieces(lea)
    applicant.file_claim(lea)
    return number


def pay(claire: Window, finance: Window, claim: str) -> None:
    """Certified as asked, ordered, paid."""
    money.start_review(claire, claim)
    claire.move("Certifier (service fait)", certified_amount="30000")
    money.pay(finance, [claim], total="30 000,00")


def claim_the_balance(lea: Window, agreement: str) -> str:
    """The expenditure of the year by the product's own workbook, and one file that proves all its lines."""
    number = applicant.open_claim(lea, agreement, "Solde")
    applicant.join_claim_pieces(lea)
    workbook = lea.page.locator("#workbook")
    workbook.locator("summary").click()
    with lea.page.expect_download() as download:
        lea.follow("Télécharger le modèle", workbook)
    filled = fill_in(download.value.path().read_bytes())
    workbook.locator("input[type=file]").set_input_files(paper("dépenses.xlsx", filled, XLSX.media_type))
    lea.press("Envoyer et vérifier", workbook)
    lea.told("Vérification du classeur")
    lea.see("cpo-10-workbook-checked")
    lea.press("Reprendre ces lignes")
    lea.told(f"{len(SALARIES)} lignes ajoutées")
    proof = lea.page.locator("#lines details:has(button[formaction*=justificatif])")
    proof.locator("summary").click()
    proof.locator("input[type=file]").set_input_files(paper("bulletins.pdf", pdf("bulletins")))
    for box in proof.locator("input[type=checkbox]").all():
        box.check()
    lea.press("Joindre le justificatif", proof)
    lea.told("est joint")
    lea.see("cpo-11-claim-of-the-balance")
    applicant.file_claim(lea)
    return number


def fill_in(template: bytes) -> bytes:
    """Type four pay slips in the sheet that has the headers of the form."""
    book = load_workbook(BytesIO(template))
    sheet = next(one for one in book if any(cell.value == "Fournisseur" for cell in one[1]))
    columns = {cell.value.rstrip(" *"): cell.column for cell in sheet[1] if cell.value}
    today = timezone.localdate()
    for row, who in enumerate(SALARIES, 2):
        values = {
            "Compte budgétaire": "641",
            "Fournisseur": who,
            "Numéro de facture": f"PAIE-{row}",
            "Date de la facture": today,
            "Payé le": today,
            "Ce qui a été acheté": "Salaires de l’équipe",
            "Total de la facture": 25000,
            "Montant déclaré": 25000,
        }
        for name, value in values.items():
            sheet.cell(row, columns[name]).value = value
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def certify_the_balance(claire: Window, claim: str) -> None:
    money.start_review(claire, claim)
    money.keep(claire)
    claire.move("Certifier (service fait)", certified_amount="30000")


def a_year_passes(agreement: str) -> None:
    """The first year is over: its days are moved back, which no screen does."""
    with pgtrigger.ignore(), acting_as(label="test"):
        year = timedelta(days=366)
        Tranche.objects.filter(agreement__number=agreement).update(
            starts_on=F("starts_on") - year, ends_on=F("ends_on") - year
        )


def report_on_the_year(lea: Window, claire: Window, agreement: str) -> None:
    """The report of the first year, read and accepted: the second year opens and its advance may be claimed."""
    a_year_passes(agreement)
    lea.go(f"/conventions/{agreement}/")
    lea.follow("Déposer le bilan", lea.page.locator("#reports"))
    lea.fill(
        summary="42 coopératives accompagnées, 13 créations, 310 personnes formées.",
        spent_amount="100000",
        document=paper("bilan-annee-1.pdf", pdf("bilan")),
    )
    lea.see("cpo-13-report-of-the-year")
    lea.press("Déposer le bilan")
    lea.told("Votre bilan est déposé")
    claire.go("/admin/")
    claire.see("cpo-14-work-of-the-instructor")
    claire.staff_page(TrancheReport.objects.get(tranche__agreement__number=agreement))
    claire.see("cpo-15-report-to-read")
    claire.move("Accepter le bilan", transition_comment="Bilan conforme aux objectifs.")
    lea.go(f"/conventions/{agreement}/")
    lea.see("cpo-16-second-year-open")
    second = Agreement.objects.get(number=agreement).tranches.get(rank=2)
    assert second.state == "released"
    row = lea.page.locator("#payments tr", has_text="année 2").first
    expect(row.get_by_role("button", name="Demander ce versement")).to_be_visible()
