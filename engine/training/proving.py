"""What is found out about a fitted model on its holdout: the one list of parts, each a key of the evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.training import groups, views
from engine.training.evaluation import by_slice
from engine.training.importance import importance
from engine.training.proof import Proof

IMPORTANCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One key of the evaluation. `make` returns plain JSON values, None for nothing to say."""

    name: str
    make: Callable[[Proof], Any]
    tasks: frozenset[str] | None = None  # None: every task


def _slices(proof: Proof) -> Any:
    columns = [name for name in proof.settings.gates.slices if proof.is_shown(name)]
    return by_slice(proof.holdout, proof.guess, columns, proof.metric.name, proof.seed)


def _importance(proof: Proof) -> Any:
    seconds = min(IMPORTANCE_S, proof.left_s * 0.6)
    return importance(
        proof.predictor,
        proof.holdout,
        proof.metric,
        seconds=seconds,
        seed=proof.seed,
        fitted_rows=proof.fitted_rows,
    )


TABULAR = frozenset({"classification", "regression", "forecasting"})

# in the order they are made: what may take long comes last
PARTS: tuple[Part, ...] = (
    Part("slices", _slices),
    Part("against_baseline", views.against_baseline),
    Part("calibration", views.calibration, TABULAR),
    Part("roc", views.roc, frozenset({"classification"})),
    Part("confusion", views.confusion, frozenset({"classification"})),
    Part("residuals", views.residuals, frozenset({"regression", "forecasting"})),
    Part("errors", views.errors, TABULAR),
    Part("fairness", groups.fairness, TABULAR),
    Part("importance", _importance),
)


def prove(proof: Proof) -> dict[str, Any]:
    """Return every part that fits the task and has something to say."""
    found = {part.name: part.make(proof) for part in PARTS if part.tasks is None or proof.settings.task in part.tasks}
    return {name: value for name, value in found.items() if value is not None}
