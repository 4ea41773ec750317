"""Models and their versions as rows, and a version whole. Pure."""

from __future__ import annotations

from typing import Any

from console.render.cells import Span
from console.render.columns import Column, Context
from console.render.comments import noted
from console.render.measures import change, primary, value_of
from console.render.words import age, day, number, person
from store.rows import Model, Release, Version, VersionSummary
from store.rows.headlines import headline_of


def _version(number: int | None, style: str) -> Span:
    return (f"v{number}", style) if number is not None else ("-", "dim")


COLUMNS = (
    noted(Column("MODEL", lambda row, context: (row.name, "name"), priority=1, least=12, most=30)),
    Column("SERVES", lambda row, context: _version(row.champion, "ok"), priority=1, least=4),
    Column("WAITS", lambda row, context: _version(row.challenger, "accent"), priority=2, least=4),
    Column("VERSIONS", lambda row, context: str(row.versions), priority=3, least=3, align="right"),
    Column("TASK", lambda row, context: row.task, priority=3, least=6, most=14),
    Column("OWNER", lambda row, context: row.owner or "-", priority=5, least=5, most=14),
    Column("MADE", lambda row, context: (age(row.created_at, context.now), "dim"), priority=6, least=3, align="right"),
    Column("WHAT FOR", lambda row, context: (row.description, "dim"), priority=4, least=8, most=70, grow=True, wish=20),
)


def _aliases(row: Version, context: Context) -> tuple[Span, ...]:
    if row.abandoned_at is not None and "champion" not in row.aliases:
        return (("✗ abandoned", "warn"),)
    named: list[Span] = []
    for alias in row.aliases:
        style = {"champion": "ok", "challenger": "accent"}.get(alias, "")
        glyph = {"champion": "● ", "challenger": "◌ "}.get(alias, "")
        named.append((f"{' ' if named else ''}{glyph}{alias}", style))
    return tuple(named) or (("", ""),)


def _against_baseline(row: Version, context: Context) -> Span:
    name, measure = primary(row.evaluation)
    baseline = row.evaluation.get("baseline")
    against = value_of(baseline.get(name)) if isinstance(baseline, dict) else None
    return change(name, value_of(measure), against)


def estimator_name(estimator: str) -> str:
    """Return the class name without its modules."""
    return estimator.rsplit(":", 1)[-1].rsplit(".", 1)[-1]


def only_guesses(evaluation: Any) -> bool:
    """Tell whether the baseline won over every candidate that was tried beside it."""
    candidates = evaluation.get("candidates") if isinstance(evaluation, dict) else None
    if not isinstance(candidates, list) or len(candidates) < 2 or not isinstance(candidates[0], dict):
        return False
    return bool(candidates[0].get("name") == "dummy")


def estimator_of(row: Version | VersionSummary) -> str:
    """Return the class name of a version's estimator, and that it only guesses where nothing beat the baseline."""
    return f"{estimator_name(row.estimator)}{' (guesses)' if headline_of(row).guesses else ''}"


def version_columns(metric: str) -> tuple[Column, ...]:
    """Return the columns of a model's versions; the primary metric names its own column."""
    return (
        noted(Column("VERSION", lambda row, context: (f"v{row.number}", "name"), priority=1, least=4)),
        Column("ROLE", _aliases, priority=1, least=6, most=24),
        Column((metric or "METRIC").upper(), _number, priority=1, least=6, most=10, align="right"),
        Column("INTERVAL", _interval, priority=6, least=8, most=18),
        Column("VS DUMMY", _against_baseline, priority=3, least=5, align="right"),
        Column("ESTIMATOR", lambda row, context: estimator_of(row), priority=3, least=8, most=30),
        Column("DATA UNTIL", lambda row, context: day(row.cutoff_at), priority=4, least=10),
        Column("MADE", lambda row, context: age(row.created_at, context.now), priority=2, least=3, align="right"),
        Column("BY", lambda row, context: (person(row.actor), "dim"), priority=5, least=4, most=16),
    )


def _number(row: Version, context: Context) -> Span:
    return (number(value_of(primary(row.evaluation)[1])), "")


def _interval(row: Version, context: Context) -> Span:
    measure: Any = primary(row.evaluation)[1]
    if not isinstance(measure, dict) or value_of(measure.get("low")) is None:
        return ("-", "dim")
    return (f"[{number(value_of(measure['low']))}, {number(value_of(measure.get('high')))}]", "dim")


def model_head(model: Model, newest: Release | None, context: Context) -> list[Span]:
    """Return one line about the model above its versions: what serves, and the newest release where it is open."""
    cells: list[Span] = []
    if model.champion is None:
        cells.append(("nothing serves", "warn"))
    else:
        cells += [("● ", "ok"), (f"v{model.champion}", "strong"), (" serves", "")]
    if newest is not None and newest.is_open:
        doing = f"{newest.kind} of v{newest.to_version} {newest.state}"
        cells += [
            ("; ", ""),
            (doing, "warn" if newest.state == "held" else "busy"),
            (f" by {person(newest.actor)}", ""),
        ]
    elif model.challenger is not None:
        cells += [("; ", ""), (f"v{model.challenger}", "strong"), (" waits", "")]
    cells.append((f"   {model.task}" + (f", {model.owner}" if model.owner else ""), "dim"))
    if model.description:
        cells.append((f"   {model.description}", "dim"))
    return cells
