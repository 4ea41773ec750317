"""What the four surfaces show: header, title, body and footer, drawn from one view of the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.keymap import Keymap
from console.render.cells import Line, exactly, line, spread, wrap
from console.render.columns import Context
from console.render.words import ago
from console.screens.page import Page
from console.widgets.dialog import Box
from console.widgets.header import crumbs, header
from console.widgets.hints import hints, shown
from engine.operations.deck import Counts
from store.errors import ModeldeckError

LEAST_WIDTH, LEAST_HEIGHT = 50, 12
MOST_BANNER = 3  # lines of a failure: its remedy stands at the end, and must not be cut


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show at one moment.

    `now` and `fresh_at` (when the page was last read; None before that) are microseconds UTC; `doing` is what is waited
    for, "" where keys are free; `said` is a text and its style; `prompt` draws what is being typed, where something is.
    """

    deck: str
    counts: Counts | None
    crumbs: Sequence[str]
    page: Page
    box: Box | None
    prompt: Callable[[int], Line] | None
    said: tuple[str, str]
    doing: str
    failure: ModeldeckError | None
    fresh_at: int | None
    keymap: Keymap
    now: int


def surfaces(view: View, width: int, body_height: int, height: int) -> dict[str, list[Line]]:
    """Return the lines of each surface by its name; `height` is the whole terminal's."""
    return {
        "header": [header(view.deck, view.counts, width, read_only=view.keymap.read_only)],
        "title": [crumbs(view.crumbs, view.page.filtered, view.page.note, width)],
        "body": body(view, width, body_height, height),
        "footer": [footer(view, width)],
    }


def footer(view: View, width: int) -> Line:
    """Return the prompt, what was said, what is under way, or the hints."""
    if view.prompt is not None:
        return exactly(view.prompt(width), width)
    text, style = view.said
    if text:
        return exactly(line(" ", (text, style)), width)
    if view.doing:
        return spread(line(" ", (f"{view.doing}…", "busy")), line(("esc", "key"), (" do not wait ", "dim")), width)
    if view.box is not None:
        return hints(view.box.hints, width)
    return hints(shown(view.keymap, view.page.scope, view.page.selected), width)


def body(view: View, width: int, height: int, whole: int) -> list[Line]:
    """Return the page, below a banner where reading fails, under a box where one stands."""
    if width < LEAST_WIDTH or whole < LEAST_HEIGHT:
        words = f"{LEAST_WIDTH}x{LEAST_HEIGHT} at least; this terminal is {width}x{whole}"
        return [line((part, "warn")) for part in wrap(words, max(1, width))]
    context = Context(view.now)
    banner = _banner(view, width)
    has_nothing = view.failure is not None and not view.page.loaded
    lines = banner if has_nothing else [*banner, *view.page.draw(width, height - len(banner), context)]
    if view.box is None:
        return lines
    full = [exactly(cells, width) for cells in lines[:height]]
    full += [exactly((), width)] * (height - len(full))
    return view.box.over(full, width, context)


def _banner(view: View, width: int) -> list[Line]:
    if view.failure is None:
        return []
    is_stale = view.fresh_at is not None and view.page.loaded
    stale = f"shown as it was {ago(view.fresh_at, view.now)}; " if is_stale else ""
    told = wrap(f"✗ {stale}{view.failure.line()}", max(1, width - 2))
    return [exactly(line((f" {part}", "danger")), width, "danger") for part in told[:MOST_BANNER]]
