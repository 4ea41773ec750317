"""One version whole: how good it is, how we know, what it expects, what made it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.behaviour import put_behaviour
from console.render.cells import Line, Span
from console.render.columns import Cell
from console.render.errors import put_comparisons, put_errors
from console.render.fairness import put_fairness
from console.render.measures import change, primary, value_of, with_interval
from console.render.models import estimator_name, only_guesses
from console.render.plans import check_rows
from console.render.selection import left_out, put_selection
from console.render.sheet import Sheet
from console.render.signs import glyph_of, style_of
from console.render.spark import bar
from console.render.words import ago, count, moment, number, person, short_id, size
from engine.plans import Check
from store.rows import BehaviourRun, Release, Step, Version, microseconds

SHOWN = 8  # slices and importances shown, the most telling first


def version_lines(
    version: Version,
    releases: Sequence[Release],
    width: int,
    now: int,
    steps: Sequence[Step] = (),
    tests: Sequence[BehaviourRun] = (),
) -> list[Line]:
    """Return the page of a version; `steps` are those of its newest release, `tests` the newest run of each place."""
    sheet = Sheet(width)
    sheet.pair("Role", *_role(version))
    sheet.pair("Estimator", (estimator_name(version.estimator), "name"), (f"  {version.estimator}", "dim"))
    if only_guesses(version.evaluation):
        sheet.pair("Lost", ("it only guesses: no candidate beat the baseline, see below", "warn"))
    sheet.pair("Made", f"{moment(version.created_at)}, {ago(version.created_at, now)} by {person(version.actor)}")
    if version.description:
        sheet.pair("Says", version.description)
    _evaluation(sheet, version.evaluation)
    _gates(sheet, version, releases, steps, now)
    put_behaviour(sheet, tests, now)
    _slices(sheet, version.evaluation)
    put_fairness(sheet, version.evaluation)
    put_errors(sheet, version.evaluation)
    _candidates(sheet, version.evaluation)
    _importance(sheet, version)
    put_selection(sheet, version.evaluation)
    _signature(sheet, version.signature)
    _lineage(sheet, version)
    return sheet.lines


def _role(version: Version) -> list[Span]:
    cells: list[Span] = []
    if "champion" in version.aliases:
        cells.append(("● champion: it serves", "ok"))
    for alias in version.aliases:
        if alias != "champion":
            cells.append((f"{'; ' if cells else ''}{alias}", "accent"))
    if version.abandoned_at is not None:
        cells.append((f"{'; ' if cells else ''}✗ abandoned: it was rolled back from", "warn"))
    return cells or [("none", "dim")]


def _evaluation(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    name, _ = primary(evaluation)
    holdout = evaluation.get("holdout")
    if not isinstance(holdout, dict) or not holdout:
        sheet.heading("Evaluation")
        sheet.paragraph("not evaluated", "dim")
        return
    span = ""
    if evaluation.get("from_at") is not None:
        span = f"holdout {_when(evaluation['from_at'])} to {_when(evaluation.get('to_at'))}"
    sheet.heading("Evaluation", span)
    baseline = evaluation.get("baseline")
    baseline = baseline if isinstance(baseline, dict) else {}
    rows: list[Sequence[Cell]] = []
    for metric in sorted(holdout, key=lambda metric: (metric != name, metric)):
        measure = holdout[metric]
        dummy = value_of(baseline.get(metric))
        rows.append(
            (
                (metric, "name" if metric == name else ""),
                with_interval(measure),
                number(dummy),
                change(metric, value_of(measure), dummy),
                count(measure.get("n")) if isinstance(measure, dict) else "-",
            )
        )
    sheet.table(("METRIC", "VALUE", "DUMMY", "CHANGE", "ROWS"), rows, frozenset({2, 3, 4}))
    put_comparisons(sheet, evaluation)


def _when(value: Any) -> str:
    return moment(microseconds(value) if isinstance(value, str) else value)


def _gates(sheet: Sheet, version: Version, releases: Sequence[Release], steps: Sequence[Step], now: int) -> None:
    mine = [one for one in releases if one.endpoint == version.model and one.to_version == version.number]
    sheet.heading("Gates and releases")
    if not mine:
        sheet.paragraph("never released: P shows its gates without releasing it", "dim")
        return
    for release in mine[:3]:
        style = style_of(release.state)
        detail = f": {release.detail}" if release.detail else ""
        words = f"{glyph_of(release.state)} {release.kind} {release.state}"
        when = f" {ago(release.requested_at, now)} by {person(release.actor)}"
        sheet.pair(short_id(release.id), (words, style), (f"{when}{detail}", "dim"), label_width=14)
    checks = measured_checks(steps) or release_checks(mine[0])
    if checks:
        sheet.table(("GATE", "VERDICT", "SEEN", "ASKED"), check_rows(checks))


def measured_checks(steps: Sequence[Step]) -> list[Check]:
    """Return the checks as the steps of a release measured them."""
    found = [item for step in steps for item in step.observed.get("checks") or ()]
    return [check_from(item) for item in found if isinstance(item, dict)]


def release_checks(release: Release) -> list[Check]:
    """Return the checks a release's plan recorded."""
    found = release.plan.get("checks") if isinstance(release.plan, dict) else None
    return [check_from(item) for item in found or () if isinstance(item, dict)]


def check_from(item: dict[str, Any]) -> Check:
    """Read a check as a plan or a step's observation holds it."""
    return Check(*(str(item.get(field, "")) for field in ("name", "verdict", "observed", "required")))


def _slices(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    slices = evaluation.get("slices")
    name, _ = primary(evaluation)
    if not isinstance(slices, dict) or not slices:
        return
    sheet.heading("Slices", name)
    rows: list[Sequence[Cell]] = []
    for label, measures in list(slices.items())[:SHOWN]:
        measure = measures.get(name, measures) if isinstance(measures, dict) else measures
        rows.append((str(label), with_interval(measure), count(measure.get("n")) if isinstance(measure, dict) else "-"))
    sheet.table(("SLICE", "VALUE", "ROWS"), rows, frozenset({2}))
    _more(sheet, len(slices))


def _candidates(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    candidates = evaluation.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        return
    sheet.heading("Candidates", "the same time-ordered folds for each")
    rows: list[Sequence[Cell]] = []
    for item in candidates:
        if isinstance(item, dict):
            folds = "  ".join(number(value_of(fold)) for fold in item.get("folds") or ())
            tried = str(item.get("trials", "-"))
            rows.append((str(item.get("name", "")), number(value_of(item.get("mean"))), tried, (folds, "dim")))
    sheet.table(("CANDIDATE", "MEAN", "TRIED", "FOLDS"), rows, frozenset({1, 2}))


def _importance(sheet: Sheet, version: Version) -> None:
    evaluation = version.evaluation
    found = evaluation.get("importance")
    if not isinstance(found, list) or not found:
        return
    items = sorted((one for one in found if isinstance(one, dict)), key=lambda one: -(value_of(one) or 0.0))
    most = max((value_of(one) or 0.0 for one in items), default=0.0)
    sheet.heading("What it looks at", f"growth of {evaluation.get('metric', 'the loss')} when a column is shuffled")
    rows: list[Sequence[Cell]] = []
    for one in items[:SHOWN]:
        value = value_of(one) or 0.0
        drawn = bar(value / most if most > 0 else 0.0, 20)
        rows.append((str(one.get("name", "")), (drawn, "spark"), with_interval(one)))
    sheet.table(("FEATURE", "IMPORTANCE", ""), rows)
    _more(sheet, len(items))
    inputs = len(version.signature.get("inputs") or ()) - left_out(evaluation)
    if len(items) < inputs:
        command = f"modeldeck explain {version.model} {version.number}"
        sheet.paragraph(f"{len(items)} of {inputs} were measured in the time there was; all: {command}", "dim")


def _more(sheet: Sheet, amount: int) -> None:
    if amount > SHOWN:
        sheet.paragraph(f"and {amount - SHOWN} more: y shows all", "dim")


def _signature(sheet: Sheet, signature: dict[str, Any]) -> None:
    inputs = signature.get("inputs") or ()
    outputs = signature.get("outputs") or ()
    sheet.heading("Signature", f"{len(inputs)} inputs, {len(outputs)} outputs")
    rows: list[Sequence[Cell]] = []
    for direction, items in (("in", inputs), ("out", outputs)):
        for item in items:
            missing = "may be missing" if item.get("nullable") else ""
            rows.append(((direction, "dim"), str(item.get("name", "")), str(item.get("type", "")), (missing, "dim")))
    sheet.table(("", "COLUMN", "TYPE", ""), rows)


def _served(sheet: Sheet, told: Any) -> None:
    if not isinstance(told, dict):
        return
    if "why" in told:
        sheet.pair("served by", f"its pipeline; not compiled: {told['why']}")
        return
    asked = told["rows"] + told["edges"] + told["thresholds"]
    sheet.pair("served", f"compiled, {size(told['bytes'])}", (f"; {asked} answers as the pipeline's", "dim"))


def _bare(identity: str) -> str:
    return identity.removeprefix("sha256:")


def _lineage(sheet: Sheet, version: Version) -> None:
    sheet.heading("Made from", "hashes are sha256")
    sheet.pair("run", version.run_id)
    sheet.pair("settings", f"revision {version.settings_revision}")
    sheet.pair("snapshot", _bare(version.snapshot_id))
    sheet.pair("code", _bare(version.bundle_hash))
    sheet.pair("environment", _bare(version.environment_hash))
    sheet.pair("artifact", _bare(version.artifact_hash))
    sheet.pair("", f"{size(version.artifact_bytes)}", ("; hash checked before every load", "dim"))
    _served(sheet, version.evaluation.get("compiled"))
    sheet.pair("golden", _bare(version.golden_hash))
    if version.git_commit:
        sheet.pair("git", version.git_commit, (", with uncommitted changes" if version.git_dirty else "", "warn"))
    sheet.pair("data until", moment(version.cutoff_at))
    began = version.evaluation.get("warm_start")
    if isinstance(began, dict):
        sheet.pair("began", f"from v{began['from']}" if "from" in began else f"from nothing: {began.get('note')}")
    if version.derived_from is not None:
        sheet.pair("derived", f"from v{version.derived_from}")
