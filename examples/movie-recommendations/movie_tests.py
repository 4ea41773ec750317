"""What a list of recommendations must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def ten_different(predict: Callable[[Rows], Rows], rows: Rows) -> None:
    """Ten films, none of them twice, the best first."""
    for answer in predict(rows):
        assert len(answer["items"]) == len(set(answer["items"])) == 10, "not ten different films"
        assert answer["scores"] == sorted(answer["scores"], reverse=True), "the best is not first"


def strangers_alike(predict: Callable[[Rows], Rows], rows: Rows) -> None:
    """Of two users of whom nothing is known, neither is told anything that the other is not."""
    first, second = predict([{"user_id": 10_000_001}, {"user_id": 10_000_002}])
    assert first["items"] == second["items"]
