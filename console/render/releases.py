"""Releases as rows, and one release live: steps, weights, samples still needed, verdict, the way back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.apart import put_answers
from console.render.arms import arm_lines
from console.render.cells import Line, Span, line, spread, wrap
from console.render.columns import Column, Context
from console.render.comments import noted
from console.render.display import key
from console.render.plans import put_checks
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.spark import progress_bar
from console.render.version import check_from
from console.render.words import age, ago, brief, count, person, plural, short_id, took
from engine.operations.serving import ReleaseDetail
from store.rows import Release, Step

BAR = 20
LOOKED_AT = (("predictions", "answers"), ("metric", "outcomes"))


def _move(row: Release, context: Context) -> tuple[Span, ...]:
    if row.from_version == row.to_version:
        return ((f"v{row.to_version}", "name"),)
    before = "nothing" if row.from_version is None else f"v{row.from_version}"
    return ((f"{before} → ", ""), (f"v{row.to_version}", "name"))


def _detail(row: Release, context: Context) -> Span:
    return (row.detail or row.reason, "dim")


def _state(row: Release, context: Context) -> tuple[Span, ...]:
    return state(row.state)


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("KIND", lambda row, context: row.kind, priority=2, least=7),
    noted(Column("MODEL", lambda row, context: (row.endpoint, "name"), priority=1, least=10, most=26)),
    Column("MOVE", _move, priority=1, least=7, most=14),
    Column("WHEN", lambda row, context: age(row.requested_at, context.now), priority=2, least=3, align="right"),
    Column("TOOK", lambda row, context: took(row.started_at, row.ended_at), priority=4, least=4, align="right"),
    Column("BY", lambda row, context: person(row.actor), priority=3, least=4, most=16),
    Column("DETAIL", _detail, priority=5, least=16, most=70, grow=True),
)


def release_lines(detail: ReleaseDetail, width: int, now: int, *, keys: bool = True) -> list[Line]:
    """Return the page of a release; without `keys` the ways out are commands, for who reads it outside the console."""
    release = detail.release
    sheet = Sheet(width)
    sheet.pair("State", *_state_words(release, keys=keys))
    if release.detail:
        sheet.pair("", (release.detail, "dim"))
    before = "nothing" if release.from_version is None else f"v{release.from_version}"
    stays = release.from_version == release.to_version
    move = f"v{release.to_version} stays, its servers change" if stays else f"{before} → v{release.to_version}"
    by = f" by {person(release.actor)}, {ago(release.requested_at, now)}"
    sheet.pair("Moves", (move, "strong"), (by, "dim"))
    if release.reason:
        sheet.pair("Why", release.reason)
    if release.is_open:
        sheet.lines += traffic_lines(detail, width)
        sheet.pair("Now", *_now(detail))
    sheet.blank()
    for step in detail.steps:
        sheet.lines.extend(_step_line(step, width))
        sheet.lines.extend(_step_more(step, width))
    sheet.blank()
    sheet.pair("Way back", *_way_back(release, keys=keys))
    return sheet.lines


def now_lines(detail: ReleaseDetail, width: int, now: int) -> list[Line]:
    """Return a release under way in a few lines: state, traffic, the step it is at, what is needed, the way out."""
    release, sheet = detail.release, Sheet(width)
    sheet.pair("State", *_state_words(release, keys=True), (f"  asked {ago(release.requested_at, now)}", "dim"))
    sheet.lines += traffic_lines(detail, width)
    sheet.pair("Now", *_now(detail))
    step = current(detail.steps)
    if step is not None:
        sheet.lines += _step_more(step, width)
    ahead = [one for one in detail.steps if one.state == "pending"]
    if ahead:
        sheet.pair("Then", (f"{ahead[0].title}; {plural(len(ahead), 'step')} left", "dim"))
    sheet.pair("Way back", *_way_back(release, keys=True))
    return sheet.lines


def traffic_lines(detail: ReleaseDetail, width: int) -> list[Line]:
    """Return how each host shares its traffic between the two versions, as the steps so far have asked for it."""
    release, sheet = detail.release, Sheet(width)
    before = "nothing" if release.from_version is None else f"v{release.from_version}"
    if release.from_version == release.to_version:
        return []
    for number, (host, weight) in enumerate(weights(detail.steps).items()):
        bar = (progress_bar(weight / 100, BAR), "spark")
        said = (f"  v{release.to_version} {weight} %, {before} {100 - weight} %", "")
        sheet.pair("" if number else "Traffic", bar, said, (f"  on {host}" if host else "", "dim"))
    return sheet.lines


def weights(steps: Sequence[Step]) -> dict[str, int]:
    """Return the percent of each host's traffic that the new version has been given."""
    found: dict[str, int] = {}
    for step in steps:
        if step.kind in ("weight", "ab") and isinstance(step.args.get("weight"), int):
            found.setdefault(step.host or "", 0)
            if step.started_at is not None and step.state != "pending":
                found[step.host or ""] = int(step.args["weight"])
    return found


def current(steps: Sequence[Step]) -> Step | None:
    """Return the step a release is at; None before its first and after its last."""
    return next((step for step in steps if step.state in ("running", "held", "failed")), None)


def _now(detail: ReleaseDetail) -> list[Span]:
    step = current(detail.steps)
    if step is None:
        return [(summary(detail.steps), "")]
    return [
        (f"{glyph_of(step.state)} step {step.number} of {len(detail.steps)}: ", style_of(step.state)),
        (step.title, ""),
    ]


def _state_words(release: Release, *, keys: bool) -> list[Span]:
    cells: list[Span] = [(f"{glyph_of(release.state)} {release.state}", style_of(release.state))]
    if release.verdict:
        cells.append((f", verdict: {release.verdict}", style_of(release.verdict)))
    if release.state == "held" and release.evidence.get("cause") == "to decide":
        promote = (
            (key("releases.promote"), "key")
            if keys
            else (f"modeldeck promote {release.endpoint} {release.to_version}", "accent")
        )
        stays = "as it is" if any(one.get("args", {}).get("decide") for one in _planned(release)) else "split"
        cells += [(f"; traffic stays {stays}. ", ""), promote, (" promotes", "")]
    elif release.state == "held" and not keys:
        ways = f"modeldeck releases resume {release.endpoint} --reason …, or abort"
        cells.append((f"; traffic stays as it is. {ways}", ""))
    elif release.state == "held":
        cells += [
            ("; traffic stays as it is. ", ""),
            (key("releases.resume"), "key"),
            (" resumes, ", ""),
            (key("releases.abort"), "key"),
            (" aborts", ""),
        ]
    return cells


def _planned(release: Release) -> list[dict[str, Any]]:
    return list(release.plan.get("steps") or ()) if isinstance(release.plan, dict) else []


def _way_back(release: Release, *, keys: bool) -> list[Span]:
    if release.is_open:
        champion = "nothing" if release.from_version is None else f"v{release.from_version}"
        if release.from_version == release.to_version:
            champion = "the former servers"
        abort = (key("releases.abort"), "key") if keys else (f"modeldeck releases abort {release.endpoint}", "accent")
        return [abort, (f" aborts: traffic returns to {champion}", "")]
    undo = release.undo.get("command") if isinstance(release.undo, dict) else None
    planned = release.plan.get("undo") if isinstance(release.plan, dict) else None
    if release.reverted_by:
        return [(f"taken back by {short_id(release.reverted_by)}", "dim")]
    return [(str(undo or planned or "nothing moved, nothing to undo"), "accent")]


def _step_line(step: Step, width: int) -> list[Line]:
    host = f"[{step.host}] " if step.host else ""
    quiet = step.state in ("pending", "skipped")
    duration = "-" if step.state == "skipped" else took(step.started_at, step.ended_at)
    right: Line = line((f" {duration}" if duration != "-" else "", "dim"))
    head = (f"  {glyph_of(step.state)} {step.number:>2}. ", style_of(step.state))
    style = "dim" if quiet else ""
    parts = wrap(f"{host}{step.title}", max(10, width - 18))
    first = spread(line(head, (parts[0], style)), right, width)
    return [first, *(line(" " * 8, (part, style)) for part in parts[1:])]


def _step_more(step: Step, width: int) -> list[Line]:
    if step.state in ("pending", "skipped"):
        return []
    sheet = Sheet(width - 7)
    observed = step.observed or {}
    if step.kind in ("shadow", "weight"):
        sheet.lines.extend(_samples(step, observed))
        _looked_at(sheet, observed)
        put_answers(sheet, observed.get("answers"))
    if step.kind == "ab" and isinstance(observed.get("arms"), dict):
        sheet.lines.extend(arm_lines(step, observed["arms"], width - 7))
        _looked_at(sheet, observed)
    if isinstance(observed.get("checks"), list) and step.state in ("held", "failed", "running", "done"):
        put_checks(sheet, [check_from(item) for item in observed["checks"]])
    detail = str(observed.get("detail") or "")
    if detail and step.state in ("held", "failed"):
        sheet.paragraph(detail, style_of(step.state))
    return [(("      ", ""), *cells) for cells in sheet.lines]


def _samples(step: Step, observed: dict[str, Any]) -> list[Line]:
    needed = step.args.get("min_samples")
    new, champion = observed.get("new"), observed.get("champion")
    if not isinstance(needed, int) or not isinstance(new, dict):
        return []
    rows = int(new.get("rows") or 0)
    left = max(0, needed - rows)
    cells: list[Span] = [("  ", "")]
    if step.state in ("running", "held"):
        cells += [(progress_bar(rows / needed if needed else 1.0, BAR), "spark"), ("  ", "")]
        cells.append((f"{count(rows)} of {count(needed)} rows", ""))
        cells.append((f", {count(left)} still needed" if left else ", enough", "busy" if left else "ok"))
    else:
        cells.append((f"{count(rows)} rows", "dim"))
    beside = f"; champion {_figures(champion)}" if isinstance(champion, dict) else ""
    return [line(*cells), line("  ", (f"new {_figures(new)}{beside}", "dim"))]


def _looked_at(sheet: Sheet, observed: dict[str, Any]) -> None:
    """Add what was said of answers and of their outcomes."""
    for name, label in LOOKED_AT:
        told = observed.get(name)
        if isinstance(told, dict) and told.get("detail"):
            verdict = str(told.get("verdict", ""))
            sheet.pair(label, (f"{verdict}: ", style_of(verdict)), (str(told["detail"]), "dim"), label_width=10)


def _figures(live: dict[str, Any]) -> str:
    parts = [plural(int(live.get("errors") or 0), "error")]
    latency = live.get("latency_p99_ms")
    if isinstance(latency, int | float):
        parts.append(f"p99 {brief(latency)} ms")
    return ", ".join(parts)


def summary(steps: Sequence[Step]) -> str:
    """Return how far a release is."""
    done = sum(step.state in ("done", "skipped") for step in steps)
    return f"step {min(done + 1, len(steps))} of {len(steps)}" if done < len(steps) else f"{len(steps)} steps done"
