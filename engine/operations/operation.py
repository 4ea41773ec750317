"""What an operation is: its id, its typed request and answer, who may call it, and how dangerous it is."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any

from engine.access import Role
from store.rows import microseconds
from store.rows.frozen import dataclass

REQUEST_BYTES = 64 * 1024
ROWS_BYTES = 64 * 1024 * 1024


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
    `pages` the one whose answer is a page of these rows: `rows`, and `next`, the cursor of the page after it.
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
    command_line: bool = True
    takes_rows: bool = False  # rows of a caller's file: its request may be large

    @property
    def most_bytes(self) -> int:
        """How large a request may be."""
        return ROWS_BYTES if self.takes_rows else REQUEST_BYTES


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
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    for name in body:
        if name not in known:
            raise TypeError(f"unknown field {name!r}")
    return kind(**{name: _value(hints[name], value, name) for name, value in body.items()})


MOST_INT = 2**63 - 1
_NAMES = {list: "a list", dict: "an object"}


def _value(hint: Any, value: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return _value(options[0], value, name) if len(options) == 1 else value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_body(hint, value)
    wanted = list if origin is tuple else dict if origin is dict or dataclasses.is_dataclass(hint) else None
    if wanted is not None and not isinstance(value, wanted):
        raise TypeError(f"field {name!r} must be {_NAMES[wanted]}, got {type(value).__name__}")
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, item, name) for item in value)
    if (name == "at" or name.endswith("_at")) and isinstance(value, str) and hint is int:
        return microseconds(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) <= MOST_INT else value
    if isinstance(hint, type) and hint in (str, int, float, bool) and (type(value) is not hint):
        raise TypeError(f"field {name!r} must be {hint.__name__}, got {type(value).__name__}")
    if hint is int and abs(value) > MOST_INT:
        raise TypeError(f"field {name!r} is beyond what 64 bits hold")
    return value
