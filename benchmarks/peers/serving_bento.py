"""A BentoML service of the model in MODEL, with BATCH=1 in adaptive batches."""

from __future__ import annotations

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(traffic={"timeout": 60})
class Served:
    """One model."""

    def __init__(self) -> None:
        self._model = joblib.load(os.environ["MODEL"])

    @bentoml.api(batchable=os.environ.get("BATCH") == "1", max_batch_size=256, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return labels."""
        return self._model.predict(rows)
