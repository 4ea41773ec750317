"""The watch over each endpoint as rows: what its monitor saw last. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.display import key
from console.render.sheet import Sheet
from console.render.signs import state
from console.render.words import age, ago, brief, day, every, moment, number, percent, plural
from engine.operations.watching import MonitorNewest

DAY_US = 86_400_000_000


def _window(row: MonitorNewest, context: Context) -> Span:
    if row.to_at is None:
        return ("none yet", "dim")
    return (age(row.to_at, context.now), "")


def _figure(value: float | None) -> Span:
    return (number(value), "dim" if value is None else "")


def _version(row: MonitorNewest, context: Context) -> str:
    return "-" if row.version is None else f"v{row.version}{' gone' if row.has_left else ''}"


def _moved(row: MonitorNewest, context: Context) -> tuple[Span, ...]:
    if not row.moved:
        return (("-", "dim"),)
    beyond = row.moved_effect is not None and row.moved_threshold is not None and row.moved_effect > row.moved_threshold
    return (
        (row.moved, "warn" if beyond else ""),
        (f" {brief(row.moved_effect)} of {brief(row.moved_threshold)}", "dim"),
    )


def _asks(row: MonitorNewest, context: Context) -> Span:
    return (" ".join(row.alerts), "warn") if row.alerts else ("-", "dim")


COLUMNS = (
    Column("VERDICT", lambda row, context: state(row.verdict), priority=1, least=9, most=12),
    Column("MODEL", lambda row, context: (row.model, "name"), priority=1, least=10, most=26),
    Column("VER", _version, priority=1, least=7),
    Column("METRIC", lambda row, context: (row.metric or "-", "dim"), priority=3, least=4, most=14),
    Column("ESTIM", lambda row, context: _figure(row.estimated), priority=1, least=5, align="right"),
    Column("REAL", lambda row, context: _figure(row.realised), priority=1, least=5, align="right"),
    Column("LABELS", lambda row, context: percent(row.coverage), priority=2, least=4, align="right"),
    Column("WINDOW", _window, priority=3, least=4, most=8, align="right"),
    Column("LOOKED", lambda row, context: age(row.last_run_at, context.now), priority=3, least=4, align="right"),
    Column("ALERTS", _asks, priority=4, least=6, most=24),
    Column("MOVED MOST", _moved, priority=2, least=12, most=44, grow=True, wish=22),
)


def monitor_lines(row: MonitorNewest, width: int, now: int) -> list[Line]:
    """Return what stands below the list: the newest window of a monitor in words."""
    sheet = Sheet(width)
    version = f" v{row.version}" if row.version is not None else ""
    sheet.rule(f"{row.model}{version}", (f"looks every {every(row.every_s)}, last {ago(row.last_run_at, now)}", "dim"))
    if row.from_at is None or row.to_at is None:
        sheet.paragraph(f"no window yet: the first is computed once it is over; {key('monitors.run')} looks now", "dim")
        return sheet.lines
    if row.has_left:
        sheet.paragraph(f"v{row.version} no longer serves: what follows is how it was", "warn")
    whole = (row.to_at - row.from_at) % DAY_US == 0
    span = f"{day(row.from_at)} to {day(row.to_at)}" if whole else f"{moment(row.from_at)} to {moment(row.to_at)}"
    sheet.paragraph(f"{span}: {row.verdict}, {plural(row.rows, 'row')}, {percent(row.coverage)} with outcomes")
    sheet.paragraph(f"{row.metric}: {_three(row, now)}" if row.metric else "its version names no metric")
    drifted = f"{plural(row.drifted, 'feature')} drifted" if row.moved else "features were not compared"
    asks = f"; standing alerts: {', '.join(row.alerts)}" if row.alerts else "; no alert stands"
    sheet.paragraph(f"{drifted}{asks}; enter shows windows, drift and slices", "dim")
    return sheet.lines


def _three(row: MonitorNewest, now: int) -> str:
    promised = f"promised {number(row.promised)}"
    estimated = f"estimated {number(row.estimated)}" if row.estimated is not None else "no estimate"
    if row.realised is None:
        return f"{promised}, {estimated}, no outcomes yet"
    older = f" ({ago(row.realised_to_at, now)})" if row.realised_to_at != row.to_at else ""
    return f"{promised}, {estimated}, realised {number(row.realised)}{older}"
