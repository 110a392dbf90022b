"""The staff site is French to its last button, though django-unfold comes in English only."""

import pytest
from django.utils.translation import gettext, override

WORDS = {"Filters": "Filtre", "Reset filters": "Retirer les filtres", "No results found": "Aucun résultat"}


@pytest.mark.parametrize(("text", "french"), WORDS.items())
def test_the_words_of_the_staff_frame_are_french(text: str, french: str) -> None:
    with override("fr"):
        assert gettext(text).startswith(french)
