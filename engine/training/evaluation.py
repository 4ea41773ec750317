"""What a fitted model is worth on its holdout: figures with intervals, slices, and where it decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.intervals import evaluate
from engine.measures.metrics import Metric, Predicted, measure, names, predicted
from engine.training.conformal import interval
from engine.training.dataset import Dataset, group_texts

if TYPE_CHECKING:
    from engine.serving.predict import Predictor

SLICE_ROWS = 20  # a smaller slice is not shown: its figure would be chance
SLICE_VALUES = 12


def on_holdout(
    predictor: Predictor, holdout: Dataset, seed: int, asked: Iterable[str] = ()
) -> tuple[dict[str, dict[str, Any]], Predicted]:
    """Return every metric of the task with its interval, and the predictions, on the holdout rows.

    Of the `asked` names those are measured too that no task has by itself: see `measures.metrics.names`.
    """
    guess = predicted(predictor.predict_frame(holdout.frame), holdout.signature.classes)
    metrics = names(holdout.task, interval=guess.low is not None, asked=asked)
    return evaluate(metrics, holdout.truth, guess, seed=seed), guess


def by_slice(holdout: Dataset, guess: Predicted, columns: list[str], metric: str, seed: int) -> dict[str, Any]:
    """Return `{"column=value": {metric: {...}}}` for values with enough rows; numbers are cut into four bands."""
    found: dict[str, Any] = {}
    for column in columns:
        if column not in holdout.frame.columns:
            continue
        groups = group_texts(holdout.frame[column])
        values, counts = np.unique(groups.astype(str), return_counts=True)
        common = sorted(zip(-counts, values.tolist(), strict=True))[:SLICE_VALUES]
        for negative, value in common:
            if -negative >= SLICE_ROWS:
                rows = np.flatnonzero(groups == value)
                found[f"{column}={value}"] = evaluate([metric], holdout.truth[rows], guess.take(rows), seed=seed)
    return found


def decision(
    dataset: Dataset, tests: list[Any], guesses: tuple[Predicted, ...], metric: Metric, level: float | None = None
) -> dict[str, Any]:
    """Choose the threshold of a two-class model on the folds' test rows, never on the holdout.

    It maximises the trained metric where that looks at labels, else F1 of the positive class. With a `level` a
    regression gets the intervals to answer, by its errors on the same rows. Others decide nothing: an empty answer.
    """
    classes = dataset.signature.classes
    if level is not None and not classes:
        values = np.concatenate([guess.values for guess in guesses])
        return {"interval": interval(np.concatenate([dataset.truth[rows] for rows in tests]), values, level)}
    if len(classes) != 2:
        return {}
    truth = np.concatenate([dataset.truth[rows] for rows in tests])
    scores = np.concatenate([guess.scores for guess in guesses])
    by = metric.name if metric.needs == "label" else "f1"
    candidates = np.unique(np.quantile(scores[:, 1], np.linspace(0.01, 0.99, 99)))
    labels = np.array(classes, dtype=object)

    def gain(threshold: float) -> float:
        said = labels[(scores[:, 1] >= threshold).astype(int)]
        seen = measure(by, truth, Predicted(labels=said, scores=scores, classes=classes)).value
        return -np.inf if seen is None else seen

    best = max(candidates.tolist(), key=lambda threshold: (gain(threshold), -abs(threshold - 0.5)))
    return {"threshold": round(float(best), 4), "positive": classes[1], "chosen_by": by}


def decision_told(decided: dict[str, Any], metric: Metric) -> str:
    """Say where a two-class model decides, and by what that was chosen; empty where nothing is decided."""
    if "threshold" not in decided:
        return ""
    why = "" if decided["chosen_by"] == metric.name else f" ({metric.name} looks at no labels)"
    return (
        f"answers {decided['positive']!r} from a score of {decided['threshold']:g} on, chosen for"
        f" {decided['chosen_by']} on the folds{why}; another: modeldeck versions derive --threshold"
    )
