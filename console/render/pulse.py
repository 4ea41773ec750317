"""The Pulse: per model one row, and the four questions answered in plain words with their evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.alerts import subject
from console.render.cells import Line, Span, line, line_width
from console.render.columns import Column, Context
from console.render.display import key
from console.render.events import phrase
from console.render.measures import change, verdict_word
from console.render.sheet import INDENT, Sheet
from console.render.signs import WORDS, glyph_of, state, style_of
from console.render.spark import sparkline, volume_line
from console.render.words import age, ago, brief, count, day, number, percent, person, plural, short_count, short_moment
from engine.operations.alerts import left, worst_first
from engine.operations.deck import Pulse, PulseModel
from store.rows import Alert, Release

TREND = 8
LABELS = 10
DEGRADED = "degraded"
SPARK = 4
FAULTS = 2


def _serving(row: PulseModel, context: Context) -> tuple[Span, ...]:
    if row.champion is None:
        return (("nothing", "warn"),)
    if row.release:
        return ((f"v{row.champion}", "name"), (f" ▸ {row.release.split(',')[0].split(':')[0]}", "busy"))
    return ((f"v{row.champion}", "name"), (f" for {age(row.since_at, context.now)}" if row.since_at else "", ""))


def _health(row: PulseModel, context: Context) -> tuple[Span, ...]:
    return state(row.health)


def _drift(row: PulseModel, context: Context) -> tuple[Span, ...]:
    if row.drift == "drift" and row.drifted:
        return ((f"~ drift {len(row.drifted)}", "warn"),)
    return state(row.drift)


def _quality(row: PulseModel, context: Context) -> tuple[Span, ...]:
    if row.metric_value is None:
        return (("no outcomes", "dim"),)
    text, style = _change(row)
    cells = [(number(row.metric_value), "")]
    if text != "-":
        sign = {"ok": "✓", "warn": "!", "bad": "✗"}.get(style, "")
        cells.append((f" {sign}{text}", style))
    return tuple(cells)


def _alerts(row: PulseModel, context: Context) -> Span:
    return (f"! {row.alerts}", "warn") if row.alerts else ("none", "dim")


def _volume(row: PulseModel, context: Context) -> tuple[Span, ...]:
    return ((f"{short_count(row.rows_24h):>4} ", ""), (volume_line(row.volume_history, SPARK), "spark"))


COLUMNS = (
    Column("MODEL", lambda row, context: (row.model, "name"), priority=1, least=10, most=26),
    Column("SERVES", _serving, priority=1, least=6, most=14),
    Column("HEALTH", _health, priority=1, least=7, most=14),
    Column("DRIFT", _drift, priority=2, least=7, most=10),
    Column("QUALITY", _quality, priority=4, least=7, most=14),
    Column("ALERT", _alerts, priority=3, least=4, most=6),
    Column(
        "ROWS 24H",
        _volume,
        priority=5,
        least=5,
        most=12,
    ),
)


def answers(row: PulseModel, releases: Sequence[Release], width: int, now: int) -> list[Line]:
    """Return what serves, what changed, whether it hurts anyone and the way back, for one model."""
    sheet = Sheet(width)
    sheet.rule(row.model, (row.task, "dim"))
    sheet.pair("Serving", *_serving_words(row, releases, now), label_width=LABELS)
    for fault in row.faults[:FAULTS]:
        sheet.pair("", ("✗ ", "bad"), (fault, ""), label_width=LABELS)
    if len(row.faults) > FAULTS:
        sheet.pair("", (f"and {len(row.faults) - FAULTS} more: modeldeck endpoints", "dim"), label_width=LABELS)
    sheet.pair("Changed", *_changed_words(row, now), label_width=LABELS)
    for position, spans in enumerate(_hurting(row, width - LABELS - INDENT)):
        sheet.pair("Hurting?" if position == 0 else "", *spans, label_width=LABELS)
    sheet.pair("Way back", *way_back(row, releases), label_width=LABELS)
    return sheet.lines


def _waiting_words(row: PulseModel, releases: Sequence[Release], now: int) -> list[Span]:
    """Return that the challenger waits, or what came of the last release of it where that failed."""
    last = next((one for one in releases if (one.endpoint, one.to_version) == (row.model, row.challenger)), None)
    promote = (key("releases.promote"), "key")
    if last is None or last.state != "failed":
        return [(f"; v{row.challenger} waits, ", ""), promote, (" promotes it", "")]
    failed = "its gates failed" if last.evidence.get("cause") == "gate" else "its release failed"
    when = ago(last.ended_at if last.ended_at is not None else last.requested_at, now)
    return [(f"; v{row.challenger} waits, but {failed} {when}", "warn"), (", ", ""), promote, (" tries again", "")]


def _serving_words(row: PulseModel, releases: Sequence[Release], now: int) -> list[Span]:
    if row.champion is None:
        if row.challenger is not None:
            return [("nothing serves", "warn"), *_waiting_words(row, releases, now)]
        return [("nothing serves", "warn"), (", no version yet: ", ""), (key("runs.train"), "key"), (" trains one", "")]
    cells: list[Span] = [(f"v{row.champion}", "strong")]
    if row.since_at is not None:
        cells.append((f" since {short_moment(row.since_at, now)}, {ago(row.since_at, now)}; ", ""))
    cells.append((f"{glyph_of(row.health)} {row.health}", style_of(row.health)))
    if row.release:
        cells += [("; ", ""), (f"releasing {row.release}", "busy")]
    elif row.challenger is not None:
        cells += _waiting_words(row, releases, now)
    if row.undeployed and not row.release:
        cells += [
            (f"; not yet under {', '.join(row.undeployed)} as applied, ", "warn"),
            (key("releases.deploy"), "key"),
            (" deploys", ""),
        ]
    return cells


def _changed_words(row: PulseModel, now: int) -> list[Span]:
    if row.last_change_at is None:
        return [("nothing yet", "dim")]
    by = f" by {person(row.last_change_by)}" if row.last_change_by else ""
    why = f": {row.last_change_reason}" if row.last_change_reason else ""
    return [(row.last_change, ""), (f"{by}, {ago(row.last_change_at, now)}{why}", "dim")]


def _hurting(row: PulseModel, room: int) -> list[list[Span]]:
    """Return the traffic of now, then what the last judged window says and which window that is."""
    parts = [_traffic(row), _drift_words(row), _quality_words(row, room)]
    return parts if row.judged_from_at is None else [parts[0], _window(row), *parts[1:]]


def _window(row: PulseModel) -> list[Span]:
    cells: list[Span] = [("judged on ", "dim"), (plural(row.judged_rows, "row"), "")]
    if row.coverage is not None:
        cells.append((f", {percent(row.coverage)} with outcomes", "dim"))
    return [*cells, (f"; {day(row.judged_from_at)} to {day(row.judged_to_at)}", "dim")]


def _traffic(row: PulseModel) -> list[Span]:
    if not row.rows_24h and not row.errors_24h:
        return [("no traffic in 24 hours", "dim")]
    errors: Span = (plural(row.errors_24h, "error"), "bad" if row.errors_24h else "")
    cells: list[Span] = [(f"{count(row.rows_24h)} rows in 24 hours, ", ""), errors]
    if row.latency_p99_ms is not None:
        cells.append((f", p99 {brief(row.latency_p99_ms)} ms", ""))
    return cells


def _drift_words(row: PulseModel) -> list[Span]:
    if row.drift == "drift":
        named = ", ".join(row.drifted[:3])
        more = f" and {len(row.drifted) - 3} more" if len(row.drifted) > 3 else ""
        return [("~ drift", "warn"), (f" in {named}{more}" if named else "", "")]
    if row.drift == "ok":
        return [("✓ no drift", "ok"), (" against the training data", "")]
    return [("· drift unknown", "dim"), (": no window had rows enough to judge", "dim")]


def _quality_words(row: PulseModel, room: int) -> list[Span]:
    if row.metric_value is None:
        unknown: Span = ("· quality unknown", "dim")
        if row.verdict == DEGRADED:
            return [("✗ degraded", "bad"), (f": no {row.metric} there, its alert says why", "")]
        return [unknown, (": too few outcomes to tell" if row.coverage else ": no outcomes have come", "dim")]
    text, style = _change(row)
    bad: list[Span] = [("✗ degraded ", "bad")] if row.verdict == DEGRADED else []
    cells: list[Span] = [*bad, (f"{row.metric} {number(row.metric_value)}", style)]
    if row.metric_reference is not None:
        cells.append((f", {number(row.metric_reference)} in training", ""))
        if text != "-":
            cells.append((f" ({text}{verdict_word((text, style))})", style))
    if row.metric_from_at is not None and row.metric_from_at != row.judged_from_at:
        cells.append((f"; of {day(row.metric_from_at)}", "dim"))
    trend = min(TREND, len(row.metric_history))
    if trend > 1 and line_width(line(*cells)) + 1 + trend <= room:  # a trend on a line of its own says too little
        cells += [(" ", ""), (sparkline(row.metric_history, trend), "spark")]
    return cells


def _change(row: PulseModel) -> Span:
    """Return the change against training; what the monitor calls degraded is bad however small it looks."""
    text, style = change(row.metric, row.metric_value, row.metric_reference)
    return (text, "bad" if row.verdict == DEGRADED else style)


def way_back(row: PulseModel, releases: Sequence[Release]) -> list[Span]:
    """Return what `R` would do, as far as the releases tell; the dialog proves it."""
    back = (key("releases.rollback"), "key")
    if row.champion is None:
        return [("nothing to go back to", "dim")]
    if row.release:
        return [back, (f" aborts the release: traffic returns to v{row.champion}", "")]
    for release in releases:
        if release.endpoint == row.model and release.state == "completed" and release.to_version == row.champion:
            if release.from_version == release.to_version:  # a deploy, or one taken back
                if release.kind == "deploy" and release.reverted_by is None:
                    return [
                        back,
                        (" returns the servers from before the deploy, proof shown first", ""),
                    ]
                continue
            if release.kind == "promote" and release.reverted_by is None and release.from_version is not None:
                return [
                    back,
                    (f" returns the traffic to v{release.from_version}, proof shown first", ""),
                ]
            break
    return [("no earlier champion stands behind ", "dim"), (f"v{row.champion}", "dim")]


def alert_lines(alerts: Sequence[Alert], width: int, now: int, height: int, undelivered: int = 0) -> list[Line]:
    """Return the open alerts, worst first; before them how many messages did not reach whom they were for."""
    sheet = Sheet(width)
    sheet.rule("Alerts", (plural(len(alerts), "open alert"), "warn" if alerts else "dim"))
    if undelivered:
        told = f"{plural(undelivered, 'notification')} did not arrive: 0 shows why"
        sheet.lines.append(line("  ", (f"{glyph_of('failed')} {told}", style_of("failed"))))
    if not alerts and not undelivered:
        sheet.paragraph("nothing needs you", "dim")
    for alert in worst_first(alerts)[: max(0, height - len(sheet.lines))]:
        sheet.lines.append(
            line(
                "  ",
                (
                    f"{glyph_of(alert.severity)} {left(alert) or alert.severity:<9}",
                    "dim" if left(alert) else style_of(alert.severity),
                ),
                (f"{age(alert.seen_at, now):>4}  ", "dim"),
                (alert.title if subject(alert) in alert.title else f"{subject(alert)}: {alert.title}", ""),
                ("" if alert.state == "open" else f"  {WORDS.get(alert.state, alert.state)}", "dim"),
            )
        )
    return sheet.lines[:height]


def event_lines(pulse: Pulse, width: int, height: int) -> list[Line]:
    """Return the newest changes."""
    sheet = Sheet(width)
    sheet.rule("Changes", (f"{key('go.events')} shows all", "dim"))
    if not pulse.events:
        sheet.paragraph("nothing has changed yet", "dim")
    for event in pulse.events[: max(0, height - 1)]:
        sheet.lines.append(line("  ", *phrase(event, pulse.now_at)))
    return sheet.lines[:height]
