"""Which input columns are worth their place, and why the others are not: looked at in the rows a fit may see.

A column may go where it is constant, says the same as another, or its permutation importance on rows that the look
did not fit on (Breiman, Random Forests, 2001) is not told apart from zero. The last are left out together and put back,
the more important half first, while the model is clearly worse without them: columns that stand for each other have no
importance one by one. Each fold is looked at by its own training rows alone.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.intervals import paired
from engine.measures.metrics import Metric, predicted
from engine.serving.predict import Predictor
from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.dataset import Dataset
from engine.training.fitting import fit
from engine.training.folds import split_holdout
from engine.training.importance import importance
from engine.training.trial import one_quiet_thread
from store.errors import Refused

if TYPE_CHECKING:
    from engine.training.family import Family, Params

TASKS = frozenset({"classification", "regression"})
CONSTANT, NULL, NOISE = "constant", "always null", "no importance beyond noise"
ROWS = 4_000  # of those that are looked at; constant is a column in all of them
ALIKE = 0.999  # share of rows, or correlation of values and of ranks, from which on two columns say the same
TESTED = 0.25  # share of the rows that the look keeps from its own fit
NOTHING = 1e-9  # of the largest importance: a column that no fit reads comes to no more
LEAST_ROWS = 100  # to measure on; fewer tell nothing of noise


@dataclass(frozen=True, slots=True)
class Look:
    """What some rows say: `why` each column that may go may go, `importance` `{"value", "low", "high"}` by column.

    `importance` is empty where there were too few rows or too little time; then nothing is called noise.
    """

    why: dict[str, str] = field(default_factory=dict)
    importance: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judge:
    """By whom columns are judged: a candidate with its parameters, and the metric its loss is."""

    family: Family
    params: Params
    metric: Metric
    seed: int


def look(dataset: Dataset, rows: Any, judge: Judge, until: float, why: dict[str, str] | None = None) -> Look:
    """Return what rows (indices) say of the columns; `until` is of `time.monotonic()`, `why` what is redundant.

    In a process of its own: a candidate that hangs or dies costs the look at noise only.
    """
    why = redundant(dataset, rows) if why is None else why
    try:
        found, noise = apart(lambda: _measured(dataset.without(why), rows, judge, until), until)
    except (Overdue, Lost, Raised):
        return Look(why)
    return Look({**why, **dict.fromkeys(noise, NOISE)}, found)


def looks(
    dataset: Dataset,
    parts: Sequence[Any],
    judge: Judge,
    seconds: float,
    fit_s: float = 0.0,
    known: Sequence[dict[str, str]] | None = None,
) -> list[Look]:
    """Return the look at each of some parts of the rows, one after the other until `seconds` are over.

    With less left than two fits of `fit_s` seconds none is begun: it would take its time and tell nothing. `known` is
    what `redundant` says of each part, where that is known.
    """
    until = time.monotonic() + seconds
    found = []
    for place, rows in enumerate(parts):
        in_time = until - time.monotonic() > 2 * fit_s
        why = known[place] if known else redundant(dataset, rows)
        found.append(look(dataset, rows, judge, until, why) if in_time else Look(why))
    return found


def redundant(dataset: Dataset, rows: Any) -> dict[str, str]:
    """Return why each column is redundant that is constant in the rows, or says the same as one before it."""
    why: dict[str, str] = {}
    sample = rows if len(rows) <= ROWS else np.sort(np.random.default_rng(0).permutation(rows)[:ROWS])
    kept: list[tuple[str, _Coded]] = []
    numeric = {*dataset.kinds.numbers, *dataset.kinds.times}
    for column in dataset.signature.inputs:
        name = column.name
        coded = _coded(dataset.frame[name].iloc[sample], name in numeric)
        if coded.is_constant and _coded(dataset.frame[name].iloc[rows], name in numeric).is_constant:
            why[name] = CONSTANT
            continue
        same = next((other for other, theirs in kept if coded.says(theirs)), None)
        if same is not None:
            why[name] = f"the same as {same}"
            continue
        kept.append((name, coded))
    if len(why) == len(dataset.signature.inputs):  # something has to be read
        del why[next(iter(why))]
    return why


@dataclass(frozen=True, slots=True)
class _Coded:
    """A column's rows: `codes` (n,) number equal values, null is -1; `values` (n,) of numbers and times, else None."""

    codes: Any
    distinct: int
    values: Any
    ranks: Any  # centred, of unit length, as `values` are

    @property
    def is_constant(self) -> bool:
        return self.distinct + bool((self.codes < 0).any()) < 2

    def says(self, other: _Coded) -> bool:
        """Tell whether two columns say the same: equal but for scale, or one value for one in almost every row."""
        if (self.values is None) != (other.values is None):
            return False
        if self.values is not None:
            alike = min(abs(float(self.values @ other.values)), abs(float(self.ranks @ other.ranks))) >= ALIKE
            return alike and float(np.mean((self.codes < 0) == (other.codes < 0))) >= ALIKE
        if abs(self.distinct - other.distinct) > 2:
            return False
        if self.distinct > len(self.codes) / 2:  # values that hardly repeat go together with any others
            return False
        return _follows(self.codes, other.codes) >= ALIKE and _follows(other.codes, self.codes) >= ALIKE


def _coded(series: Any, is_numeric: bool) -> _Coded:
    import pandas as pd

    codes, names = pd.factorize(series)
    if not is_numeric:
        return _Coded(codes, len(names), None, None)
    if series.dtype.kind == "M":
        values = series.to_numpy().astype("datetime64[us]").astype(np.float64)
    else:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    known = codes >= 0
    ranks = np.argsort(np.argsort(names, kind="stable"), kind="stable").astype(np.float64)[codes]
    return _Coded(codes, len(names), _unit(values, known), _unit(ranks, known))


def _unit(values: Any, known: Any) -> Any:
    """Return values centred and of unit length, so that a product is their correlation; what is missing is 0."""
    seen = values[known]
    made = np.zeros(len(values))
    if seen.size and np.isfinite(seen).all():
        scale = float(np.abs(seen).max()) or 1.0
        off = seen / scale - float((seen / scale).mean())
        made[known] = off / (float(np.linalg.norm(off)) or 1.0)
    return made


def _follows(of: Any, by: Any) -> float:
    """Return the share of rows whose code is the commonest one of those with the same code in `by`."""
    pairs, counts = np.unique(np.stack([by, of]), axis=1, return_counts=True)
    most = np.zeros(int(pairs[0].max()) + 2)
    np.maximum.at(most, pairs[0] + 1, counts)
    return float(most.sum() / len(of))


def _measured(dataset: Dataset, rows: Any, judge: Judge, until: float) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the importance of each column that was measured in time, and which are noise."""
    draw = np.random.default_rng(judge.seed)
    sample = dataset.take(rows if len(rows) <= ROWS else np.sort(draw.permutation(rows)[:ROWS]))
    try:
        inner = split_holdout(sample, TESTED, judge.seed)
    except Refused:  # too few moments or groups to keep some from the fit
        return {}, []
    test = sample.take(inner.holdout)
    classes = set(dataset.signature.classes)
    if len(test) < LEAST_ROWS or classes - set(sample.truth[inner.train].tolist()):
        return {}, []
    with one_quiet_thread():
        usual = _fitted(sample, inner.train, judge)
        seconds = until - time.monotonic()
        told = importance(usual, test, judge.metric, seconds=seconds, seed=judge.seed)
        found = {one["name"]: {key: one[key] for key in ("value", "low", "high")} for one in told}
        if any(one["low"] is None for one in found.values()) or len(found) < len(dataset.kinds.names):
            return {}, []  # the time was up: what was not measured cannot be compared
        noise = noise_of(found)  # the most important first
        noise = noise[1:] if len(noise) == len(found) else noise  # something has to be read
        useless = [name for name in noise if not found[name]["low"] < 0.0 < found[name]["high"]]  # zero, or below it
        unsure = [name for name in noise if name not in useless]
        while unsure and _is_worse(sample, inner.train, test, usual, [*useless, *unsure], judge):
            unsure = unsure[(len(unsure) + 1) // 2 :]
    return found, [*useless, *unsure]


def noise_of(importance: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the columns whose importance is not told apart from zero, in the order they come in."""
    least = NOTHING * max((abs(one["value"]) for one in importance.values()), default=0.0)  # sums leave a last bit
    return [name for name, one in importance.items() if one["low"] is not None and one["low"] <= least]


def _fitted(dataset: Dataset, rows: Any, judge: Judge) -> Predictor:
    return Predictor.from_parts(fit(dataset, rows, judge.family, judge.params), dataset.signature, dataset.task)


def _is_worse(
    sample: Dataset, rows: Any, test: Dataset, usual: Predictor, noise: Collection[str], judge: Judge
) -> bool:
    """Tell whether the model is clearly worse without some columns, on the rows it was not fitted on."""
    classes = test.signature.classes
    with_them, without = (
        predicted(one.predict_frame(test.frame), classes)
        for one in (usual, _fitted(sample.without(noise), rows, judge))
    )
    gain = paired(judge.metric.name, test.truth, without, with_them, seed=judge.seed)
    return gain["high"] is not None and gain["high"] < 0.0


def by_importance(why: Mapping[str, str], importance: Iterable[dict[str, Any]]) -> Look:
    """Return what a version's importance as measured says of the columns, beside `why` some are redundant."""
    measured = {one["name"]: {key: one[key] for key in ("value", "low", "high")} for one in importance}
    return Look({**dict.fromkeys(noise_of(measured), NOISE), **why}, measured)


def told(whole: Look) -> str:
    """Say in one line what is left out."""
    if not whole.why:
        return "every column is worth its place"
    noise = sum(why == NOISE for why in whole.why.values())
    named = [f"{name} ({why})" for name, why in whole.why.items() if why != NOISE]
    return f"left out: {', '.join([*named, *([f'{noise} of no importance beyond noise'] if noise else [])])}"


def on_record(
    dataset: Dataset, mode: str, by: str, whole: Look, folds: Sequence[Look], named: Iterable[str]
) -> dict[str, Any]:
    """Return the selection as a version keeps it: `{"mode", "by", "columns": [...]}`, a column in signature order each.

    Each is `{"name", "kept", "why", "value", "low", "high", "kept_in", "looked_in"}`: why it was, or could be, left out
    ("" where it is worth its place), its importance, and in how many folds it was worth its place of those looked at.
    Of the columns `named` as inputs those that are none are null in every row.
    """
    columns = []
    seen = [one for one in folds if one.importance]
    for column in dataset.signature.inputs:
        name = column.name
        why = whole.why.get(name, "")
        measured = whole.importance.get(name, {})
        columns.append(
            {
                "name": name,
                "kept": not (why and mode == "drop"),
                "why": why,
                **{key: measured.get(key) for key in ("value", "low", "high")},
                "kept_in": sum(name not in one.why for one in seen),
                "looked_in": len(seen),
            }
        )
    nothing = {"value": None, "low": None, "high": None, "kept_in": 0, "looked_in": 0}
    known = {one["name"] for one in columns}
    columns += [{"name": name, "kept": False, "why": NULL, **nothing} for name in named if name not in known]
    return {"mode": mode, "by": by, "columns": columns}


def left_out(evaluation: Any) -> tuple[str, ...]:
    """Return the input columns that a version does not read, by its evaluation."""
    found = evaluation.get("selection") if isinstance(evaluation, dict) else None
    columns = found["columns"] if isinstance(found, dict) else ()
    return tuple(one["name"] for one in columns if not one["kept"] and one["why"] != NULL)
