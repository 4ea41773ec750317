"""The line that is always there: which deck, and the counts that decide whether to look further. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line, Span, line, spread
from engine.operations.deck import Pulse


def header(deck: str, pulse: Pulse | None, width: int) -> Line:
    """Return `modeldeck DECK` and `q0 run1 fail0 alerts2`; a stopped daemon is said."""
    left = line((" modeldeck ", "brand"), (deck if pulse is None else pulse.deck, "strong"))
    if pulse is None:
        return spread(left, line(("reading… ", "dim")), width)
    cells: list[Span] = []
    if pulse.daemon != "running":
        cells.append((f"daemon {pulse.daemon}   ", "warn"))
    cells.append((f"q{pulse.jobs_queued} ", "dim" if not pulse.jobs_queued else ""))
    cells.append((f"run{pulse.jobs_running} ", "dim" if not pulse.jobs_running else "busy"))
    cells.append((f"fail{pulse.jobs_failed_24h} ", "dim" if not pulse.jobs_failed_24h else "bad"))
    alerts = sum(alert.state != "resolved" for alert in pulse.alerts)
    cells.append((f"alerts{alerts} ", "dim" if not alerts else "warn"))
    if pulse.undelivered:
        cells.append((f"untold{pulse.undelivered} ", "bad"))
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
