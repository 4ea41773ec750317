"""Partial dependence: the mean prediction when one column is set to a value in every row, and single rows' curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.training.subject import Subject

COLUMNS = 6
POINTS = 12
ROWS = 100
CURVES = 10  # rows whose own curve is told
SPREAD = (0.1, 0.9)


def dependence(subject: Subject, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the curves of the first columns that have one: no free text, and no personal column.

    `{"column", "kind", "points": [{"value", "mean", "low", "high"}], "curves": [[…] per row]}`, in the output's unit;
    low and high hold four fifths of the rows (Goldstein et al. 2015, individual conditional expectation). Numbers and
    times are asked at their quantiles, categories at their commonest values.
    """
    kinds = subject.holdout.kinds
    fitting = [name for name in columns if name not in kinds.texts and not subject.is_personal(name)]
    return [one for name in fitting[:COLUMNS] if (one := _curve(subject, name)) is not None]


def _curve(subject: Subject, column: str) -> dict[str, Any] | None:
    frame = subject.holdout.frame.iloc[:ROWS]
    kind, grid = _grid(subject.holdout.frame[column])
    if len(grid) < 2:
        return None
    import pandas as pd

    asked = pd.concat([frame] * len(grid), ignore_index=True)
    values = [value for value in grid for _ in range(len(frame))]
    asked[column] = pd.Series(values, dtype=frame[column].dtype)
    curves = _answers(subject, asked).reshape(len(grid), len(frame))
    low, high = np.quantile(curves, SPREAD, axis=1)
    points = [
        {"value": _text(value), "mean": float(curve.mean()), "low": float(low[at]), "high": float(high[at])}
        for at, (value, curve) in enumerate(zip(grid, curves, strict=True))
    ]
    return {"column": column, "kind": kind, "points": points, "curves": curves.T[:CURVES].tolist()}


def _answers(subject: Subject, frame: Any) -> Any:
    told = subject.predictor.predict_frame(frame)
    return np.array([record[subject.explains] for record in told], dtype=np.float64)


def _grid(series: Any) -> tuple[str, list[Any]]:
    known = series.dropna()
    if known.dtype.kind == "M":
        moments = np.unique(known.quantile(np.linspace(0.02, 0.98, POINTS), interpolation="nearest").to_numpy())
        return "time", list(moments)
    if known.dtype.kind in "fiu" and known.nunique() > POINTS:
        values = np.quantile(known.to_numpy(dtype=np.float64), np.linspace(0.02, 0.98, POINTS))
        values = np.unique(np.round(values) if known.dtype.kind in "iu" else values)
        return "number", [int(value) if known.dtype.kind in "iu" else float(value) for value in values]
    if known.dtype.kind in "fiu":
        return "number", sorted(known.unique().tolist())
    return "category", known.value_counts().index[:POINTS].tolist()


def _text(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).removesuffix("T00:00:00")
    return value
