"""The Region's one colour made into the shades that screens need, and whether white text can be read on it."""

import re

HEX = re.compile(r"#[0-9a-fA-F]{6}")
READABLE = 4.5  # WCAG 2.1, 1.4.3: contrast of text of normal size

# How much of white (below 600) or of black (above it) each shade takes; 600 is the colour itself.
_SHADES = {
    "50": ("#ffffff", 0.93),
    "100": ("#ffffff", 0.84),
    "200": ("#ffffff", 0.70),
    "300": ("#ffffff", 0.52),
    "400": ("#ffffff", 0.34),
    "500": ("#ffffff", 0.16),
    "600": ("#000000", 0.0),
    "700": ("#000000", 0.14),
    "800": ("#000000", 0.25),
    "900": ("#000000", 0.40),
    "950": ("#000000", 0.65),
}


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(colour: str, other: str, part: float) -> str:
    """``colour`` with ``part`` (0 to 1) of ``other`` in it, as ``#rrggbb``."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def shades(colour: str) -> dict[str, str]:
    """Eleven shades from nearly white (50) to nearly black (950). ValueError when it is not written ``#rrggbb``."""
    if not HEX.fullmatch(colour):
        raise ValueError(f"The Region's colour is written #rrggbb, not {colour!r}.")
    return {name: mix(colour, other, part) for name, (other, part) in _SHADES.items()}


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, other: str = "#ffffff") -> float:
    """The contrast of two colours, from 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
