"""How far off numbers probably are before their outcomes come: the loss modelled directly over the inputs.

The loss of rows the model was not fitted on is explained by where their inputs and the answer lie: each category has an
effect, each number one that runs straight between knots. Effects add up over columns, so that the expected loss of any
number of rows follows from how many fall in each bin: the counts a drift check makes anyway, and no row is read again.
It holds while the same inputs go with the same loss; where they have come to mean another outcome (concept drift), or
go where no row was, only outcomes tell.

The idea of a direct loss estimator: W. Kuberski, J. Białek and others, the DLE of NannyML (2022), who fit boosted trees
and read every row. numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.estimate import DEVIATIONS, Estimate
from engine.measures.metrics import Predicted, find

FEWEST_ROWS = 200  # of which effects are told from chance
FOLDS = 5  # contiguous blocks, each foretold from the others
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 10_000.0, 1e9)  # rows of no effect mixed into each group
LOOSER = 0.1  # of the strength that foretells single rows best: the mean of many averages noise out, and bias not
DRAWS = 24  # of the rows, each with effects of its own: how sure they are

Places = Mapping[str, Any]  # column -> (n, knots): how near each row lies to each knot, adding up to 1
Counts = Mapping[str, Any]  # column -> (knots,) the same, summed over rows


@dataclass(frozen=True, slots=True)
class LossModel:
    """Effects of groups on a loss, each column's adding up to nothing over the reference."""

    metric: str
    base: float  # mean loss of the reference
    spread: float  # standard deviation of a row's loss about what was foretold
    effects: Mapping[str, Sequence[float]]
    again: tuple[tuple[float, Mapping[str, Sequence[float]]], ...] = ()  # base and effects of rows drawn again

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {
            "metric": self.metric,
            "base": self.base,
            "spread": self.spread,
            "effects": dict(self.effects),
            "again": [[base, dict(effects)] for base, effects in self.again],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LossModel:
        """Return the model that `to_state` told of."""
        again = tuple((base, effects) for base, effects in state["again"])
        return cls(state["metric"], state["base"], state["spread"], state["effects"], again)

    def estimate(self, counts: Counts, rows: int) -> Estimate:
        """Estimate the metric of rows counted by group; a column that was not counted stays as it was."""
        if not rows:
            return Estimate(None, note="no rows")
        value = _mean(self.base, self.effects, counts)
        drawn = [_mean(base, effects, counts) for base, effects in self.again]
        # a loss that has grown scatters in proportion: most are shares of something, such as a price
        scatter = self.spread * max(1.0, value / self.base if self.base > 0 else 1.0)
        by_effects = float(np.var(drawn, ddof=1)) if len(drawn) > 1 else 0.0
        stray = DEVIATIONS * float(np.sqrt(scatter**2 / rows + by_effects))
        middle, low, high = (_figure(self.metric, one) for one in (value, value - stray, value + stray))
        return Estimate(middle, low, high)


def loss_rows(name: str, truth: Any, guess: Predicted) -> Any:
    """Return (n,) what each row adds to a regression metric that is a mean, or its root; None for any other."""
    metric = find(name)
    if name == "rmse":
        return (guess.values - truth) ** 2
    return metric.per_row(truth, guess) if metric.needs == "value" and metric.per_row else None


def fit_loss(name: str, losses: Any, places: Places) -> LossModel | str:
    """Return the model of a loss over where rows in time order lie, or why there is none.

    How far effects are drawn towards none is chosen by foretelling each block of rows from the others, less for means.
    """
    known = np.isfinite(losses)
    losses = losses[known]
    rows = len(losses)
    if rows < FEWEST_ROWS:
        return f"{rows} later rows with an outcome: too few to tell what the loss depends on, {FEWEST_ROWS} are needed"
    design = np.column_stack([np.ones(rows), *(each[known] for each in places.values())])
    strength, spread = _strength(design, losses)
    sizes = {column: each.shape[1] for column, each in places.items()}
    shares = design.mean(axis=0)
    draw = np.random.default_rng(rows)
    drawn = (np.bincount(draw.integers(0, rows, rows), minlength=rows) for _ in range(DRAWS))
    base, effects = _centred(_solve(*_normal(design, losses), strength), shares, sizes)
    again = (_solve(*_normal(design, losses, weights), strength) for weights in drawn)
    return LossModel(name, base, spread, effects, tuple(_centred(one, shares, sizes) for one in again))


def _strength(design: Any, losses: Any) -> tuple[float, float]:
    """Return the strength for means of rows, and the standard deviation of what the best one for single rows leaves."""
    normal, target = _normal(design, losses)
    wrong = np.zeros(len(STRENGTHS))
    for block in np.array_split(np.arange(len(losses)), FOLDS):
        inside, aim = _normal(design[block], losses[block])
        for place, strength in enumerate(STRENGTHS):
            left = losses[block] - design[block] @ _solve(normal - inside, target - aim, strength)
            wrong[place] += float((left**2).sum())
    best = int(wrong.argmin())
    return LOOSER * STRENGTHS[best], float(np.sqrt(wrong[best] / len(losses)))


def _normal(design: Any, losses: Any, weights: Any = None) -> tuple[Any, Any]:
    weighted = design if weights is None else design * weights[:, None]
    return design.T @ weighted, weighted.T @ losses


def _solve(normal: Any, target: Any, strength: float) -> Any:
    """Return ridge coefficients; the first, which is the level, is free."""
    penalty = np.full(len(normal), strength)
    penalty[0] = 0.0
    return np.linalg.solve(normal + np.diag(penalty), target)


def _centred(found: Any, shares: Any, sizes: Mapping[str, int]) -> tuple[float, dict[str, list[float]]]:
    base, effects, start = float(found[0]), {}, 1
    for name, size in sizes.items():
        part = found[start : start + size]
        mean = float(part @ shares[start : start + size])
        effects[name] = (part - mean).tolist()
        base, start = base + mean, start + size
    return base, effects


def _mean(base: float, effects: Mapping[str, Sequence[float]], counts: Counts) -> float:
    value = base
    for name, each in effects.items():
        counted = counts.get(name)
        total = 0 if counted is None else counted.sum()
        if counted is not None and total:
            value += float(counted @ np.asarray(each)) / float(total)
    return value


def _figure(metric: str, mean: float) -> float:
    mean = max(0.0, mean)
    return float(np.sqrt(mean)) if metric == "rmse" else mean
