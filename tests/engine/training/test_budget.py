"""The time budget is hard: from the snapshot to the registered version, the refit and the proof included."""

from __future__ import annotations

import time

import pyarrow.csv
import pytest

BUDGETS_S = (20.0, 60.0, 120.0)
OVER = 1.05


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_training_ends_within_five_percent_of_each_of_three_budgets(bench, bookings, rates):
    pyarrow.csv.write_csv(bookings(4000), bench.deck.workspace.root / "rows.csv")
    features = ("nights", "discount", "segment", "country")
    bench.train(rates(estimator="dummy", features=features))  # what is imported once is not what a budget is about
    took = {}
    for budget in BUDGETS_S:
        begun = time.monotonic()
        bench.train(rates(estimator="auto", features=features, trials=100_000, time_budget_s=budget))
        took[budget] = time.monotonic() - begun
    assert all(0.4 * budget < seconds <= OVER * budget for budget, seconds in took.items()), took
