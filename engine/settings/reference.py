"""Every key that deck.toml and a model file know: what it takes, what it is without being said, and what it is for.

Types, bounds and defaults are read from the schema that the files are checked by, so that they cannot differ from it.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.settings.durations import seconds, written
from engine.settings.key_texts import DECK, MODEL
from engine.settings.schema import DeckFile, LimitTable, ModelFile

DECK_FILE, MODEL_FILE = "deck.toml", "models/*.toml"
_METRIC = "gates.METRIC"  # [gates] takes a table for each metric, which the schema holds as what is not named
_SIGNS = {Ge: "at least", Gt: "above", Le: "at most", Lt: "below"}
_BOUNDS = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}
_KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "table"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `kind` says what it takes, `default` what holds where it is not said, empty where nothing does.

    A key that must be said has the default `required` of its table; a table's own is empty.
    """

    file: str
    key: str
    kind: str
    default: str
    what: str


def keys() -> tuple[Key, ...]:
    """Return every key, in the order of the files."""
    return (*_walk(DECK_FILE, DeckFile, "", DECK), *_walk(MODEL_FILE, ModelFile, "", MODEL))


def _walk(file: str, table: type[BaseModel], path: str, texts: dict[str, str]) -> Iterator[Key]:
    for name, field in table.model_fields.items():
        key = f"{path}{field.alias or name}"
        inner = list(_tables(field.annotation))
        if not inner:
            yield Key(file, key, _kind(field), _default(field), texts[key])
            continue
        yield Key(file, key, "table", "", texts[key])
        for suffix, below in inner:
            yield from _walk(file, below, f"{key}{suffix}.", texts)
        if key == "gates":
            yield from _walk(file, LimitTable, f"{_METRIC}.", texts)


def _tables(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the tables within a type, each with how it hangs on its key: itself, by name, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    origin = typing.get_origin(annotation)
    suffix = ".NAME" if origin is dict else "[]" if origin in (list, tuple) else ""
    for argument in typing.get_args(annotation):
        yield from ((suffix + below, table) for below, table in _tables(argument))


def _kind(field: FieldInfo) -> str:
    said, bounds = _plain(field.annotation)
    bounds = [*bounds, *field.metadata]
    if _is_duration(bounds):
        return "duration"
    found = {type(bound): getattr(bound, _BOUNDS[type(bound)]) for bound in bounds if type(bound) in _BOUNDS}
    if Ge in found and Le in found:
        return f"{said}, {found[Ge]:,} to {found[Le]:,}"
    return ", ".join([said, *(f"{_SIGNS[kind]} {limit:,}" for kind, limit in found.items())])


def _plain(annotation: Any) -> tuple[str, list[Any]]:
    """Return a type in words, and what is said of it beside."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        said, bounds = _plain(arguments[0])
        inner = [bound for one in arguments[1:] for bound in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return said, [*bounds, *inner]
    if origin is typing.Literal:
        return ", ".join(f'"{one}"' for one in arguments), []
    if origin in (list, tuple):
        return f"list of {_plural(_plain(arguments[0])[0])}", []
    if origin is dict:
        return "table", []
    if arguments:  # a union
        found = [_plain(one) for one in arguments if one is not type(None)]
        return " or ".join(said for said, _ in found), [bound for _, bounds in found for bound in bounds]
    return _KINDS[annotation], []


def _plural(said: str) -> str:
    return said if '"' in said or " or " in said else f"{said}s"


def _is_duration(bounds: list[Any]) -> bool:
    return any(getattr(bound, "func", None) is seconds for bound in bounds)


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ("", [], ()):
        return ""
    if _is_duration([*_plain(field.annotation)[1], *field.metadata]):
        return f'"{written(default)}"'
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, list):
        return "[" + ", ".join(f'"{one}"' for one in default) + "]"
    return f'"{default}"' if isinstance(default, str) else f"{default:g}"
