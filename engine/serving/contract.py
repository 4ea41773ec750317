"""What both sides of the server's wall agree on: signature, columns of records, coding of rows, typed input errors.

Standard library only at import. A column type is one of `double, long, string, boolean, datetime`. A value is coded
from JSON: numbers for double and long (a long may be written 3.0), true/false, text, and RFC 3339 or `YYYY-MM-DD` text
for datetime, where a time with an offset becomes UTC and one without is taken as it stands. Null is allowed only in
nullable columns; a nullable column may be left out of a row. Output columns may also be lists, `list<string>` and
`list<double>`, of one length in all answers of a version.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

CONTRACT = 2  # what 2 added: one line of the prediction log for several rows
TYPES = ("double", "long", "string", "boolean", "datetime")
MAX_ROWS = 10_000  # rows of one request
MAX_BODY = 16 * 1024 * 1024  # bytes of one request
DROPPED_BODY = 16 * MAX_BODY  # up to here a too large body is read and dropped before it is refused

_LONG = 2**63
_NAMES = {bool: "a boolean", int: "a number", float: "a number", str: "text", dict: "an object", list: "a list"}
_WANTED = {
    "double": "a number",
    "long": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a time such as 2017-08-01 or 2017-08-01T12:00:00Z",
}


class InputError(ValueError):
    """A request that cannot be answered; `row` counts from 0 and `status` is the HTTP status. Never shows a value."""

    def __init__(
        self, message: str, *, row: int | None = None, column: str | None = None, status: int = 422, code: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.row = row
        self.column = column
        self.status = status
        self.code = code or {400: "bad_request", 413: "too_large"}.get(status, "invalid_input")

    def body(self) -> dict[str, Any]:
        """Return the JSON error object, leaving out what does not apply."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.row is not None:
            found["row"] = self.row
        if self.column is not None:
            found["column"] = self.column
        return found


@dataclass(frozen=True, slots=True)
class Column:
    """One named, typed column."""

    name: str
    type: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Input columns in the order the model sees them, output columns, and the classes as text in the model's order."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form kept with a version."""
        body: dict[str, Any] = {
            "inputs": [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in self.inputs],
            "outputs": [{"name": c.name, "type": c.type} for c in self.outputs],
        }
        if self.classes:
            body["classes"] = list(self.classes)
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Signature:
        """Rebuild from `to_json`."""
        return cls(
            tuple(Column(c["name"], c["type"], bool(c.get("nullable", False))) for c in body["inputs"]),
            tuple(Column(c["name"], c["type"]) for c in body["outputs"]),
            tuple(body.get("classes", ())),
        )


def class_text(value: Any) -> str:
    """Write a class label as text, the same wherever labels meet: `true`/`false`, `1` for 1 and 1.0, else `str`."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def output_columns(task: str, classes: Sequence[str] = (), interval: bool = False) -> tuple[Column, ...]:
    """Return the columns of a prediction record: `value[, low, high]`, or a class's, or `items, scores`.

    Those of a class are `label, score, scores.<class>`.
    """
    if task == "ranking":
        return (Column("items", "list<string>"), Column("scores", "list<double>"))
    if task == "classification":
        scores = (Column(f"scores.{name}", "double") for name in classes)
        return (Column("label", "string"), Column("score", "double"), *scores)
    return tuple(Column(name, "double") for name in (("value", "low", "high") if interval else ("value",)))


def ranks(signature: Signature) -> bool:
    """Say whether answers are ranked lists of items."""
    return bool(signature.outputs) and signature.outputs[0].name == "items"


def task_of(signature: Signature) -> str:
    """Return the task that a signature answers: classification, ranking, else regression (a forecast answers alike)."""
    if ranks(signature):
        return "ranking"
    return "classification" if signature.classes else "regression"


def code_rows(rows: Sequence[Any], signature: Signature, also: Sequence[str] = (), *, first_row: int = 0) -> Coded:
    """Check rows and turn them into the values of each input column, in the signature's order.

    `also` names columns that a row may carry without being an input (the time column). Datetimes come out as naive
    `datetime`. `first_row` is added to the row number in errors.

    Raises:
        InputError: 400 where a row is no object, 422 naming row and column otherwise.
    """
    return RowCoder(signature, also).code(rows, first_row)


class OneRow(Mapping[str, tuple[Any]]):
    """The coded columns of one row whose values need no coding: the row itself, and its cells in the signature's order.

    Most requests are one row. Made as a list for each column, they would be taken apart again where the model is asked.
    """

    __slots__ = ("cells", "names", "row")

    def __init__(self, names: Sequence[str], cells: tuple[Any, ...], row: Mapping[str, Any]) -> None:
        self.names = names
        self.cells = cells
        self.row = row

    def __getitem__(self, name: str) -> tuple[Any]:
        return (self.row[name],)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


Coded = Mapping[str, Sequence[Any]]  # columns of rows


def count_of(coded: Coded) -> int:
    """Return how many rows coded columns hold."""
    return 1 if type(coded) is OneRow else len(next(iter(coded.values()), ()))


def together(parts: Sequence[Coded]) -> Coded:
    """Return the rows of several as one, in their order."""
    ones = [one for one in parts if type(one) is OneRow]
    if len(ones) == len(parts):
        return dict(zip(ones[0].names, zip(*[one.cells for one in ones], strict=True), strict=True))
    joined = {name: list(values) for name, values in parts[0].items()}
    for coded in parts[1:]:
        for name, values in coded.items():
            joined[name] += values
    return joined


class RowCoder:
    """Checks and codes rows of one signature; what does not change from request to request is made once."""

    def __init__(self, signature: Signature, also: Sequence[str] = ()) -> None:
        names = [column.name for column in signature.inputs]
        self._known = frozenset({*names, *also})
        self._columns = [(c.name, _QUICK[c.type], _CODERS[c.type], c) for c in signature.inputs]
        self._names = names
        self._all = itemgetter(*names) if len(names) > 1 else None
        # what cells are where none needs coding, not to be met where a column must be coded
        self._types = tuple(_AS_THEY_ARE.get(c.type) for c in signature.inputs)
        self._longs = [at for at, column in enumerate(signature.inputs) if column.type == "long"]

    def code(self, rows: Sequence[Any], first_row: int = 0) -> Coded:
        """Return the values of each input column; see `code_rows`."""
        if len(rows) == 1:
            self._check(rows, first_row)
            return self._code_one(rows, first_row)
        coded: dict[str, list[Any]] = {}
        for (name, _, code, column), values in zip(self._columns, self._turned(rows, first_row), strict=True):
            # only a column that does not fit as a whole is looked at one by one
            whole = _whole(values, column)
            coded[name] = _each(values, column, rows, first_row, code) if whole is None else whole
        return coded

    def _turned(self, rows: Sequence[Any], first_row: int) -> list[list[Any]]:
        """Return the values of each input column, None where a row leaves it out."""
        if len(self._names) > 1 and set(map(type, rows)) == {dict}:
            own = {name: name for name in rows[0]}  # a parser gives all rows the same texts: found without comparing
            try:
                turned = list(
                    map(list, zip(*map(itemgetter(*[own[name] for name in self._names]), rows), strict=False))
                )
                if sum(map(len, rows)) == len(rows) * len(turned):
                    return turned  # every row has all of the columns, and nothing else
            except KeyError:
                pass
        self._check(rows, first_row)
        return [[row.get(name) for row in rows] for name, *_ in self._columns]

    def _check(self, rows: Sequence[Any], first_row: int) -> None:
        known = self._known
        for number, row in enumerate(rows, first_row):
            if type(row) is not dict:
                raise InputError(f"row {number} must be an object of columns, got {_kind(row)}", row=number, status=400)
            if not known.issuperset(row):
                raise _unknown(next(name for name in row if name not in known), set(known), number)

    def _code_one(self, rows: Sequence[Any], first_row: int) -> Coded:
        """Code the one row of most requests, without a loop in a loop."""
        if self._all is not None and len(rows[0]) == len(self._names):
            with suppress(KeyError):
                cells = self._all(rows[0])
                if tuple(map(type, cells)) == self._types and all(-_LONG <= cells[at] < _LONG for at in self._longs):
                    return OneRow(self._names, cells, rows[0])
        get = rows[0].get
        coded: dict[str, list[Any]] = {}
        for name, quick, code, column in self._columns:
            value = get(name)
            coded[name] = [value] if type(value) in quick else _each([value], column, rows, first_row, code)
        return coded


def _unknown(name: str, known: set[str], row: int) -> InputError:
    close = difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.7)
    told = f"did you mean {close[0]!r}?" if close else f"the model knows {', '.join(sorted(known))}"
    return InputError(f"row {row}: unknown column {name!r}: {told}", row=row, column=str(name))


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def _whole(values: list[Any], column: Column) -> list[Any] | None:
    """Return a column coded at once, None where that cannot be: then a value is wrong, or written in another way."""
    types = set(map(type, values))
    if column.nullable:
        types.discard(type(None))
    match column.type:
        case "double":
            if types <= {float}:
                return values
            if types <= {float, int}:
                return [value if value is None else float(value) for value in values]
        case "long":
            if types == {int} and None not in values and min(values) >= -_LONG and max(values) < _LONG:
                return values
        case "datetime":
            if types == {str} and None not in values:
                with suppress(ValueError):
                    moments = list(map(datetime.fromisoformat, values))
                    return moments if all(moment.tzinfo is None for moment in moments) else None
        case kind:
            return values if types <= _QUICK[kind] else None
    return None


def _each(
    values: list[Any], column: Column, rows: Sequence[Any], first_row: int, code: Callable[[Any], Any]
) -> list[Any]:
    coded: list[Any] = []
    for number, value in enumerate(values, first_row):
        if value is None:
            if not column.nullable:
                what = "is null" if column.name in rows[number - first_row] else "is missing"
                raise InputError(
                    f"row {number}: column {column.name!r} {what}, it must hold {_WANTED[column.type]}",
                    row=number,
                    column=column.name,
                )
            coded.append(None)
            continue
        try:
            coded.append(code(value))
        except (ValueError, OverflowError):
            raise InputError(
                f"row {number}: column {column.name!r} must hold {_WANTED[column.type]}, got {_kind(value)}",
                row=number,
                column=column.name,
            ) from None
    return coded


def _double(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    raise ValueError


def _long(value: Any) -> int:
    if type(value) is int or (type(value) is float and value.is_integer()):
        number = int(value)
        if -_LONG <= number < _LONG:
            return number
    raise ValueError


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    raise ValueError


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise ValueError


def _datetime(value: Any) -> datetime:
    if type(value) is not str:
        raise ValueError
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


_CODERS: dict[str, Callable[[Any], Any]] = {
    "double": _double,
    "long": _long,
    "string": _string,
    "boolean": _boolean,
    "datetime": _datetime,
}
_AS_THEY_ARE = {"double": float, "long": int, "string": str, "boolean": bool}
_QUICK: dict[str, set[type]] = {"double": {float}, "long": set(), "string": {str}, "boolean": {bool}, "datetime": set()}
