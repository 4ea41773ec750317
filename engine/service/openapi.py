"""The service described as OpenAPI 3.1, generated from the operations."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from engine.operations.catalog import OPERATIONS
from engine.operations.operation import Operation
from engine.product import VERSION

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def openapi() -> dict[str, Any]:
    """Return the whole document."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths = {f"/v1/op/{operation.id}": {"post": _path(operation, schemas)} for operation in OPERATIONS.values()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "modeldeck", "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "exit_code": {"type": "integer"},
            },
        }
    },
}


def _path(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answer = _schema(operation.answer, schemas)
    if operation.many:
        answer = {"type": "array", "items": answer}
    envelope = {
        "type": "object",
        "properties": {
            "product": {"type": "string"},
            "schema": {"type": "integer"},
            "contract": {"type": "string"},
            "answer": answer,
        },
    }
    return {
        "operationId": operation.id,
        "summary": operation.help,
        "x-role": operation.role.name.lower(),
        "x-danger": operation.danger.value,
        "x-job": operation.job,
        "requestBody": {"content": {"application/json": {"schema": _schema(operation.request, schemas)}}},
        "responses": {
            "200": {"description": "the answer", "content": {"application/json": {"schema": envelope}}},
            "default": {
                "description": "an error, with the command line's exit code",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }


def _schema(hint: Any, schemas: dict[str, Any], name: str = "") -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [_schema(option, schemas, name) for option in inner if option is not type(None)]
        return {"anyOf": [*options, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], schemas)}
    if origin is dict:
        value = inner[1]
        return {"type": "object", "additionalProperties": True if value is Any else _schema(value, schemas)}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _reference(hint, schemas)
    if hint is int and (name == "at" or name.endswith("_at")):
        return {"type": "string", "format": "date-time"}
    return {"type": _PLAIN[hint]} if hint in _PLAIN else {}


def _reference(kind: type, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in schemas:
        described: dict[str, Any] = {"type": "object", "description": kind.__doc__ or ""}
        schemas[kind.__name__] = described
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(kind)
        described["properties"] = {field.name: _field(field, hints[field.name], schemas) for field in fields}
        described["required"] = [
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        described["additionalProperties"] = False
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _field(field: dataclasses.Field[Any], hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    described = _schema(hint, schemas, field.name)
    if "help" in field.metadata:
        described = {**described, "description": field.metadata["help"]}
    return described
