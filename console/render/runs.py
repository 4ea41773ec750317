"""Runs as rows, and one run whole. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.comments import noted
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import age, ago, moment, number, person, short_id, took
from store.rows import Run


def _state(row: Run, context: Context) -> tuple[Span, ...]:
    return state(row.state)


def _result(row: Run, context: Context) -> Span:
    if row.reason and row.state != "finished":
        return (row.reason, style_of(row.state))
    trained = row.params.get("metric")  # the one it was trained by comes first, the others as they are kept
    names = sorted(row.metrics, key=lambda name: name != trained)
    return ("  ".join(f"{name} {number(row.metrics[name])}" for name in names[:3]), "")


def _took(row: Run, context: Context) -> str:
    if row.ended_at is None:
        return age(row.started_at, context.now)
    return took(row.started_at, row.ended_at)


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("RUN", lambda row, context: (short_id(row.id), "dim"), priority=4, least=12),
    noted(Column("MODEL", lambda row, context: (row.model or row.experiment, "name"), priority=1, least=10, most=26)),
    Column("WHAT", lambda row, context: row.name, priority=4, least=6, most=22),
    Column("AGE", lambda row, context: age(row.started_at, context.now), priority=2, least=3, align="right"),
    Column("TOOK", _took, priority=3, least=4, align="right"),
    Column("BY", lambda row, context: (person(row.actor), "dim"), priority=5, least=4, most=16),
    Column("RESULT", _result, priority=2, least=12, most=80, grow=True, wish=26),
)


def columns(metric: str) -> tuple[Column, ...]:
    """Return the columns of runs; one for the metric by which they are sorted, where there is one."""
    if not metric:
        return COLUMNS

    def value(row: Run, context: Context) -> Span:
        found = row.metrics.get(metric)
        return (number(found), "dim" if found is None else "accent")

    at = next(place for place, column in enumerate(COLUMNS) if column.title == "AGE")
    return (*COLUMNS[:at], Column(metric.upper(), value, priority=1, least=6, most=12, align="right"), *COLUMNS[at:])


def run_lines(run: Run, width: int, now: int) -> list[Line]:
    """Return the page of a run."""
    sheet = Sheet(width)
    sheet.pair("State", (f"{glyph_of(run.state)} {run.state}", style_of(run.state)), (f"  {run.reason}", "dim"))
    sheet.pair("Model", (run.model or "none", "name"), (f"  {run.kind} {run.name}", "dim"))
    sheet.pair("Started", f"{moment(run.started_at)}, {ago(run.started_at, now)} by {person(run.actor)}")
    sheet.pair("Took", took(run.started_at, run.ended_at))
    sheet.heading("Measures")
    sheet.table(("", ""), [((name, "dim"), number(value)) for name, value in run.metrics.items()], frozenset({1}))
    if not run.metrics:
        sheet.paragraph("none recorded", "dim")
    sheet.heading("Parameters")
    sheet.table(("", ""), [((name, "dim"), value) for name, value in run.params.items()])
    if not run.params:
        sheet.paragraph("none recorded", "dim")
    sheet.heading("Made from")
    sheet.pair("run", run.id)
    sheet.pair("snapshot", run.snapshot_id or "-")
    sheet.pair("settings", f"revision {run.settings_revision}" if run.settings_revision is not None else "-")
    sheet.pair("job", run.job_id or "-")
    for name, value in run.tags.items():
        sheet.pair(name, value)
    return sheet.lines
