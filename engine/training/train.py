"""Trains one version: snapshot, search, refit, proof on the holdout, and one transaction that registers it all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data import bundle
from engine.data.quality import require_good
from engine.data.snapshot import ingest
from engine.measures.metrics import default_metric, find
from engine.model_io import sealing
from engine.model_io.code import bundle_modules
from engine.model_io.rows import read_snapshot, zone_of
from engine.training.dataset import TASKS
from engine.training.family import is_ours, require_name
from engine.training.nothing_new import NothingNew, refuse_same
from engine.training.outage import patiently
from store import blobs, run_artifacts, runs, versions
from store.errors import LeaseLost, ModeldeckError, Refused, RegistryHeld, WorkFailed
from store.retraining import SAME_DATA
from store.rows import rfc3339

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from engine.training.making import Made
    from engine.training.recording import TrialRecorder
    from store.database import Fence
    from store.rows import Run, Snapshot, Version

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One training: on which deck, under which fence, of which settings and code, as which run."""

    deck: Deck
    settings: ModelSettings
    job: Fence | None
    run: Run
    revision: int
    code_hash: str
    code: Path
    origin: bundle.Origin
    reason: str
    deadline: float  # time.monotonic()
    progress: Progress


def train(  # noqa: PLR0913 (what a job of this kind may say)
    deck: Deck,
    settings: ModelSettings,
    revision: int,
    *,
    job: Fence | None = None,
    until_us: int | None = None,
    estimator: str | None = None,
    time_budget_s: float | None = None,
    actor: str,
    reason: str = "",
    tags: Mapping[str, str] | None = None,
    unless_same: bool = False,
    progress: Progress = lambda _fraction, _text: None,
) -> Version:
    """Make a model's next version and return it.

    `until_us` takes only rows before that time (microseconds UTC); `estimator` and `time_budget_s` (seconds, for
    everything from the snapshot to the refit) stand instead of the settings'. `tags` are the run's;
    `unless_same` makes no version again of what the newest one was made of. Nothing is registered before all of it
    is: a killed training leaves a run, and blobs that nothing refers to.

    Raises:
        WorkFailed: the source or the estimator raised, or there are too few rows.
        Refused: target, task, metric, estimator or folds do not fit the data.
        LeaseLost: a newer attempt of the job exists.
        NothingNew: `unless_same`, and rows, settings and code are those of the newest version.
    """
    started = time.monotonic()
    settings = _overridden(settings, estimator, time_budget_s)
    _check(settings)
    if estimator:
        from engine.training.checking import require_trainable

        require_trainable(settings)
    code_hash = bundle.make_bundle(deck.workspace, deck.artifacts)
    code = bundle.extract_bundle(deck, code_hash)
    origin = bundle.git_origin(deck.workspace.root)
    with deck.database.write(job) as tx:
        run = runs.start_run(
            tx,
            actor=actor,
            model=settings.name,
            settings_revision=revision,
            job_id=job.job_id if job else None,
            params=_params(settings, until_us, code_hash),
            tags={**({"reason": reason} if reason else {}), **(tags or {})},
        )
    deadline = started + settings.train.time_budget_s
    attempt = Attempt(deck, settings, job, run, revision, code_hash, code, origin, reason, deadline, progress)
    try:
        return _train(attempt, until_us, unless_same)
    except LeaseLost:
        raise  # a newer attempt speaks for the job now
    except NothingNew as error:
        with deck.database.write(job) as tx:
            runs.set_tags(tx, run.id, {SAME_DATA: str(error.version)})
            runs.finish_run(tx, run.id, "cancelled", error.message)
        raise
    except ModeldeckError as error:
        _fail(deck, run, job, error.line())
        raise
    except MemoryError as error:
        _fail(deck, run, job, "out of memory")
        raise WorkFailed("training ran out of memory", "take fewer rows, or train with --until") from error
    except Exception as error:  # model libraries and user code raise anything
        told = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(deck, run, job, told)
        raise WorkFailed(f"training {settings.name} failed: {told}", "see the job's log") from error


def _train(attempt: Attempt, until_us: int | None, unless_same: bool) -> Version:
    deck, settings, progress = attempt.deck, attempt.settings, attempt.progress
    progress(0.02, "taking a snapshot of the source")

    def take() -> Snapshot:
        taken = ingest(
            deck,
            settings,
            attempt.revision,
            until_us=until_us,
            actor=attempt.run.actor,
            fence=attempt.job,
            bundle_hash=attempt.code_hash,
        )
        with deck.database.write(attempt.job) as tx:
            runs.set_snapshot(tx, attempt.run.id, taken.id)
        return taken

    # a full disk ends it here, where nothing is lost by training again; later on it is waited for
    snapshot = patiently(take, lambda text: progress(0.02, text), (RegistryHeld,))
    if unless_same:
        refuse_same(deck.database, settings.name, snapshot, attempt.revision, attempt.code_hash)
    found = require_good(deck.database, settings, snapshot.id, attempt.revision)
    if found is not None and found.verdict == "warning":
        progress(0.05, f"the data are not all they should be: {', '.join(one['rule'] for one in found.findings)}")
    progress(0.08, f"{snapshot.rows} rows; loading the model libraries")
    from engine.training.champion import against_champion
    from engine.training.making import make
    from engine.training.recording import TrialRecorder
    from engine.training.resuming import take_up
    from engine.training.trial import one_quiet_thread
    from engine.training.warm import champion_base

    run = replace(attempt.run, snapshot_id=snapshot.id)
    with TrialRecorder(deck, run, metric_of(settings), attempt.job, lambda text: progress(0.9, text)) as recorder:
        with one_quiet_thread():  # once for all of it: what is within costs nothing then
            made = make(
                read_snapshot(deck, snapshot.id),
                settings,
                zone=zone_of(deck.database, attempt.revision),
                bundle=attempt.code,
                modules=bundle_modules(deck.artifacts.read(attempt.code_hash)),
                deadline=attempt.deadline,
                recorder=recorder,
                progress=progress,
                champion=lambda holdout, guess, metric: against_champion(
                    deck, settings.name, holdout, guess, metric, settings.train.seed
                ),
                base=champion_base(deck, settings.name) if settings.train.warm_start else "",
                earlier=lambda families: take_up(deck, run, families, metric_of(settings), attempt.job),
            )
        recorder.figures({name: seen["value"] for name, seen in made.evaluation["holdout"].items()})
        recorder.settle()
        if settings.retrain.compare == "replay":
            progress(0.95, "replaying logged inputs")
            made = _replayed(attempt, made)
        progress(0.97, "registering the version")
        return patiently(lambda: _register(attempt, snapshot, made, recorder), lambda text: progress(0.97, text))


def _replayed(attempt: Attempt, made: Made) -> Made:
    """Return what was made with its replay beside the champion in its evaluation."""
    from engine.model_io.load import predictor_of
    from engine.serving.predict import PredictError
    from engine.training.replaying import replay

    deck, modules = attempt.deck, bundle_modules(attempt.deck.artifacts.read(attempt.code_hash))
    artifact, stated = deck.artifacts.put_bytes(made.artifact), attempt.settings.train.trusted
    new = predictor_of(deck, artifact, made.signature, made.decision, modules, stated)
    try:
        found = replay(deck, attempt.settings.name, new, str(made.evaluation["metric"]), made.cutoff_at)
    except (ModeldeckError, PredictError, KeyError) as error:  # the version stands without the comparison
        found = {"note": f"could not be compared: {' '.join(str(error).split())}"}
    return replace(made, evaluation={**made.evaluation, "replay": found})


def _register(attempt: Attempt, snapshot: Snapshot, made: Made, recorder: TrialRecorder) -> Version:
    from engine.serving.environment import lock, lock_bytes

    deck, run = attempt.deck, attempt.run
    golden = json.dumps(made.golden, sort_keys=True, separators=(",", ":")).encode()
    contents = {"model": made.artifact, "golden": golden, "environment": lock_bytes(lock())}
    hashes = {kind: deck.artifacts.put_bytes(content) for kind, content in contents.items()}
    seen = json.dumps(made.evaluation, indent=1, sort_keys=True, ensure_ascii=False).encode()
    seen_hash = deck.artifacts.put_bytes(seen)
    short = deck.artifacts.put_bytes(made.compiled) if made.compiled else ""
    with recorder.ending() as tx:
        if blobs.current(tx, snapshot.id) != snapshot.id:
            raise WorkFailed(
                f"rows of a person were erased from snapshot {snapshot.id[:19]} while a model was fitted on them",
                f"no version was made of them: modeldeck train {attempt.settings.name}",
            )
        run_artifacts.keep_artifact(tx, run.id, "evaluation.json", seen_hash, len(seen))
        if short:
            run_artifacts.keep_artifact(tx, run.id, "compiled.zip", short, len(made.compiled))
        if began := made.evaluation.get("warm_start", {}).get("artifact"):  # to be reproduced from, whoever is deleted
            run_artifacts.keep_artifact(
                tx, run.id, "warm-start.skops", began, deck.artifacts.path(began).stat().st_size
            )
        for kind, content in contents.items():
            blobs.record_blob(tx, hashes[kind], len(content), kind)
        runs.log_params(tx, run.id, made.params)
        version = versions.register(
            tx,
            model=attempt.settings.name,
            run_id=run.id,
            snapshot_id=snapshot.id,
            settings_revision=attempt.revision,
            bundle_hash=attempt.code_hash,
            environment_hash=hashes["environment"],
            artifact_hash=hashes["model"],
            artifact_bytes=len(made.artifact),
            golden_hash=hashes["golden"],
            signature=made.signature,
            decision=made.decision,
            evaluation=made.evaluation,
            estimator=made.estimator,
            actor=run.actor,
            git_commit=attempt.origin.commit,
            git_dirty=attempt.origin.dirty,
            cutoff_at=made.cutoff_at,
            description=attempt.reason,
        )
        sealing.seal(deck, tx, version)
        runs.finish_run(tx, run.id, "finished")
    return version


def metric_of(settings: ModelSettings) -> str:
    """Return the metric a model is trained for."""
    return settings.train.metric or default_metric(settings.task)


def _overridden(settings: ModelSettings, estimator: str | None, time_budget_s: float | None) -> ModelSettings:
    train_settings = settings.train
    if estimator:
        if not is_ours(estimator) and estimator != train_settings.estimator:
            raise Refused(
                f"estimator {estimator} is not what the settings say", "code is named in the model file, then applied"
            )
        train_settings = replace(train_settings, estimator=estimator)
    if time_budget_s is not None:
        if time_budget_s <= 0:
            raise Refused("a time budget must be above zero", "such as 15s")
        train_settings = replace(train_settings, time_budget_s=time_budget_s)
    return replace(settings, train=train_settings)


def _check(settings: ModelSettings) -> None:
    if settings.task not in TASKS:
        raise Refused(f"task {settings.task!r} cannot be trained", f"trained are {' and '.join(TASKS)}")
    find(metric_of(settings), settings.task)
    require_name(settings.task, settings.train.estimator)


def _params(settings: ModelSettings, until_us: int | None, code_hash: str) -> dict[str, Any]:
    told = settings.train
    params: dict[str, Any] = {
        "estimator": told.estimator,
        "metric": metric_of(settings),
        "time_budget_s": f"{told.time_budget_s:g}",
        "folds": told.folds,
        "holdout": told.holdout,
        "seed": told.seed,
        "code": code_hash.removeprefix("sha256:")[:12],
    }
    for name, seconds in (("window", told.window_s), ("half_life", told.half_life_s)):
        if seconds is not None:
            params[name] = f"{seconds / 86_400:g}d"
    if told.warm_start:
        params["warm_start"] = True
    if until_us is not None:
        params["until"] = rfc3339(until_us)
    return params


def _fail(deck: Deck, run: Run, job: Fence | None, reason: str) -> None:
    with deck.database.write(job) as tx:
        runs.finish_run(tx, run.id, "failed", reason)
