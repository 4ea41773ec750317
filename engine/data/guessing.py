"""What a table is about, guessed from its columns, for the first draft of a model file. A person corrects it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from store.errors import Refused

MOST_CLASSES = 20  # a whole number of no more values is taken for a class
SHOWN = 3  # columns that are told by name
FEWEST = 20  # rows, of which every one being different says something
HALF = 0.5  # of the rows: more values than that are no classes, and so many addresses make a column of them

_PERSONAL_WORDS = (
    "email", "mail", "phone", "mobile", "ssn", "passport", "iban", "surname", "firstname", "lastname", "fullname",
    "address", "street", "birthday", "birthdate", "dob", "username",
)  # fmt: skip
_WORD = re.compile(r"[a-z]+|[0-9]+")
_MAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


@dataclass(frozen=True, slots=True)
class Guess:
    """What columns seem to be. `id_column` and `personal` are never the target."""

    task: str
    time_column: str | None
    id_column: str | None
    personal: tuple[str, ...]
    rows: int
    columns: int


def guess(table: pa.Table, target: str) -> Guess:
    """Guess from names, types and values.

    Raises:
        Refused: there is no such target, or nothing in it to learn.
    """
    if target not in table.column_names:
        raise Refused(f"no column {target!r}: there are {', '.join(table.column_names)}", "name the column to predict")
    if table.num_rows == table[target].null_count:
        raise Refused(f"column {target!r} holds nothing to learn from", "name another target, or look at the source")
    if pa.types.is_temporal(table.schema.field(target).type):
        raise Refused(f"column {target!r} holds times, which are not predicted", "name another target")
    others = [name for name in table.column_names if name != target]
    times = [name for name in others if pa.types.is_temporal(table.schema.field(name).type)]
    return Guess(
        task=_task(table[target]),
        time_column=times[0] if times else None,
        id_column=next((name for name in others if _is_id(name, table[name])), None),
        personal=tuple(name for name in others if _is_personal(name, table[name])),
        rows=table.num_rows,
        columns=table.num_columns,
    )


def id_like(table: pa.Table, names: Iterable[str]) -> list[str]:
    """Return those of some columns that seem to name rows: from what is different in each row nothing is learned.

    Such are an id by its name, a text without a space, and whole numbers without a gap, where no value comes twice.
    """
    if table.num_rows < FEWEST:
        return []
    return [name for name in names if _is_id(name, table[name]) or _names_rows(table[name])]


def _names_rows(column: pa.ChunkedArray) -> bool:
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if column.null_count or not (is_text or pa.types.is_integer(column.type)):
        return False
    if pc.count_distinct(column).as_py() < len(column):
        return False
    if is_text:
        return not pc.any(pc.match_substring_regex(column, r"\s")).as_py()
    ends = pc.min_max(column).as_py()
    return bool(ends["max"] - ends["min"] == len(column) - 1)


def id_like_told(names: Sequence[str]) -> str:
    """Say what columns that seem to name rows are, and what to do; empty where there are none."""
    if not names:
        return ""
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return f"different in every row, as ids are: {shown}; name it in id_column, or leave it out by [data] features"


def _task(column: pa.ChunkedArray) -> str:
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        return "classification"
    distinct = pc.count_distinct(column).as_py()
    is_whole = pa.types.is_integer(column.type) or pc.all(pc.equal(pc.floor(column), column)).as_py()
    few = distinct <= MOST_CLASSES and distinct <= HALF * len(column)
    return "classification" if is_whole and few else "regression"


def _is_id(name: str, column: pa.ChunkedArray) -> bool:
    words = _words(name)
    return words[-1:] == ["id"] and pc.count_distinct(column).as_py() == len(column) and column.null_count == 0


def _is_personal(name: str, column: pa.ChunkedArray) -> bool:
    words = _words(name)
    if any(word in _PERSONAL_WORDS for word in (*words, "".join(words))):
        return True
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return False
    seen = column.drop_null().slice(0, 1000)
    return len(seen) > 0 and pc.mean(pc.cast(pc.match_substring_regex(seen, _MAIL), pa.int8())).as_py() > HALF


def _words(name: str) -> list[str]:
    return _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
