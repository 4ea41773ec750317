"""Alerts as rows, and one alert with its evidence. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.evidence import LABELS, put_evidence
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import age, ago, count, moment, person, short_id
from store.rows import Alert


def subject(alert: Alert) -> str:
    """Return the model or the host that an alert is about."""
    return alert.model or alert.host or "the deck"


def _severity(row: Alert, context: Context) -> tuple[Span, ...]:
    if row.state != "open":
        return state(row.state)
    return state(row.severity)


def _title(row: Alert, context: Context) -> str:
    return row.title.removeprefix(f"{subject(row)}: ")


COLUMNS = (
    Column("STATE", _severity, priority=1, least=9, most=12),
    Column("MODEL", lambda row, context: (subject(row), "name"), priority=1, least=10, most=26),
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


def alert_page(alert: Alert, width: int, now: int) -> list[Line]:
    """Return the page of an alert: what, since when, how often, and the evidence it rests on."""
    sheet = Sheet(width)
    sheet.paragraph(alert.title, "strong")
    sheet.blank()
    style = style_of(alert.severity)
    sheet.pair("State", (f"{glyph_of(alert.severity)} {alert.severity}", style), (f", {alert.state}", ""))
    sheet.pair("Model" if alert.model else "Host", (subject(alert), "name"), (f"  {alert.kind}", "dim"))
    seen = f"; seen {alert.count} times, last {ago(alert.seen_at, now)}" if alert.count > 1 else ""
    sheet.pair("Since", f"{moment(alert.opened_at)}, {ago(alert.opened_at, now)}{seen}")
    if alert.acknowledged_by:
        sheet.pair("Taken by", f"{person(alert.acknowledged_by)}, {ago(alert.acknowledged_at, now)}")
    if alert.resolved_at is not None:
        sheet.pair("Over", ago(alert.resolved_at, now))
    sheet.heading("Evidence")
    if not alert.evidence:
        sheet.paragraph("none recorded", "dim")
    put_evidence(sheet, alert.evidence)
    sheet.blank()
    if alert.model:
        sheet.pair("Windows", f"modeldeck monitors windows {alert.model}", label_width=LABELS)
    sheet.pair("Alert", (short_id(alert.id), "dim"), label_width=LABELS)
    return sheet.lines
