"""The search may be bound to how far groups are apart, by the far end of the interval."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.measures.metrics import find
from engine.settings.model import FairnessSettings
from engine.training.constraints import Groups
from engine.training.dataset import prepare
from engine.training.family import Family, nothing
from engine.training.folds import expanding_folds, split_holdout
from engine.training.search import Effort, compare
from engine.training.trial import Bench
from store.errors import WorkFailed


class Priced:
    """The price as it comes about, too high for one segment by `skew`, and for every second row by `wide`, or lower."""

    def __init__(self, skew, wide):
        self.skew, self.wide = skew, wide

    def fit(self, _table, _truth):
        return self

    def predict(self, table):
        online = (table["segment"] == "online").to_numpy()
        swing = np.where(np.arange(len(table)) % 2, self.wide, -self.wide)
        return 40.0 + 9.0 * table["nights"].to_numpy(float) + (25.0 + self.skew) * online + swing


def priced(name, skew, wide):
    return Family(name, nothing, lambda _params: Priced(skew, wide), {})


class Deaf:
    def begun(self, *_told):
        """A trial starts."""

    def ended(self, *_told):
        """It ends."""

    def write(self):
        """It would be put on record."""


@pytest.fixture(name="chosen")
def search_with_groups(bookings, rates):
    """Return a function that compares a skewed candidate with an even, worse one: `chosen(limit, min_rows=12)`."""
    field = [priced("dummy", 0.0, 99.0), priced("skewed", 8.0, 0.0), priced("even", 0.0, 7.0)]

    def run(limit=None, min_rows=12, families=field):
        settings = rates(features=("nights", "segment"), fairness=FairnessSettings(("segment",), min_rows=min_rows))
        dataset = prepare(bookings(), settings, "UTC")
        folds = expanding_folds(dataset, split_holdout(dataset, 0.2, 7).train, 2, 7)
        limits = {} if limit is None else {"fairness_difference": limit}
        groups = Groups(("segment",), "mean_error", min_rows, 7)
        bench = Bench(dataset, folds, families, find("mae"), limits, groups=groups)
        found = compare(bench, Effort(time.monotonic() + 60, 7), Deaf(), lambda _share, _text: None)
        return found.best, {one.family.name: one.measured for one in found.trials}

    return run, field


def test_the_better_but_skewed_one_is_not_chosen(chosen):
    run, _ = chosen
    assert run()[0].family.name == "skewed"
    best, measured = run(limit=6.0)
    assert best.family.name == "even"
    assert measured["skewed"]["fairness_difference"] > 8.0  # the far end is beyond the difference itself
    assert 0.5 < measured["even"]["fairness_difference"] < 6.0


def test_the_far_end_of_the_interval_counts_not_the_point(chosen):
    run, _ = chosen
    _, measured = run(limit=6.0)
    end = measured["even"]["fairness_difference"]
    with pytest.raises(WorkFailed, match="no candidate keeps within"):
        run(limit=end * 0.9)


def test_none_that_is_even_enough_is_one_line(chosen, says):
    run, field = chosen
    told = (
        r"no candidate keeps within .*: nearest comes skewed with fairness_difference [89].* \(at most 6\): allow more"
    )
    with pytest.raises(WorkFailed, check=says(told)):
        run(limit=6.0, families=field[:2])


def test_groups_of_too_few_rows_say_nothing_against_a_candidate(chosen):
    run, _ = chosen
    best, measured = run(limit=6.0, min_rows=500)
    assert best.family.name == "skewed"
    assert measured["skewed"] == {}


def test_a_training_takes_the_measure_of_the_gate(bench, rates, says):
    settings = rates(
        features=("nights", "at"),
        fairness=FairnessSettings(("segment",), min_rows=12),
        constraints={"fairness_difference": 1.0},
    )
    with pytest.raises(WorkFailed, check=says("no candidate keeps within .*: nearest comes Ridge with fairness_diff")):
        bench.train(settings)
