"""The whole pipeline for changed models on a runner: no daemon, a throw-away workspace, one report.

For each model: its settings, its data checks, a small training as a job of its own, its behaviour tests, the gates that
need no server against the baseline's champion, and what differs in its card.
"""

from __future__ import annotations

import difflib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.interop.ci_baseline import bundles_of, no_champion, relative_gates, take_champions
from engine.interop.ci_changed import changed_files, head, touched
from engine.interop.ci_stage import ACTOR, staged
from engine.settings.files import load_model
from engine.settings.folder import apply_folder
from engine.settings.model import DeckSettings, ModelSettings
from engine.workspace import Workspace
from store.errors import GateFailed, ModeldeckError, Refused, WorkFailed
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.operations.files import FileText
    from store.rows import Job, Version

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
STAGES = ("settings", "data", "training", "tests", "gates", "card")
GRACE_S = 180.0  # beyond its budget, for libraries to load and the source to be read
LOOK_S = 0.1

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CiCheck:
    """One thing that was looked at. `stage` is one of STAGES; `skipped` says that there was nothing to look at."""

    model: str  # "" where it is about the deck
    stage: str
    name: str
    verdict: str  # passed, failed, skipped
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CiModel:
    """One model: why it was looked at, what was made, and how its card differs from the champion's (unified diff)."""

    name: str
    why: str
    version: str  # what the training made, "" where it made nothing
    champion: str  # what gates compared with, "" where there is none
    card_diff: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CiReport:
    """What a run on a runner found. `exit_code`: 0, or of the gravest failure 2 (settings), 1 (data, training), 5."""

    deck: str
    commit: str
    since: str
    baseline: str
    verdict: str
    exit_code: int
    models: tuple[CiModel, ...]
    checks: tuple[CiCheck, ...]


def run_ci(
    checkout: Path,
    *,
    since: str = "",
    baseline: Path | None = None,
    baseline_key: str = "",
    names: Sequence[str] = (),
    budget_s: float = 30.0,
    say: Say = lambda _text: None,
) -> CiReport:
    """Run the pipeline; `budget_s` bounds each training, `names` are the only models that are looked at.

    `baseline` is a backup, a workspace, a bundle, or a folder of bundles, signed by `baseline_key`.

    What does not hold is in the report, a broken settings file included.

    Raises:
        Refused: there is no deck's folder, no such commit, no such model, or no such baseline.
    """
    checkout = checkout.resolve()
    changed = changed_files(checkout, since) if since else None
    commit = head(checkout)
    told = {"commit": commit, "since": since, "baseline": baseline.resolve().name if baseline is not None else ""}
    with staged(checkout, baseline) as (deck, files):
        begun = time.monotonic()
        try:
            revision, plan = apply_folder(deck, files, ACTOR, f"ci {commit[:12]}".strip(), overwrite=True)
        except ModeldeckError as error:
            check = CiCheck("", "settings", "apply", FAILED, error.line(), time.monotonic() - begun)
            return _report("", (), (check,), told)
        settings = DeckSettings.from_body(revision.body)
        restored = baseline is not None and not bundles_of(baseline)
        seen = f"{plan.changes} files differ from the baseline's" if restored else f"{len(files)} files"
        checks = [CiCheck("", "settings", "apply", PASSED, seen, time.monotonic() - begun)]
        _forget_queue(deck)
        take_champions(deck, bundles_of(baseline), baseline_key, settings.models, ACTOR)
        lacks = no_champion(checkout, baseline)
        models = []
        for name, why in _chosen(deck, settings, files, changed, since, names).items():
            say(f"{name}: {why}")
            model, found = _one(deck, settings.models[name], revision.revision, why, budget_s, say, lacks)
            models.append(model)
            checks += found
        return _report(settings.name, tuple(models), tuple(checks), told)


def _report(deck: str, models: tuple[CiModel, ...], checks: tuple[CiCheck, ...], told: Mapping[str, str]) -> CiReport:
    failed = {one.stage for one in checks if one.verdict == FAILED}
    code = 0
    if failed:
        code = GateFailed.exit_code
        code = WorkFailed.exit_code if failed & {"data", "training", "card"} else code
        code = Refused.exit_code if "settings" in failed else code
    return CiReport(deck, verdict=FAILED if failed else PASSED, exit_code=code, models=models, checks=checks, **told)


def _chosen(
    deck: Deck,
    settings: DeckSettings,
    files: Sequence[FileText],
    changed: list[str] | None,
    since: str,
    names: Sequence[str],
) -> dict[str, str]:
    """Return the models to look at, each with why."""
    unknown = [name for name in names if name not in settings.models]
    if unknown:
        raise Refused(f"no model named {unknown[0]!r}", f"models/ declares {', '.join(sorted(settings.models))}")
    if changed is None:
        found = dict.fromkeys(sorted(settings.models), "all models")
    else:
        workspace = Workspace(deck.workspace.root)
        own = {
            load_model(workspace, workspace.root / one.path).name: one.path
            for one in files
            if one.path.startswith("models/") and one.path.endswith(".toml")
        }
        found = {name: f"{path} changed since {since}" for name, path in touched(settings.models, own, changed).items()}
    return {name: why for name, why in found.items() if not names or name in names}


def _one(
    deck: Deck, settings: ModelSettings, revision: int, why: str, budget_s: float, say: Say, lacks: str
) -> tuple[CiModel, list[CiCheck]]:
    from store import models, versions

    name, begun = settings.name, time.monotonic()
    checks: list[CiCheck] = []
    alias = models.alias(deck.database, name, "champion")
    champion = versions.version(deck.database, name, alias.version) if alias is not None else None
    job = _trained(deck, settings, revision, budget_s, say)
    took = time.monotonic() - begun
    data = _data(deck, name, revision)
    checks.append(data)
    made: Version | None = None
    if job.state == "succeeded" and "version" in job.result:
        made = versions.version(deck.database, name, int(job.result["version"]))
        checks.append(CiCheck(name, "training", "train", PASSED, _measured(made), took))
    elif data.verdict == FAILED:
        checks.append(CiCheck(name, "training", "train", SKIPPED, "its data fail their checks", took))
    else:
        said = (job.reason or f"its job {job.state}").replace("--time-budget", "--budget")  # as it is called here
        checks.append(CiCheck(name, "training", "train", FAILED, said, took))
    diff = ""
    if made is not None:
        checks += _tested(deck, settings, made)
        checks += _gated(deck, settings, made, champion, lacks)
        check, diff = _card(deck, made, champion)
        checks.append(check)
    version, beside = (f"{name}@{one.number}" if one is not None else "" for one in (made, champion))
    return CiModel(name, why, version, beside, diff, time.monotonic() - begun), checks


def _trained(deck: Deck, settings: ModelSettings, revision: int, budget_s: float, say: Say) -> Job:
    """Train in a job's process, bounded; a worker of ours carries it here, as no daemon does."""
    from engine.jobs.processes import signal_group
    from engine.jobs.worker import Worker
    from store import jobs
    from store.rows import Terms

    budget = min(budget_s, settings.train.time_budget_s)
    with deck.database.write() as tx:
        asked = jobs.enqueue(
            tx,
            kind="train",
            model=settings.name,
            args={"time_budget_s": budget, "reason": "ci"},
            actor=ACTOR,
            settings_revision=revision,
            terms=Terms(timeout_s=round(3 * budget + GRACE_S)),
        )
    worker, told = Worker(deck), ""
    try:
        while (job := jobs.job(deck.database, asked.id)).ended_at is None:
            worker.tick()
            if job.progress_text and job.progress_text != told:
                told = job.progress_text
                say(f"{settings.name}: {told}")
            time.sleep(LOOK_S)
    except BaseException:
        running = jobs.job(deck.database, asked.id)
        if running.pid is not None and running.ended_at is None:
            signal_group(running.pid, signal.SIGKILL)
        raise
    return job


def _forget_queue(deck: Deck) -> None:
    """Let nothing of the baseline's queue run here."""
    from store import jobs

    waiting = [one for one in jobs.jobs(deck.database, limit=10_000) if one.ended_at is None]
    with deck.database.write() as tx:
        for one in waiting:
            jobs.request_cancel(tx, one.id, actor=ACTOR, reason="ci")


def _data(deck: Deck, name: str, revision: int) -> CiCheck:
    from store import quality, snapshots

    found = next((one for one in quality.checks(deck.database, name) if one.settings_revision == revision), None)
    if found is None:
        taken = snapshots.present(deck.database, name)
        rows = f"{taken[0].rows:,} rows, " if taken else ""
        return CiCheck(name, "data", "checks", SKIPPED, f"{rows}no checks in the model's file")
    findings = "; ".join(f"{one['rule']}: {one['detail']}" for one in found.findings)
    seen = f"{found.rows:,} rows, {found.rejected:,} rejected" + (f"; {findings}" if findings else "")
    return CiCheck(name, "data", "checks", FAILED if found.verdict == "failed" else PASSED, seen)


def _measured(made: Version) -> str:
    metric = str(made.evaluation.get("metric", ""))
    found = (made.evaluation.get("holdout") or {}).get(metric) or {}
    value = found.get("value") if isinstance(found, dict) else found
    return f"{made.estimator.rpartition('.')[2]}, {metric} {value:.4g}" if value is not None else made.estimator


def _tested(deck: Deck, settings: ModelSettings, made: Version) -> list[CiCheck]:
    from store import behaviour

    if not settings.tests:
        return [CiCheck(made.model, "tests", "behaviour", SKIPPED, "no [tests.NAME] in the model's file")]
    runs = behaviour.runs(deck.database, made.model, made.number, limit=1)
    if not runs:
        return [CiCheck(made.model, "tests", "behaviour", FAILED, "they could not run")]
    return [
        CiCheck(
            made.model,
            "tests",
            one.name,
            PASSED if one.verdict == "passed" else FAILED,
            one.seen if one.verdict != "broken" else f"broken: {one.seen}",
        )
        for one in runs[0].results
    ]


def _gated(deck: Deck, settings: ModelSettings, made: Version, champion: Version | None, lacks: str) -> list[CiCheck]:
    """Ask the gates that need no server; behaviour tests ran after the training already."""
    from engine.release.gates import evaluate
    from engine.release.plan import running_gates

    try:
        asked = evaluate(deck, replace(settings, tests={}), made, champion)
    except ModeldeckError as error:
        return [CiCheck(made.model, "gates", "compare", FAILED, error.line())]
    verdicts = {"passed": PASSED, "failed": FAILED}
    found = [
        CiCheck(made.model, "gates", one.name, verdicts.get(one.verdict, SKIPPED), f"{one.observed}; {one.required}")
        for one in asked
    ]
    beside = relative_gates(settings) if champion is None else ()
    found += [CiCheck(made.model, "gates", name, SKIPPED, lacks) for name in beside]
    found += [
        CiCheck(made.model, "gates", name, SKIPPED, "needs a running server: asked at its promotion")
        for name in running_gates(settings)
    ]
    return found or [CiCheck(made.model, "gates", "gates", SKIPPED, "none in the model's file")]


def _card(deck: Deck, made: Version, champion: Version | None) -> tuple[CiCheck, str]:
    from engine.governance.keeping import card_now

    with deck.database.reading() as reader:
        card = card_now(deck, reader, made)
        before: Any = card_now(deck, reader, champion) if champion is not None else None
    unknown = f"{len(card.unknown)} unknown" if card.unknown else "nothing unknown"
    if before is None:
        return CiCheck(made.model, "card", "card", SKIPPED, f"{unknown}; no champion to compare with"), ""
    names = f"{before.model}@{before.version}", f"{made.model}@{made.number}"
    lines = list(difflib.unified_diff(before.text.splitlines(), card.text.splitlines(), *names, lineterm="", n=0))
    moved = sum(line.startswith(("+", "-")) for line in lines[2:])
    return CiCheck(made.model, "card", "card", PASSED, f"{unknown}; {moved} lines differ"), "\n".join(lines)
