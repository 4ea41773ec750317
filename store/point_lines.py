"""What a run logs as lines of a spool file: a point a line, many points of one key as columns, params. Pure.

Params are an object of texts. A point is `[key, step, at, value]`. A block is `[key, steps, ats, values]`, each column
64-bit little-endian numbers in base64: to write a number out and read it back costs more than to keep the point. Steps
and times that are evenly apart, as most are, are `[first, apart]`.
"""

from __future__ import annotations

import json
import struct
from array import array
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

Point = tuple[str, int, int, float | None]  # key, step, microseconds UTC, value

_FEW = 32  # points that are written a line each
_MOST = 4096  # points of one block
_KINDS = (frozenset({str}), frozenset({int}), frozenset({int}), frozenset({float, type(None)}))  # of a point's fields
_NAN = float("nan")
_LEAST = -(2**63)  # of a 64-bit number
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Points(NamedTuple):
    """Points as columns of one length: thousands need no object each."""

    keys: Sequence[str]
    steps: Sequence[int]
    ats: Sequence[int]
    values: Sequence[float | None]


class Logged(NamedTuple):
    """What lines tell; of a param told twice the later."""

    points: Points
    params: dict[str, str]


_NONE = Points((), (), (), ())


def columns(points: Iterable[Point]) -> Points:
    """Return points as columns."""
    found = list(zip(*points, strict=True))
    return Points(*found) if found else _NONE


def param_line(params: Mapping[str, Any]) -> str:
    """Write params as one line; most lines hold one, for which the encoder takes four times as long."""
    told = ",".join([f"{_quoted(str(key))}:{_quoted(str(value))}" for key, value in params.items()])
    return f"{{{told}}}\n"


def lines(points: Sequence[Point]) -> str:
    """Write points as whole lines; those of one key keep their order."""
    if len(points) < _FEW:
        return _one(*points[0]) if len(points) == 1 else "".join([_one(*point) for point in points])
    keys = [point[0] for point in points]
    if keys.count(keys[0]) == len(keys):
        return _blocks(points)
    by_key: dict[str, list[Point]] = {}
    for point in points:
        by_key.setdefault(point[0], []).append(point)
    return "".join([_blocks(some) if len(some) >= _FEW else lines(some) for some in by_key.values()])


def read(text: Sequence[bytes]) -> Logged:
    """Read lines; one that a killed writer tore and a later one completed tells nothing, nor does one of no point."""
    try:
        told = json.loads(b"[%b]" % b",".join(text))  # all as one text is three times as fast
    except ValueError:
        told = []
    if len(told) != len(text):
        told = [fields for line in text for fields in _line(line)]
    params: dict[str, str] = {}
    for fields in told:
        if type(fields) is dict:
            params.update({key: str(value) for key, value in fields.items()})
    if params:
        told = [fields for fields in told if type(fields) is not dict]
    return Logged(_same(told) or _joined([some for fields in told if (some := _said(fields))]), params)


def _one(key: str, step: int, at: int, value: float | None) -> str:
    if type(step) is type(at) is int and type(value) is float and value - value == 0:  # no infinity, not-a-number
        return f"[{_quoted(key)},{step},{at},{value!r}]\n"
    return _ENCODER.encode((key, step, at, value)) + "\n"


def _blocks(points: Sequence[Point]) -> str:
    made = []
    for first in range(0, len(points), _MOST):
        some = points[first : first + _MOST]
        try:
            steps, ats = _whole([point[1] for point in some]), _whole([point[2] for point in some])
            values = _packed_values([point[3] for point in some])
        except (struct.error, TypeError):  # a step that is no 64-bit number
            made += [_one(*point) for point in some]
        else:  # what base64 is made of needs no look by the encoder, which takes longer than the packing
            made.append(f'[{_quoted(some[0][0])},{steps},{ats},"{values}"]\n')
    return "".join(made)


def _whole(numbers: list[int]) -> str:
    first, last = numbers[0], numbers[-1]
    apart = numbers[1] - first if len(numbers) > 1 else 0
    if type(first) is type(apart) is int and _LEAST <= first <= -_LEAST and _LEAST <= last < -_LEAST:
        even = _evenly(first, apart, len(numbers))
        if numbers == (even if type(even) is list else list(even)):
            return f"[{first},{apart}]"
    return f'"{_packed("q", numbers)}"'


def _evenly(first: int, apart: int, count: int) -> Sequence[int]:
    return range(first, first + apart * count, apart) if apart else [first] * count


def _packed_values(values: Sequence[float | None]) -> str:
    try:
        return _packed("d", values)
    except struct.error:  # one that is missing; whatever else is no number is refused again
        return _packed("d", [_NAN if value is None else value for value in values])


def _packed(kind: str, numbers: Sequence[float | None]) -> str:
    return b2a_base64(struct.pack(f"<{len(numbers)}{kind}", *numbers), newline=False).decode("ascii")


def _unpacked(kind: str, text: str) -> tuple[Any, ...]:
    column = a2b_base64(text, strict_mode=True)
    return struct.unpack(f"<{len(column) // 8}{kind}", column)


def _same(told: Sequence[Any]) -> Points | None:
    """Return lines that are all plain points, looked at column by column; None where some are not."""
    try:
        found = list(zip(*told, strict=True))
    except (TypeError, ValueError):
        return None
    if len(found) != len(_KINDS):
        return None
    plain = all(kinds.issuperset(map(type, column)) for kinds, column in zip(_KINDS, found, strict=True))
    return Points(*found) if plain and _fit(found[1]) and _fit(found[2]) else None


def _fit(numbers: Sequence[int]) -> bool:
    """Whether the registry can hold them: it has 64 bits, and one that has more must not keep all others out."""
    try:
        array("q", numbers)
    except OverflowError:
        return False
    return True


def _joined(parts: Sequence[Points]) -> Points:
    if len(parts) == 1:
        return parts[0]
    return Points(*(list(chain.from_iterable(column)) for column in zip(*parts, strict=True))) if parts else _NONE


def _line(line: bytes) -> list[Any]:
    try:
        return [json.loads(line)]
    except ValueError:
        return []


def _said(fields: Any) -> Points | None:
    try:
        key, step, at, value = fields
        if isinstance(step, str | list):
            values = _unpacked("d", value)
            steps, ats = _read_whole(step, len(values)), _read_whole(at, len(values))
            found = Points([str(key)] * len(steps), steps, ats, values)
            return found if len(steps) == len(ats) == len(values) and _ends_fit(steps) and _ends_fit(ats) else None
        found = Points((str(key),), (int(step),), (int(at),), (None if value is None else float(value),))
        return found if _fit((*found.steps, *found.ats)) else None
    except (ValueError, TypeError, OverflowError, struct.error):
        return None


def _ends_fit(numbers: Sequence[int]) -> bool:
    return not numbers or _fit((numbers[0], numbers[-1]))


def _read_whole(told: Any, count: int) -> Sequence[int]:
    if isinstance(told, str):
        return _unpacked("q", told)
    first, apart = told
    return _evenly(int(first), int(apart), count)
