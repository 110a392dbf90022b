"""Expenditure by workbook: the template, all that can be wrong with a file, and the rows taken in once."""

import io
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone, translation

from agreements import claims, intake
from agreements.budget_accounts import charge_accounts
from agreements.claims import ClaimRefused
from agreements.expenditure_form import write_form
from agreements.line_versions import NotAnswered
from agreements.models import ExpenditureUpload
from agreements.workbooks import expenditure_columns
from core.documents import DocumentRefused, open_document
from core.portal import HAS_IT
from tests.factories.agreements import add_line, in_force, opened
from tests.factories.applicants import siret
from tests.forms import form_to

pytestmark = pytest.mark.django_db
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def case():
    agreement, house = in_force(granted="20000.00")
    with translation.override("fr"):
        yield opened(agreement, house), house


def row(number: int = 1, **changes) -> dict:
    """A good row, as a person types it."""
    day = timezone.localdate() - timedelta(days=20)
    return {
        "rank": None,
        "account_code": "604",
        "supplier_name": "Coopérative de formation",
        "supplier_siret": siret(77),
        "invoice_number": f"F-{number}",
        "corrects_number": None,
        "invoice_date": day,
        "paid_on": day + timedelta(days=2),
        "description": "Formation",
        "invoice_total": 1000.50,
        "declared_amount": 900.25,
    } | changes


def filled(claim, tmp_path: Path, rows: list[dict], *, drop: str = "", shift: bool = False, formula: bool = False):
    """The template of a claim with rows typed in it, as an upload."""
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    book = openpyxl.load_workbook(path)
    sheet = next(sheet for sheet in book if sheet.cell(1, 2).value and sheet.cell(1, 10).value)
    keys = list(rows[0]) if rows else list(row())
    start = 2 + claim.lines.count()
    for place, values in enumerate(rows, start):
        for column, key in enumerate(keys, 1):
            sheet.cell(place, column + shift).value = values[key]
        if formula:
            sheet.cell(place, len(keys)).value = "=J2*0.9"
    if drop:
        sheet.delete_cols(keys.index(drop) + 1)
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile("dépenses.xlsx", out.getvalue(), XLSX)


def test_the_template_comes_back_good_and_is_taken_in_once(case, tmp_path):
    claim, house = case
    upload = filled(claim, tmp_path, [row(1), row(2)])
    kept, found = intake.preview(claim, upload, actor=house.member)
    assert [len(found.added), len(found.refused), found.known] == [2, 0, 0]
    assert not claim.lines.exists()
    intake.take_in(kept, actor=house.member)
    claim.refresh_from_db()
    assert claim.declared_total == Decimal("1800.50")
    assert set(claim.lines.values_list("category", flat=True)) == {"Formation-action"}


def test_the_same_file_twice_changes_nothing(case, tmp_path):
    claim, house = case
    upload = filled(claim, tmp_path, [row(1)])
    first, _found = intake.preview(claim, upload, actor=house.member)
    intake.take_in(first, actor=house.member)
    assert intake.take_in(first, actor=house.member).pk == first.pk
    upload.seek(0)
    again, found = intake.preview(claim, upload, actor=house.member)
    assert (found.known, found.does_something) == (1, False)
    assert intake.take_in(again, actor=house.member).pk == first.pk
    assert claim.lines.count() == 1
    assert ExpenditureUpload.objects.filter(state="taken").count() == 1


def test_lines_already_there_come_prefilled_and_are_changed_by_their_number(case, tmp_path):
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    book = openpyxl.load_workbook(path)
    sheet = next(sheet for sheet in book if sheet.cell(1, 2).value and sheet.cell(1, 10).value)
    assert (sheet.cell(2, 1).value, sheet.cell(2, 11).value) == (1, 10000)
    cover = {row[1]: row[2] for row in book.worksheets[0].iter_rows(values_only=True) if len(row) > 2}
    assert 10000 in cover.values() and cover["Lignes"] != 0  # the totals of the cover are those of its rows
    assert 0 not in cover.values()
    sheet.cell(2, 11).value = 8000
    out = io.BytesIO()
    book.save(out)
    kept, found = intake.preview(claim, SimpleUploadedFile("f.xlsx", out.getvalue(), XLSX), actor=house.member)
    assert (len(found.changed), len(found.added)) == (1, 0)
    intake.take_in(kept, actor=house.member)
    assert claim.lines.get().declared_amount == Decimal("8000.00")
    assert claim.lines.get().proof_id


def test_rejected_rows_are_all_said_and_come_back_with_their_reasons(case, tmp_path):
    claim, house = case
    rows = [
        row(1),
        row(2, supplier_siret="123"),
        row(3, declared_amount=2000),
        row(4, account_code="999"),
        row(5, paid_on="bientôt", description=None),
        row(6, rank=42),
        row(1),
    ]
    kept, found = intake.preview(claim, filled(claim, tmp_path, rows), actor=house.member)
    assert (len(found.added), len(found.refused)) == (1, 6)
    said = {(problem.row, problem.column) for problem in found.problems}
    assert {number for number, _column in said} == {3, 4, 5, 6, 7, 8}
    assert len([number for number, _column in said if number == 6]) == 2
    with open_document(kept.rejected) as file:
        sheet = openpyxl.load_workbook(io.BytesIO(file.read())).worksheets[0]
    assert sheet.max_row == 7
    reasons = [sheet.cell(number, 2).value for number in range(2, 8)]
    assert all(reasons)
    intake.take_in(kept, actor=house.member)
    assert claim.lines.count() == 1


def test_a_shifted_table_is_explained(case, tmp_path):
    claim, house = case
    rows = [row(number) for number in range(1, 6)]
    upload = filled(claim, tmp_path, rows, shift=True)
    kept, found = intake.preview(claim, upload, actor=house.member)
    assert not found.added
    assert any("décal" in problem.message or "shifted" in problem.message for problem in found.problems)
    assert kept is None or found.refused


def test_an_optional_column_left_empty_has_not_slipped(case, tmp_path):
    """As the page says to leave the number of a new line."""
    claim, house = case
    rows = [row(number, rank=None) for number in range(1, 18)]
    _kept, found = intake.preview(claim, filled(claim, tmp_path, rows), actor=house.member)
    assert (len(found.added), list(found.problems)) == (17, [])


@pytest.mark.parametrize("typed", ["1.5.2", "12.500", "1.000", "1,000", "1.2.3.4"])
def test_an_amount_that_may_be_another_one_is_refused(case, tmp_path, typed):
    """In a workbook and in a CSV file, as in the form of a line."""
    claim, house = case
    cells = row(1, invoice_total=typed, declared_amount=typed)
    _kept, found = intake.preview(claim, filled(claim, tmp_path, [cells]), actor=house.member)
    assert not found.added and len(found.problems) == 2


def test_a_missing_column_is_named(case, tmp_path):
    claim, house = case
    kept, found = intake.preview(claim, filled(claim, tmp_path, [row(1)], drop="paid_on"), actor=house.member)
    assert kept is None
    assert found.is_refused
    assert len(found.problems) == 1
    assert not ExpenditureUpload.objects.exists()


def test_a_header_that_stands_twice_is_named_and_nothing_is_taken_in(case):
    """One of the two columns would be read, and the other left out without a word."""
    claim, _house = case
    asked = expenditure_columns(charge_accounts(claim.agreement), [])
    columns = [*(str(column.label) for column in asked), "Montant déclaré"]
    text = ";".join(columns) + "\r\n" + ";".join(["x"] * len(columns)) + "\r\n"
    found = intake.read_workbook(claim, text.encode())
    assert found.is_refused and not found.added
    (problem,) = found.problems
    assert problem.column == "Montant déclaré" and "Deux colonnes portent cet en-tête" in problem.message
    found = intake.read_workbook(claim, text.replace(";Montant déclaré\r", ";Declared amount\r").encode())
    assert found.is_refused and not found.added
    (problem,) = found.problems
    assert problem.column == "Montant déclaré" and "Declared amount" in problem.message, "one meaning, two languages"


def test_the_template_of_another_claim_is_recognised(case, tmp_path):
    claim, house = case
    agreement, _house = in_force(granted="2000.00", house=house)
    other = opened(agreement, house)
    kept, found = intake.preview(claim, filled(other, tmp_path, [row(1)]), actor=house.member)
    assert kept is None
    assert other.number in found.problems[0].message
    assert claim.number in found.problems[0].message


def test_a_formula_without_its_value_asks_for_the_value(case, tmp_path):
    claim, house = case
    _kept, found = intake.preview(claim, filled(claim, tmp_path, [row(1)], formula=True), actor=house.member)
    assert (len(found.added), len(found.refused)) == (0, 1)
    assert "formul" in found.problems[0].message


def test_a_csv_file_is_taken_too(case, tmp_path):
    claim, house = case
    day = f"{timezone.localdate() - timedelta(days=20):%d/%m/%Y}"
    text = (
        "Compte;Fournisseur;SIRET;N° de facture;Date de facture;Payé le;Objet;Montant TTC;Montant déclaré\n"
        f"604;Coop;;F-1;{day};{day};Formation;1 000,50;900,25\n"
    )
    upload = SimpleUploadedFile("dépenses.csv", text.encode("utf-8-sig"), "text/csv")
    kept, found = intake.preview(claim, upload, actor=house.member)
    assert len(found.added) == 1, list(found.problems)
    intake.take_in(kept, actor=house.member)
    assert claim.lines.get().declared_amount == Decimal("900.25")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dépenses.xlsx", b"%PDF-1.7 not a workbook"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64),
        ("vide.xlsx", b""),
    ],
)
def test_a_file_of_another_kind_is_refused_with_a_sentence(case, name, content):
    claim, house = case
    with pytest.raises(DocumentRefused) as refused:
        intake.preview(claim, SimpleUploadedFile(name, content), actor=house.member)
    assert len(str(refused.value)) > 20


def test_an_enormous_file_is_refused_before_it_is_read(case):
    claim, house = case
    upload = SimpleUploadedFile("dépenses.xlsx", b"PK", XLSX)
    upload.size = 80 * 1024 * 1024
    with pytest.raises(DocumentRefused, match="80"):
        intake.preview(claim, upload, actor=house.member)


def test_a_filed_claim_takes_nothing_in(case, tmp_path):
    claim, house = case
    add_line(claim, house)
    kept, _found = intake.preview(claim, filled(claim, tmp_path, [row(1)]), actor=house.member)
    claims.submit(claim, actor=house.member)
    with pytest.raises(ClaimRefused):
        intake.take_in(kept, actor=house.member)
    assert claim.lines.count() == 1


def test_through_the_pages(case, tmp_path, client):
    claim, house = case
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    template = client.get(reverse("agreements:workbook_template", args=[claim.number]))
    assert openpyxl.load_workbook(io.BytesIO(template.content)).worksheets
    send = reverse("agreements:workbook_upload", args=[claim.number])
    answer = client.post(send, {"workbook": filled(claim, tmp_path, [row(1), row(2, invoice_date=date(2019, 2, 1))])})
    assert answer.status_code == 302 and HAS_IT in answer.cookies, "the copy on the device asks for the file again"
    page = client.get(answer.url).content.decode()
    assert "01/02/2019" in page and "2019-02-01" not in page, "a value is shown as people type it"
    assert not claim.lines.exists()
    client.post(answer.url)
    assert claim.lines.count() == 1
    client.post(answer.url)
    assert claim.lines.count() == 1
    refused = client.post(send, {"workbook": SimpleUploadedFile("a.xlsx", b"%PDF-1.7 x")})
    assert refused.status_code == 422
    assert "workbook-chosen" not in refused.text, "a file that was read and refused is not asked for again"
    missing = client.post(send, {"workbook": filled(claim, tmp_path, [row(3)], drop="paid_on")})
    assert missing.status_code == 422 and HAS_IT in missing.cookies
    again = client.post(send, {"workbook": filled(claim, tmp_path, [row(1), row(2, invoice_date=date(2019, 2, 1))])})
    assert again.status_code == 302 and HAS_IT in again.cookies


@pytest.mark.old_pages
def test_a_row_that_would_do_something_else_than_was_read_is_not_dropped(case, tmp_path, client):
    """A line of the claim goes in another window after the check: the check is made again and names the row."""
    claim, house = case
    line = add_line(claim, house, invoice_number="F-7")
    upload = filled(claim, tmp_path, [row(8)])
    book = openpyxl.load_workbook(upload)
    sheet = next(sheet for sheet in book if sheet.cell(1, 2).value and sheet.cell(1, 10).value)
    sheet.cell(2, list(row()).index("description") + 1).value = "Une autre formation"
    out = io.BytesIO()
    book.save(out)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    kept, found = intake.preview(claim, SimpleUploadedFile("d.xlsx", out.getvalue(), XLSX), actor=house.member)
    assert (len(found.added), len(found.changed)) == (1, 1)
    address = reverse("agreements:workbook_preview", args=[claim.number, kept.pk])
    form = form_to(client.get(address), address)
    claims.remove_line(line, actor=house.member)
    page = client.post(form.action, form.fields)
    assert page.status_code == 409
    answer = client.post(address, form_to(page, address, address).fields)  # « do it all the same »
    assert answer.status_code == 409 and "le contrôle refait" in answer.text
    assert "retirée de la demande depuis" in answer.text and not claim.lines.exists()
    told = client.post(address, form_to(answer, address, address).fields, follow=True)
    assert "1 ligne laissée de côté" in told.text and claim.lines.count() == 1


def with_column(upload, header: str, cell: object = "EUR"):
    book = openpyxl.load_workbook(upload)
    sheet = next(sheet for sheet in book if sheet.cell(1, 2).value and sheet.cell(1, 10).value)
    place = sheet.max_column + 1
    sheet.cell(1, place).value, sheet.cell(2, place).value = header, cell
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile("dépenses.xlsx", out.getvalue(), XLSX)


def test_a_column_that_is_not_read_is_named_before_anything_is_taken_in(case, tmp_path, client):
    claim, house = case
    client.force_login(house.member)
    sent = {"workbook": with_column(filled(claim, tmp_path, [row(1)]), "Devise")}
    page = client.post(reverse("agreements:workbook_upload", args=[claim.number]), sent, follow=True)
    assert "«\xa0Devise\xa0» n’est pas lue" in page.text and not claim.lines.exists()
    plain = client.post(
        reverse("agreements:workbook_upload", args=[claim.number]),
        {"workbook": filled(claim, tmp_path, [row(2)])},
        follow=True,
    )
    assert "n’est pas lue" not in plain.text


def test_an_invoice_of_the_claim_given_again_with_another_amount_is_said(case, tmp_path):
    claim, house = case
    add_line(claim, house, invoice_number="F-1", invoice_total=Decimal(1000), declared_amount=Decimal(900))
    upload = filled(claim, tmp_path, [row(1), row(2)])
    _kept, found = intake.preview(claim, upload, actor=house.member)
    assert (len(found.added), found.known) == (2, 1)
    (warning,) = found.warnings
    assert not warning.blocking and (warning.row, warning.value) == (3, "F-1")
    assert "ligne 1 (900,00\u202f€)" in warning.message and warning in found.problems


def test_a_row_paid_before_its_invoice_is_asked_why(case, tmp_path):
    claim, house = case
    day = timezone.localdate() - timedelta(days=20)
    deposit = {"invoice_date": day, "paid_on": day - timedelta(days=40)}
    rows = [
        row(1, **deposit) | {"paid_before_why": None},
        row(2, **deposit) | {"paid_before_why": "Acompte à la commande"},
        row(3) | {"paid_before_why": "Rien à dire"},
    ]
    kept, found = intake.preview(claim, filled(claim, tmp_path, rows), actor=house.member)
    (refused,) = found.refused
    assert refused.number == 2 and "40 jours avant" in refused.problems[0].message
    intake.take_in(kept, actor=house.member)
    assert list(claim.lines.values_list("paid_before_why", flat=True)) == ["Acompte à la commande", ""]


def of_own_lines(claim, tmp_path: Path, changes: dict[int, dict] | None = None, *, older: bool = False, new=()):
    """The template of a claim, downloaded now, with cells of its lines typed over and new rows; ``older`` is one that does
    not say when it was made."""
    path = tmp_path / "own.xlsx"
    write_form(path, claim)
    return typed_in(path, changes, older=older, new=new)


def typed_in(path: Path, changes: dict[int, dict] | None = None, *, older: bool = False, new=()):
    book = openpyxl.load_workbook(path)
    sheet = next(sheet for sheet in book if sheet.cell(1, 2).value and sheet.cell(1, 10).value)
    keys = [key for key in row() if key != "axis"]
    places = {sheet.cell(place, 1).value: place for place in range(2, sheet.max_row + 1)}
    for rank, cells in (changes or {}).items():
        for name, value in cells.items():
            sheet.cell(places[rank], keys.index(name) + 1).value = value
    first = 2 + sum(isinstance(rank, int) for rank in places)
    for place, values in enumerate(new, first):
        for column, key in enumerate(keys, 1):
            sheet.cell(place, column).value = values[key]
    if older:
        del book.defined_names["ESSOR_LINES"]
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile("dépenses.xlsx", out.getvalue(), XLSX)


def corrected(claim, rank: int, house, **changes) -> None:
    line = claim.lines.get(rank=rank)
    values = {name: getattr(line, name) for name in claims.LINE_FIELDS} | changes
    claims.change_line(line, values, actor=house.member)


def check_page(client, house, claim, upload):
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(reverse("agreements:workbook_upload", args=[claim.number]), {"workbook": upload})
    assert answer.status_code == 302, answer.text
    return answer.url, client.get(answer.url)


def test_a_row_left_as_it_was_undoes_no_correction_made_since(case, tmp_path, client):
    """A workbook downloaded before, filled with one more row and sent after a line was corrected in another window."""
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, declared_amount=Decimal(8500), description="Corrigée depuis")
    address, page = check_page(client, house, claim, typed_in(path, new=[row(9)]))
    assert "La ligne 1 a été modifiée sur le site depuis" in page.text
    form = form_to(page, address, address)
    assert client.post(address, form.fields).status_code == 302
    line = claim.lines.get(rank=1)
    assert (line.declared_amount, line.description) == (Decimal("8500.00"), "Corrigée depuis")
    assert claim.lines.count() == 2


def test_a_row_writes_the_cells_that_were_changed_in_it_and_no_other(case, tmp_path, client):
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, description="Corrigée depuis")
    address, page = check_page(client, house, claim, typed_in(path, {1: {"declared_amount": 8000}}))
    assert "1 ligne serait modifiée" in page.text and "10\u202f000,00\u202f€" in page.text
    assert "8\u202f000,00\u202f€" in page.text and "Corrigée depuis" not in page.text
    client.post(address, form_to(page, address, address).fields)
    line = claim.lines.get()
    assert (line.declared_amount, line.description) == (Decimal("8000.00"), "Corrigée depuis")


@pytest.mark.parametrize(
    ("side", "amount", "description"), [("here", 8500, "Du classeur"), ("workbook", 9000, "Du classeur")]
)
def test_a_cell_changed_on_both_sides_is_told_with_both_values_and_a_choice(
    case, tmp_path, client, side, amount, description
):
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, declared_amount=Decimal(8500))
    upload = typed_in(path, {1: {"declared_amount": 9000, "description": description}})
    address, page = check_page(client, house, claim, upload)
    for told in ("10\u202f000,00", "8\u202f500,00", "9\u202f000,00"):
        assert f"{told}\u202f€" in page.text
    form = form_to(page, address, address)
    unanswered = client.post(address, form.fields)
    assert unanswered.status_code == 422 and "choisissez" in unanswered.text
    assert claim.lines.get().declared_amount == Decimal("8500.00"), "nothing is taken in before the choice"
    assert client.post(address, form.typed(**{"line-1": side})).status_code == 302
    line = claim.lines.get()
    assert (line.declared_amount, line.description) == (Decimal(amount), description)


def test_a_choice_that_makes_a_wrong_line_is_said(case, tmp_path):
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, invoice_total=Decimal(12000), declared_amount=Decimal(9000))
    upload = typed_in(path, {1: {"invoice_total": 8000, "declared_amount": 9500 - 2000}})
    kept, _found = intake.preview(claim, upload, actor=house.member)
    with pytest.raises(NotAnswered):
        intake.take_in(kept, actor=house.member)
    path = tmp_path / "second.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, declared_amount=Decimal(11000))
    upload = typed_in(path, {1: {"invoice_total": 10000, "declared_amount": 9500}})
    kept, _found = intake.preview(claim, upload, actor=house.member)
    with pytest.raises(NotAnswered, match="ligne 1"):
        intake.take_in(kept, actor=house.member, choices={"line-1": "here"})  # 11 000 of an invoice of 10 000
    intake.take_in(kept, actor=house.member, choices={"line-1": "workbook"})
    assert claim.lines.get().declared_amount == Decimal("9500.00")


def test_a_line_changed_again_after_the_check_is_told_again(case, tmp_path):
    claim, house = case
    add_line(claim, house)
    upload = of_own_lines(claim, tmp_path, {1: {"declared_amount": 8000}})
    kept, found = intake.preview(claim, upload, actor=house.member)
    read = found.outcome
    corrected(claim, 1, house, declared_amount=Decimal(7000))
    with pytest.raises(intake.CheckedOtherwise):
        intake.take_in(kept, actor=house.member, checked=read, choices={"line-1": "workbook"})
    (change,) = intake.read_again(kept).clashing
    assert [item.here for item in change.fields] == ["7\u202f000,00\u202f€"]


def test_a_workbook_that_does_not_say_when_it_was_made_waits_for_a_word(case, tmp_path, client):
    claim, house = case
    add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    corrected(claim, 1, house, declared_amount=Decimal(8500))
    address, page = check_page(client, house, claim, typed_in(path, older=True, new=[row(9)]))
    assert "8\u202f500,00" in page.text and "10\u202f000,00" in page.text, "from → to"
    form = form_to(page, address, address)
    refused = client.post(address, form.fields)
    assert refused.status_code == 422 and claim.lines.count() == 1
    assert client.post(address, form.typed(read="yes")).status_code == 302
    assert claim.lines.get(rank=1).declared_amount == Decimal("10000.00") and claim.lines.count() == 2


def test_a_row_without_its_number_that_writes_over_a_line_waits_for_a_word(case, tmp_path):
    """It is known by its invoice alone: nothing says as what the person read it."""
    claim, house = case
    first = filled(claim, tmp_path, [row(1)])
    second = filled(claim, tmp_path, [row(1, description="Autre")])
    kept, _found = intake.preview(claim, first, actor=house.member)
    intake.take_in(kept, actor=house.member)
    kept, found = intake.preview(claim, second, actor=house.member)
    assert found.asks_to_be_read
    with pytest.raises(NotAnswered):
        intake.take_in(kept, actor=house.member)
    intake.take_in(kept, actor=house.member, read=True)
    assert claim.lines.get().description == "Autre"


def test_a_line_removed_since_comes_back_only_when_its_row_says_something_new(case, tmp_path):
    claim, house = case
    line = add_line(claim, house)
    path = tmp_path / "form.xlsx"
    write_form(path, claim)
    claims.remove_line(line, actor=house.member)
    _kept, found = intake.preview(claim, typed_in(path, new=[row(9)]), actor=house.member)
    assert (found.gone, len(found.added), found.refused) == ([1], 1, [])
    _kept, found = intake.preview(claim, typed_in(path, {1: {"declared_amount": 8000}}), actor=house.member)
    assert not found.gone and "retirée" in found.problems[0].message
