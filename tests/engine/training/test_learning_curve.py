"""What more rows were worth, measured on the same holdout, within its time."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from engine.measures.metrics import Predicted, find
from engine.training import making
from engine.training.dataset import prepare
from engine.training.folds import split_holdout
from engine.training.learning_curve import LearningCurve

WHOLE = {"value": 1.5, "low": 1.0, "high": 2.0, "n": 60}


@pytest.fixture(name="curve")
def curve_over_bookings(bookings, rates):
    """Return a function that makes the curve of answers over bookings: `curve(answers, seconds=60.0, fit_s=0.1)`."""

    def make(answers, metric="mae", seconds=60.0, fit_s=0.1, alike=0, **changed):
        settings = rates(features=("nights", "segment"), **changed)
        dataset = prepare(bookings(), settings, "UTC")
        split = split_holdout(dataset, 0.2, 7)
        if alike:
            dataset.truth[split.train[-alike:]] = "true"
        again = partial(answers_for, answers, dataset, split.holdout)
        with LearningCurve(dataset, split, again, seconds, fit_s, seed=7) as curve:
            made = curve.points(find(metric, dataset.task), WHOLE)
        return made, dataset, split

    return make


def answers_for(answers, dataset, holdout, rows):
    return answers(dataset, rows, holdout)


def mean_of(dataset, rows, holdout):
    return Predicted(values=np.full(len(holdout), dataset.truth[rows].mean()))


def test_the_newest_rows_are_fitted_on_and_the_holdout_is_measured(curve):
    made, dataset, split = curve(mean_of)
    assert [one["rows"] for one in made] == [30, 60, 120, 240]
    assert made[-1] == {"rows": 240, "value": 1.5, "low": 1.0, "high": 2.0}
    newest = dataset.truth[split.train[-30:]].mean()
    assert made[0]["value"] == pytest.approx(np.abs(dataset.truth[split.holdout] - newest).mean())
    assert made[0]["low"] < made[0]["value"] < made[0]["high"]


def test_without_times_rows_are_drawn_the_same_each_time(curve):
    first, dataset, split = curve(mean_of, time_column=None)
    again, _, _ = curve(mean_of, time_column=None)
    assert first == again
    last_rows = dataset.truth[split.train[-30:]].mean()
    assert first[0]["value"] != pytest.approx(np.abs(dataset.truth[split.holdout] - last_rows).mean())


def test_amounts_that_take_too_long_are_left_out(curve):
    made, _, _ = curve(mean_of, seconds=60.0, fit_s=240.0)  # a quarter would take all of it
    assert [one["rows"] for one in made] == [30, 240]
    assert curve(mean_of, seconds=60.0, fit_s=1000.0)[0] is None
    assert curve(mean_of, seconds=-1.0)[0] is None


def test_a_fit_that_never_ends_or_raises_costs_the_curve_only(curve):
    begun = time.monotonic()
    assert curve(lambda *_told: time.sleep(600), seconds=1.0)[0] is None
    assert time.monotonic() - begun < 300
    assert curve(lambda *_told: 1 / 0)[0] is None


def test_amounts_that_lack_a_class_are_left_out(curve):
    def first_class(dataset, rows, holdout):
        assert set(dataset.truth[rows]) == {"false", "true"}
        scores = np.tile([0.75, 0.25], (len(holdout), 1))
        return Predicted(labels=np.full(len(holdout), "false", object), scores=scores, classes=("false", "true"))

    made, _, _ = curve(first_class, metric="accuracy", task="classification", target="kept", alike=60)
    assert [one["rows"] for one in made] == [120, 240]


def test_a_version_has_its_curve_on_record(bench, rates, monkeypatch):
    monkeypatch.setattr(making, "SPENT_S", 60.0)  # however busy the machine
    version = bench.train(rates(features=("nights", "segment")))
    curve = version.evaluation["learning_curve"]
    assert [one["rows"] for one in curve] == [30, 60, 120, 240]
    assert curve[-1]["value"] == version.evaluation["holdout"]["mae"]["value"]
    assert curve[0]["value"] > 0


def test_the_search_leaves_the_curve_its_time(bench, rates, monkeypatch):
    seen = []

    def compare(candidates, effort, *more):
        seen.append(effort.deadline)
        return search_compare(candidates, effort, *more)

    search_compare = making.compare
    monkeypatch.setattr(making, "compare", compare)
    begun = time.monotonic()
    bench.train(rates(features=("nights", "segment"), time_budget_s=300.0))
    assert begun + 100.0 < seen[0] < begun + 300.0 - 0.1 * 300.0 - 0.04 * 300.0  # the proof's tenth, then the curve's
