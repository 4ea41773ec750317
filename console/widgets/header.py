"""The line that is always there: which deck, and the counts that decide whether to look further. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.render.cells import Line, Span, line, spread

if TYPE_CHECKING:
    from engine.operations.deck import Counts


def header(deck: str, counts: Counts | None, width: int, *, read_only: bool = False) -> Line:
    """Return `modeldeck DECK` and `q0 run1 fail0 alerts2`; a stopped daemon is said, and a session that only reads."""
    name = deck if counts is None else counts.deck
    badge = (("  ", ""), (" read-only ", "badge")) if read_only else ()
    left = line((" modeldeck ", "brand"), (name, "strong"), *badge)
    if counts is None:
        return spread(left, line(("reading… ", "dim")), width)
    cells: list[Span] = []
    if counts.daemon != "running":
        cells.append((f"daemon {counts.daemon}   ", "warn"))
    cells.append((f"q{counts.jobs_queued} ", "dim" if not counts.jobs_queued else ""))
    cells.append((f"run{counts.jobs_running} ", "dim" if not counts.jobs_running else "busy"))
    cells.append((f"fail{counts.jobs_failed_24h} ", "dim" if not counts.jobs_failed_24h else "bad"))
    cells.append((f"alerts{counts.alerts} ", "dim" if not counts.alerts else "warn"))
    if counts.undelivered:
        cells.append((f"untold{counts.undelivered} ", "bad"))
    return spread(left, line(*cells), width)


def crumbs(names: Sequence[str], filtered: str, note: str, width: int) -> Line:
    """Return where we are, the filter that holds, and how much is shown."""
    cells: list[Span] = [(" ", "")]
    for position, name in enumerate(names):
        if position:
            cells.append((" › ", "dim"))
        cells.append((name, "strong" if position == len(names) - 1 else "dim"))
    if filtered:
        cells.append((f"  /{filtered}", "warn"))
    return spread(line(*cells), line((f"{note} ", "dim")), width)
