"""The windows of a monitor, as a list and as a page each. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line, Span
from console.render.columns import Cell, Column, Context
from console.render.evidence import put_features
from console.render.measures import with_interval
from console.render.sheet import Sheet
from console.render.signs import state
from console.render.windows import put_fairness, put_quality, wrong_inputs
from console.render.words import DAY, ago, count, day, moment, number, percent, plural
from store.rows import ESTIMATED, FAIRNESS, PLAIN, Window


def _from(window: Window, context: Context) -> str:
    return began(window)


def began(window: Window) -> str:
    """Return where a window begins: its day, and the minute where it is not of whole days."""
    return day(window.from_at) if (window.to_at - window.from_at) % DAY == 0 else moment(window.from_at)


def _metric(window: Window, context: Context) -> Cell:
    told = {name: one for name, one in window.metrics.items() if one.get("value") is not None}
    named = [name for name in told if not name.startswith((FAIRNESS, PLAIN))]
    # what was realised before what was estimated, and of those the one that it is judged by, which has an interval
    named.sort(key=lambda name: (name.startswith(ESTIMATED), told[name].get("low") is None))
    if not named:
        return ("-", "dim")
    said = "est. " if named[0].startswith(ESTIMATED) else ""
    return f"{said}{number(told[named[0]]['value'])} {named[0].removeprefix(ESTIMATED)}"


def _moved(window: Window, context: Context) -> Cell:
    names = [str(one["name"]) for one in window.features if one.get("drifted")]
    return (", ".join(names), "warn") if names else ("-", "dim")


def _errors(window: Window, context: Context) -> Cell:
    return (count(window.errors), "bad" if window.errors else "dim")


WINDOWS = (
    Column("FROM", _from, priority=1, least=10, most=22),
    Column("V", lambda row, context: f"v{row.version}", priority=1, least=2),
    Column("VERDICT", lambda row, context: state(row.verdict), priority=1, least=8),
    Column("ROWS", lambda row, context: count(row.rows), priority=2, align="right"),
    Column("ERRORS", _errors, priority=4, align="right"),
    Column("P99 MS", lambda row, context: number(row.latency_p99_ms), priority=5, align="right"),
    Column("LABELS", lambda row, context: percent(row.coverage), priority=3, align="right"),
    Column("METRIC", _metric, priority=1, least=8),
    Column("DRIFTED", _moved, priority=2, least=8, most=60, grow=True),
    Column("INPUTS", lambda row, context: (wrong_inputs(row) or "-", "dim"), priority=6, least=6, most=30),
)


def window_page(window: Window, width: int, now: int) -> list[Line]:
    """Return everything that was seen in one window."""
    sheet = Sheet(width)
    sheet.pair("Window", (f"{began(window)} to {moment(window.to_at)}", "name"), (f"  of v{window.version}", "dim"))
    revised = f", revision {window.revision}: outcomes came later" if window.revision > 1 else ""
    sheet.pair("Verdict", *state(window.verdict), (f"  computed {ago(window.computed_at, now)}{revised}", "dim"))
    labels = f", {percent(window.coverage)} with outcomes" if window.coverage is not None else ""
    failed: Span = (f", {plural(window.errors, 'error')}", "bad" if window.errors else "dim")
    sheet.pair("Rows", f"{count(window.rows)}{labels}", failed)
    sheet.pair("Latency", f"half within {number(window.latency_p50_ms)} ms, p99 {number(window.latency_p99_ms)} ms")
    for place, note in enumerate(window.notes):
        sheet.pair("" if place else "No alert", f"{note['rule']}: {note['title']}", (f"  {note['why']}", "dim"))
    rows: list[Sequence[Cell]] = [
        ((name, "name"), with_interval(one), count(one.get("n")), (str(one.get("note") or ""), "dim"))
        for name, one in sorted(window.metrics.items())
        if not name.startswith(FAIRNESS)
    ]
    if rows:
        sheet.heading("Figures", "estimated before outcomes came, else realised")
        sheet.table(("METRIC", "VALUE", "ROWS", ""), rows, frozenset({2}))
    sheet.blank()
    put_quality(sheet, window)
    put_fairness(sheet, window)
    compared = [one for one in window.features if one.get("effect") is not None]
    if compared:
        sheet.blank()
        put_features(sheet, compared, "MOVED MOST")
    return sheet.lines
