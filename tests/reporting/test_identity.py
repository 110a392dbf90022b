"""Operations, programmes and beneficiaries of a list are told apart in any script; folded text is no key."""

from datetime import datetime
from decimal import Decimal

import openpyxl
import pytest

from core.text import exact
from reporting.imports import apply_import, plan_import
from reporting.models import EUBeneficiary, EUProgramme, Operation, OperationVersion
from tests.reporting import former_keys

pytestmark = pytest.mark.django_db
HEADERS = (
    "Programme", "Intitulé du projet", "Nom du bénéficiaire", "Code postal", "Date de début", "Date de fin",
    "Total dépenses éligibles", "Montant UE programmé", "Pays", "Fonds",
)  # fmt: skip
DAYS = (datetime(2021, 6, 1), datetime(2023, 6, 1))
GREEK = [
    ("Πρόγραμμα Αττική", "Κατάρτιση ανέργων", "Δήμος Α", None, *DAYS, 100000, 50000, "EL", "FSE"),
    ("Πρόγραμμα Αττική", "Αναβάθμιση δικτύου", "Εταιρεία Β", None, *DAYS, 200000, 90000, "EL", "FSE"),
    ("Програма Хора", "Обучение", "Община В", None, *DAYS, 300000, 120000, "BG", "FSE"),
]
FRENCH = [
    ("FSE Alsace", "Été des jeunes", "Commune d’Épernay", "51200", *DAYS, 10000, 5000, "FR", "FSE"),
    ("FSE Alsace", "Ete des jeunes", "Commune d'Epernay", "51200", *DAYS, 20000, 9000, "FR", "FSE"),
]


def listed(folder, *rows):
    book = openpyxl.Workbook()
    book.active.append(HEADERS)
    for row in rows:
        book.active.append(row)
    path = folder / "liste.xlsx"
    book.save(path)
    return plan_import(path, path.name, period="2014-2020")


def counts() -> tuple[int, int, int]:
    return EUProgramme.objects.count(), EUBeneficiary.objects.count(), Operation.objects.count()


def test_three_beneficiaries_and_two_programmes_in_other_scripts_stay_so(tmp_path):
    apply_import(listed(tmp_path, *GREEK))
    assert counts() == (2, 3, 3)
    assert len(set(Operation.objects.values_list("source_key", flat=True))) == 3
    assert {version.beneficiary.name for version in OperationVersion.objects.all()} == {row[2] for row in GREEK}
    assert {operation.programme.name for operation in Operation.objects.all()} == {row[0] for row in GREEK}


def test_the_next_list_changes_the_operation_that_changed(tmp_path):
    apply_import(listed(tmp_path, *GREEK))
    corrected = (*GREEK[0][:7], 55000, *GREEK[0][8:])
    plan = listed(tmp_path, GREEK[1], corrected)
    assert [row.name for row in plan.unchanged] == [GREEK[1][1]]
    assert [(row.name, operation.current.name) for row, operation in plan.changed] == [(GREEK[0][1], GREEK[0][1])]
    assert plan.new == []
    apply_import(plan)
    assert Operation.objects.get(current__name=GREEK[0][1]).current.eu_amount == Decimal(55000)


def test_what_differs_by_an_accent_is_two_and_by_capitals_and_spaces_one(tmp_path):
    apply_import(listed(tmp_path, *FRENCH))
    assert counts() == (1, 2, 2)
    shouted = tuple(text.upper() + "  " if isinstance(text, str) and place < 3 else text
                    for place, text in enumerate(FRENCH[0]))  # fmt: skip
    plan = listed(tmp_path, shouted, FRENCH[1])
    assert (len(plan.changed), len(plan.unchanged), plan.new) == (1, 1, [])


def test_a_name_in_any_script_is_searched_and_a_search_without_word_is_told(tmp_path, client):
    apply_import(listed(tmp_path, *GREEK))
    assert [item.current.name for item in Operation.objects.search("ΑΝΑΒΆΘΜΙΣΗ")] == [GREEK[1][1]]
    response = client.get("/api/v1/operations/", {"search": "!!!"})
    assert response.status_code == 400
    assert "ni lettre ni chiffre" in response.content.decode()


@pytest.mark.parametrize("rows", [GREEK, FRENCH])
def test_keys_made_of_folded_text_become_exact(tmp_path, rows):
    apply_import(listed(tmp_path, *rows))
    expected = counts()
    codes = list(Operation.objects.order_by("pk").values_list("code", flat=True))
    former_keys.as_before()
    assert counts()[1] < expected[1]
    assert len(listed(tmp_path, *rows).unchanged) < len(rows)
    for _time in range(2):
        former_keys.migrate()
        assert counts()[1] == expected[1]
        plan = listed(tmp_path, *rows)
        assert (len(plan.unchanged), plan.changed, plan.new) == (len(rows), [], [])
    assert list(Operation.objects.order_by("pk").values_list("code", flat=True)) == codes
    for version in OperationVersion.objects.select_related("beneficiary"):
        assert version.beneficiary.name_key == exact(version.beneficiary_name)
