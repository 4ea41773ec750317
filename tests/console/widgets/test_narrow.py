"""A repaint goes to where a line changed, and leaves on the terminal what a whole repaint would."""

from __future__ import annotations

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from console.render.cells import exactly, line
from console.widgets.surface import changed_span, segments
from console.wire import narrowed

WIDTH = 30
CONSOLE = Console(force_terminal=True, color_system="256", legacy_windows=False)
LINES = [
    ("state  43% boosting", "state  51% boosting"),
    ("a日b and a tail that stays", "a日c and a tail that stays"),
    ("日本 rates  43%", "日本 rates  51%"),
    ("long words that go on and on", "gone"),
    ("✓ succeeded  made v9", "✓ succeeded  made v10"),
]


def strip(text: str) -> Strip:
    return Strip(segments(exactly(line((text, "strong")), WIDTH), "dark"), WIDTH)


def update(text: str, span: tuple[int, int]) -> ChopsUpdate:
    return ChopsUpdate([{}, {0: strip(text)}], [(1, *span)], [[], [WIDTH]])


@pytest.mark.parametrize(("before", "after"), LINES)
def test_the_screen_shows_what_a_whole_repaint_would(before: str, after: str) -> None:
    span = changed_span(exactly(line((before, "strong")), WIDTH), exactly(line((after, "strong")), WIDTH), WIDTH)
    shown = []
    for repaint in (narrowed(update(after, span)), update(after, (0, WIDTH))):
        screen = pyte.Screen(WIDTH, 3)
        stream = pyte.Stream(screen)
        stream.feed(update(before, (0, WIDTH)).render_segments(CONSOLE))
        stream.feed(repaint.render_segments(CONSOLE))  # type: ignore[union-attr]
        shown.append((screen.display, [dict(screen.buffer[row]) for row in range(3)]))
    assert shown[0] == shown[1]


def test_only_what_changed_is_written() -> None:
    said = narrowed(update("state  51% boosting", (7, 9))).render_segments(CONSOLE)  # type: ignore[union-attr]
    assert said.startswith("\x1b[2;8H")
    assert "51" in said
    assert "state" not in said
    assert "boosting" not in said


def test_a_line_is_written_from_its_beginning_where_a_sign_of_two_cells_stands_before() -> None:
    said = narrowed(update("日本 rates  51%", (12, 14))).render_segments(CONSOLE)  # type: ignore[union-attr]
    assert said.startswith("\x1b[2;1H")
    assert "日本 rates  51" in said


def test_anything_else_is_written_as_it_is() -> None:
    other = Strip([Segment("x", Style())], 1)
    assert narrowed(other) is other
    assert narrowed(None) is None
