"""Words put together: lists, colons and the spaces that French does not break."""

import pytest
from django.utils.translation import override

from core.text import colon, french_spaces, in_a_sentence, listed


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("au plus 30 000 € par an", "au plus 30\u202f000\u202f€ par an"),
        ("1 250 000 € et 80 %", "1\u202f250\u202f000\u202f€ et 80\u202f%"),
        ("Statut : « SCOP » ; pourquoi ?", "Statut\u00a0: «\u00a0SCOP\u00a0»\u202f; pourquoi\u202f?"),
        ("le 12 2026 mois", "le 12 2026 mois"),
        ("http://region.example", "http://region.example"),
    ],
)
def test_french_does_not_break_before_its_signs(typed, printed):
    assert french_spaces(typed) == printed


def test_lists_and_labels_follow_the_language():
    with override("fr"):
        assert listed(["statuts", "comptes"]) == "statuts\u202f; comptes"
        assert colon() == "\u00a0:"
    with override("en"):
        assert listed(["statutes", "accounts"]) == "statutes; accounts"
        assert colon() == ":"


def test_a_label_inside_a_sentence_keeps_the_capitals_of_names():
    assert in_a_sentence("Sur l’extrait Kbis de la société") == "sur l’extrait Kbis de la société"
    assert in_a_sentence("Signée par la Région") == "signée par la Région"
    assert in_a_sentence("URSCOP") == "URSCOP"
    assert in_a_sentence("") == ""
