"""How two values of a filter compare: numbers as numbers, everything else as text without regard to case."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def number(value: Any) -> float | None:
    """Return a value as a number, None where it is none; true, false and not-a-number are none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found


def folded(value: Any) -> str | None:
    """Return text without its case; None stays None."""
    return None if value is None else str(value).casefold()


def compares(value: Any, sign: str, wanted: str) -> bool:
    """Tell whether a value stands so to what was typed: `"6.0" = 6`, `"Ridge" = ridge`."""
    left, right = number(value), number(wanted)
    if left is not None and right is not None:
        return SIGNS[sign](left, right)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return SIGNS[sign](text.casefold(), wanted.casefold())
