"""How good classifications probably are before their outcomes come: confidence-based performance estimation (CBPE).

A calibrated score says how often such an answer is right, so that the expected metric of rows can be computed from
their scores alone. It holds while inputs alone move; where the same input has come to mean another outcome (concept
drift), or where inputs go where the reference never was, it is wrong, and only outcomes tell.

J. Białek, W. Kuberski, N. Perrakis, A. Bifet, "Estimating Model Performance Under Covariate Shift Without Labels"
(2024). numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.metrics import CLIP, Predicted, find, measure

FEWEST_OF_CLASS = 20  # rows with a class, and without, of which its line is made
KNOTS, MOST_ODDS = 97, 12.0
SMALLEST = 1e-6  # a score of exactly 0 or 1 has no odds
DRAWS = 24  # of labels, each by another resampled calibration, from which the spread of what will be realised is told
MOST_DRAWN = 5_000  # rows of which labels are drawn; the spread of more rows follows from theirs
DEVIATIONS = 1.96  # on either side: 95 of 100 realised values lie within


Knots = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # class -> scores, rising, and shares


@dataclass(frozen=True, slots=True)
class Calibration:
    """For each class, what share of the rows with such a score bore it: a rising line through knots."""

    classes: tuple[str, ...]
    knots: Knots
    again: tuple[Knots, ...] = ()  # of resampled rows: how sure the lines are

    def probabilities(self, scores: Any, number: int | None = None) -> Any:
        """Return for scores (n, classes) the chance of each class, rows sum to 1; by one of `again` if asked."""
        knots = self.knots if number is None or not self.again else self.again[number % len(self.again)]
        if len(self.classes) == 2:  # one curve is enough, and two would not quite agree
            second = np.interp(scores[:, 1], *knots[self.classes[1]])
            return np.column_stack([1.0 - second, second])
        found = np.column_stack([np.interp(scores[:, place], *knots[name]) for place, name in enumerate(self.classes)])
        total = found.sum(axis=1, keepdims=True)
        return np.where(total > 0, found / np.where(total > 0, total, 1.0), 1.0 / len(self.classes))

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {"classes": list(self.classes), "knots": dict(self.knots), "again": [dict(one) for one in self.again]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Calibration:
        """Return the calibration that `to_state` told of."""
        knots, *again = (
            {name: (tuple(scores), tuple(shares)) for name, (scores, shares) in one.items()}
            for one in (state["knots"], *state["again"])
        )
        return cls(tuple(state["classes"]), knots, tuple(again))


def calibrate(truth: Any, guess: Predicted) -> Calibration | str:
    """Return the calibration of scores by rows the model was not fitted on, or why there is none; needs scikit-learn.

    `truth` (n,) is class text.
    """
    for name in guess.classes:
        born = int((truth == name).sum())
        if min(born, len(truth) - born) < FEWEST_OF_CLASS:
            return f"class {name!r} is borne by {born} of {len(truth)} later rows: too one-sided to calibrate"
    draw = np.random.default_rng(len(truth))
    again = (_lines(truth[rows], guess.take(rows)) for rows in draw.integers(0, len(truth), (DRAWS, len(truth))))
    return Calibration(guess.classes, _lines(truth, guess), tuple(again))


def _lines(truth: Any, guess: Predicted) -> Knots:
    """Return the curves of beta calibration, as knots over the range of log odds.

    M. Kull, T. Silva Filho, P. Flach, "Beta calibration" (2017). Three parameters a curve: steps fitted to a few
    hundred rows (isotonic regression) are sure of what they have seen by chance, and metrics estimated from them too
    good.
    """
    odds = np.linspace(-MOST_ODDS, MOST_ODDS, KNOTS)
    at = 1.0 / (1.0 + np.exp(-odds))
    knots = {}
    for place, name in enumerate(guess.classes):
        if place == 0 and len(guess.classes) == 2:
            continue  # the other one's remainder
        shares = _beta(guess.scores[:, place], truth == name, at)
        knots[name] = (tuple(at.tolist()), tuple(shares.tolist()))
    return knots


def _beta(scores: Any, born: Any, at: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    sides = [0, 1]
    while True:
        model = LogisticRegression(C=1e3).fit(_sides(scores)[:, sides], born)
        falling = [side for side, weight in zip(sides, model.coef_[0], strict=True) if weight < 0]
        if not falling or len(sides) == 1:
            return model.predict_proba(_sides(at)[:, sides])[:, 1]
        sides = [side for side in sides if side not in falling] or [0]


def _sides(scores: Any) -> Any:
    inside = np.clip(scores, SMALLEST, 1.0 - SMALLEST)
    return np.column_stack([np.log(inside), -np.log1p(-inside)])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's expected value and where 95 of 100 realised values would lie; None with a note where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


Expected = Callable[[Any, Predicted], float]


def estimate(name: str, guess: Predicted, calibration: Calibration) -> Estimate:
    """Estimate a classification metric of rows without outcomes.

    Raises:
        Refused: there is no metric of that name.
    """
    find(name)
    expected = _EXPECTED.get(name)
    if expected is None:
        return Estimate(None, note=f"{name} cannot be estimated without outcomes")
    if not len(guess):
        return Estimate(None, note="no rows")
    value = expected(calibration.probabilities(guess.scores), guess)
    if not np.isfinite(value):
        return Estimate(None, note=f"{name} is not defined on what is expected here")
    spread = _spread(name, expected, guess, calibration)
    if spread is None:
        return Estimate(value)
    most = float("inf") if name in ("log_loss", "brier") else 1.0  # the others are shares
    return Estimate(value, max(0.0, value - spread), min(most, value + spread))


def _spread(name: str, expected: Expected, guess: Predicted, calibration: Calibration) -> float | None:
    """Return how far realised values stray: by the labels that come, and by how sure the calibration is.

    Labels are drawn by their chances; None where the metric is not defined on them.
    """
    draw = np.random.default_rng(len(guess))
    few = guess.take(draw.choice(len(guess), MOST_DRAWN, replace=False)) if len(guess) > MOST_DRAWN else guess
    classes = np.array(guess.classes, dtype=object)
    centres, strays = [], []
    for number in range(DRAWS):
        chances = calibration.probabilities(few.scores, number)
        places = (draw.random((len(few), 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
        found = measure(name, classes[np.minimum(places, len(classes) - 1)], few)
        if found.value is not None:
            centres.append(expected(chances, few))
            strays.append(found.value - centres[-1])
    if len(strays) < DRAWS // 2:
        return None
    # more rows make labels surer, and the calibration not
    by_labels = np.var(strays, ddof=1) * len(few) / len(guess)
    return float(DEVIATIONS * np.sqrt(by_labels + np.var(centres, ddof=1)))


def _accuracy(chances: Any, guess: Predicted) -> float:
    return float((chances * _said(guess)).sum(axis=1).mean())


def _log_loss(chances: Any, guess: Predicted) -> float:
    return float((chances * -np.log(np.clip(guess.scores, CLIP, 1.0))).sum(axis=1).mean())


def _brier(chances: Any, guess: Predicted) -> float:
    squares = (guess.scores**2).sum(axis=1, keepdims=True) - 2 * guess.scores + 1
    per_row = (chances * squares).sum(axis=1)
    return float((per_row / 2.0 if len(guess.classes) == 2 else per_row).mean())


def _said(guess: Predicted) -> Any:
    """Return (n, classes): whether a row was labelled so."""
    return np.column_stack([guess.labels == name for name in guess.classes]).astype(np.float64)


def _by_label(one: Callable[[float, float, float], float]) -> Expected:
    """Return the estimate of a figure of hits, said and true, which are all expected counts."""

    def expected(chances: Any, guess: Predicted) -> float:
        said = _said(guess)
        told = [
            one(*map(float, (chances[:, place] @ said[:, place], said[:, place].sum(), chances[:, place].sum())))
            for place in range(len(guess.classes))
        ]
        return told[1] if len(told) == 2 else float(np.mean(told))

    return expected


def _balanced(chances: Any, guess: Predicted) -> float:
    recalls = (chances * _said(guess)).sum(axis=0) / np.where(chances.sum(axis=0) > 0, chances.sum(axis=0), np.nan)
    return float(np.nanmean(recalls))


def _by_score(one: Callable[[Any, Any], float]) -> Expected:
    def expected(chances: Any, guess: Predicted) -> float:
        places = [1] if len(guess.classes) == 2 else range(len(guess.classes))
        return float(np.mean([one(chances[:, place], guess.scores[:, place]) for place in places]))

    return expected


def _runs(chances: Any, scores: Any) -> tuple[Any, Any]:
    """Return (positives, rows) of each run of equal scores, lowest first."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    return np.add.reduceat(chances[order], starts), np.diff(np.append(starts, len(scores)))


def _roc_auc(chances: Any, scores: Any) -> float:
    positives, rows = _runs(chances, scores)
    negatives = rows - positives
    below = np.cumsum(negatives) - negatives / 2.0  # of equal scores, half
    whole = float(positives.sum() * negatives.sum())
    return float((positives * below).sum() / whole) if whole > 0 else float("nan")


def _average_precision(chances: Any, scores: Any) -> float:
    positives, rows = _runs(chances, scores)
    positives, rows = positives[::-1], rows[::-1]
    total = float(positives.sum())
    return float((positives * np.cumsum(positives) / np.cumsum(rows)).sum() / total) if total > 0 else float("nan")


_EXPECTED: dict[str, Expected] = {
    "accuracy": _accuracy,
    "log_loss": _log_loss,
    "brier": _brier,
    "balanced_accuracy": _balanced,
    "precision": _by_label(lambda hits, said, _true: hits / said if said else 0.0),
    "recall": _by_label(lambda hits, _said, true: hits / true if true else 0.0),
    "f1": _by_label(lambda hits, said, true: 2 * hits / (said + true) if said + true else 0.0),
    "roc_auc": _by_score(_roc_auc),
    "average_precision": _by_score(_average_precision),
}
