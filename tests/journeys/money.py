"""What the staff does in its windows with accounts, claims, orders and payments."""

import re
from decimal import Decimal
from io import BytesIO

from django.utils import timezone
from openpyxl import Workbook, load_workbook
from playwright.sync_api import expect

from agreements.models import PaymentClaim
from applicants.models import BankAccount
from tests.journeys.cast import Window


def verify_account(window: Window, holder: str, see: str = "") -> None:
    """Verify the account that a beneficiary or a colleague entered."""
    window.staff_page(BankAccount.objects.get(holder_name=holder, state="entered"))
    if see:
        window.see(see)
    window.move("Vérifier", proof_dated=timezone.localdate().isoformat())


def start_review(window: Window, number: str) -> None:
    """Take a filed claim."""
    window.staff_page(PaymentClaim.objects.get(number=number))
    window.move("Commencer l’examen")


def keep(window: Window, rank: int = 0, amount: str = "", reason: str = "") -> None:
    """Record the lines, all kept but for a cut of one."""
    section = window.page.locator("#lines")
    if rank:
        row = section.locator("tbody tr").nth(rank - 1)
        row.locator("input[name^=amount-]").fill(amount)
        row.locator("input[name^=reason-]").fill(reason)
    window.press("Enregistrer les lignes", section)
    expect(window.page.locator("#due")).to_contain_text("Le montant dû est de")


def pay(window: Window, claims: list[str], total: str, see: str = "") -> Workbook:
    """Order the claims in a batch, close it, read its workbook, record the payments; look at each page if asked to."""

    def look(name: str) -> None:
        if see:
            window.see(f"{see}{name}")

    window.go("/admin/agreements/paymentbatch/add/")
    window.fill(label="Versements de novembre")
    window.press("Enregistrer", window.page.locator("#submit-row, body").last)
    window.told("est ouvert : choisissez")
    ready = window.page.locator("#ready")
    for number in claims:
        ready.get_by_label(number).check()
    look("-34-batch")
    window.press("Ordonner les versements", ready)
    expect(window.page.locator("#orders")).to_contain_text(total)
    window.move("Clore et écrire le classeur")
    with window.page.expect_download() as download:
        window.follow("Télécharger le classeur")
    workbook = load_workbook(BytesIO(download.value.path().read_bytes()))
    look("-35-batch-closed")
    window.fill(paid_on=timezone.localdate().isoformat(), external_reference="MANDAT 2026-1188")
    window.press("Enregistrer les paiements")
    window.told(re.compile("paiements? enregistrés?"))
    look("-36-batch-paid")
    return workbook


def amounts_of(workbook: Workbook) -> list[Decimal]:
    """The amounts of the orders in the workbook of a batch, its total left out."""
    sheet = next(one for one in workbook if any(cell.value == "IBAN" for cell in one[1]))
    column = next(cell.column for cell in sheet[1] if cell.value == "Montant")
    references = [sheet.cell(row, 1).value for row in range(2, sheet.max_row + 1)]
    rows = [row for row, reference in enumerate(references, 2) if str(reference or "").startswith("VERS-")]
    return [Decimal(str(sheet.cell(row, column).value)).quantize(Decimal("0.01")) for row in rows]
