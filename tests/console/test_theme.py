"""What a theme writes can be read: contrast by WCAG 2, on the page, on the bar and on the row of the cursor."""

from __future__ import annotations

import pytest
from rich.color import ColorTriplet

from console import theme

READ = ("strong", "dim", "title", "accent", "name", "ok", "busy", "warn", "bad", "key", "brand")
FILLED = ("match", "badge", "danger", "chosen")
DRAWN = ("faint", "spark")  # what cannot be chosen now, and shapes: 3 to 1


def luminance(colour: ColorTriplet) -> float:
    parts = [one / 255 for one in colour]
    red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(name: str, names: str) -> float:
    style = theme.style(name, names)
    assert style.color is not None
    assert style.bgcolor is not None
    low, high = sorted(luminance(one.get_truecolor()) for one in (style.color, style.bgcolor))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize(("under", "least"), [("", 4.5), (" bar", 4.5), (" cursor", 4.0)])
def test_what_is_to_be_read_stands_out(name: str, under: str, least: float) -> None:
    found = {one: round(contrast(name, f"{one}{under}"), 2) for one in (*READ, *FILLED)}
    assert {one: seen for one, seen in found.items() if seen < least} == {}


@pytest.mark.parametrize("name", ["dark", "light"])
def test_what_is_drawn_is_seen(name: str) -> None:
    assert {one: seen for one in DRAWN if (seen := contrast(name, one)) < 3.0} == {}
