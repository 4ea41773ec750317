"""A new version beside the champion, on rows that neither was fitted on."""

from __future__ import annotations

import pyarrow.csv
import pytest

from store import models


def crown(bench, number):
    with bench.deck.database.write() as tx:
        models.set_alias(tx, "rates", "champion", number, actor="user:anna", reason="a test")


def test_without_a_champion_there_is_nothing_to_compare(regression):
    assert "against_champion" not in regression.version.evaluation


def test_better_version_is_better_than_the_champion_by_an_interval(bench, rates):
    bench.train(rates(estimator="dummy"))
    crown(bench, 1)
    found = bench.train(rates()).evaluation["against_champion"]
    assert (found["version"], found["metric"], found["n"]) == (1, "mae", 60)
    assert 0 < found["low"] < found["value"] < found["high"]


@pytest.mark.parametrize("days", [0, 30])
def test_rows_that_the_champion_was_fitted_on_do_not_count(bench, bookings, rates, days):
    bench.train(rates())
    crown(bench, 1)
    pyarrow.csv.write_csv(bookings(240 + days), bench.deck.workspace.root / "rows.csv")
    found = bench.train(rates()).evaluation["against_champion"]
    assert found["n"] == days
    assert (found["value"] is None) == (days == 0)
    assert ("0 rows of the holdout are new to the champion" in found["note"]) == (days == 0)
