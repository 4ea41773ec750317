from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.render.cells import clean, cut, exactly, fit, line, line_width, overlay, plain, spread, width_of, wrap


@given(st.text(), st.integers(1, 40), st.sampled_from(["left", "right"]))
def test_fit_gives_exactly_the_width_whatever_the_text(text: str, width: int, align: str) -> None:
    assert width_of(fit(clean(text), width, align)) == width


@given(st.text(), st.integers(1, 40))
def test_exactly_gives_exactly_the_width(text: str, width: int) -> None:
    assert line_width(exactly(line(text, ("日本語", "dim")), width)) == width


@given(st.text())
def test_clean_leaves_nothing_that_moves_the_cursor(text: str) -> None:
    assert all(character.isprintable() or character == " " or ord(character) > 0x9F for character in clean(text))
    assert not any(character in clean(text) for character in "\x1b\n\r\t\x07\u202e\u200b")


def test_escape_sequences_become_visible_dots() -> None:
    assert clean("a\x1b[31mb\u202ec") == "a·[31mb·c"


def test_markup_is_text() -> None:
    assert plain(line("[red]x[/]")) == "[red]x[/]"


def test_cut_shows_that_something_is_missing() -> None:
    assert cut("nightly-rates", 8) == "nightly…"
    assert cut("日本語", 4) == "日…"


def test_right_side_of_a_spread_is_kept() -> None:
    assert plain(spread(line("a long left side"), line("right"), 12)) == "a long…right"


@given(st.text(max_size=60), st.integers(2, 20))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(width_of(part) <= width for part in wrap(text, width))


@pytest.mark.parametrize("left", [0, 1, 3])
def test_overlay_keeps_the_width_even_over_wide_characters(left: int) -> None:
    below = [exactly(line("日本語日本語"), 12)] * 3
    shown = overlay(below, [line("[box]")], left, 1, 12)
    assert [line_width(cells) for cells in shown] == [12, 12, 12]
    assert "[box]" in plain(shown[1])
