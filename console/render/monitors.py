"""How good a model is over time, on one axis: estimated before outcomes come, and realised where they have. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line, line
from console.render.evidence import put_features
from console.render.measures import with_interval
from console.render.plot import axis, plot
from console.render.sheet import Sheet
from console.render.signs import glyph_of, style_of
from console.render.spark import BLOCKS
from console.render.windows import put_fairness, put_parts, put_quality
from console.render.words import DAY, ago, day, moment, percent, plural, short_id
from engine.operations.watching import Look, MonitorDetail

PLOT_ROWS = 3
MOST_FEATURES = 6
LABEL = 7  # cells before a plot
LEFT = "{version} no longer serves: what follows is how it was"


def monitor_page(detail: MonitorDetail, width: int, now: int) -> list[Line]:
    """Return the page of a model's monitor."""
    sheet = Sheet(width)
    monitor = detail.monitor
    looked = f"last looked {ago(monitor.last_run_at, now)}" if monitor.last_run_at is not None else "has not looked yet"
    version = f" v{detail.version}" if detail.version is not None else ""
    sheet.pair("Model", (f"{detail.model}{version}", "name"), (f"  by {monitor.by} time, {looked}", "dim"))
    if detail.has_left:
        sheet.pair("", (LEFT.format(version=version.strip()), "warn"))
    if not detail.looks:
        sheet.paragraph("no windows yet: the first is computed once it is over", "dim")
        return sheet.lines
    promised = detail.promised.get("value")
    if promised is not None:
        sheet.pair("Promised", with_interval(detail.promised), (" on the holdout", "dim"))
    counted = plural(len(detail.looks), "window")
    for title, values, note in (
        (f"estimated {detail.metric}", [one.estimated for one in detail.looks], counted),
        (f"realised {detail.metric}", [one.realised for one in detail.looks], ""),
    ):
        sheet.rule(title, (note, "dim"))
        sheet.lines += plot(values, promised, width, PLOT_ROWS, bad_above=not detail.greater_is_better)
    _put_labels(sheet, detail.looks)
    first, last = detail.looks[0], detail.looks[-1]
    sheet.lines.append(axis(_when(first), _when(last), len(detail.looks), width))
    _put_newest(sheet, detail)
    if detail.window is not None:
        put_quality(sheet, detail.window)
        put_fairness(sheet, detail.window)
    _put_features(sheet, detail)
    every = f"modeldeck monitors parts {detail.model}"
    put_parts(sheet, "WORST SLICES", detail.slices, every)
    put_parts(sheet, "WORST HOSTS", detail.hosts, f"{every} --by host")
    _put_alerts(sheet, detail, now)
    return sheet.lines


def _put_labels(sheet: Sheet, looks: Sequence[Look]) -> None:
    """Draw which share of each window's rows has its outcome, and what the window was found to be."""
    room = max(8, sheet.width - LABEL - 3)
    shown = looks[-room:]
    wide = max(1, min(4, room // len(shown)))
    cells = [(_level(one.coverage) * wide, "accent") for one in shown]
    sheet.lines.append(line((f"{'labels':>{LABEL}} ", "dim"), ("┤", "rule"), *cells))
    marks = [(glyph_of(one.verdict) * wide, style_of(one.verdict)) for one in shown]
    sheet.lines.append(line((f"{'verdict':>{LABEL}} ", "dim"), ("┤", "rule"), *marks))


def _level(share: float | None) -> str:
    if not share:
        return " "
    return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]


def _put_newest(sheet: Sheet, detail: MonitorDetail) -> None:
    last = detail.looks[-1]
    labels = f", {percent(last.coverage)} with outcomes" if last.coverage is not None else ""
    counted = f"{_when(last)}: {last.verdict}, {plural(last.rows, 'row')}{labels}"
    sheet.pair("Newest", counted)
    told = detail.estimate
    if told.get("value") is None:
        sheet.pair("Estimate", (str(told.get("note") or "none was made"), "dim"))
    else:
        sheet.pair("Estimate", with_interval(told), (f"  {told.get('note') or ''}", "dim"))


def _put_features(sheet: Sheet, detail: MonitorDetail) -> None:
    window = detail.window
    if window is None:
        return
    sheet.blank()
    compared = [one for one in window.features if one.get("effect") is not None]
    if compared:
        put_features(sheet, compared[:MOST_FEATURES], "MOVED MOST")
    left = len(compared) - MOST_FEATURES
    if left > 0:
        sheet.paragraph(f"and {left} more: modeldeck monitors windows {detail.model} --json", "dim")


def _put_alerts(sheet: Sheet, detail: MonitorDetail, now: int) -> None:
    sheet.blank()
    for number, one in enumerate(detail.alerts):
        said = (f"{glyph_of(one.severity)} {one.title}", style_of(one.severity))
        sheet.pair(
            "" if number else "Alerts", said, (f"  {one.state}, {ago(one.seen_at, now)}, {short_id(one.id)}", "dim")
        )
    if not detail.alerts:
        sheet.pair("Alerts", ("none stands", "dim"))


def _when(look: Look) -> str:
    is_day = (look.to_at - look.from_at) % DAY == 0
    return day(look.from_at) if is_day else moment(look.from_at)
