"""Makes a fitted, proven model out of a snapshot's rows within a deadline. Touches no registry."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.measures.metrics import Metric, default_metric, find
from engine.model_io.load import trusted_types
from engine.serving import golden
from engine.serving.artifact import ArtifactError, dump
from engine.serving.predict import Predictor
from engine.training.dataset import Dataset, prepare
from engine.training.evaluation import decision, on_holdout
from engine.training.families import families
from engine.training.family import Family, Params
from engine.training.folds import Fold, Split, check_classes, expanding_folds, split_holdout
from engine.training.proof import Proof, prove
from engine.training.recording import params_of
from engine.training.search import Comparison, Recorder, compare, one_quiet_thread
from store.errors import WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.model import ModelSettings

PROOF_SHARE = 0.15  # of the budget, for everything after the refit
PILOT_ROWS = 20_000  # with more rows than this, a small fit first shows what the whole would cost


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that a version pins, as values."""

    artifact: bytes = field(repr=False)
    golden: dict[str, Any] = field(repr=False)
    signature: dict[str, Any]
    decision: dict[str, Any]
    evaluation: dict[str, Any]
    estimator: str
    params: dict[str, Any]
    cutoff_at: int | None


def make(
    table: pa.Table,
    settings: ModelSettings,
    *,
    zone: str,
    bundle: Path,
    modules: list[str],
    deadline: float,
    recorder: Recorder,
    progress: Callable[[float, str], None],
) -> Made:
    """Search, refit and prove a model; `deadline` is of `time.monotonic()`, `modules` those of the code bundle.

    Raises:
        Refused: the data do not fit the settings. WorkFailed: the model cannot be stored.
    """
    train = settings.train
    metric = find(train.metric or default_metric(settings.task), settings.task)
    dataset = prepare(table, settings, zone)
    split = split_holdout(dataset, train.holdout, train.seed)
    folds = expanding_folds(dataset, split.train, train.folds, train.seed)
    check_classes(dataset, split, folds)
    candidates = families(dataset, train.estimator, metric.name, train.seed, bundle)
    budget = deadline - time.monotonic()
    split, folds = _affordable(dataset, split, folds, candidates, budget, train.folds, train.seed)

    found = compare(
        dataset,
        folds,
        candidates,
        metric,
        deadline=deadline - PROOF_SHARE * max(budget, 0.0),
        seed=train.seed,
        recorder=recorder,
        progress=lambda share, text: progress(0.12 + 0.68 * share, text),
    )
    best = found.best
    progress(0.82, f"fitting {best.family.name} on all {len(split.train)} rows before the holdout")
    model = _fit(dataset, split.train, best.family, best.params)
    decided = decision(dataset, [fold.test for fold in folds], best.guess, metric)
    predictor = Predictor.from_parts(model, dataset.signature, dataset.task, decided)
    progress(0.88, f"proving it on the {len(split.holdout)} newest rows")
    with one_quiet_thread():
        evaluation = _evaluate(dataset, split, found, predictor, metric, settings, deadline)
        content = _stored(model, modules)
        recorded = golden.make(predictor, dataset.take(split.holdout).frame)
    return Made(
        artifact=content,
        golden=recorded,
        signature=dataset.signature.to_json(),
        decision=decided,
        evaluation=evaluation,
        estimator=_estimator_name(model),
        params=params_of(best, trials=len(found.trials), rows=len(split.train), winner=best.family.name),
        cutoff_at=int(dataset.times[split.train].max()) if dataset.times is not None else None,
    )


def _fit(dataset: Dataset, rows: Any, family: Family, params: Params) -> Any:
    from sklearn.pipeline import Pipeline

    features, estimator = family.features(), family.estimator(params)
    model = estimator if features is None else Pipeline([("features", features), ("estimator", estimator)])
    with one_quiet_thread():
        return model.fit(dataset.frame.iloc[rows], dataset.truth[rows])


def _affordable(
    dataset: Dataset, split: Split, folds: list[Fold], candidates: list[Family], budget: float, count: int, seed: int
) -> tuple[Split, list[Fold]]:
    """Cut training down to its newest rows where one look at every family would not end in time."""
    size = len(split.train)
    if size <= PILOT_ROWS:
        return split, folds
    pilot = split.train[-PILOT_ROWS // 4 :]
    begun = time.monotonic()
    for family in candidates:
        _fit(dataset, pilot, family, family.defaults)
    per_row = (time.monotonic() - begun) / len(pilot)
    passes = 1.0 + (count + 1) / 2  # the folds together hold about half of the rows each, then the refit
    rows = int(0.6 * budget / max(per_row * passes, 1e-9))
    if rows >= size or dataset.times is None:
        return split, folds
    kept = Split(split.train[-max(rows, PILOT_ROWS) :], split.holdout)
    newest = expanding_folds(dataset, kept.train, count, seed)
    check_classes(dataset, kept, newest)
    return kept, newest


def _evaluate(
    dataset: Dataset,
    split: Split,
    found: Comparison,
    predictor: Predictor,
    metric: Metric,
    settings: ModelSettings,
    until: float,
) -> dict[str, Any]:
    seed = settings.train.seed
    holdout = dataset.take(split.holdout)
    figures, guess = on_holdout(predictor, holdout, seed)
    dummy = next(trial for trial in found.trials if trial.family.name == "dummy")
    baseline_model = _fit(dataset, split.train, dummy.family, dummy.params)
    baseline, plain = on_holdout(Predictor.from_parts(baseline_model, dataset.signature, dataset.task), holdout, seed)
    proof = Proof(holdout, predictor, guess, plain, metric, settings, until)
    return {
        "metric": metric.name,
        "holdout": figures,
        "baseline": baseline,
        "rows": {"train": len(split.train), "holdout": len(split.holdout)},
        "from_at": None if holdout.times is None else int(holdout.times.min()),
        "to_at": None if holdout.times is None else int(holdout.times.max()),
        "candidates": _candidates(found),
        **prove(proof),
    }


def _candidates(found: Comparison) -> list[dict[str, Any]]:
    """Return each family by its best trial, the winner first."""
    order = sorted({trial.family.name for trial in found.trials} - {found.best.family.name})
    listed = []
    for name in (found.best.family.name, *order):
        mine = [trial for trial in found.trials if trial.family.name == name]
        shown = min(mine, key=found.loss)
        listed.append(
            {
                "name": name,
                "folds": [_finite(value) for value in shown.folds],
                "mean": _finite(shown.mean),
                "trials": len(mine),
                "params": dict(shown.params),
            }
        )
    return listed


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _stored(model: Any, modules: list[str]) -> bytes:
    """Return the model's bytes, looked through so that what nobody would load is never registered."""
    try:
        content = dump(model)
        trusted_types(content, modules)
    except ArtifactError as error:
        raise WorkFailed(
            f"the model cannot be stored: {error.message}", "use scikit-learn's classes, or the workspace's own"
        ) from error
    except Exception as error:  # skops raises whatever a type's own state raises
        raise WorkFailed(f"the model cannot be stored: {error}", "use a type that skops knows") from error
    return content


def _estimator_name(model: Any) -> str:
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return f"{type(last).__module__.split('._')[0]}.{type(last).__name__}"
