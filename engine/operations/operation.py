"""What an operation is: its id, its typed request and answer, who may call it, and how dangerous it is."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from enum import StrEnum
from sys import intern
from typing import Any

from engine.access import Role
from store.rows import Rows, microseconds
from store.rows.frozen import dataclass

REQUEST_BYTES = 64 * 1024
ROWS_BYTES = 64 * 1024 * 1024
TOLD_BYTES = 4 * 1024 * 1024  # so that what is far too large is refused where it is put on record


class Danger(StrEnum):
    """How much care a face owes the person before it submits."""

    READ = "read"
    CHANGE = "change"  # reversible and cheap
    DANGEROUS = "dangerous"  # visible to others: dialog, or --yes
    IRREVERSIBLE = "irreversible"  # the name is typed, or --confirm NAME


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of a deck.

    `words` are the command line's words; `handler` is `module:function`, resolved on call, and takes
    `(service context, request)`. `answer` is a dataclass, or `many` of them. `job` says that the answer is a Job to be
    followed. `preview` names the operation whose answer is this one's `Preview` (for `--dry-run` and the dialog),
    `pages` the one whose answer is a page of these rows: `rows`, and `next`, the cursor of the page after it. `listed`
    is one that gives the same page for a table: of each row only what a list shows.
    """

    id: str
    words: tuple[str, ...]
    help: str
    request: type
    answer: type
    role: Role
    danger: Danger
    handler: str
    many: bool = False
    reversible: bool = False
    job: bool = False
    preview: str | None = None
    pages: str | None = None
    listed: str | None = None
    command_line: bool = True
    personal: str = ""  # how it tells of personal columns: statistics, masked, attributed, sought, copied
    takes_rows: bool = False  # rows of a caller's file: its request may be large
    on_record: bool = False  # a request that is refused for what it says, or for damage, is an event

    @property
    def most_bytes(self) -> int:
        """How large a request may be."""
        if self.takes_rows:
            return ROWS_BYTES
        return TOLD_BYTES if self.on_record else REQUEST_BYTES


def argument(
    help: str, *, flag: str | None = None, metavar: str | None = None, default: Any = dataclasses.MISSING
) -> Any:
    """Declare one request field: positional without `flag`, optional where a default is given."""
    metadata = {"help": help, "flag": flag, "metavar": metavar}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def from_body(kind: type, body: dict[str, Any]) -> Any:
    """Build a request or answer dataclass from JSON values; `*_at` fields come back as microseconds.

    Raises:
        TypeError: a field is unknown or missing, or has the wrong type.
    """
    if not isinstance(body, dict):
        raise TypeError(f"{kind.__name__} must be an object, got {type(body).__name__}")
    readers = _readers(kind)
    values = {}
    for name, value in body.items():
        reader = readers.get(name)
        if reader is None:
            raise TypeError(f"unknown field {name!r}")
        plain, _, read = reader
        if type(value) is not plain:
            values[name] = read(value)
        elif type(value) is str and len(value) <= SHORT:
            values[name] = intern(value)
        else:
            values[name] = value
    return kind(**values)


def rows_from_body(kind: type, bodies: list[Any]) -> tuple[Any, ...]:
    """Build many rows of one kind, by columns where all say the same fields.

    Raises:
        TypeError: as `from_body`, of one that is wrong.
    """
    names = _readers(kind).keys()
    if not bodies or any(type(body) is not dict or body.keys() != names for body in bodies):
        return tuple(from_body(kind, body) for body in bodies)
    return rows_from_columns(kind, {name: [body[name] for body in bodies] for name in names})


def rows_from_columns(kind: type, columns: dict[str, list[Any]]) -> tuple[Any, ...]:
    """Build rows of one kind from the values of each field: one look at a column costs less than one at each value.

    Raises:
        TypeError: a field is unknown or missing, or a value has the wrong type.
        ValueError: a column is longer than another.
    """
    return tuple(read_columns(kind, columns))


def read_columns(kind: type, columns: dict[str, list[Any]]) -> Rows:
    """Read the values of each field, and leave each row to be made where somebody asks for it.

    Raises:
        TypeError: a field is unknown or missing, or a value has the wrong type.
        ValueError: a column is longer than another.
    """
    readers = _readers(kind)
    if columns.keys() != readers.keys():
        raise TypeError(f"the columns are not those of {kind.__name__}")
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError(f"the columns of {kind.__name__} are not equally long")
    return Rows(kind, {name: _column(columns[name], *reader) for name, reader in readers.items()})


def _column(values: list[Any], plain: type | None, whole: frozenset[type], read: Read) -> list[Any]:
    """Read the values of one field, by one look where all are what is taken as it is, or whole numbers in range."""
    kinds = set(map(type, values))
    if kinds == {plain}:
        return _once(values) if plain is str else values
    if kinds <= whole:
        numbers = [value for value in values if value is not None]
        if not numbers or (min(numbers) >= -MOST_INT and max(numbers) <= MOST_INT):
            return values
    if kinds <= _TEXT_OR_NONE:
        known = {value: read(value) for value in set(values)}  # times, of which one is often that of many rows
        return [known[value] for value in values]
    return [read(value) for value in values]


def _once(values: list[str]) -> list[str]:
    """Keep each text once, where many rows say the same; a column of ids and names is left as it is."""
    known = set(values)
    if len(known) * 2 > len(values):
        return values
    shared = {value: intern(value) if len(value) <= SHORT else value for value in known}
    return [shared[value] for value in values]


MOST_INT = 2**63 - 1


Read = Callable[[Any], Any]


SHORT = 40  # texts up to here are kept once, however many rows say them: names of tasks, kinds, models, people
_AS_IT_IS = (str, bool, float)  # a value of exactly this type needs no reading
_WHOLE = frozenset((int,))
_TEXT_OR_NONE = frozenset((str, type(None)))
_WHOLE_OR_NONE = frozenset((int, type(None)))


@functools.cache
def _readers(kind: type) -> dict[str, tuple[type | None, frozenset[type], Read]]:
    """Return of each field which type is taken as it is, which a column of whole numbers has, how all else is read.

    Looking at the hints costs many times what a value does.
    """
    hints = typing.get_type_hints(kind)
    named = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {name: (_taken(hint), _whole_of(hint), _reader(hint, name)) for name, hint in named.items()}


def _taken(hint: Any) -> type | None:
    if typing.get_origin(hint) is dict:
        return dict
    return hint if hint in _AS_IT_IS else None


def _whole_of(hint: Any) -> frozenset[type]:
    if hint is int:
        return _WHOLE
    return _WHOLE_OR_NONE if hint == (int | None) else frozenset()


def _reader(hint: Any, name: str) -> Read:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(hint, name)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return lambda value: from_body(hint, value)
    if origin is tuple:
        return _sequence(_reader(typing.get_args(hint)[0], name), name)
    if origin is dict:
        return _object(name)
    if hint is int:
        return _whole(name, is_time=name == "at" or name.endswith("_at"))
    if hint is float:
        return _decimal(name)
    if hint in (str, bool):
        return _plain(hint, name)
    return lambda value: value


def _optional(hint: Any, name: str) -> Read:
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    nullable = len(options) < len(typing.get_args(hint))
    read: Read = _reader(options[0], name) if len(options) == 1 else lambda value: value
    return (lambda value: None if value is None else read(value)) if nullable else read


def _sequence(inner: Read, name: str) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise TypeError(f"field {name!r} must be a list, got {type(value).__name__}")
        return tuple(inner(item) for item in value)

    return read


def _object(name: str) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise TypeError(f"field {name!r} must be an object, got {type(value).__name__}")
        return value

    return read


def _whole(name: str, *, is_time: bool) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not int:
            if is_time and isinstance(value, str):
                return microseconds(value)
            raise TypeError(f"field {name!r} must be int, got {type(value).__name__}")
        if not -MOST_INT <= value <= MOST_INT:
            raise TypeError(f"field {name!r} is beyond what 64 bits hold")
        return value

    return read


def _decimal(name: str) -> Read:
    def read(value: Any) -> Any:
        if type(value) is float:
            return value
        if type(value) is int and -MOST_INT <= value <= MOST_INT:
            return float(value)
        raise TypeError(f"field {name!r} must be float, got {type(value).__name__}")

    return read


def _plain(wanted: type, name: str) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError(f"field {name!r} must be {wanted.__name__}, got {type(value).__name__}")
        return value

    return read
