"""A model's own description: OpenAPI 3.1 made from its signature, with an example that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.serving.contract import MAX_ROWS, Column, Signature

_TYPES: dict[str, dict[str, Any]] = {
    "double": {"type": "number"},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]},
    "list<string>": {"type": "array", "items": {"type": "string"}},
    "list<double>": {"type": "array", "items": {"type": "number"}},
}
_EXAMPLES: dict[str, Any] = {
    "double": 1.5,
    "long": 1,
    "string": "text",
    "boolean": True,
    "datetime": "2026-01-31T12:00:00Z",
}
_ERRORS = {
    "400": "The request is not of its form.",
    "413": "The body, or the number of rows, is too large.",
    "415": "The body's Content-Encoding is not taken.",
    "422": "A value does not fit its column: `row` counts from 0.",
    "429": "More is asked than can be answered in time. `Retry-After` says when to ask again.",
    "500": "The model failed on rows that fit.",
    "503": "Not ready, too many connections, or the log takes nothing. `Retry-After` says when to ask again.",
    "504": "The request's own deadline passed before the model was asked.",
}


def example_of(signature: Signature, rows: Sequence[Mapping[str, Any]], personal: Sequence[str] = ()) -> dict[str, Any]:
    """Return a row that fits: the first of `rows`, without what is personal in it."""
    row = dict(rows[0]) if rows else {}
    for column in signature.inputs:
        if column.name in personal or (column.name not in row and not column.nullable):
            row[column.name] = _EXAMPLES[column.type]
    return {column.name: row[column.name] for column in signature.inputs if column.name in row}


def openapi(
    model: str, version: int, signature: Signature, example: Mapping[str, Any], also: Sequence[str], product: str
) -> dict[str, Any]:
    """Return the OpenAPI document of a server; `also` names columns that a row may carry beside the inputs."""
    error = {"$ref": "#/components/schemas/Error"}
    fault = {"$ref": "#/components/schemas/InferError"}
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}, "minItems": 1, "maxItems": MAX_ROWS}
    wrapped = {"type": "object", "properties": {"rows": rows}, "required": ["rows"]}
    paths: dict[str, Any] = {
        "/predict": {
            "post": {
                "operationId": "predict",
                "summary": f"What {model} says of each row",
                "parameters": _headers(),
                "requestBody": _body({"oneOf": [rows, wrapped]}, {"rows": [dict(example)]}),
                "responses": _responses({"$ref": "#/components/schemas/Predictions"}, error),
            }
        },
        f"/v2/models/{model}/infer": {
            "post": {
                "operationId": "infer",
                "summary": "The same by the Open Inference Protocol V2, a tensor for each column",
                "parameters": _headers(),
                "requestBody": _body({"$ref": "#/components/schemas/Infer"}, _tensors(signature, example)),
                "responses": _responses({"type": "object", "required": ["model_name", "outputs"]}, fault),
            }
        },
    }
    for path, (summary, kind) in _looks(model).items():
        answer = {"description": "As asked.", "content": {kind: {}}}
        unready = {"503": {"description": "Not ready."}} if path.endswith("ready") else {}
        paths[path] = {"get": {"summary": summary, "responses": {"200": answer, **unready}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{model}@{version}",
            "version": str(version),
            "description": f"Version {version} of the model {model}, served by modeldeck {product}.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": _schemas(signature, also)},
    }


def _looks(model: str) -> dict[str, tuple[str, str]]:
    text = "application/json"
    return {
        "/health/live": ("Whether the process answers", text),
        "/health/ready": ("Whether its golden requests are answered as recorded", text),
        "/metrics": ("Counters as Prometheus text", "text/plain"),
        "/openapi.json": ("This document", text),
        "/docs": ("The same as a page", "text/html"),
        "/v2": ("V2: the server", text),
        "/v2/health/live": ("V2: whether the process answers", text),
        "/v2/health/ready": ("V2: whether the model is ready", text),
        f"/v2/models/{model}": ("V2: the model's tensors", text),
        f"/v2/models/{model}/ready": ("V2: whether the model is ready", text),
    }


def _headers() -> list[dict[str, Any]]:
    timeout = {"type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"}
    return [
        {
            "name": "grpc-timeout",
            "in": "header",
            "schema": timeout,
            "description": "For how long an answer is of use.",
            "example": "500m",
        },
        {
            "name": "x-modeldeck-client-id",
            "in": "header",
            "schema": {"type": "string", "maxLength": 200},
            "description": "The caller's own id, kept with the predictions.",
        },
    ]


def _body(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _responses(schema: Mapping[str, Any], error: Mapping[str, Any]) -> dict[str, Any]:
    fine = {"description": "Answered, and on record.", "content": {"application/json": {"schema": schema}}}
    failed = {
        status: {"description": told, "content": {"application/json": {"schema": error}}}
        for status, told in _ERRORS.items()
    }
    return {"200": fine, **failed}


def _schemas(signature: Signature, also: Sequence[str]) -> dict[str, Any]:
    columns = {column.name: _value(column) for column in signature.inputs}
    place = {"code": {"type": "string"}, "row": {"type": "integer"}, "column": {"type": "string"}}
    told = {"type": "object", "properties": {**place, "message": {"type": "string"}}, "required": ["code", "message"]}
    outputs = {column.name: _value(column) for column in signature.outputs}
    record = {"prediction_id": {"type": "string"}, **outputs}
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string", "enum": [column.name for column in signature.inputs]},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
            "datatype": {"type": "string"},
            "data": {"type": "array"},
            "parameters": {"type": "object"},
        },
    }
    return {
        "Row": {
            "type": "object",
            "properties": {**columns, **{name: {} for name in also if name not in columns}},
            "required": [column.name for column in signature.inputs if not column.nullable],
            "additionalProperties": False,
        },
        "Predictions": {
            "type": "object",
            "required": ["model", "version", "request_id", "predictions"],
            "properties": {
                "model": {"type": "string"},
                "version": {"type": "integer"},
                "request_id": {"type": "string"},
                "predictions": {
                    "type": "array",
                    "items": {"type": "object", "properties": record, "required": list(record)},
                },
            },
        },
        "Infer": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": {"type": "string"},
                "inputs": {"type": "array", "items": tensor, "minItems": 1},
                "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}},
                "parameters": {"type": "object"},
            },
        },
        "Error": {"type": "object", "properties": {"error": told}, "required": ["error"]},
        "InferError": {"type": "object", "properties": {"error": {"type": "string"}, **place}, "required": ["error"]},
    }


def _value(column: Column) -> dict[str, Any]:
    schema = dict(_TYPES[column.type])
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
        if "anyOf" in schema:
            schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _tensors(signature: Signature, example: Mapping[str, Any]) -> dict[str, Any]:
    from engine.serving.v2 import metadata

    datatypes = {one["name"]: one["datatype"] for one in metadata("", 0, signature)["inputs"]}
    return {
        "inputs": [
            {"name": name, "shape": [1], "datatype": datatypes[name], "data": [value]}
            for name, value in example.items()
        ]
    }
