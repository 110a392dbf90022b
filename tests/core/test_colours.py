"""The Region's colour on every screen."""

import pytest

from core.checks import region_colour_is_readable
from core.colours import contrast, mix, shades


def test_the_shades_go_from_light_to_dark_around_the_colour() -> None:
    found = shades("#0f5c46")
    assert found["600"] == "#0f5c46"
    ratios = [contrast(colour) for colour in found.values()]
    assert ratios == sorted(ratios)
    assert len(found) == 11


def test_contrast_is_that_of_the_norm() -> None:
    assert contrast("#000000") == pytest.approx(21)
    assert contrast("#ffffff") == pytest.approx(1)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes on white


def test_mixing() -> None:
    assert mix("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize("colour", ["green", "#123", "", "#12345g"])
def test_a_colour_is_written_in_one_way(colour: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        shades(colour)


@pytest.mark.parametrize(("colour", "codes"), [("#0f5c46", []), ("#7fd1b9", ["essor.W001"])])
def test_a_colour_that_hides_the_text_is_signalled(settings, colour: str, codes: list[str]) -> None:
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"primary_colour": colour}
    assert [message.id for message in region_colour_is_readable(None)] == codes
