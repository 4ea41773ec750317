"""Which input columns matter over all: by how much the loss grows when a column's values are shuffled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.intervals import LEVEL
from engine.measures.metrics import Metric, Predicted, as_loss, measure, predicted
from engine.training.dataset import Dataset

if TYPE_CHECKING:
    from engine.serving.predict import Predictor

ROWS = 800
AT_ONCE = 16_000  # rows that a model is asked at once, where it was fitted on as many
REPEATS = 3
DRAWS, DRAWS_OF_WHOLE = 200, 60  # of rows; fewer where a metric needs all rows of a draw at once


def importance(
    predictor: Predictor,
    holdout: Dataset,
    metric: Metric,
    *,
    seconds: float,
    seed: int,
    repeats: int = REPEATS,
    fitted_rows: int = 0,
) -> list[dict[str, Any]]:
    """Return `{"name", "value", "low", "high"}` per column, the largest growth of the loss first.

    Over at most 800 rows of the holdout. The interval is a percentile bootstrap over rows of the mean over repeats.
    Stops when the time is up, so that the last columns, or all intervals (None), may be absent. A model that was
    fitted on many rows (`fitted_rows`) is asked many at once.
    """
    until = time.monotonic() + seconds
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.permutation(len(holdout))[:ROWS])
    sample = holdout.take(rows)
    begun = time.monotonic()
    usual = _answers(predictor, sample, sample.frame)
    one_s = time.monotonic() - begun
    if _loss(metric, sample.truth, usual) is None:
        return []
    read = sample.kinds.names or tuple(sample.frame.columns)  # what was left out moves nothing
    asked = [
        (name, draw.permutation(len(rows))) for _ in range(repeats) for name in sample.frame.columns if name in read
    ]
    # the whole holdout was asked at once before, and what was fitted on more rows had memory for as many as these
    most = max(len(holdout), min(fitted_rows, AT_ONCE))
    together = max(1, most // max(len(rows), 1))
    shuffled: dict[str, list[Predicted]] = {}
    while asked and (now := time.monotonic()) <= until:
        size = together if now + one_s * together <= until else 1
        some, asked = asked[:size], asked[size:]
        for (name, _), guess in zip(some, _mixed(predictor, sample, some), strict=True):
            shuffled.setdefault(str(name), []).append(guess)
    found = []
    draws = np.random.default_rng(seed).integers(0, len(rows), (DRAWS, len(rows)))  # the same ones for every column
    for name, guesses in shuffled.items():
        grown = _growth(metric, sample.truth, usual, guesses)
        if grown is not None:
            low, high = _interval(metric, sample.truth, usual, guesses, draws, until)
            found.append({"name": name, "value": grown, "low": low, "high": high})
    return sorted(found, key=lambda one: -one["value"])


def _mixed(predictor: Predictor, sample: Dataset, some: list[tuple[Any, Any]]) -> list[Predicted]:
    """Return the answers for the sample with each column shuffled by its order, asked in one go."""
    import pandas as pd

    count = len(sample)
    frame = sample.frame if len(some) == 1 else pd.concat([sample.frame] * len(some), ignore_index=True)
    frame = frame.copy()
    for column in {column for column, _ in some}:
        orders = [order if column == name else np.arange(count) for name, order in some]
        frame[column] = sample.frame[column].iloc[np.concatenate(orders)].set_axis(frame.index)
    guess = _answers(predictor, sample, frame)
    return [guess.take(np.arange(place * count, (place + 1) * count)) for place in range(len(some))]


def _answers(predictor: Predictor, sample: Dataset, frame: Any) -> Predicted:
    return predicted(predictor.predict_frame(frame), sample.signature.classes)


def _loss(metric: Metric, truth: Any, guess: Predicted) -> float | None:
    seen = measure(metric.name, truth, guess).value
    return None if seen is None else as_loss(metric, seen)


def _growth(metric: Metric, truth: Any, usual: Predicted, guesses: list[Predicted]) -> float | None:
    before = _loss(metric, truth, usual)
    after = [loss for guess in guesses if (loss := _loss(metric, truth, guess)) is not None]
    return None if before is None or not after else float(np.mean(after)) - before


def _interval(
    metric: Metric, truth: Any, usual: Predicted, guesses: list[Predicted], draws: Any, until: float
) -> tuple[float | None, float | None]:
    grown: list[float] = []
    if metric.per_row is not None:
        sign = -1.0 if metric.greater_is_better else 1.0
        means = np.mean([metric.per_row(truth, guess) for guess in guesses], axis=0)
        per_row = sign * (means - metric.per_row(truth, usual))
        grown = per_row[draws].mean(axis=1).tolist()
    else:
        for rows in draws[:DRAWS_OF_WHOLE]:
            if time.monotonic() > until:
                return None, None
            one = _growth(metric, truth[rows], usual.take(rows), [guess.take(rows) for guess in guesses])
            if one is not None:
                grown.append(one)
    if len(grown) < DRAWS_OF_WHOLE // 2:
        return None, None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(grown, [tail, 1 - tail])
    return float(low), float(high)
