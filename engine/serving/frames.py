"""Coded columns to the pandas frame a model sees, and back: the same dtypes in training, evaluation and serving.

double is float64 (null: NaN), long int64 (float64 where nullable), boolean bool (object where nullable, null: NaN),
string object (null: NaN), datetime datetime64[us] without zone (null: NaT).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.serving.contract import Column, InputError, Signature

_NAN = float("nan")


class FrameCoder:
    """Builds frames of one signature; what does not change from request to request is made once."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._names = pd.Index([column.name for column in signature.inputs])

    def frame(self, coded: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
        """Return the frame of columns coded by `contract.code_rows`."""
        arrays = {column.name: _array(column, coded[column.name]) for column in self.signature.inputs}
        return pd.DataFrame(arrays, columns=self._names, copy=False)


def _array(column: Column, values: Sequence[Any]) -> Any:
    match column.type:
        case "double":
            return np.array(values, dtype=np.float64)  # None becomes NaN
        case "long":
            return np.array(values, dtype=np.float64 if column.nullable else np.int64)
        case "boolean" if not column.nullable:
            return np.array(values, dtype=np.bool_)
        case "datetime":
            return np.array(values, dtype="datetime64[us]")
    kept = [_NAN if value is None else value for value in values] if None in values else values
    array = np.empty(len(values), dtype=object)
    array[:] = kept
    # a Series of object dtype stays one; a bare object array would be inferred as pandas' own text type
    return pd.Series(array, dtype=object, copy=False)


def conform(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Return the input columns of any frame with exactly the dtypes that serving gives the model.

    Raises:
        InputError: a column is absent, null where it may not be, or of another kind.
    """
    arrays: dict[str, Any] = {}
    for column in signature.inputs:
        if column.name not in frame.columns:
            raise InputError(f"column {column.name!r} is absent", column=column.name)
        series = frame[column.name]
        missing = series.isna().to_numpy()
        if missing.any() and not column.nullable:
            raise InputError(f"column {column.name!r} holds nulls", column=column.name, row=int(missing.argmax()))
        try:
            arrays[column.name] = _conformed(series, missing, column)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"column {column.name!r} does not hold {column.type}: {error}", column=column.name
            ) from error
    return pd.DataFrame(arrays, index=frame.index, copy=False)


def _conformed(series: Any, missing: Any, column: Column) -> Any:
    if column.type == "double" or (column.type == "long" and column.nullable):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.type == "long":
        return series.to_numpy().astype(np.int64)
    if column.type == "boolean" and not column.nullable:
        return series.to_numpy().astype(np.bool_)
    if column.type == "datetime":
        times = pd.to_datetime(series, format="ISO8601")
        if times.dt.tz is not None:
            times = times.dt.tz_convert("UTC").dt.tz_localize(None)
        return times.to_numpy().astype("datetime64[us]")
    values = series.astype(object).to_numpy(copy=True)
    if column.type == "boolean":
        values[~missing] = [bool(value) for value in values[~missing]]
    else:
        values[~missing] = [str(value) for value in values[~missing]]
    values[missing] = np.nan
    return pd.Series(values, index=series.index, dtype=object)


def records(frame: pd.DataFrame, signature: Signature) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON-ready records that `contract.code_rows` accepts."""
    columns: list[list[Any]] = []
    fitting = conform(frame, signature)
    for column in signature.inputs:
        series = fitting[column.name]
        missing = series.isna().to_numpy()
        values: list[Any]
        if column.type == "datetime":
            values = [None if gone else _time_text(v) for v, gone in zip(series, missing, strict=True)]
        elif column.type == "long":
            values = [None if gone else int(v) for v, gone in zip(series.to_numpy(), missing, strict=True)]
        else:
            values = [None if gone else v for v, gone in zip(series.tolist(), missing, strict=True)]
        columns.append(values)
    names = [column.name for column in signature.inputs]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _time_text(moment: Any) -> str:
    text: str = moment.isoformat()
    return text.removesuffix("T00:00:00")
