"""Is the new version more wrong? The model's metric on both versions' rows whose outcome has come. Pure.

The null hypothesis leaves room for a difference nobody would act on: the new version's loss is at most `ratio` times
the champion's. The ratio's logarithm has, over rows, a standard error

    sqrt(v1 / (n1 L1^2) + v2 / (n2 L2^2))

(the delta method; for a metric that is no mean over rows, that of a bootstrap). Look k spends its part of the chance to
err, see `engine.release.answers`. The normal approximation makes this a close figure and not a proof: of skewed losses
it is too sure of itself, for which only a part of the chance is spent (simulated: 1 to 2 % wrong with all of it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from engine.release.answers import Found, spent
from engine.release.sequential import ALPHA

if TYPE_CHECKING:
    from engine.measures.metrics import Predicted

RESAMPLES = 200
CAREFUL = ALPHA / 4.0
EXCESS_FROM_BEFORE = 5.0  # where the control is of an earlier time, this many times the excess accuses


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of one version whose outcome is known: truth (n,), predictions, and the request of each."""

    truth: Any
    guess: Predicted
    requests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.requests)


@dataclass(frozen=True, slots=True)
class Loss:
    """A metric as a loss over rows, with the variance of one row's part in it; None where it is not defined."""

    value: float | None  # the metric itself
    loss: float | None
    variance: float = 0.0
    rows: float = 0.0  # independent ones


def compare_metric(
    name: str, new: Labelled, champion: Labelled, ratio: float, least: int, look: int, *, concurrent: bool = True
) -> Found:
    """Compare the metric of both versions at one look; a loss `ratio` times the champion's is harm.

    `least` rows of each are asked for. `concurrent` says that the champion's rows are of the same time.
    """
    bound = ratio if concurrent else 1.0 + (ratio - 1.0) * EXCESS_FROM_BEFORE
    figures: dict[str, Any] = {"metric": name, "labels": [len(new), len(champion)], "look": look, "ratio_asked": bound}
    if min(len(new), len(champion)) < least:
        told = f"{len(new)} and {len(champion)} outcomes have come, {least} of each needed"
        return Found("no data", told, figures)
    first, second = loss_of(name, new), loss_of(name, champion)
    figures |= {"new": _round(first.value), "champion": _round(second.value)}
    between = _log_ratio(first, second)
    if between is None:
        return Found("no data", f"{name} is not defined on these outcomes", figures)
    middle, error = between
    wide = NormalDist().inv_cdf(1.0 - CAREFUL * spent(look)) * error
    low, high = math.exp(min(middle - wide, 700.0)), math.exp(min(middle + wide, 700.0))
    figures |= {"ratio": _round(math.exp(min(middle, 700.0))), "low": _round(low), "high": _round(high)}
    told = f"{name} {first.value:.4g} on {len(new)} outcomes, {second.value:.4g} on {len(champion)} of the champion"
    if low > bound:
        return Found("failed", f"{told}: at least {low:.3g} times the loss, {bound:.3g} is asked", figures)
    if high <= bound:
        return Found("passed", f"{told}: at most {high:.3g} times the loss", figures)
    alone = NormalDist().inv_cdf(1.0 - ALPHA) * error
    within = f"{told}: {low:.3g} to {high:.3g} times the loss"
    return Found("inconclusive", within, figures, suspect=middle - alone > math.log(bound))


def loss_of(name: str, labelled: Labelled) -> Loss:
    """Return a metric as a loss; one of which more is better is taken by its distance from 1."""
    import numpy as np

    from engine.measures.metrics import find, measure
    from engine.measures.shift import effective

    metric, rows = find(name), effective(labelled.requests)
    seen = measure(name, labelled.truth, labelled.guess).value
    if seen is None:
        return Loss(None, None)
    if metric.per_row is not None:
        per_row = metric.per_row(labelled.truth, labelled.guess)
        per_row = 1.0 - per_row if metric.greater_is_better else per_row
        return Loss(seen, float(per_row.mean()), float(per_row.var()), rows)
    draw, count = np.random.default_rng(7), len(labelled)
    drawn = []
    for _ in range(RESAMPLES):
        at = draw.integers(0, count, count)
        value = measure(name, labelled.truth[at], labelled.guess.take(at)).value
        drawn.append(value)
    known = np.array([value for value in drawn if value is not None], dtype=np.float64)
    if len(known) < RESAMPLES // 2:
        return Loss(seen, None)
    loss = 1.0 - seen if metric.greater_is_better else seen
    return Loss(seen, loss, float(known.var()) * count, rows)


def difference(name: str, new: Labelled, champion: Labelled, level: float = 0.95) -> dict[str, Any]:
    """Return {"difference", "low", "high"} of the metric, new minus champion, with a normal interval; {} undefined."""
    first, second = loss_of(name, new), loss_of(name, champion)
    if first.value is None or second.value is None or not first.rows or not second.rows:
        return {}
    error = math.sqrt(first.variance / first.rows + second.variance / second.rows)
    wide, middle = NormalDist().inv_cdf(0.5 + level / 2) * error, first.value - second.value
    return {"difference": _round(middle), "low": _round(middle - wide), "high": _round(middle + wide)}


def _log_ratio(new: Loss, champion: Loss) -> tuple[float, float] | None:
    """Return the logarithm of new loss over champion's, and its standard error.

    One row as wrong as both versions are on average is added to each: without, a version without any error would make
    every other one infinitely worse.
    """
    if new.loss is None or champion.loss is None or not new.rows or not champion.rows:
        return None
    usual = (new.loss * new.rows + champion.loss * champion.rows) / (new.rows + champion.rows)
    if usual <= 0.0:
        return 0.0, 0.0
    found = []
    for one in (new, champion):
        n = one.rows + 1.0
        loss = (one.loss or 0.0) * one.rows / n + usual / n
        variance = (one.variance * one.rows + usual**2) / n
        found.append((loss, variance / (n * loss**2)))
    return math.log(found[0][0] / found[1][0]), math.sqrt(found[0][1] + found[1][1])


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
