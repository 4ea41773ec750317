"""Log lines as Arrow columns: the fixed ones, then `features.<name>` and `outputs.<name>` typed by the signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa

FIXED: dict[str, Any] = {
    "prediction_id": pa.string(),
    "request_id": pa.string(),
    "client_id": pa.string(),
    "row": pa.int64(),
    "endpoint": pa.string(),
    "model": pa.string(),
    "version": pa.int64(),
    "deployment": pa.string(),
    "host": pa.string(),
    "kind": pa.string(),
    "received_at": pa.int64(),
    "event_at": pa.int64(),
    "latency_us": pa.int64(),
    "status": pa.int64(),
    "error": pa.string(),
    "key_id": pa.string(),
}
_TYPES = {
    "double": pa.float64(),
    "long": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "datetime": pa.string(),
    "list<string>": pa.list_(pa.string()),
    "list<double>": pa.list_(pa.float64()),
}
FEATURES = "features."
OUTPUTS = "outputs."


def typed_columns(signature: dict[str, Any]) -> dict[str, Any]:
    """Return column name -> Arrow type for a version's signature."""
    types = {FEATURES + column["name"]: _TYPES[column["type"]] for column in signature.get("inputs", ())}
    types.update({OUTPUTS + column["name"]: _TYPES[column["type"]] for column in signature.get("outputs", ())})
    return types


def to_table(rows: Sequence[dict[str, Any]], types: dict[str, Any]) -> pa.Table:
    """Return log lines as a table. Columns absent from `types` take the type their values suggest, else JSON text."""
    columns = {name: array([row.get(name) for row in rows], kind) for name, kind in FIXED.items()}
    if columns["prediction_id"].null_count:  # a refused request has no prediction; its line still needs an identity
        columns["prediction_id"] = pa.array(
            [row.get("prediction_id") or f"{row.get('request_id')}-{row.get('row')}" for row in rows], pa.string()
        )
    for prefix, part in ((FEATURES, "features"), (OUTPUTS, "outputs")):
        parts = [row.get(part) or {} for row in rows]
        names = dict.fromkeys(name for one in parts for name in one)
        for name in names:
            values = [one.get(name) for one in parts]
            columns[prefix + name] = array(values, types.get(prefix + name))
    for name, kind in types.items():
        if name not in columns:
            columns[name] = pa.nulls(len(rows), kind)
    return pa.table(columns)


def array(values: list[Any], kind: Any | None) -> pa.Array:
    """Return values as an array of `kind`; what does not fit is null, or text where the kind is open.

    A column of texts stays text whatever its kind: tokens of a personal column are."""
    if kind is not None and not pa.types.is_string(kind) and _all_text(values):
        kind = pa.string()  # tokens of a personal column
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if kind is None or pa.types.is_string(kind):
            return pa.array([_text(value) for value in values], type=pa.string())
        return pa.array([_fitting(value, kind) for value in values], type=kind)


def _all_text(values: list[Any]) -> bool:
    kinds = set(map(type, values)) - {type(None)}
    return kinds == {str}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _fitting(value: Any, kind: Any) -> Any:
    try:
        return pa.scalar(value, type=kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
