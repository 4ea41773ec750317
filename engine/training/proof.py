"""A fitted model beside the rows it has not seen, of which everything is found out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.measures.metrics import Metric, Predicted
from engine.training.dataset import Dataset

if TYPE_CHECKING:
    from engine.serving.predict import Predictor
    from engine.settings.model import ModelSettings


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
