"""The metrics of modeldeck: one table, numpy only, and an answer for the case in which a metric is not defined.

Truth is a float array for regression, an array of class text for classification, and one of tuples of item texts for
ranking. Predictions are `Predicted`,
made from prediction records, so that training, gates and monitoring measure the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures import ranking
from engine.measures.named import BUDGET, NEEDS, fits, needs, task_of

CLIP = 1e-15  # a score of exactly 0 would make log loss infinite


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of n rows: `values` (n,) for regression, `items` (n,) lists for ranking.

    Classification has `labels` (n,) text and `scores` (n, classes).
    """

    values: Any = None
    labels: Any = None
    scores: Any = None
    classes: tuple[str, ...] = ()
    items: Any = None
    low: Any = None  # (n,) ends of the interval around each value, where there is one
    high: Any = None

    def __len__(self) -> int:
        return len(next(each for each in (self.values, self.items, self.labels) if each is not None))

    def take(self, rows: Any) -> Predicted:
        """Return the predictions of some rows, by index or mask."""
        return Predicted(
            values=None if self.values is None else self.values[rows],
            labels=None if self.labels is None else self.labels[rows],
            scores=None if self.scores is None else self.scores[rows],
            classes=self.classes,
            items=None if self.items is None else self.items[rows],
            low=None if self.low is None else self.low[rows],
            high=None if self.high is None else self.high[rows],
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value; None with a note where it is not defined."""

    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `needs` is value, interval, label, scores or items.

    `both_classes` says that one class alone leaves it undefined.
    Where the metric is the mean of a per-row number, `per_row` gives that; where it is not, `drawn` may say what it is
    of each of k draws of rows, (k, n) indices, in one go.
    """

    name: str
    needs: str
    greater_is_better: bool
    compute: Callable[[Any, Predicted], float]
    both_classes: bool = False
    per_row: Callable[[Any, Predicted], Any] | None = None
    drawn: Callable[[Any, Predicted, Any], Any] | None = None

    @property
    def task(self) -> str:
        """Return the task the metric belongs to."""
        return task_of(self.needs)

    def fits(self, task: str) -> bool:
        """Say whether it measures a task: a forecast is measured as a regression is."""
        return fits(self.needs, task)


def predicted(records: Sequence[Mapping[str, Any]], classes: Sequence[str] = ()) -> Predicted:
    """Turn prediction records (`value`, `label` and `scores.<class>`, or `items`) into arrays."""
    if records and "items" in records[0]:
        return Predicted(items=of_lists(record["items"] for record in records))
    if not classes:
        values, low, high = (
            np.array([record[name] for record in records], dtype=np.float64)
            if not records or name in records[0]
            else None
            for name in ("value", "low", "high")
        )
        return Predicted(values=values, low=low, high=high)
    scores = np.array([[record[f"scores.{name}"] for name in classes] for record in records], dtype=np.float64)
    labels = np.array([record["label"] for record in records], dtype=object)
    return Predicted(labels=labels, scores=scores.reshape(len(records), len(classes)), classes=tuple(classes))


def of_lists(listed: Iterable[Sequence[str]]) -> Any:
    """Return sequences as an (n,) object array of tuples."""
    rows = [tuple(one) for one in listed]
    found = np.empty(len(rows), dtype=object)
    found[:] = rows
    return found


def measure(name: str, truth: Any, guess: Predicted) -> Measured:
    """Compute one metric over rows; rows without a truth are for the caller to leave out.

    Raises:
        Refused: there is no metric of that name.
    """
    metric = find(name)
    if len(truth) == 0:
        return Measured(None, "no rows")
    if metric.needs == "interval" and guess.low is None:
        return Measured(None, "the answers have no interval")
    if metric.both_classes and len(set(truth.tolist())) < 2:
        return Measured(None, f"only one class ({truth[0]}) among {len(truth)} rows: {name} is not defined")
    value = float(metric.compute(truth, guess))
    return Measured(value, "") if np.isfinite(value) else Measured(None, "not a finite number")


def find(name: str, task: str | None = None) -> Metric:
    """Return a metric by name.

    Raises:
        Refused: no such metric, or it is not one of the task; the closest name is told.
    """
    needs(name, task)
    metric = METRICS.get(name) or _at_budget(name)
    assert metric is not None, "whatever has a name is computed"
    return metric


def default_metric(task: str) -> str:
    """Return the metric a task is trained for when the settings name none."""
    return {"classification": "log_loss", "ranking": "ndcg_at_10"}.get(task, "mae")


def names(task: str, *, interval: bool = False, asked: Iterable[str] = ()) -> list[str]:
    """Return the names of a task's metrics, the order of every table; those of intervals only where there are some.

    Of the `asked` names, such as those of gates, a precision at a budget is measured too.
    """
    usual = [one.name for one in METRICS.values() if one.fits(task) and (interval or one.needs != "interval")]
    budgets = [metric.name for name in dict.fromkeys(asked) if (metric := _at_budget(name)) and metric.fits(task)]
    return [*usual, *budgets]


def as_loss(metric: Metric, value: float) -> float:
    """Return a number that is smaller for a better value: what gates and search compare."""
    return -value if metric.greater_is_better else value


def _errors(truth: Any, guess: Predicted) -> Any:
    return np.abs(guess.values - truth)


def _squares(truth: Any, guess: Predicted) -> Any:
    return (guess.values - truth) ** 2


def _inside(truth: Any, guess: Predicted) -> Any:
    return ((truth >= guess.low) & (truth <= guess.high)).astype(np.float64)


def _widths(_truth: Any, guess: Predicted) -> Any:
    return guess.high - guess.low


def _r2(truth: Any, guess: Predicted) -> float:
    return float(_r2_drawn(truth, guess, np.arange(len(truth))[None])[0])


def _r2_drawn(truth: Any, guess: Predicted, rows: Any) -> Any:
    truths = truth[rows]
    spreads = ((truths - truths.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    shares = np.divide(
        _squares(truth, guess)[rows].sum(axis=1), spreads, out=np.full(len(rows), np.nan), where=spreads > 0.0
    )
    return 1.0 - shares


def _rmse_drawn(truth: Any, guess: Predicted, rows: Any) -> Any:
    return np.sqrt(_squares(truth, guess)[rows].mean(axis=1))


def _median_drawn(truth: Any, guess: Predicted, rows: Any) -> Any:
    return np.median(_errors(truth, guess)[rows], axis=1, overwrite_input=True)


def _places(truth: Any, guess: Predicted) -> Any:
    """Return the column of each row's true class; -1 for a class the model does not know."""
    order = {name: place for place, name in enumerate(guess.classes)}
    return np.array([order.get(name, -1) for name in truth.tolist()])


def _log_losses(truth: Any, guess: Predicted) -> Any:
    places = _places(truth, guess)
    scores = np.where(places >= 0, guess.scores[np.arange(len(places)), places], 0.0)
    return -np.log(np.clip(scores, CLIP, 1.0))


def _brier_rows(truth: Any, guess: Predicted) -> Any:
    places = _places(truth, guess)
    wanted = (places[:, None] == np.arange(len(guess.classes))).astype(np.float64)
    per_row = ((guess.scores - wanted) ** 2).sum(axis=1)
    return per_row / 2.0 if len(guess.classes) == 2 else per_row


def _hits(truth: Any, guess: Predicted) -> Any:
    return (guess.labels == truth).astype(np.float64)


def _of_class(truth: Any, guess: Predicted, name: str) -> tuple[Any, Any]:
    return truth == name, guess.labels == name


def _macro(truth: Any, guess: Predicted, one: Callable[[Any, Any], float]) -> float:
    """Return a two-class figure of the positive (second) class, or the mean over classes where there are more."""
    if len(guess.classes) == 2:
        return one(*_of_class(truth, guess, guess.classes[1]))
    return float(np.mean([one(*_of_class(truth, guess, name)) for name in guess.classes]))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _precision(is_true: Any, said: Any) -> float:
    return _share(float((is_true & said).sum()), float(said.sum()))


def _recall(is_true: Any, said: Any) -> float:
    return _share(float((is_true & said).sum()), float(is_true.sum()))


def _f1(is_true: Any, said: Any) -> float:
    return _share(2.0 * float((is_true & said).sum()), float(is_true.sum() + said.sum()))


def _balanced(truth: Any, guess: Predicted) -> float:
    return float(np.mean([_recall(truth == name, guess.labels == name) for name in sorted(set(truth.tolist()))]))


def _by_score(truth: Any, guess: Predicted, one: Callable[[Any, Any], float]) -> float:
    """Return a ranking figure of the positive class, or its mean over the known classes that occur; NaN for none."""
    if len(guess.classes) == 2:
        return one(truth == guess.classes[1], guess.scores[:, 1])
    present = [place for place, name in enumerate(guess.classes) if (truth == name).any()]
    if not present:
        return float("nan")
    return float(np.mean([one(truth == guess.classes[place], guess.scores[:, place]) for place in present]))


def roc_auc(is_true: Any, scores: Any) -> float:
    """Return the chance that a positive row scores above a negative one, ties counting half; NaN for one class."""
    positives = int(is_true.sum())
    negatives = len(is_true) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[is_true].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def average_precision(is_true: Any, scores: Any) -> float:
    """Return the mean precision over positives in order of score, ties taken together; NaN without positives."""
    positives = int(is_true.sum())
    if not positives:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_true[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the end of each run of equal scores
    precision = hits[last] / (last + 1.0)
    return float((np.diff(np.append(0, hits[last])) * precision).sum() / positives)


def precision_at(is_true: Any, scores: Any, share: float) -> float:
    """Return the share of positives among the `share` of rows with the highest scores, one row at least.

    Of rows that tie at the end of the budget, each counts by the chance of being drawn.
    """
    budget = max(1, round(share * len(scores)))
    last = np.partition(scores, len(scores) - budget)[len(scores) - budget]
    above, tied = scores > last, scores == last
    left = budget - int(above.sum())
    return float((is_true[above].sum() + left * is_true[tied].mean()) / budget)


def _at_budget(name: str) -> Metric | None:
    """Return the precision at a review budget by its name: `precision_at_5_percent` of the rows, 1 to 99."""
    said = BUDGET.fullmatch(name)
    if said is None:
        return None
    share = int(said[1]) / 100.0

    def compute(truth: Any, guess: Predicted) -> float:
        if len(guess.classes) != 2:
            return float("nan")  # which class reviewers are sent is known of two only
        return precision_at(truth == guess.classes[1], guess.scores[:, 1], share)

    return Metric(name, "scores", True, compute)


def _ndcg(truth: Any, guess: Predicted) -> Any:
    return ranking.ndcg_rows(truth, guess.items)


def _listed(truth: Any, guess: Predicted) -> Any:
    return ranking.recall_rows(truth, guess.items)


def _mean_of(per_row: Callable[[Any, Predicted], Any]) -> Callable[[Any, Predicted], float]:
    return lambda truth, guess: float(per_row(truth, guess).mean())


def _metric(name: str, greater_is_better: bool, *told: Any, **more: Any) -> Metric:
    return Metric(name, NEEDS[name], greater_is_better, *told, **more)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _metric("mae", False, _mean_of(_errors), per_row=_errors),
        _metric("rmse", False, lambda truth, guess: float(np.sqrt(_squares(truth, guess).mean())), drawn=_rmse_drawn),
        _metric(
            "median_error", False, lambda truth, guess: float(np.median(_errors(truth, guess))), drawn=_median_drawn
        ),
        _metric("r2", True, _r2, drawn=_r2_drawn),
        _metric("interval_coverage", True, _mean_of(_inside), False, _inside),
        _metric("interval_width", False, _mean_of(_widths), False, _widths),
        _metric("log_loss", False, _mean_of(_log_losses), False, _log_losses),
        _metric("brier", False, _mean_of(_brier_rows), False, _brier_rows),
        _metric("roc_auc", True, lambda truth, guess: _by_score(truth, guess, roc_auc), True),
        _metric("average_precision", True, lambda truth, guess: _by_score(truth, guess, average_precision), True),
        _metric("accuracy", True, _mean_of(_hits), False, _hits),
        _metric("balanced_accuracy", True, _balanced, True),
        _metric("f1", True, lambda truth, guess: _macro(truth, guess, _f1), True),
        _metric("precision", True, lambda truth, guess: _macro(truth, guess, _precision), True),
        _metric("recall", True, lambda truth, guess: _macro(truth, guess, _recall), True),
        _metric("ndcg_at_10", True, _mean_of(_ndcg), False, _ndcg),
        _metric("recall_at_10", True, _mean_of(_listed), False, _listed),
    )
}
