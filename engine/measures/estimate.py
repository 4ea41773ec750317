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

from engine.measures.metrics import CLIP, Predicted, find
from engine.measures.named import BUDGET
from engine.measures.scored import Scored

FEWEST_OF_CLASS = 20  # rows with a class, and without, of which its line is made
KNOTS, MOST_ODDS = 97, 12.0
SMALLEST = 1e-6  # a score of exactly 0 or 1 has no odds
DRAWS = 24  # of labels, each by another resampled calibration, from which the spread of what will be realised is told
MOST_DRAWN = 5_000  # rows of more than two classes of which labels are drawn; the spread of more follows from theirs
MANY = 25.0  # variance of a bin's labels from which a normal draw is as good as a binomial one, and ten times as fast
DEVIATIONS = 1.96  # on either side: 95 of 100 realised values lie within


Knots = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # class -> scores, rising, and shares


@dataclass(frozen=True, slots=True)
class Calibration:
    """For each class, what share of the rows with such a score bore it: a rising line through knots."""

    classes: tuple[str, ...]
    knots: Knots
    again: tuple[Knots, ...] = ()  # of resampled rows: how sure the lines are

    def probabilities(self, scores: Any) -> Any:
        """Return for scores (n, classes) the chance of each class, rows sum to 1."""
        return self._chances(scores, [self.knots])[0]

    def resampled(self, scores: Any, numbers: range) -> Any:
        """Return (numbers, n, classes) chances by that many of `again`, taken in turn where there are fewer."""
        again = self.again or (self.knots,)
        return self._chances(scores, [again[each % len(again)] for each in numbers])

    def _chances(self, scores: Any, lines: Sequence[Knots]) -> Any:
        if len(self.classes) == 2:  # one curve is enough, and two would not quite agree
            return _of_second(_interpolated(scores[:, 1], [one[self.classes[1]] for one in lines]))
        each = [
            _interpolated(scores[:, place], [one[name] for one in lines]) for place, name in enumerate(self.classes)
        ]
        found = np.stack(each, axis=-1)
        total = found.sum(axis=-1, keepdims=True)
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


Expected = Callable[[Any, Scored], Any]  # (draws, k, classes) chances of rows or shares of labels -> (draws,) figures


def estimate(name: str, scored: Scored, calibration: Calibration) -> Estimate:
    """Estimate a classification metric of rows without outcomes.

    Raises:
        Refused: there is no metric of that name.
    """
    return estimates((name,), scored, calibration)[name]


def estimates(names: Sequence[str], scored: Scored, calibration: Calibration) -> dict[str, Estimate]:
    """Estimate several metrics of the same rows, their intervals from the same drawn labels.

    What will be realised is one set of labels, of which every metric is told: so the metrics of one draw belong
    together, as the realised ones will, and each interval is what it is by itself.

    Raises:
        Refused: there is no metric of one of the names.
    """
    found = {name: Estimate(None, note=f"{name} cannot be estimated without outcomes") for name in names}
    known = {name: expected for name in found if (expected := _expected_of(name)) is not None}
    if not len(scored.weights):
        return found | dict.fromkeys(known, Estimate(None, note="no rows"))
    chances = calibration.probabilities(scored.scores)[None]
    values = {name: float(expected(chances, scored)[0]) for name, expected in known.items()}
    spreads = _spreads({name: known[name] for name, value in values.items() if np.isfinite(value)}, scored, calibration)
    return found | {name: _within(name, value, spreads.get(name)) for name, value in values.items()}


def _expected_of(name: str) -> Expected | None:
    find(name)
    budget = BUDGET.fullmatch(name)
    return _precision_at(int(budget[1]) / 100.0) if budget else _EXPECTED.get(name)


def _within(name: str, value: float, spread: float | None) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, note=f"{name} is not defined on what is expected here")
    if spread is None:
        return Estimate(value)
    most = float("inf") if name in ("log_loss", "brier") else 1.0  # the others are shares
    return Estimate(value, max(0.0, value - spread), min(most, value + spread))


def _spreads(known: Mapping[str, Expected], scored: Scored, calibration: Calibration) -> dict[str, float]:
    """Return how far realised values stray: by the labels that come, and by how sure the calibration is.

    Labels are drawn by their chances; a metric that is mostly not defined on them is left out.
    """
    draw = np.random.default_rng(scored.rows)
    few, part, at_once = scored, 1.0, DRAWS
    if len(scored.classes) > 2:
        at_once = 1  # rows that were not counted into bins are too many to be held for all draws
        if scored.rows > MOST_DRAWN:
            few, part = scored.take(draw.choice(scored.rows, MOST_DRAWN, replace=False)), MOST_DRAWN / scored.rows
    figures: dict[str, list[Any]] = {name: [] for name in known}
    for start in range(0, DRAWS if known else 0, at_once):
        numbers = range(start, start + at_once)
        chances = calibration.resampled(few.scores, numbers)
        drawn = _drawn(chances, few.weights, draw)
        both = np.concatenate([chances, drawn])  # one array: what a call costs is most of what few rows cost
        for name, expected in known.items():
            figures[name].append(np.split(expected(both, few), 2))
    found = {}
    for name, pairs in figures.items():
        centres, realised = (np.concatenate(each) for each in zip(*pairs, strict=True))
        defined = np.isfinite(realised)
        if defined.sum() >= DRAWS // 2:
            centres, strays = centres[defined], (realised - centres)[defined]
            # more rows make labels surer, and the calibration not
            by_labels = np.var(strays, ddof=1) * part
            found[name] = float(DEVIATIONS * np.sqrt(by_labels + np.var(centres, ddof=1)))
    return found


def _interpolated(scores: Any, curves: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Any:
    """Return (curves, n) where the curves are at the scores; the places between knots are looked up once for all."""
    knots = curves[0][0]
    if any(one != knots for one, _ in curves[1:]):
        return np.stack([np.interp(scores, *curve) for curve in curves])
    at, shares = np.array(knots), np.array([one for _, one in curves])
    inside = np.clip(scores, at[0], at[-1])
    left = np.clip(np.searchsorted(at, inside, side="right") - 1, 0, len(at) - 2)
    slopes = np.diff(shares) / np.diff(at)
    return slopes[:, left] * (inside - at[left]) + shares[:, left]


def _of_second(chances: Any) -> Any:
    return np.stack([1.0 - chances, chances], axis=-1)


def _drawn(chances: Any, weights: Any, draw: Any) -> Any:
    """Return (draws, k, classes) what share of each group bears each class, labels drawn by their chances."""
    if chances.shape[-1] == 2:
        return _of_second(_binomial(np.clip(chances[..., 1], 0.0, 1.0), weights, draw) / weights)
    places = (draw.random((*chances.shape[:-1], 1)) > np.cumsum(chances, axis=-1)).sum(axis=-1)
    return np.eye(chances.shape[-1])[np.minimum(places, chances.shape[-1] - 1)]


def _binomial(chances: Any, rows: Any, draw: Any) -> Any:
    """Return (draws, k) how many of `rows` (k,) bear the second class; large bins by the normal distribution."""
    spread = rows * chances * (1 - chances)
    many = spread >= MANY
    found = np.clip(rows * chances + np.sqrt(spread) * draw.standard_normal(chances.shape), 0.0, rows)
    found[~many] = draw.binomial(np.broadcast_to(rows.astype(np.int64), chances.shape)[~many], chances[~many])
    return found


def _mean(per_row: Any, scored: Scored) -> Any:
    return per_row @ scored.weights / scored.weights.sum()


def _over_classes(chances: Any, figures: Any) -> Any:
    """Return (draws, k) the chances of rows times the figures (k, classes) of each class, added up class by class."""
    return sum(chances[..., place] * figures[:, place] for place in range(figures.shape[1]))


def _accuracy(chances: Any, scored: Scored) -> Any:
    return _mean(_over_classes(chances, scored.said), scored)


def _log_loss(chances: Any, scored: Scored) -> Any:
    return _mean(_over_classes(chances, -np.log(np.clip(scored.scores, CLIP, 1.0))), scored)


def _brier(chances: Any, scored: Scored) -> Any:
    per_row = _over_classes(chances, (scored.scores**2).sum(axis=1, keepdims=True) - 2 * scored.scores + 1)
    return _mean(per_row / 2.0 if len(scored.classes) == 2 else per_row, scored)


def _by_label(one: Callable[[Any, Any, Any], tuple[Any, Any]]) -> Expected:
    """Return the estimate of a share of hits, said and true, all expected counts; 0 where it is one of nothing."""

    def expected(chances: Any, scored: Scored) -> Any:
        hits, said, true = (scored.weights @ each for each in (chances * scored.said, scored.said, chances))
        part, whole = one(hits, said, true)
        told = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
        return told[..., 1] if told.shape[-1] == 2 else told.mean(axis=-1)

    return expected


def _balanced(chances: Any, scored: Scored) -> Any:
    hits, true = scored.weights @ (chances * scored.said), scored.weights @ chances
    return np.nanmean(hits / np.where(true > 0, true, np.nan), axis=-1)


def _by_score(one: Callable[[Any, Any], Any]) -> Expected:
    """Return the estimate of a figure of (draws, runs) positives and (runs,) rows of equal scores, lowest first."""

    def expected(chances: Any, scored: Scored) -> Any:
        places = [1] if len(scored.classes) == 2 else range(len(scored.classes))
        found = np.stack(
            [one(*_runs(chances[..., place], scored.scores[:, place], scored.weights)) for place in places]
        )
        known = np.isfinite(found)  # a class that nobody bears has no curve
        count = known.sum(axis=0)
        return np.where(count > 0, np.where(known, found, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)

    return expected


def _runs(shares: Any, scores: Any, weights: Any) -> tuple[Any, Any]:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    rows = weights[order]
    return np.add.reduceat(shares[..., order] * rows, starts, axis=-1), np.add.reduceat(rows, starts)


def _roc_auc(positives: Any, rows: Any) -> Any:
    negatives = rows - positives
    below = np.cumsum(negatives, axis=-1) - negatives / 2.0  # of equal scores, half
    return _over((positives * below).sum(axis=-1), positives.sum(axis=-1) * negatives.sum(axis=-1))


def _average_precision(positives: Any, rows: Any) -> Any:
    positives, rows = positives[..., ::-1], rows[::-1]
    return _over((positives * np.cumsum(positives, axis=-1) / np.cumsum(rows)).sum(axis=-1), positives.sum(axis=-1))


def _over(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _precision_at(share: float) -> Expected:
    """Return the estimate of the precision among the share of rows with the highest scores of the second class."""

    def expected(chances: Any, scored: Scored) -> Any:
        if len(scored.classes) != 2:
            return np.full(len(chances), np.nan)
        order = np.argsort(-scored.scores[:, 1], kind="stable")
        weights = scored.weights[order]
        budget = max(1.0, round(share * weights.sum()))
        taken = np.clip(budget - (np.cumsum(weights) - weights), 0.0, weights)
        return chances[:, order, 1] @ taken / budget

    return expected


_EXPECTED: dict[str, Expected] = {
    "accuracy": _accuracy,
    "log_loss": _log_loss,
    "brier": _brier,
    "balanced_accuracy": _balanced,
    "precision": _by_label(lambda hits, said, _true: (hits, said)),
    "recall": _by_label(lambda hits, _said, true: (hits, true)),
    "f1": _by_label(lambda hits, said, true: (2 * hits, said + true)),
    "roc_auc": _by_score(_roc_auc),
    "average_precision": _by_score(_average_precision),
}
