"""What the price of a night must do, beside what the model's file declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def low_to_high(predict: Callable[[Rows], Rows], rows: Rows) -> None:
    """A price lies between its low and its high, whatever the stay."""
    for answer in predict(rows):
        assert answer["low"] <= answer["value"] <= answer["high"], "a price is outside of its interval"
