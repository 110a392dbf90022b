"""The European side: expenditure declared, decided item by item beside its proof, asked to the Union, reported."""

from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from agreements.models import PaymentClaim
from core.acting import acting_as
from demo import europe
from reporting.models import ErrorType, ExpenditureDeclaration, Fund, PaymentApplication
from tests.factories.agreements import House, certified, in_force
from tests.factories.core import UserFactory
from tests.factories.instruction import programme_of
from tests.journeys.cast import Cast, Window
from tests.journeys.region import Region, region_of

pytestmark = pytest.mark.django_db(transaction=True)

INVOICES = ("10000.00", "6000.00", "4000.00")
CUT = Decimal("450.00")


def certified_claim(region: Region) -> PaymentClaim:
    """What comes before: a co-financed agreement in force, of which a claim was certified."""
    with acting_as(label="test"):
        programme_of()
        europe.build_programme(region.finance)
        house = House(region.instructor, region.head, region.finance, UserFactory(applicant=True))
        agreement, house = in_force("PROGRESS1", "20000.00", house=house, eu_fund="ESF+")
        return certified(agreement, house, "balance", *INVOICES)


def test_from_the_declaration_to_the_workbook(cast: Cast, worker) -> None:
    region = region_of("PROGRESS1")
    declaration = ExpenditureDeclaration.objects.get(claim=certified_claim(region))
    declare(cast.enter(region.instructor), declaration)
    control(cast.enter(region.controller), declaration)
    asked = ask_the_union(cast.enter(region.finance))
    report(cast.enter(region.finance), asked)


def declare(claire: Window, declaration: ExpenditureDeclaration) -> None:
    """The instructor sends the certified expenditure to the fund."""
    claire.staff_page(declaration)
    claire.see("europe-01-declaration")
    claire.move("Déclarer au fonds")


def control(elena: Window, declaration: ExpenditureDeclaration) -> None:
    """Another person opens each proof, accepts two items, cuts one, and concludes."""
    elena.go("/admin/")
    elena.told(declaration.number)
    elena.see("europe-02-work-of-the-controller")
    elena.staff_page(declaration)
    elena.move("Commencer le contrôle")
    rows = elena.page.locator("tr[id^=item-]")
    expect(rows).to_have_count(len(INVOICES))
    rows.nth(1).get_by_role("link", name="ouvrir").click()
    expect(elena.page.locator(".es-beside")).to_contain_text("Télécharger")
    elena.see("europe-03-control-with-the-proof-beside")
    elena.page.keyboard.press("Escape")
    cut = rows.nth(1)
    cut.locator("select[name^=decision]").select_option("reject_partly")
    elena.press("Enregistrer les décisions")
    elena.told("n’ont pas été enregistrées")
    elena.see("europe-04-decision-refused")
    cut = elena.page.locator("tr[id^=item-]").nth(1)
    cut.locator("input[name^=rejected]").fill("450,00")
    cut.locator("select[name^=error]").select_option(str(ErrorType.objects.get(code="LINK").pk))
    cut.locator("input[name^=reason]").fill("Part de la facture sans lien avec l’opération.")
    elena.press("Enregistrer les décisions")
    elena.told("1 décision enregistrée")
    elena.press("Accepter tout ce qui attend")
    elena.told("2 décisions enregistrées")
    elena.see("europe-05-control-decided")
    elena.move("Achever le contrôle", transition_comment="Contrôle sur pièces achevé.")
    declaration.refresh_from_db()
    assert sum(item.retained_amount for item in declaration.items.all()) == Decimal("20000.00") - CUT
    elena.follow("Coopérative de formation")
    elena.see("europe-06-item-and-its-way")


def ask_the_union(catherine: Window) -> PaymentApplication:
    """A payment application is opened, takes in what is certified, is closed and sent."""
    catherine.go("/admin/reporting/paymentapplication/")
    catherine.page.get_by_role("link", name="Ouvrir une demande de paiement").click()
    catherine.page.locator("#id_programme").select_option(index=1)
    catherine.page.locator("#id_fund").select_option(str(Fund.objects.get(code="ESF+").pk))
    catherine.see("europe-07-open-a-payment-application")
    catherine.press("Ouvrir et reprendre ce qui est certifié")
    catherine.told("La demande de paiement est ouverte")
    catherine.see("europe-08-payment-application")
    catherine.move("Clore")
    catherine.move("Enregistrer l’envoi", national_reference="DP-2026-0001")
    catherine.see("europe-09-payment-application-sent")
    asked = PaymentApplication.objects.get()
    assert asked.lines.get().eligible_amount == Decimal("19550.00")
    return asked


def report(catherine: Window, asked: PaymentApplication) -> None:
    """The co-financing workbook, asked for in the staff site, made by the worker, watched and downloaded."""
    catherine.go("/admin/reporting/operation/reports/")
    catherine.see("europe-10-reports")
    catherine.press("Établir le rapport")
    catherine.page.wait_for_url("**/travaux/**")
    expect(catherine.page.locator("#job-state")).to_contain_text("Terminé", timeout=60_000)
    catherine.see("europe-11-report-made")
    with catherine.page.expect_download() as download:
        catherine.page.locator("#job-state a").first.click()
    book = load_workbook(BytesIO(download.value.path().read_bytes()), data_only=True)
    figures = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(isinstance(value, int | float) and Decimal(str(value)) == Decimal("19550") for value in figures)
    assert asked.lines.get().entries.get().certificate.number in figures
