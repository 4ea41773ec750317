"""What is better, more or less, is said of every metric that there is."""

from __future__ import annotations

import pytest

from console.render.measures import change, is_gain, is_measure
from engine.measures.metrics import METRICS, find


@pytest.mark.parametrize("name", [*METRICS, "precision_at_5_percent"])
def test_every_metric_knows_its_better_direction(name: str) -> None:
    assert is_measure(name)
    assert is_gain(name) == find(name).greater_is_better


def test_a_larger_gain_is_no_worse() -> None:
    assert change("ndcg_at_10", 0.09, 0.04)[1] == "ok"
    assert change("interval_width", 9.0, 4.0)[1] == "warn"
