"""Values made up for columns that are marked personal, so that golden requests, which travel, hold nobody's."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MIDDLE = (0.1, 0.9)  # quantiles between which numbers and times are drawn


def synthesised(frame: pd.DataFrame, personal: Collection[str], seed: int) -> pd.DataFrame:
    """Return the frame with every value of its personal columns made up; the others, and nulls, as they are.

    Text becomes `synthetic 1`, `synthetic 2`, …; numbers and times are drawn evenly from the middle of their range,
    whole numbers stay whole; true and false by turns.
    """
    named = [name for name in frame.columns if name in personal]
    if not named:
        return frame
    made = frame.copy()
    draw = np.random.default_rng(seed)
    for name in named:
        made[name] = _values(frame[name], draw)
    return made


def _values(series: pd.Series, draw: np.random.Generator) -> Any:
    import pandas as pd

    present = series.notna().to_numpy()
    count = len(series)
    kind = series.dtype.kind
    values: Any
    if kind in "iuf":
        known = series.to_numpy(dtype=np.float64)[present]
        low, high = np.quantile(known, MIDDLE) if len(known) else (0.0, 0.0)
        values = draw.uniform(low, high, count)
        if kind != "f" or bool(np.all(known == np.round(known))):
            values = np.round(values)
        values = np.where(present, values, np.nan) if kind == "f" else values.astype(series.dtype)
    elif kind == "M":
        known = series[present].to_numpy().astype("datetime64[us]").astype(np.int64)
        low, high = np.quantile(known, MIDDLE) if len(known) else (0, 0)
        day = 86_400_000_000
        drawn = (draw.uniform(low, high, count) // day * day).astype(np.int64)
        values = pd.Series(drawn.astype("datetime64[us]"), index=series.index).where(series.notna())
    elif kind == "b" or (present.any() and all(isinstance(value, bool) for value in series[present])):
        turns = np.arange(count) % 2 == 0
        values = turns if kind == "b" else pd.Series(turns.astype(object), index=series.index).where(series.notna())
    else:
        texts = np.array([f"synthetic {number}" for number in range(1, count + 1)], dtype=object)
        values = pd.Series(texts, index=series.index, dtype=object).where(series.notna())
    return values
