"""The fit that tracking is added to: a scaler and a logistic regression on 569 rows of 30 numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def unit() -> Callable[[], Any]:
    """Return a function that fits it anew."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table, truth = load_breast_cancer(return_X_y=True)
    return lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(table, truth)
