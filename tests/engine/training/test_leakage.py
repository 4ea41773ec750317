"""A column that is the answer in another guise is named, whatever its guise; one that only tells much is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from engine.settings.checks import CheckSettings
from engine.training.dataset import prepare
from engine.training.leakage import leaks
from store.errors import Refused

ROWS = 300


def named(table, settings):
    dataset = prepare(table, settings, "UTC")
    found, unseen = leaks(dataset, np.arange(len(dataset)), seconds=30.0, seed=1)
    assert unseen == []
    return [leak.name for leak in found]


def test_columns_that_there_was_no_time_for_are_told(bookings, rates):
    dataset = prepare(bookings(ROWS), rates(), "UTC")
    found, unseen = leaks(dataset, np.arange(len(dataset)), seconds=-1.0, seed=1)
    assert (found, unseen) == ([], list(dataset.frame.columns))


@pytest.mark.parametrize("leakage", ["error", "warning", "off"])
def test_leak_is_refused_told_or_let_be_as_the_settings_say(bench, bookings, rates, says, leakage):
    table = bookings(ROWS)
    leaking = table.append_column("charged", pa.array(table.column("price").to_numpy() * 1.21))
    pyarrow.csv.write_csv(leaking, bench.deck.workspace.root / "rows.csv")
    told = []
    settings = rates(checks=CheckSettings(leakage=leakage))
    if leakage == "error":
        with pytest.raises(Refused, check=says(r"column 'charged' explains 100.0% of the target by itself: leave it")):
            bench.train(settings)
        return
    version = bench.train(settings, progress=lambda _share, text: told.append(text))
    assert any("'charged' explains 100.0%" in text for text in told) == (leakage == "warning")
    assert ("leakage" in version.evaluation) == (leakage == "warning")


@pytest.mark.parametrize(
    "guise",
    [
        lambda price: price * 1.21,
        lambda price: -np.log(price),
        lambda price: price + np.random.default_rng(3).normal(0, 0.05, len(price)),
        lambda price: (price // 10).astype(np.int64),
    ],
)
def test_the_target_of_a_regression_is_named_in_any_guise(bookings, rates, guise):
    price = bookings(ROWS).column("price").to_numpy()
    assert named(bookings(ROWS).append_column("charged", pa.array(guise(price))), rates()) == ["charged"]


@pytest.mark.parametrize(
    "guise",
    [
        lambda kept: ["paid" if one else "refunded" for one in kept],
        lambda kept: [1 if one else 0 for one in kept],
        lambda kept: [4.5 if one else None for one in kept],
        lambda kept: ["arrived" if one else None for one in kept],
    ],
)
def test_the_target_of_a_classification_is_named_in_any_guise(bookings, rates, guise):
    table = bookings(ROWS).drop_columns(["price"])
    kept = table.column("kept").to_pylist()
    settings = rates(task="classification", target="kept")
    assert named(table.append_column("state", pa.array(guise(kept))), settings) == ["state"]


def test_columns_that_tell_much_are_not_named(bookings, rates):
    assert named(bookings(ROWS), rates()) == []
    assert named(bookings(ROWS).drop_columns(["price"]), rates(task="classification", target="kept")) == []
