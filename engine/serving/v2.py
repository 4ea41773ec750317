"""The Open Inference Protocol V2 over rows: one input tensor per column, one output tensor per output column.

Tensors come and go as JSON or in binary (the extension `binary_tensor_data`, see `engine.serving.tensors`). In binary a
NaN is null: there is no other way to write one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import Any

import orjson

from engine.serving import tensors
from engine.serving.contract import MAX_ROWS, Column, InputError, Signature
from engine.serving.http import read_json

LENGTH = b"inference-header-content-length"
EXTENSIONS = ["binary_tensor_data"]
_DATATYPES = {"double": "FP64", "long": "INT64", "string": "BYTES", "boolean": "BOOL", "datetime": "BYTES"}
_NUMBERS = frozenset(("FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"))
_WIDE = _NUMBERS | {"BF16"}  # what a column of numbers takes; BF16 in binary only, as the protocol says
_KNOWN = _WIDE | {"BOOL", "BYTES"}
_ACCEPTED = {
    "double": _WIDE,
    "long": _WIDE,
    "string": frozenset(("BYTES",)),
    "boolean": frozenset(("BOOL",)),
    "datetime": frozenset(("BYTES",)),
}
_LISTS = {"list<string>": "BYTES", "list<double>": "FP64"}  # outputs of a ranking: one row of the tensor per answer
_SHARED = ("shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")


@dataclass(frozen=True, slots=True)
class Infer:
    """An infer request: its rows, its id, the outputs asked for, each in binary or not, and how long it may wait."""

    rows: list[dict[str, Any]]
    id: str | None
    outputs: Sequence[tuple[Column, bool]]
    timeout_s: float


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


def read(body: bytes, length: bytes | None, signature: Signature) -> Infer:
    """Return an infer request; values are checked later, as those of any row. `length` is of its JSON, if told.

    Raises:
        InputError: 400 for a wrong form, shape or datatype; 413 for too many rows.
    """
    told, binary = _split(body, length)
    if not isinstance(told, dict):
        raise InputError(f"the request must be an object, got {type(told).__name__}", status=400)
    given = told.get("id")
    if given is not None and not isinstance(given, str):
        raise InputError('"id" must be text', status=400)
    settings = _parameters(told, "the request")
    return Infer(_rows(told, binary, signature), given, _outputs(told, settings, signature), _timeout(settings))


def _split(body: bytes, length: bytes | None) -> tuple[Any, memoryview]:
    whole = memoryview(body)
    if length is None:
        return read_json(body), whole[:0]
    if not length.isdigit() or len(length) > 12 or int(length) > len(body):
        told = length.decode("latin-1")[:20]
        raise InputError(f"Inference-Header-Content-Length is {told!r}, the body has {len(body)} bytes", status=400)
    if int(length) == 0:
        raise InputError("a raw binary request names no columns, send its JSON too", status=400)
    return read_json(whole[: int(length)]), whole[int(length) :]


def _parameters(holder: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    found = holder.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f'"parameters" of {what} must be an object', status=400)
    return found


def _timeout(settings: Mapping[str, Any]) -> float:
    micros = settings.get("timeout")
    if micros is None or micros == 0:
        return inf
    if type(micros) is not int or micros < 0:
        raise InputError('"timeout" of the request must be a whole number of microseconds', status=400)
    return micros / 1e6


def _rows(told: Mapping[str, Any], binary: memoryview, signature: Signature) -> list[dict[str, Any]]:
    inputs = told.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise InputError('the request needs "inputs", a list of tensors', status=400)
    types = {column.name: column.type for column in signature.inputs}
    columns: dict[str, list[Any]] = {}
    count = -1
    start = 0
    for place, tensor in enumerate(inputs):
        name, shape, datatype = _head(tensor, place, types)
        if name in columns:
            raise InputError(f"input {name!r} is given twice", column=name, status=400)
        if shape[0] > MAX_ROWS:
            raise InputError(f"{shape[0]} rows in one request, at most {MAX_ROWS} are taken", status=413)
        settings = _parameters(tensor, f"input {name!r}")
        if any(word in settings for word in _SHARED):
            raise InputError(f"input {name!r}: shared memory is not offered", column=name, status=400)
        if "binary_data_size" in settings:
            size = settings["binary_data_size"]
            if type(size) is not int or size < 0:
                raise InputError(f"input {name!r} needs a binary_data_size in bytes", column=name, status=400)
            if "data" in tensor:
                raise InputError(f"input {name!r} has data in JSON and in binary", column=name, status=400)
            if start + size > len(binary):
                raise InputError(
                    f"input {name!r} has {size} bytes of binary data, the body holds {len(binary) - start} more",
                    column=name,
                    status=400,
                )
            data = tensors.decode(binary[start : start + size], datatype, shape[0], name)
            start += size
        else:
            data = _listed(tensor, shape, datatype, name)
        if count not in (-1, len(data)):
            raise InputError(f"input {name!r} has {len(data)} rows, those before it {count}", column=name, status=400)
        count = len(data)
        columns[name] = data
    if start != len(binary):
        raise InputError(f"{len(binary) - start} bytes follow the last tensor", status=400)
    if count == 0:
        raise InputError("the request holds no rows", status=400)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _head(tensor: Any, place: int, types: Mapping[str, str]) -> tuple[str, list[int], str]:
    """Return name, shape ([n] or [n, 1]) and datatype of one tensor."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise InputError(f"inputs[{place}] must be a tensor with a name", status=400)
    name = tensor["name"]
    shape, datatype = tensor.get("shape"), tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in _KNOWN:
        told = repr(datatype)[:40]
        raise InputError(f"input {name!r} has an unknown datatype {told}", column=name, status=400)
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InputError(f"input {name!r} needs a shape, a list of whole numbers", column=name, status=400)
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        told = f"{shape[:4]}"
        raise InputError(f"input {name!r} has shape {told}, a column is [n] or [n, 1]", column=name, status=400)
    accepted = _ACCEPTED.get(types.get(name, ""), _KNOWN)
    if datatype not in accepted:
        raise InputError(
            f"input {name!r} cannot be {datatype}, it takes {', '.join(sorted(accepted))}", column=name, status=400
        )
    return name, shape, datatype


def _listed(tensor: Mapping[str, Any], shape: list[int], datatype: str, name: str) -> list[Any]:
    data = tensor.get("data")
    if not isinstance(data, list):
        raise InputError(f"input {name!r} needs data, a list", column=name, status=400)
    if datatype == "BF16":
        raise InputError(f"input {name!r}: BF16 is taken in binary only", column=name, status=400)
    if len(shape) == 2 and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if len(data) != prod(shape):
        raise InputError(f"input {name!r} has shape {shape} but {len(data)} values", column=name, status=400)
    return data


def _outputs(
    told: Mapping[str, Any], settings: Mapping[str, Any], signature: Signature
) -> Sequence[tuple[Column, bool]]:
    """Return the output columns asked for, all where none is named, and whether each is wanted in binary."""
    usual = _flag(settings, "binary_data_output", "the request")
    asked = told.get("outputs")
    if not asked:
        return [(column, usual) for column in signature.outputs]
    known = {column.name: column for column in signature.outputs}
    if not isinstance(asked, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"] in known for one in asked
    ):
        raise InputError(f"outputs must name some of {', '.join(known)}", status=400)
    wanted: list[tuple[Column, bool]] = []
    for one in asked:
        name = one["name"]
        own = _parameters(one, f"output {name!r}")
        for word in ("classification", *_SHARED):
            if own.get(word):
                raise InputError(f"output {name!r}: {word} is not offered", column=name, status=400)
        wanted.append((known[name], _flag(own, "binary_data", f"output {name!r}") if "binary_data" in own else usual))
    return wanted


def _flag(settings: Mapping[str, Any], name: str, what: str) -> bool:
    found = settings.get(name, False)
    if type(found) is not bool:
        raise InputError(f"{name} of {what} must be true or false", status=400)
    return found


def answer(
    model: str, version: int, request_id: str, infer: Infer, outputs: Sequence[Mapping[str, Any]]
) -> tuple[bytes, int | None]:
    """Return the body of an infer answer, and the length of its JSON where binary tensors follow it.

    A row's prediction id is `<request_id>-<row>`.
    """
    found: dict[str, Any] = {"model_name": model, "model_version": str(version)}
    if infer.id is not None:
        found["id"] = infer.id
    found["parameters"] = {"request_id": request_id}
    tails: list[bytes] = []
    listed = found["outputs"] = []
    for column, in_binary in infer.outputs:
        tensor, values = _filled(column, [record[column.name] for record in outputs])
        if in_binary:
            tails.append(tensors.encode(values, tensor["datatype"]))
            listed.append({**tensor, "parameters": {"binary_data_size": len(tails[-1])}})
        else:
            listed.append({**tensor, "data": values})
    told = orjson.dumps(found)
    return (b"".join((told, *tails)), len(told)) if tails else (told, None)


def _filled(column: Column, values: list[Any]) -> tuple[dict[str, Any], list[Any]]:
    tensor = _tensor(column)
    if column.type in _LISTS:
        width = len(values[0]) if values else 0
        return {**tensor, "shape": [len(values), width]}, [item for listed in values for item in listed]
    return {**tensor, "shape": [len(values)]}, values
