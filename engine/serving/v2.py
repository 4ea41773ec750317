"""The Open Inference Protocol V2 over rows: one input tensor per column, one output tensor per output column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from engine.serving.contract import MAX_ROWS, Column, InputError, Signature

_DATATYPES = {"double": "FP64", "long": "INT64", "string": "BYTES", "boolean": "BOOL", "datetime": "BYTES"}
_NUMBERS = frozenset(("FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"))
_KNOWN = _NUMBERS | {"BOOL", "BYTES"}
_ACCEPTED = {
    "double": _NUMBERS,
    "long": _NUMBERS,
    "string": frozenset(("BYTES",)),
    "boolean": frozenset(("BOOL",)),
    "datetime": frozenset(("BYTES",)),
}


_LISTS = {"list<string>": "BYTES", "list<double>": "FP64"}  # outputs of a ranking: one row of the tensor per answer


def metadata(model: str, version: int, signature: Signature, *, is_compiled: bool = False) -> dict[str, Any]:
    """Return the model metadata answer."""
    return {
        "name": model,
        "versions": [str(version)],
        "platform": "modeldeck_compiled" if is_compiled else "modeldeck_skops",
        "inputs": [_tensor(column) for column in signature.inputs],
        "outputs": [_tensor(column) for column in signature.outputs],
    }


def _tensor(column: Column) -> dict[str, Any]:
    if column.type in _LISTS:
        return {"name": column.name, "datatype": _LISTS[column.type], "shape": [-1, -1]}
    return {"name": column.name, "datatype": _DATATYPES[column.type], "shape": [-1]}


def read_rows(body: Any, signature: Signature) -> list[dict[str, Any]]:
    """Return the rows of an infer request; values are checked later, as those of any row.

    Raises:
        InputError: 400 for a wrong form, shape or datatype; 413 for too many rows.
    """
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
        raise InputError('the request needs "inputs", a list of tensors', status=400)
    types = {column.name: column.type for column in signature.inputs}
    columns: dict[str, list[Any]] = {}
    count = -1
    for place, tensor in enumerate(body["inputs"]):
        name, data = _read(tensor, place)
        if name in columns:
            raise InputError(f"input {name!r} is given twice", column=name, status=400)
        accepted = _ACCEPTED.get(types.get(name, ""), _KNOWN)
        if tensor["datatype"] not in accepted:
            raise InputError(
                f"input {name!r} cannot be {tensor['datatype']}, it takes {', '.join(sorted(accepted))}",
                column=name,
                status=400,
            )
        if count not in (-1, len(data)):
            raise InputError(f"input {name!r} has {len(data)} rows, those before it {count}", column=name, status=400)
        count = len(data)
        columns[name] = data
    if count > MAX_ROWS:
        raise InputError(f"{count} rows in one request, at most {MAX_ROWS} are taken", status=413)
    if count == 0:
        raise InputError("the request holds no rows", status=400)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _read(tensor: Any, place: int) -> tuple[str, list[Any]]:
    """Return name and flat data of one tensor of shape [n] or [n, 1]."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise InputError(f"inputs[{place}] must be a tensor with a name", status=400)
    name = tensor["name"]
    shape, datatype, data = tensor.get("shape"), tensor.get("datatype"), tensor.get("data")
    if datatype not in _KNOWN:
        raise InputError(f"input {name!r} has an unknown datatype {datatype!r}", column=name, status=400)
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InputError(f"input {name!r} needs a shape, a list of whole numbers", column=name, status=400)
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        raise InputError(f"input {name!r} has shape {shape}, a column is [n] or [n, 1]", column=name, status=400)
    if not isinstance(data, list):
        raise InputError(f"input {name!r} needs data, a list", column=name, status=400)
    if len(shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != prod(shape):
        raise InputError(f"input {name!r} has shape {shape} but {len(data)} values", column=name, status=400)
    return name, data


def read_outputs(body: Mapping[str, Any], signature: Signature) -> Sequence[Column]:
    """Return the output columns asked for, all where none is named.

    Raises:
        InputError: 400 for an output the model does not have.
    """
    asked = body.get("outputs")
    if not asked:
        return signature.outputs
    known = {column.name: column for column in signature.outputs}
    try:
        return [known[output["name"]] for output in asked]
    except (KeyError, TypeError):
        raise InputError(f"outputs must name some of {', '.join(known)}", status=400) from None


def answer(
    model: str, version: int, request_id: str, body: Mapping[str, Any], columns: Sequence[Column], outputs: list[Any]
) -> dict[str, Any]:
    """Return the infer answer; a row's prediction id is `<request_id>-<row>`."""
    found: dict[str, Any] = {"model_name": model, "model_version": str(version)}
    if body.get("id") is not None:
        found["id"] = str(body["id"])
    found["parameters"] = {"request_id": request_id}
    found["outputs"] = [_filled(column, [record[column.name] for record in outputs]) for column in columns]
    return found


def _filled(column: Column, values: list[Any]) -> dict[str, Any]:
    tensor = _tensor(column)
    if column.type in _LISTS:
        width = len(values[0]) if values else 0
        return {**tensor, "shape": [len(values), width], "data": [item for listed in values for item in listed]}
    return {**tensor, "shape": [len(values)], "data": values}
