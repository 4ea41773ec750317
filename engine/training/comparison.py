"""What a search comes to: its trials, the winner, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.measures.metrics import Metric, as_loss
from engine.training.constraints import beyond, excess
from engine.training.trial import Bench, Trial, mean
from store.errors import WorkFailed


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was tried to the end; `best` is the winner by the mean over folds, within the constraints."""

    trials: tuple[Trial, ...]
    best: Trial
    refit_s: float
    metric: Metric
    stopped: tuple[Trial, ...] = ()  # pruned, cut and failed

    def loss(self, trial: Trial) -> float:
        """Return what trials are compared by: smaller is better."""
        return loss_of(trial, self.metric)


def check_outcome(bench: Bench, trials: Sequence[Trial], stopped: Sequence[Trial]) -> None:
    """Refuse a search without a candidate.

    Raises:
        WorkFailed: none but the Dummy ended well, or none keeps within the constraints.
    """
    limits = bench.constraints
    candidates = [one for one in trials if one.family is not bench.families[0]]
    if len(bench.families) > 1 and not candidates:
        raise WorkFailed(*why_none(bench, stopped))
    if candidates and all(beyond(limits, one.measured) for one in candidates):
        nearest = min(candidates, key=lambda one: max(excess(limits, one.measured).values()))
        raise WorkFailed(
            f"no candidate keeps within [train.constraints]: nearest comes {nearest.family.name}"
            f" with {beyond(limits, nearest.measured)}",
            "allow more, or name another estimator",
        )


def why_none(bench: Bench, stopped: Sequence[Trial]) -> tuple[str, str]:
    """Say why no candidate was fitted, and what to do."""
    first: dict[str, Trial] = {}
    for trial in stopped:
        first.setdefault(trial.family.name, trial)
    reasons = (
        "; ".join(f"{name}: {trial.reason}" for name, trial in first.items()) or "it was over before the first began"
    )
    named = bench.families[1].name if len(bench.families) == 2 else ""
    if any(trial.state == "failed" for trial in stopped):
        failed = f"{named} could not be fitted: {first[named].reason}" if named in first else ""
        return failed or f"no candidate could be fitted: {reasons}", "correct it, or name another estimator"
    more = "give it more time (--time-budget, or [train] time_budget), or take fewer rows"
    return f"no candidate was fitted within the time budget: {reasons}", more


def loss_of(trial: Trial, metric: Metric) -> float:
    """Return what trials are compared by: smaller is better, infinite where it is not defined."""
    return mean_loss(trial.folds, metric)


def mean_loss(folds: Sequence[float], metric: Metric) -> float:
    """Return the loss of the mean over folds."""
    loss = as_loss(metric, mean(folds)) if folds else float("inf")
    return loss if math.isfinite(loss) else float("inf")
