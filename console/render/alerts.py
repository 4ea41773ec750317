"""Alerts as rows, and one alert with its evidence. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.comments import noted
from console.render.evidence import put_evidence
from console.render.plot import axis, plot
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import DAY, MINUTE, age, ago, brief, count, day, moment, person, plural, typed_id
from engine.availability import acknowledgeable, resolvable
from engine.operations.alerts import AlertDetail, Point, Series, left
from engine.operations.changes import words
from store.rows import Alert

PLOT_ROWS = 5


def subject(alert: Alert) -> str:
    """Return the model or the host that an alert is about."""
    return alert.model or alert.host or "the deck"


def _severity(row: Alert, context: Context) -> tuple[Span, ...]:
    if row.state != "open":
        return state(row.state)
    if left(row):
        return ((f"{glyph_of(row.severity)} {left(row)}", "dim"),)
    return state(row.severity)


def _title(row: Alert, context: Context) -> tuple[Span, ...]:
    return ((row.title.removeprefix(f"{subject(row)}: "), ""),)


COLUMNS = (
    Column("STATE", _severity, priority=1, least=9, most=12),
    noted(Column("MODEL", lambda row, context: (subject(row), "name"), priority=1, least=10, most=26)),
    Column("KIND", lambda row, context: row.kind, priority=4, least=5, most=12),
    Column("SEEN", lambda row, context: age(row.seen_at, context.now), priority=2, least=3, align="right"),
    Column("TIMES", lambda row, context: count(row.count), priority=4, least=2, align="right"),
    Column("WHAT", _title, priority=1, least=16, most=110, grow=True, wish=40),
)


def alert_detail(alert: Alert, width: int, now: int) -> list[Line]:
    """Return what stands below the list: the alert and its evidence."""
    sheet = Sheet(width)
    sheet.rule(f"{alert.kind} {subject(alert)}", (ago(alert.opened_at, now), "dim"))
    sheet.paragraph(alert.title, "name")
    sheet.blank()
    put_evidence(sheet, alert.evidence)
    return sheet.lines


def alert_page(detail: AlertDetail, width: int, now: int, *, keys: bool = True) -> list[Line]:
    """Return the page of an alert: what, whose, its figure over time, what changed before, the evidence, what next.

    Without `keys` the ways on are commands, for who reads it outside the console.
    """
    alert = detail.alert
    sheet = Sheet(width)
    sheet.paragraph(alert.title, "strong")
    sheet.pair("State", *_state_words(alert, now))
    if alert.left_version is not None:
        sheet.pair("About", (f"v{alert.left_version}, which no longer serves", "warn"))
    seen = f", seen {alert.count} times, last {ago(alert.seen_at, now)}" if alert.count > 1 else ""
    if alert.reopened_at is not None:
        again = f", {alert.reopened} times so far" if alert.reopened > 1 else ""
        since = f"came back {ago(alert.reopened_at, now)}{again}; first {moment(alert.opened_at)}"
    else:
        since = f"{moment(alert.opened_at)}, {ago(alert.opened_at, now)}"
    sheet.pair("Since", f"{since}{seen}")
    if alert.resolved_at is not None:
        why = next((one.reason for one in detail.life if one.action == "alert.resolved" and one.reason), "")
        sheet.pair(
            "Over", f"{ago(alert.resolved_at, now)} by {person(alert.resolved_by or '')}", f": {why}" if why else ""
        )
    if detail.maintenance is not None:
        told = detail.maintenance
        sheet.pair("Maintenance", f"until {moment(told.to_at)} by {person(told.actor)}: {told.reason}")
    if detail.series is not None and detail.series.points:
        _put_series(sheet, detail.series)
    _put_changes(sheet, detail, now)
    sheet.heading("Evidence")
    if not alert.evidence:
        sheet.paragraph("none recorded", "dim")
    put_evidence(sheet, alert.evidence)
    _put_next(sheet, detail, keys=keys)
    return sheet.lines


def _state_words(alert: Alert, now: int) -> list[Span]:
    cells: list[Span] = [(f"{glyph_of(alert.severity)} {alert.severity}", style_of(alert.severity))]
    cells.append((f", {alert.state}", ""))
    about: list[Span] = [("  ", ""), (subject(alert), "name"), (f"  {_kind(alert)}", "dim")]
    if alert.state == "acknowledged":
        cells.append((f" by {person(alert.owner or '')} {ago(alert.acknowledged_at, now)}", ""))
    elif alert.state == "snoozed":
        cells.append((f" by {person(alert.snoozed_by or '')}", ""))
    elif alert.state == "muted":
        cells.append((" in maintenance: nobody was told", "dim"))
    if alert.until_at is not None:
        cells.append((f", comes back {ago(alert.until_at, now)} ({moment(alert.until_at)})", "warn"))
    return cells + about


def _kind(alert: Alert) -> str:
    return f"{alert.kind}, rule {alert.rule}" if alert.rule not in ("", alert.kind) else alert.kind


def _put_series(sheet: Sheet, series: Series) -> None:
    """Draw the figure over its windows, the limit across it."""
    limit = series.limit if series.limit is not None else series.promised
    named = "limit" if series.limit is not None else "promised"
    unit = f" {series.unit}" if series.unit else ""
    known = [one for one in series.points if one.value is not None]
    sheet.blank()
    said = f"{plural(len(series.points), 'window')}, {named} {brief(limit)}{unit}" if limit is not None else ""
    sheet.rule(f"{series.name}{unit}", (said, "dim"))
    sheet.lines += plot([one.value for one in series.points], limit, sheet.width, PLOT_ROWS)
    if known:
        first, last = series.points[0], series.points[-1]
        sheet.lines.append(axis(_when(first), _when(last), len(series.points), sheet.width))


def _when(point: Point) -> str:
    is_day = (point.to_at - point.from_at) % DAY == 0
    return day(point.from_at) if is_day else moment(point.from_at)


def _put_changes(sheet: Sheet, detail: AlertDetail, now: int) -> None:
    """Say who moved what last before it opened, or came back."""
    sheet.blank()
    opened = detail.alert.reopened_at or detail.alert.opened_at
    for number, one in enumerate(detail.changes):
        since = age(one.at, opened) if opened - one.at >= MINUTE else "just"
        by = f" by {person(one.actor)}, {since} before ({moment(one.at)})"
        why = (f": {one.reason}" if one.reason else "", "dim")
        sheet.pair("" if number else "Before it", (words(one), "name"), (by, ""), why)
    if not detail.changes:
        sheet.pair("Before it", ("nothing was changed, as far as the record goes", "dim"))


def _put_next(sheet: Sheet, detail: AlertDetail, *, keys: bool) -> None:
    """Say what can be done: keys in the console, commands outside it and where there is no key."""
    sheet.heading("Next")
    alert = detail.alert
    id = typed_id(alert.id)
    steps = []
    if acknowledgeable(alert) is None:
        steps.append(("A", "take it", "Take it", f"modeldeck alerts ack {id} --for 4h"))
    if resolvable(alert) is None:
        steps.append(("Z", "snooze 4 h", "Put aside", f"modeldeck alerts snooze {id} --for 4h"))
        steps.append(("V", "it is over", "Over", f"modeldeck alerts resolve {id}"))
    # where its version has left, the way back was gone already, and this would go a step further
    if alert.model and alert.left_version is None and detail.returnable:
        steps.append(("R", "roll back", "Go back", f"modeldeck rollback {alert.model}"))
    if not keys:
        for _, _, label, command in steps:
            sheet.pair(label, command)
    elif steps:
        sheet.pair("Keys", *[cell for key, said, _, _ in steps for cell in ((key, "key"), (f" {said}   ", ""))])
    if alert.model:
        version = alert.evidence.get("version")
        if isinstance(version, int):
            sheet.pair("Explain", f"modeldeck explain {alert.model} {version}")
        sheet.pair("Windows", f"modeldeck monitors windows {alert.model}")
        for one in alert.evidence.get("predictions") or ["PREDICTION_ID"]:
            sheet.pair("Trace", f"modeldeck trace {one}")
    elif alert.host:
        sheet.pair("Look", f"modeldeck hosts check {alert.host}")
    sheet.pair("Alert", (id, "dim"))
