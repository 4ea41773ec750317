"""What is found out about a fitted model on its holdout: the one list of parts, each a key of the evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.measures.metrics import Metric, Predicted
from engine.training import groups, views
from engine.training.dataset import Dataset
from engine.training.evaluation import by_slice
from engine.training.importance import importance

if TYPE_CHECKING:
    from engine.serving.predict import Predictor
    from engine.settings.model import ModelSettings

IMPORTANCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Proof:
    """A fitted model and the rows it has not seen. `guess` and `baseline` are its and the Dummy's answers for them.

    `until` is the `time.monotonic()` by which all parts must be over; a part that takes long looks at it.
    """

    holdout: Dataset = field(repr=False)
    predictor: Predictor = field(repr=False)
    guess: Predicted = field(repr=False)
    baseline: Predicted = field(repr=False)
    metric: Metric
    settings: ModelSettings
    until: float
    fitted_rows: int = 0

    @property
    def seed(self) -> int:
        """Return the seed of everything that is drawn."""
        return self.settings.train.seed

    @property
    def left_s(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self.until - time.monotonic())

    def is_shown(self, column: str) -> bool:
        """Tell whether a column's values may stand in an evaluation: personal ones may not."""
        return column not in self.settings.data.personal


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
