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

from engine.measures.metrics import BUDGET, CLIP, Predicted, find

FEWEST_OF_CLASS = 20  # rows with a class, and without, of which its line is made
KNOTS, MOST_ODDS = 97, 12.0
SMALLEST = 1e-6  # a score of exactly 0 or 1 has no odds
DRAWS = 24  # of labels, each by another resampled calibration, from which the spread of what will be realised is told
MOST_DRAWN = 5_000  # rows of more than two classes of which labels are drawn; the spread of more follows from theirs
PER_OCTAVE = 32  # bins of a score each time it halves, from either end: a calibration is steepest there
OCTAVES = 20
BINS = 2 * PER_OCTAVE * OCTAVES  # rows of one bin and label, whose chance is all but the same, are counted and not kept
BLOCK = 65_536  # rows worked on at once: what they need stays in the cache
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


@dataclass(frozen=True, slots=True)
class Scored:
    """Answered rows by score and label, each with how many they are: rows of two classes are counted into bins."""

    classes: tuple[str, ...]
    scores: Any  # (k, classes)
    said: Any  # (k, classes): 1.0 for the class that was labelled
    weights: Any  # (k,)

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return int(self.weights.sum())

    @classmethod
    def of_two(cls, classes: tuple[str, ...], second: Any, is_second: Any) -> Scored:
        """Count rows of two classes; `second` (n,) is the second one's score, `is_second` (n,) whether it was answered.

        Rows without a score are left out.
        """
        counts, sums = _counted(second, is_second)
        there = np.flatnonzero(counts)
        weights = counts[there]
        middle = sums[there] / weights
        said = (there >= BINS).astype(np.float64)
        return cls(classes, np.column_stack([1 - middle, middle]), np.column_stack([1 - said, said]), weights)

    @classmethod
    def of_rows(cls, guess: Predicted) -> Scored:
        """Take predictions of any number of classes."""
        if len(guess.classes) == 2:
            return cls.of_two(guess.classes, guess.scores[:, 1], guess.labels == guess.classes[1])
        said = np.column_stack([guess.labels == name for name in guess.classes]).astype(np.float64)
        return cls(guess.classes, guess.scores, said, np.ones(len(guess)))

    def take(self, rows: Any) -> Scored:
        """Return some of them."""
        return Scored(self.classes, self.scores[rows], self.said[rows], self.weights[rows])


def _counted(second: Any, is_second: Any) -> tuple[Any, Any]:
    """Return (2 * BINS,) how many rows lie in each bin, and the sum of their scores; those answered in the second half.

    Bins are in order of score: exponent and first bits of how far it is from its end. Everything is worked out in the
    same few arrays, as getting and giving back memory takes longer than the arithmetic.
    """
    half, size = BINS // 2, min(BLOCK, len(second))
    shift = 23 - (PER_OCTAVE.bit_length() - 1)  # a float32 has 23 bits of fraction
    middle = int(np.float32(0.5).view(np.int32)) >> shift
    nearest, bits, flags = np.empty(size), np.empty(size, np.float32), np.empty(size, np.int8)
    keys, offsets = np.empty(size, np.intp), np.empty(size, np.intp)
    counts, sums = np.zeros(4 * half), np.zeros(4 * half)
    for start in range(0, len(second), BLOCK):
        scores = np.asarray(second[start : start + BLOCK], dtype=np.float64)
        answered = np.asarray(is_second[start : start + BLOCK], dtype=bool)
        known = np.isfinite(scores)
        if not known.all():
            scores, answered = scores[known], answered[known]
        rows = slice(len(scores))
        np.subtract(1.0, scores, out=nearest[rows])
        bits[rows] = np.minimum(nearest[rows], scores, out=nearest[rows])
        steps = bits[rows].view(np.int32)
        steps >>= shift
        np.clip(np.subtract(steps, middle - half + 1, out=keys[rows]), 0, half - 1, out=keys[rows])
        np.greater_equal(scores, 0.5, out=flags[rows].view(bool))
        flags[rows] += 2 * answered.view(np.int8)
        keys[rows] += np.multiply(flags[rows], half, out=offsets[rows], dtype=np.intp)
        counts += np.bincount(keys[rows], minlength=4 * half)
        sums += np.bincount(keys[rows], scores, 4 * half)
    rising = np.arange(half)
    upper = half + half - 1 - rising  # of scores beyond the middle the distance falls as they rise
    order = np.concatenate([rising, upper, BINS + rising, BINS + upper])
    return counts[order], sums[order]


Expected = Callable[[Any, Scored], float]


def estimate(name: str, scored: Scored, calibration: Calibration) -> Estimate:
    """Estimate a classification metric of rows without outcomes.

    Raises:
        Refused: there is no metric of that name.
    """
    find(name)
    budget = BUDGET.fullmatch(name)
    expected = _precision_at(int(budget[1]) / 100.0) if budget else _EXPECTED.get(name)
    if expected is None:
        return Estimate(None, note=f"{name} cannot be estimated without outcomes")
    if not len(scored.weights):
        return Estimate(None, note="no rows")
    value = expected(calibration.probabilities(scored.scores), scored)
    if not np.isfinite(value):
        return Estimate(None, note=f"{name} is not defined on what is expected here")
    spread = _spread(expected, scored, calibration)
    if spread is None:
        return Estimate(value)
    most = float("inf") if name in ("log_loss", "brier") else 1.0  # the others are shares
    return Estimate(value, max(0.0, value - spread), min(most, value + spread))


def _spread(expected: Expected, scored: Scored, calibration: Calibration) -> float | None:
    """Return how far realised values stray: by the labels that come, and by how sure the calibration is.

    Labels are drawn by their chances; None where the metric is not defined on them.
    """
    draw = np.random.default_rng(scored.rows)
    few, part = scored, 1.0
    if len(scored.classes) > 2 and scored.rows > MOST_DRAWN:
        few = scored.take(draw.choice(scored.rows, MOST_DRAWN, replace=False))
        part = MOST_DRAWN / scored.rows
    centres, strays = [], []
    for number in range(DRAWS):
        chances = calibration.probabilities(few.scores, number)
        found = expected(_drawn(chances, few.weights, draw), few)
        if np.isfinite(found):
            centres.append(expected(chances, few))
            strays.append(found - centres[-1])
    if len(strays) < DRAWS // 2:
        return None
    # more rows make labels surer, and the calibration not
    by_labels = np.var(strays, ddof=1) * part
    return float(DEVIATIONS * np.sqrt(by_labels + np.var(centres, ddof=1)))


def _drawn(chances: Any, weights: Any, draw: Any) -> Any:
    """Return what share of each group bears each class, labels drawn by their chances."""
    if chances.shape[1] == 2:
        share = draw.binomial(weights.astype(np.int64), np.clip(chances[:, 1], 0.0, 1.0)) / weights
        return np.column_stack([1 - share, share])
    places = (draw.random((len(chances), 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
    return np.eye(chances.shape[1])[np.minimum(places, chances.shape[1] - 1)]


def _mean(per_row: Any, scored: Scored) -> float:
    return float(per_row @ scored.weights / scored.weights.sum())


def _accuracy(chances: Any, scored: Scored) -> float:
    return _mean((chances * scored.said).sum(axis=1), scored)


def _log_loss(chances: Any, scored: Scored) -> float:
    return _mean((chances * -np.log(np.clip(scored.scores, CLIP, 1.0))).sum(axis=1), scored)


def _brier(chances: Any, scored: Scored) -> float:
    squares = (scored.scores**2).sum(axis=1, keepdims=True) - 2 * scored.scores + 1
    per_row = (chances * squares).sum(axis=1)
    return _mean(per_row / 2.0 if len(scored.classes) == 2 else per_row, scored)


def _by_label(one: Callable[[float, float, float], float]) -> Expected:
    """Return the estimate of a figure of hits, said and true, which are all expected counts."""

    def expected(chances: Any, scored: Scored) -> float:
        hits, said, true = (scored.weights @ each for each in (chances * scored.said, scored.said, chances))
        told = [one(*map(float, each)) for each in zip(hits, said, true, strict=True)]
        return told[1] if len(told) == 2 else float(np.mean(told))

    return expected


def _balanced(chances: Any, scored: Scored) -> float:
    hits, true = scored.weights @ (chances * scored.said), scored.weights @ chances
    return float(np.nanmean(hits / np.where(true > 0, true, np.nan)))


def _by_score(one: Callable[[Any, Any, Any], float]) -> Expected:
    def expected(chances: Any, scored: Scored) -> float:
        places = [1] if len(scored.classes) == 2 else range(len(scored.classes))
        found = [one(chances[:, place] * scored.weights, scored.scores[:, place], scored.weights) for place in places]
        known = [value for value in found if np.isfinite(value)]  # a class that nobody bears has no curve
        return float(np.mean(known)) if known else float("nan")

    return expected


def _runs(positives: Any, scores: Any, weights: Any) -> tuple[Any, Any]:
    """Return (positives, rows) of each run of equal scores, lowest first."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    return np.add.reduceat(positives[order], starts), np.add.reduceat(weights[order], starts)


def _roc_auc(positives: Any, scores: Any, weights: Any) -> float:
    positives, rows = _runs(positives, scores, weights)
    negatives = rows - positives
    below = np.cumsum(negatives) - negatives / 2.0  # of equal scores, half
    whole = float(positives.sum() * negatives.sum())
    return float((positives * below).sum() / whole) if whole > 0 else float("nan")


def _average_precision(positives: Any, scores: Any, weights: Any) -> float:
    positives, rows = _runs(positives, scores, weights)
    positives, rows = positives[::-1], rows[::-1]
    total = float(positives.sum())
    return float((positives * np.cumsum(positives) / np.cumsum(rows)).sum() / total) if total > 0 else float("nan")


def _precision_at(share: float) -> Expected:
    """Return the estimate of the precision among the share of rows with the highest scores of the second class."""

    def expected(chances: Any, scored: Scored) -> float:
        if len(scored.classes) != 2:
            return float("nan")
        order = np.argsort(-scored.scores[:, 1], kind="stable")
        weights = scored.weights[order]
        budget = max(1.0, round(share * weights.sum()))
        taken = np.clip(budget - (np.cumsum(weights) - weights), 0.0, weights)
        return float(chances[order, 1] @ taken / budget)

    return expected


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
