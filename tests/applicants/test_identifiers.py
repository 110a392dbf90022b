"""Numbers: the pairs of the guide, the exceptions, the sentences."""

import pytest
from django.core.exceptions import ValidationError

from applicants.rules import identifiers


@pytest.mark.parametrize("number", ["41816609600051", "418 166 096 00051", "35600000018723", "35600000000048"])
def test_valid_siret(number: str) -> None:
    assert identifiers.validate_siret(number) == number.replace(" ", "")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("41816609600052", "siret_check"),
        ("35600000018724", "siret_check"),
        ("4181660960005", "siret_shape"),
        ("4181660960005A", "siret_shape"),
        ("", "siret_shape"),
    ],
)
def test_wrong_siret_says_what_to_do(number: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        identifiers.validate_siret(number)
    assert caught.value.code == code
    assert "INSEE" in caught.value.messages[0]


@pytest.mark.parametrize("number", ["W751234567", "w9r1234567", "W 2A1234567"])
def test_valid_rna(number: str) -> None:
    assert identifiers.validate_rna(number) == number.replace(" ", "").upper()


@pytest.mark.parametrize("number", ["751234567", "W75123456", "WA51234567", "W7512345678", ""])
def test_wrong_rna(number: str) -> None:
    with pytest.raises(ValidationError, match="W751234567"):
        identifiers.validate_rna(number)


def test_an_overseas_rna_is_valid_but_the_open_data_schema_refuses_it() -> None:
    assert identifiers.rna_warning("W751234567") == ""
    assert "SIRET" in identifiers.rna_warning("W9R1234567")


@pytest.mark.parametrize("number", ["FR76 3000 6000 0112 3456 7890 189", "BE68539007547034"])
def test_valid_iban(number: str) -> None:
    assert identifiers.validate_iban(number) == number.replace(" ", "")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("FR7630006000011234567890188", "iban_check"),
        ("FR76300060000112345678901", "iban_shape"),
        ("pas un compte", "iban_shape"),
        ("", "iban_shape"),
    ],
)
def test_wrong_iban(number: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        identifiers.validate_iban(number)
    assert caught.value.code in {code, "iban_check"}
    assert "IBAN" in caught.value.messages[0]


@pytest.mark.parametrize(
    ("holder", "names", "resembles"),
    [
        ("ASSOCIATION LES COQUELICOTS", ("Les Coquelicots", ""), True),
        ("Ass. Coquelicots Châlons", ("Les Coquelicots", ""), True),
        ("CRESS", ("Chambre régionale de l'ESS", "CRESS"), True),
        ("M. DURAND Camille", ("Camille Durand", ""), True),
        ("DUPONT CONSEIL SARL", ("Les Coquelicots", ""), False),
        ("SARL", ("Les Coquelicots", ""), False),
    ],
)
def test_holder_resembles_applicant(holder: str, names: tuple[str, str], resembles: bool) -> None:
    assert identifiers.holder_resembles(holder, *names) is resembles


@pytest.mark.parametrize(
    ("code", "department"),
    [("51000", "51"), ("20000", "2A"), ("20600", "2B"), ("2A004", "2A"), ("97400", "974"), ("", ""), ("510", "")],
)
def test_department_of_a_place(code: str, department: str) -> None:
    assert identifiers.department_of(code) == department


def test_numbers_as_people_read_them() -> None:
    assert identifiers.format_siret("41816609600051") == "418\u00a0166\u00a0096\u00a000051"
    assert identifiers.mask_iban("FR7630006000011234567890189") == "FR76\u00a0…\u00a00189"
    assert identifiers.format_iban("FR7630006000011234567890189").split("\u00a0")[-1] == "189"
    assert identifiers.siren_of("41816609600051") == "418166096"
