"""Makes a fitted, proven model out of a snapshot's rows within a deadline. Touches no registry."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.measures.metrics import Metric, Predicted, default_metric, find
from engine.serving.features import CodedClasses
from engine.serving.predict import Predictor
from engine.training.ahead import Ahead
from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.beside import Beside
from engine.training.comparison import Comparison
from engine.training.constraints import Groups
from engine.training.dataset import Dataset, input_names, interval_level, prepare
from engine.training.evaluation import decision, decision_told, on_holdout
from engine.training.families import families
from engine.training.family import Family, is_ours
from engine.training.fitting import fit, in_time
from engine.training.folds import Fold, Split, check_classes, expanding_folds, split_holdout
from engine.training.leakage import Leak
from engine.training.learning_curve import CURVED, SPENT_S, SPENT_SHARE, LearningCurve
from engine.training.proof import Proof
from engine.training.proving import prove
from engine.training.recency import require_weights, within
from engine.training.recording import params_of
from engine.training.row_looks import RowLooks
from engine.training.search import Earlier, Effort, Recorder, compare, load_libraries
from engine.training.selection import ROWS, Judge, Look, looks, on_record, told
from engine.training.storing import asked, check_storable, load_for_keeping, remembering, stored
from engine.training.trial import THREADS, Bench, FoldTables, Trial, fit_folds, one_quiet_thread
from engine.training.warm import Base, fitting_base, require_warm
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.model import ModelSettings

PROOF_SHARE = 0.1  # of the budget, for everything after the refit
PROOF_LOOKS = 5.0  # or so many times what measuring the Dummy took
PROOF_S = 0.4  # and this to store the model
LATE = 0.5  # so much of the proof's time a refit that takes longer than foreseen may use
COMPILE_LEFT = 0.2  # of the proof's time must be left when a compiled form is still being proven
LEAVES = 0.8  # of what is left after the proof so much may be used: the version is still to be registered
SELECT_SHARE = 0.25  # of the budget, to select columns before the search
LOOK_SHARE, LOOK_S = 0.03, 0.1  # of what the training took so far, and this, to look at columns fold by fold
PILOT_ROWS = 20_000  # with more rows than this, a small fit first shows what the whole would cost


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that a version pins, as values."""

    artifact: bytes = field(repr=False)
    compiled: bytes = field(repr=False)
    golden: dict[str, Any] = field(repr=False)
    signature: dict[str, Any]
    decision: dict[str, Any]
    evaluation: dict[str, Any]
    estimator: str
    params: dict[str, Any]
    cutoff_at: int | None


def make(  # noqa: PLR0913 (what a training is told, and whom it tells)
    table: pa.Table,
    settings: ModelSettings,
    *,
    zone: str,
    bundle: Path,
    modules: list[str],
    deadline: float,
    recorder: Recorder,
    progress: Callable[[float, str], None],
    earlier: Callable[[list[Family]], Earlier] = lambda _families: Earlier(),
    champion: Callable[[Dataset, Predicted, Metric], Any] = lambda _holdout, _guess, _metric: None,
    base: Base | str = "",
) -> Made:
    """Search, refit and prove a model; `deadline` is of `time.monotonic()`, `modules` those of the code bundle.

    `earlier` returns the trials of a search that was cut off, for the families that compete; `champion` how answers for
    the holdout compare with the champion's; `base` is what a warm start begins from, or why there is nothing.

    Raises:
        Refused: the data do not fit the settings. WorkFailed: nothing could be fitted, or the model not be stored.
    """
    train, started = settings.train, time.monotonic()
    metric = find(train.metric or default_metric(settings.task), settings.task)
    dataset = prepare(table, settings, zone)
    split = within(split_holdout(dataset, train.holdout, train.seed), dataset.times, train.window_s)
    folds = expanding_folds(dataset, split.train, train.folds, train.seed)
    check_classes(dataset, split, folds)
    rows_say = RowLooks(dataset, split.train, settings, deadline - time.monotonic(), progress)
    candidates = _fitting(dataset, split, settings, metric, bundle, modules, deadline - time.monotonic())
    budget = deadline - time.monotonic()
    split, folds = _affordable(dataset, split, folds, candidates, budget, train.folds, train.seed)

    named = input_names(table, settings)
    judge = Judge(candidates[-1], candidates[-1].defaults, metric, train.seed)
    mode = train.select if settings.task in CURVED and len(candidates) > 1 else "off"
    whole, each = _selected(dataset, split, folds, judge, mode, budget, train.estimator)
    kinds = tuple(dataset.kinds.without(one.why) for one in each)
    if whole.why:
        progress(0.11, told(whole))
        dataset = dataset.without(whole.why)
    groups = _groups(settings, metric)
    bench = Bench(dataset, folds, candidates, metric, dict(train.constraints), bundle, groups, kinds)
    keep = None if dataset.forecast is not None else partial(stored, modules=modules, stated=train.trusted)
    ahead = Ahead(dataset, split.train, train.memory_mb, keep)
    with LearningCurve(dataset, split, train.seed, train.memory_mb) as curve, ahead:
        foreseen = candidates if is_ours(train.estimator) else ()  # code of others is met by a trial first
        ahead.foresee(() if train.warm_start else foreseen)
        begun = time.monotonic()
        plain = baseline(dataset, split.train, split.holdout, candidates[0], train.seed, asked_of(settings))
        proof_s = min(max(PROOF_SHARE * budget, PROOF_LOOKS * (time.monotonic() - begun) + PROOF_S), budget / 2)
        after_s = (SPENT_SHARE + LOOK_SHARE) * budget + SPENT_S + LOOK_S if settings.task in CURVED else 0.0
        proven_by = deadline - min(after_s, budget / 8)
        fitted_by = proven_by - proof_s
        found = compare(
            bench,
            Effort(fitted_by, train.seed, train.workers, train.trials, train.memory_mb),
            recorder,
            lambda share, text: progress(0.12 + 0.68 * share, text),
            earlier(candidates),
            [
                partial(curve.foresee, foreseen),
                *rows_say.pieces(dataset, [split.train, *(fold.train for fold in reversed(folds))], mode),
                partial(load_for_keeping, foreseen),
            ],
        )
        curve.begin(found.best.family, found.best.params)
        best = _with_answers(bench, found.best, fitted_by + proof_s * LATE)
        progress(0.82, f"fitting {best.family.name} on all {len(split.train)} rows before the holdout")
        start = fitting_base(base, dataset, split.holdout, best.family, best.params) if train.warm_start else ""
        model, fit_s = ahead.refit(best.family, best.params, fitted_by + proof_s * LATE, _told_base(start, progress))
        decided = decision(dataset, [fold.test for fold in folds], best.guess, metric, interval_level(settings))
        if said := decision_told(decided, metric):
            progress(0.87, said)
        predictor = Predictor.from_parts(model, dataset.signature, dataset.task, decided)
        progress(0.88, f"proving it on the {len(split.holdout)} newest rows")
        now = time.monotonic()
        curved_by = now + min(SPENT_SHARE * (now - started) + SPENT_S, LEAVES * (deadline - now))
        work = partial(asked, predictor, dataset, split.holdout, settings, deadline - COMPILE_LEFT * proof_s)
        with one_quiet_thread(), Beside(work) as asking:
            evaluation = _evaluate(dataset, split, found, predictor, plain, settings, proven_by, champion)
            if mode == "report":
                judge = Judge(best.family, best.params, metric, train.seed)
                now = time.monotonic()
                seconds = min(LOOK_SHARE * (now - started) + LOOK_S, LEAVES * (deadline - now))
                fewer_s = fit_s * min(1.0, ROWS / len(split.train))
                whole, each = rows_say.worth(dataset, evaluation.get("importance", ()), judge, seconds, fewer_s)
            content = ahead.kept or stored(remembering(model, dataset), modules, train.trusted)
            answered = asking.result()
            points = curve.points(metric, decided, evaluation["holdout"][metric.name], curved_by, fit_s)
    if mode != "off":
        evaluation["selection"] = on_record(dataset, mode, judge.family.name, whole, each, named)
    evaluation |= {
        "compiled": answered.proof,
        **({"learning_curve": points} if points else {}),
        **_noted(start, rows_say.leaking),
    }
    return Made(
        artifact=content,
        compiled=answered.compiled,
        golden=answered.golden,
        signature=dataset.signature.to_json(),
        decision=decided,
        evaluation=evaluation,
        estimator=_estimator_name(model),
        params=params_of(best, trials=len(found.trials), rows=len(split.train), winner=best.family.name),
        cutoff_at=int(dataset.times[split.train].max()) if dataset.times is not None else None,
    )


def _fitting(
    dataset: Dataset,
    split: Split,
    settings: ModelSettings,
    metric: Metric,
    bundle: Path,
    modules: list[str],
    left_s: float,
) -> list[Family]:
    """Return the candidates, looked at for what would fail after all of the search only.

    Raises:
        Refused: there is none of that name, it takes no weights where rows have some, or nobody would load it.
    """
    train = settings.train
    candidates = families(dataset, train.estimator, metric.name, train.seed, bundle)
    if dataset.weights is not None:
        require_weights(candidates)
    if train.warm_start:
        require_warm(candidates)
    if not is_ours(train.estimator):
        check_storable(dataset, split.train, candidates[-1], modules, train.trusted, left_s)
    return candidates


def _told_base(start: Base | str, progress: Callable[[float, str], None]) -> Base | None:
    """Return what the fit on all rows begins from, and tell of it where a warm start was asked for."""
    if isinstance(start, Base):
        progress(0.83, f"beginning from v{start.version}")
        return start
    if start:
        progress(0.83, f"beginning from nothing: {start}")
    return None


def _noted(start: Base | str, leaking: list[Leak]) -> dict[str, Any]:
    """Return what a version keeps of how its fit began, and of columns that explain the target by themselves."""
    told: dict[str, Any] = {}
    if start:
        told["warm_start"] = {"note": start} if isinstance(start, str) else start.to_json()
    if leaking:
        told["leakage"] = [{"name": leak.name, "explained": leak.explained} for leak in leaking]
    return told


def _groups(settings: ModelSettings, metric: Metric) -> Groups | None:
    """Return whose figures the search compares, in the measure of the gate."""
    asked = settings.gates.fairness
    measure = asked.measure if asked is not None and asked.measure else metric.name
    told = settings.fairness
    return Groups(told.columns, measure, told.min_rows, settings.train.seed) if told.columns else None


def _selected(
    dataset: Dataset, split: Split, folds: list[Fold], judge: Judge, mode: str, budget: float, estimator: str
) -> tuple[Look, list[Look]]:
    """Return what all rows before the holdout would leave out, and each fold's; nothing unless columns are dropped.

    Raises:
        Refused: the candidate reads the columns by itself.
    """
    if mode != "drop":
        return Look(), []
    if judge.family.features(dataset.kinds) is None:
        raise Refused(
            f'[train] select = "drop" does not reach into {estimator}, whose pipeline reads the columns by itself',
            'let it return the estimator alone, or say select = "report"',
        )
    load_libraries([judge.family], dataset)
    whole, *each = looks(dataset, [split.train, *(fold.train for fold in folds)], judge, SELECT_SHARE * budget)
    return whole, each


def asked_of(settings: ModelSettings) -> tuple[str, ...]:
    """Return the metrics that a model's settings name, beside those that every model of its task is measured by."""
    return (settings.train.metric, *settings.gates.limits)


def baseline(
    dataset: Dataset, rows: Any, holdout: Any, dummy: Family, seed: int, asked: tuple[str, ...] = ()
) -> tuple[dict[str, Any], Predicted]:
    """Return what the Dummy, fitted on some rows, is worth on those of the holdout, and its answers there."""
    with one_quiet_thread():
        model = fit(dataset, rows, dummy, dummy.defaults)
        predictor = Predictor.from_parts(model, dataset.signature, dataset.task)
        return on_holdout(predictor, dataset.take(holdout), seed, asked)


def _with_answers(bench: Bench, best: Trial, until: float) -> Trial:
    """Return the winner with its answers on the folds; one that an earlier process tried is fitted there again."""
    if best.guess:
        return best

    def work() -> Any:
        with one_quiet_thread():
            return fit_folds(replace(bench, constraints={}), FoldTables(bench), best.family, best.params)["guess"]

    return replace(best, guess=tuple(in_time(work, until, best.family.name)))


def _seconds_of(dataset: Dataset, rows: Any, family: Family) -> float:
    begun = time.monotonic()
    fit(dataset, rows, family, family.defaults)
    return time.monotonic() - begun


def _affordable(
    dataset: Dataset, split: Split, folds: list[Fold], candidates: list[Family], budget: float, count: int, seed: int
) -> tuple[Split, list[Fold]]:
    """Cut training down to its newest rows where one look at every family would not end in time."""
    size = len(split.train)
    if size <= PILOT_ROWS:
        return split, folds
    pilot = split.train[-PILOT_ROWS // 4 :]
    begun = time.monotonic()
    with suppress(Overdue, Lost, Raised):  # the search will tell what is wrong with it
        for family in candidates:
            apart(partial(_seconds_of, dataset, pilot, family), begun + 0.1 * budget)
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
    baseline: tuple[dict[str, Any], Predicted],
    settings: ModelSettings,
    until: float,
    champion: Callable[[Dataset, Predicted, Metric], Any],
) -> dict[str, Any]:
    seed = settings.train.seed
    holdout = dataset.take(split.holdout)
    figures, guess = on_holdout(predictor, holdout, seed, asked_of(settings))
    metric = found.metric
    proof = Proof(holdout, predictor, guess, baseline[1], metric, settings, until, len(split.train))
    against = champion(holdout, guess, metric)
    return {
        **({} if against is None else {"against_champion": against}),
        "metric": metric.name,
        "holdout": figures,
        "baseline": baseline[0],
        "rows": {"train": len(split.train), "holdout": len(split.holdout)},
        "from_at": None if holdout.times is None else int(holdout.times.min()),
        "to_at": None if holdout.times is None else int(holdout.times.max()),
        "threads": THREADS,
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
                "stopped": sum(trial.family.name == name for trial in found.stopped),
                "params": dict(shown.params),
            }
        )
    return listed


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _estimator_name(model: Any) -> str:
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    last = last.estimator if isinstance(last, CodedClasses) else last
    return f"{type(last).__module__.split('._')[0]}.{type(last).__name__}"
