"""A search that comes to nothing says so, with the scores."""

from __future__ import annotations

import pytest

from engine.training.guessing import lost_to_guessing

DUMMY = {"name": "dummy", "mean": 0.5012}
TREES = {"name": "HistGradientBoostingClassifier", "mean": 0.51814}


@pytest.mark.parametrize(
    ("candidates", "told"),
    [
        ([DUMMY, TREES], "log_loss 0.5012 by guessing, HistGradientBoostingClassifier 0.5181"),
        ([DUMMY, {**TREES, "mean": None}], "log_loss 0.5012 by guessing, HistGradientBoostingClassifier none"),
        ([TREES, DUMMY], ""),
        ([DUMMY], ""),  # nothing else was asked for
        ([], ""),
    ],
)
def test_who_lost_to_guessing_is_told_with_both_scores(candidates: list[dict[str, object]], told: str) -> None:
    assert lost_to_guessing({"metric": "log_loss", "candidates": candidates}) == told
