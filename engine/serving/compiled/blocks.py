"""The parts of a compiled model's table: each fills its columns of a float64 matrix from coded columns of rows.

A block is JSON, `{"kind", ...}`, made from a fitted transformer by `engine.training.compiling`. What a value becomes is
said in `engine.serving.values` and `engine.serving.lags`, which the transformers call too. No pandas, no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import isfinite
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from typing import Any, Protocol

import numpy as np

from engine.serving.compiled.words import Words
from engine.serving.contract import Coded, OneRow
from engine.serving.lags import NAMES, SeriesValues, series_names
from engine.serving.values import DATE_PARTS, SHAPES, date_parts, on_the_circle, text_shape

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
REFUSED = "refused"


class Block(Protocol):
    """Some neighbouring columns of the table."""

    width: int

    def fill(self, coded: Coded, out: Any) -> None:
        """Write (rows, width) float64 into `out`."""


class Numbers:
    """Numbers, true and false as they are; null is NaN."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self.width = len(self._columns)
        self._cells = itemgetter(*self._columns) if self.width > 1 else None
        self._write = Struct(f"{self.width}d").pack_into

    def fill(self, coded: Coded, out: Any) -> None:
        """Write one column each."""
        if type(coded) is OneRow and self._cells is not None:
            with suppress(StructError):  # null
                self._write(out, 0, *self._cells(coded.row))
                return
        out[:] = doubles([coded[name] for name in self._columns], len(out)).T


class Codes:
    """Text and yes/no columns by the number of their value."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self._codes: list[dict[str, float]] = body["codes"]
        self.width = len(self._columns)

    def fill(self, coded: Coded, out: Any) -> None:
        """Write 0 for null, 1 for what is rare or new, else the value's own number."""
        for place, (name, codes) in enumerate(zip(self._columns, self._codes, strict=True)):
            get = codes.get
            out[:, place] = [get(text, 1.0) if text else 0.0 for text in texts(coded[name])]


class Flags:
    """The same numbers as one 0/1 column each."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self._places: list[dict[str, int]] = []
        self._others: list[int] = []
        start = 0
        for codes in body["codes"]:
            self._places.append({text: start + int(code) for text, code in codes.items()})
            self._others.append(start)
            start += len(codes) + 2
        self.width = start

    def fill(self, coded: Coded, out: Any) -> None:
        """Write 1 into the column of each row's value."""
        out[:] = 0.0
        rows = range(len(out))
        for name, places, start in zip(self._columns, self._places, self._others, strict=True):
            get = places.get
            out[rows, [get(text, start + 1) if text else start for text in texts(coded[name])]] = 1.0


class OneHot:
    """scikit-learn's OneHotEncoder over texts: one 0/1 column for each category that is kept."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self._places: list[dict[str, int]] = body["places"]  # of the column it sets; absent: a category that sets none
        self._null: list[int | None] = body["null"]
        self._unknown: list[int | None] = body["unknown"]
        self.width: int = body["width"]

    def fill(self, coded: Coded, out: Any) -> None:
        """Write 1 into the column of each row's category."""
        out[:] = 0.0
        for name, places, null, unknown in zip(self._columns, self._places, self._null, self._unknown, strict=True):
            get = places.get
            found = [
                null if value is None else get(value if type(value) is str else str(value), unknown)
                for value in coded[name]
            ]
            rows = [row for row, place in enumerate(found) if place is not None]
            out[rows, [found[row] for row in rows]] = 1.0


class Ordinal:
    """scikit-learn's OrdinalEncoder over texts: each category's number."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self._codes: list[dict[str, float]] = body["codes"]
        self._null: list[Any] = body["null"]  # a number, None for NaN, REFUSED
        self._unknown: list[Any] = body["unknown"]
        self.width = len(self._columns)

    def fill(self, coded: Coded, out: Any) -> None:
        """Write the number of each row's category.

        Raises:
            ValueError: a category has none, and the encoder refuses such.
        """
        for place, (name, codes, null, unknown) in enumerate(
            zip(self._columns, self._codes, self._null, self._unknown, strict=True)
        ):
            get = codes.get
            found = [
                null if value is None else get(value if type(value) is str else str(value), unknown)
                for value in coded[name]
            ]
            if REFUSED in found:
                raise ValueError(f"column {name!r} holds a category that the model does not know")
            out[:, place] = found  # None becomes NaN


class Dates:
    """Parts of times, plain or on the circle."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self._timed: list[bool] = body["timed"]
        self._cyclic: bool = body["cyclic"]
        parts = sum(len(DATE_PARTS) if timed else len(DATE_PARTS) - 1 for timed in self._timed)
        self.width = parts * (2 if self._cyclic else 1)

    def fill(self, coded: Coded, out: Any) -> None:
        """Write the parts of each column in turn."""
        place = 0
        for name, timed in zip(self._columns, self._timed, strict=True):
            times, missing = microseconds(coded[name])
            for part, values in date_parts(times, missing, timed).items():
                for made in on_the_circle(part, values) if self._cyclic else (values,):
                    out[:, place] = made
                    place += 1


class Shape:
    """How texts are written."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._columns: list[str] = body["columns"]
        self.width = len(SHAPES) * len(self._columns)

    def fill(self, coded: Coded, out: Any) -> None:
        """Write ten columns for each text."""
        for place, name in enumerate(self._columns):
            out[:, place * len(SHAPES) : (place + 1) * len(SHAPES)] = [text_shape(text) for text in texts(coded[name])]


class History:
    """What a forecast knows of the past."""

    width = len(NAMES)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._time: str = body["time"]
        self._series: list[str] = body["series"]
        values = {
            name: np.array([np.nan if value is None else value for value in listed], dtype=np.float64)
            for name, listed in body["values"].items()
        }
        spans = (body["start_us"], body["step_us"], body["season_us"], body["horizon_us"])
        self._known = SeriesValues(*spans, values, body["clock"], body["times_in"])

    def fill(self, coded: Coded, out: Any) -> None:
        """Write lags, levels and distances."""
        times = self._known.shown(microseconds(coded[self._time])[0])
        names = series_names([texts(coded[name], null="nan") for name in self._series], len(times))
        slots = self._known.slots(times)
        out[:] = self._known.features(times, names, slots, self._known.newest(names, slots))


class Then:
    """A block and what is done with its numbers: infinity refused, nulls filled, centred, scaled."""

    def __init__(self, inner: Block, body: Mapping[str, Any]) -> None:
        self._inner = inner
        self.width = inner.width
        self._refuses_infinity = bool(body.get("finite"))
        fills = body.get("fill") or ()
        self._fills = np.array(fills, dtype=np.float64) if any(value is not None for value in fills) else None
        self._minus = None if body.get("minus") is None else np.array(body["minus"], dtype=np.float64)
        self._over = None if body.get("over") is None else np.array(body["over"], dtype=np.float64)

    def fill(self, coded: Coded, out: Any) -> None:
        """Write the inner block's numbers, then change them in place."""
        self._inner.fill(coded, out)
        if (self._refuses_infinity or self._fills is not None) and not are_finite(out):
            if self._refuses_infinity and np.isinf(out).any():
                raise ValueError("a row holds infinity where the model takes none")
            if self._fills is not None:
                np.copyto(out, self._fills, where=np.isnan(out))
        if self._minus is not None:
            out -= self._minus
        if self._over is not None:
            out /= self._over


KINDS: dict[str, Callable[[Mapping[str, Any]], Block]] = {
    "numbers": Numbers,
    "codes": Codes,
    "flags": Flags,
    "one-hot": OneHot,
    "ordinal": Ordinal,
    "dates": Dates,
    "shape": Shape,
    "words": Words,
    "history": History,
}


def blocks_of(bodies: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the blocks that JSON describes; neighbours that are plain numbers are one, which one array then fills.

    Raises:
        KeyError: a kind that this server does not know.
    """
    joined: list[dict[str, Any]] = []
    for body in bodies:
        if joined and _are_alike(joined[-1], body):
            joined[-1] = _joined(joined[-1], body)
        else:
            joined.append(dict(body))
    return [block_of(body) for body in joined]


def _are_alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    steps = [body.get("then", ()) for body in (first, second)]
    if any(body["kind"] != "numbers" for body in (first, second)) or any(len(then) != 1 for then in steps):
        return False
    return bool(steps[0][0].get("finite")) == bool(steps[1][0].get("finite"))


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both as one; what one of them does not do, changes nothing: a null filled by null, less 0, over 1."""
    nothing = {"fill": None, "minus": 0.0, "over": 1.0}
    step: dict[str, Any] = {"finite": first["then"][0].get("finite")}
    for name, value in nothing.items():
        halves = [(body["then"][0].get(name) or [value] * len(body["columns"])) for body in (first, second)]
        step[name] = halves[0] + halves[1]
    return {"kind": "numbers", "columns": [*first["columns"], *second["columns"]], "then": [step]}


def block_of(body: Mapping[str, Any]) -> Block:
    """Return the block that JSON describes.

    Raises:
        KeyError: a kind that this server does not know.
    """
    made = KINDS[body["kind"]](body)
    for step in body.get("then", ()):
        made = Then(made, step)
    return made


def are_finite(table: Any) -> bool:
    """Say whether a table holds numbers only. The sum of their squares is a number only then; where it overflows, each
    is looked at."""
    flat = table.ravel()
    return isfinite(flat.dot(flat)) or bool(np.isfinite(flat).all())


def doubles(columns: Sequence[Sequence[Any]], count: int) -> Any:
    """Return (columns, count) float64, null as NaN.

    struct writes Python's numbers some four times as fast as numpy reads them.
    """
    if count == 1:
        columns, shape = [[values[0] for values in columns]], (len(columns), 1)
    else:
        shape = (len(columns), count)
    pack = Struct(f"{len(columns[0]) if columns else 0}d").pack
    packed: list[bytes] = []
    for values in columns:
        try:
            packed.append(pack(*values))
        except StructError:
            packed.append(np.array(values, dtype=np.float64).tobytes())  # None becomes NaN
    return np.frombuffer(b"".join(packed)).reshape(shape)


def texts(values: Sequence[Any], null: str = "") -> list[str]:
    """Return values as the text that a transformer sees."""
    return [value if type(value) is str else null if value is None else str(value) for value in values]


def microseconds(values: Sequence[Any]) -> tuple[Any, Any]:
    """Return int64 microseconds (null: 0) of coded times, and the mask of nulls."""
    missing = np.array([value is None for value in values], dtype=bool)
    times = [0 if value is None else (_naive(value) - _EPOCH) // _MICROSECOND for value in values]
    return np.array(times, dtype=np.int64), missing


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
