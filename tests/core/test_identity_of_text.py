"""Folded text serves searches in any script; what tells things apart is exact text."""

import pytest
from django import forms
from django.http import QueryDict

from applicants.models import Applicant
from applicants.rules import identifiers
from core.personal_numbers import NoNationalNumberMixin, find_national_number
from core.text import PastedTextMixin, exact, fold, is_searchable, nothing_to_search, without_invisible, words_of
from core.workbooks.values import to_text
from grants.rules.answers import normalise
from grants.rules.schema import Question, QuestionKind
from tests.factories.applicants import SIRET_OF_THE_GUIDE, ApplicantFactory

IBAN = "FR1420041010050500013M02606"
NAMES = ["Δήμος Α", "Εταιρεία Β", "Община В", "ไทย", "日本語", "שלום", "Nguyễn", "Đặng"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_folds_to_nothing(name):
    assert words_of(name)


def test_names_fold_apart_and_latin_as_before():
    assert len({fold(name) for name in NAMES}) == len(NAMES)
    assert fold("L'Éléphant  d’Or & Cie") == "l elephant d or cie"
    assert fold("Nguyễn Đặng") == "nguyen dang"
    assert fold("★★") == "★★"


def test_exact_tells_apart_what_folds_alike():
    assert exact("Été") == exact("E\u0301te\u0301".lower()) != exact("Ete")
    assert exact("  COMMUNE\u00a0de  Reims\u200b") == exact("Commune de Reims")


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["δήμος", "ΔΗΜΟΣ", "Δήμ"])
def test_a_name_in_any_script_is_found(typed):
    wanted = ApplicantFactory(name="Δήμος Αθηναίων")
    ApplicantFactory(name="Εταιρεία Β")
    assert list(Applicant.objects.search(typed)) == [wanted]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["!!!", "★", "&", "-- --"])
def test_a_search_without_any_word_finds_nothing_and_says_so(typed):
    ApplicantFactory()
    assert not Applicant.objects.search(typed).exists()
    assert not is_searchable(typed)
    assert typed in nothing_to_search(typed)


@pytest.mark.django_db
def test_nothing_typed_finds_everything():
    ApplicantFactory()
    assert Applicant.objects.search("  ").count() == 1
    assert nothing_to_search("  ") == ""


# --- what a paste brings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        IBAN, f"IBAN {IBAN}", "iban : FR14 2004 1010 0505 0001 3M02 606", f"\ufeff{IBAN}\u200f", f"IBAN\u00a0{IBAN}",
        "FR14\u200b2004\u202f1010\u20600505\u00ad00013M02606", "FR14‑2004‑1010‑0505‑0001‑3M02‑606",
    ],
)  # fmt: skip
def test_an_iban_as_people_paste_it(typed):
    assert identifiers.validate_iban(typed) == IBAN


@pytest.mark.parametrize(
    "typed", ["SIRET {}", "N° SIRET : {}", "siret n°{}", "Numéro SIRET {}", "\u202a{}\u202c", "{}\u200d", "\t{}\n"]
)
def test_a_siret_as_people_paste_it(typed):
    assert identifiers.validate_siret(typed.format(SIRET_OF_THE_GUIDE)) == SIRET_OF_THE_GUIDE


def test_other_numbers_as_people_paste_them():
    assert identifiers.validate_siren("SIREN 418 166 096\u200b") == "418166096"
    assert identifiers.validate_rna("RNA : W751234567") == "W751234567"
    assert identifiers.validate_bic("BIC : AGRIFRPP882") == "AGRIFRPP882"
    assert identifiers.validate_bic("BICIFRPP") == "BICIFRPP"  # a bank whose code begins like the word


def test_cells_and_answers_lose_what_nobody_sees():
    assert to_text("\ufeff51\u200b000\u00a0") == "51000"
    question = Question(code="x", kind=QuestionKind.EMAIL, label={"fr": "x", "en": "x"})
    assert normalise(question, "nom@asso.example\u200b") == "nom@asso.example"
    assert without_invisible("می\u200cخواهم") == "می\u200cخواهم"  # a joiner is part of the word


@pytest.mark.parametrize("typed", ["\u3164", "\ufe0f", "\u0301\u200d", "\U000e0100 \u180b", "\u200c\u115f"])
def test_a_name_of_nothing_that_is_seen_is_no_name(typed):
    assert without_invisible(typed) == ""
    assert to_text(typed) == ""
    assert "text" in Free({"text": typed}).errors
    assert without_invisible(f"e{typed}").startswith("e")


class Typed(PastedTextMixin, forms.Form):
    email = forms.EmailField()
    secret = forms.CharField(widget=forms.PasswordInput, strip=False)


@pytest.mark.parametrize("kind", [dict, QueryDict])
def test_a_form_reads_what_is_seen_and_leaves_passwords(kind):
    data = {"email": "\ufeffnom@asso.example\u200b", "secret": "a\u00a0b\u200b"}
    if kind is QueryDict:
        typed = QueryDict(mutable=True)
        typed.update(data)
        data = typed
    form = Typed(data)
    assert form.is_valid()
    assert form.cleaned_data == {"email": "nom@asso.example", "secret": "a\u00a0b\u200b"}


class Free(NoNationalNumberMixin, forms.Form):
    text = forms.CharField()


def test_a_social_security_number_is_not_hidden_by_invisible_signs():
    number = "2 55 08 14 168 025 38"
    hidden = "\u200b".join(number)
    assert find_national_number(number)
    assert find_national_number(hidden)
    assert not Free({"text": hidden}).is_valid()
