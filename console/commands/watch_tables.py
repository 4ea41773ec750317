"""Which columns the lists of monitors, windows, alerts and maintenance show."""

from __future__ import annotations

from console.commands.alert_lines import state
from console.commands.values import count, number, percent, seconds, version_or_none, window_metric
from console.output import Column, Output
from console.render.windows import part_metric, part_moved, part_name, part_ratio, wrong_inputs
from engine.operations.watching import AttributionMoved, MonitorNewest
from store.rows import Alert, Maintenance, Monitor, Window, WindowPart


def drifted(window: Window) -> str:
    """Return the names of the drifted columns, as the window lists them."""
    return " ".join(str(feature["name"]) for feature in window.features if feature.get("drifted"))


def noted(window: Window) -> str:
    """Return why what a rule saw in a window is no alert."""
    return "; ".join(dict.fromkeys(f"{note['rule']}: {note['why']}" for note in window.notes)) or "-"


def began(from_us: int, out: Output) -> str:
    """Return where a window begins: its day, and the minute where it does not begin with the day."""
    return out.time(from_us)[:16].removesuffix(" 00:00")


MONITORS = (
    Column("monitor", "name", shrink=True),
    Column("every", lambda row, _: seconds(row.every_s), right=True),
    Column("window", lambda row, _: seconds(row.window_s), right=True),
    Column("by", lambda row, _: row.by),
    Column("last run", lambda row, out: out.second(row.last_run_at)),
    Column("last job", lambda row, out: out.short(row.last_job_id)),
)

NEWEST = (
    Column("monitor", lambda row, _: row.model, shrink=True),
    Column("version", lambda row, _: "left " * row.has_left + version_or_none(row.version), right=True),
    Column("verdict", "verdict"),
    Column("metric", lambda row, _: row.metric or "-", shrink=True),
    Column("promised", lambda row, _: number(row.promised), right=True),
    Column("estimated", lambda row, _: number(row.estimated), right=True),
    Column("realised", lambda row, _: number(row.realised), right=True),
    Column("labels", lambda row, _: percent(row.coverage), right=True),
    Column("moved most", lambda row, _: row.moved or "-", shrink=True),
    Column("looked", lambda row, out: out.second(row.last_run_at)),
)

WINDOWS = (
    Column("from", lambda row, out: began(row.from_at, out)),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("verdict", "verdict"),
    Column("rows", lambda row, _: count(row.rows), right=True),
    Column("errors", lambda row, _: count(row.errors), right=True),
    Column("p99 ms", lambda row, _: number(row.latency_p99_ms), right=True),
    Column("labels", lambda row, _: percent(row.coverage), right=True),
    Column("metric", lambda row, _: window_metric(row), shrink=True),
    Column("drifted", lambda row, _: drifted(row), shrink=True),
    Column("inputs", lambda row, _: wrong_inputs(row), shrink=True),
    Column("no alert, as", lambda row, _: noted(row), shrink=True),
)

PARTS = (
    Column("from", lambda row, out: began(row.from_at, out)),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("part", lambda row, _: part_name(row), shrink=True),
    Column("rows", lambda row, _: count(row.rows), right=True),
    Column("errors", lambda row, _: count(row.errors), right=True),
    Column("p99 ms", lambda row, _: number(row.latency_p99_ms), right=True),
    Column("labels", lambda row, _: percent(row.coverage), right=True),
    Column("metric", lambda row, _: part_metric(row), shrink=True),
    Column("loss", lambda row, _: part_ratio(row), right=True),
    Column("answers moved", lambda row, _: part_moved(row)),
)

ATTRIBUTIONS = (
    Column("column", "name", shrink=True),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("before", lambda row, _: number(row.before), right=True),
    Column("now", lambda row, _: number(row.now), right=True),
    Column("moved", lambda row, _: number(row.effect), right=True),
    Column("bearable", lambda row, _: number(row.threshold), right=True),
    Column("says", lambda row, _: row.note or ("drift" if row.drifted else "as before"), shrink=True),
)

ALERTS = (
    Column("alert", lambda row, out: out.short(row.id)),
    Column("model", lambda row, _: row.model or row.host, shrink=True),
    Column("state", state),
    Column("title", lambda row, _: row.title, shrink=True),
)

MAINTENANCES = (
    Column("maintenance", lambda row, out: out.short(row.id)),
    Column("of", lambda row, _: row.model or "the whole deck", shrink=True),
    Column("from", lambda row, out: out.second(row.from_at)),
    Column("to", lambda row, out: out.second(row.to_at)),
    Column("by", lambda row, _: row.actor.removeprefix("user:"), shrink=True),
    Column("reason", "reason", shrink=True),
)

WATCH_COLUMNS: dict[type, tuple[Column, ...]] = {
    Monitor: MONITORS,
    MonitorNewest: NEWEST,
    Window: WINDOWS,
    WindowPart: PARTS,
    AttributionMoved: ATTRIBUTIONS,
    Alert: ALERTS,
    Maintenance: MAINTENANCES,
}
