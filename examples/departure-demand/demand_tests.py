"""What a forecast of departures must do, beside what the model's file declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def asleep_at_three(predict: Callable[[Rows], Rows], rows: Rows) -> None:
    """Hardly anything departs at three in the morning, at any airport."""
    day = max(str(row["hour"])[:10] for row in rows)
    night = [{"airport": name, "hour": f"{day}T07:00:00Z", "local_hour": 3} for name in ("EWR", "JFK", "LGA")]
    assert all(answer["value"] < 5 for answer in predict(night)), "departures in the middle of the night"


def no_less_than_none(predict: Callable[[Rows], Rows], rows: Rows) -> None:
    """An hour has no fewer departures than none but for a hair, even at the low end of its interval."""
    assert all(-3 < answer["low"] <= answer["value"] <= answer["high"] for answer in predict(rows))
