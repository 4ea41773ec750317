"""What more rows were worth, measured on the same holdout, within its time."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from engine.measures.metrics import find
from engine.training import making
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.folds import split_holdout
from engine.training.learning_curve import LearningCurve

WHOLE = {"value": 1.5, "low": 1.0, "high": 2.0, "n": 60}


@pytest.fixture(name="candidates")
def candidates_for(tmp_path):
    """Return a function that makes the Dummy and a named estimator of a dataset."""
    return lambda dataset, name="sklearn.tree.DecisionTreeRegressor": families(dataset, name, "mae", 7, tmp_path)


@pytest.fixture(name="curve")
def curve_over_bookings(bookings, rates, candidates):
    """Return a function that makes the curve of answers over bookings: `curve(said, seconds=60.0, fit_s=0.1)`.

    The `seconds` are counted from its beginning, or from the answer for the first amount `once_begun`.
    """

    def make(said, metric="mae", seconds=60.0, fit_s=0.1, alike=0, decided=None, once_begun=False, **changed):
        settings = rates(features=("nights", "segment"), **changed)
        dataset = prepare(bookings(), settings, "UTC")
        split = split_holdout(dataset, 0.2, 7)
        if alike:
            dataset.truth[split.train[-alike:]] = "true"
        again = partial(said_for, said, dataset, split.holdout)
        with LearningCurve(dataset, split, 7, said=again) as curve:
            curve.begin(candidates(dataset, "dummy")[0], {})
            if once_begun:
                assert curve._child.connection.poll(120)
            made = curve.points(find(metric, dataset.task), decided or {}, WHOLE, time.monotonic() + seconds, fit_s)
        return made, dataset, split

    return make


def said_for(said, dataset, holdout, _family, _params, rows):
    return said(dataset, rows, holdout)


def mean_of(dataset, rows, holdout):
    return [dataset.truth[rows].mean()] * len(holdout)


def mean_of_the_fewest(dataset, rows, holdout):
    if len(rows) > 30:
        time.sleep(600)
    return mean_of(dataset, rows, holdout)


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
    begun = time.monotonic()
    made, _, _ = curve(mean_of_the_fewest, seconds=300.0, fit_s=3000.0)  # an eighth of a fit would take longer
    assert [one["rows"] for one in made] == [30, 240]
    assert time.monotonic() - begun < 250  # and was not waited for


def test_a_fit_that_never_ends_or_raises_costs_the_curve_only(curve):
    begun = time.monotonic()
    assert curve(lambda *_told: time.sleep(600), seconds=1.0)[0] is None
    made, _, _ = curve(mean_of_the_fewest, seconds=1.0, once_begun=True)
    assert [one["rows"] for one in made] == [30, 240]
    assert time.monotonic() - begun < 300
    assert curve(lambda *_told: 1 / 0)[0] is None


def test_intervals_and_labels_are_those_of_the_version(curve):
    decided = {"interval": {"edges": [], "low": [-5.0], "high": [5.0]}}
    made, dataset, split = curve(mean_of, metric="interval_width", decided=decided)
    assert [one["value"] for one in made[:-1]] == pytest.approx([10.0] * 3)

    def undecided(_dataset, _rows, holdout):
        return [[0.6, 0.4]] * len(holdout)

    told = {"task": "classification", "target": "kept", "metric": "accuracy"}
    usual, dataset, split = curve(undecided, **told)
    moved, _, _ = curve(undecided, **told, decided={"threshold": 0.3, "positive": "true"})
    share = float((dataset.truth[split.holdout] == "false").mean())
    assert usual[0]["value"] == pytest.approx(share)
    assert moved[0]["value"] == pytest.approx(1.0 - share)


def test_a_candidate_without_rivals_is_fitted_while_it_is_searched(bookings, rates, candidates):
    dataset = prepare(bookings(), rates(features=("nights", "segment")), "UTC")
    split = split_holdout(dataset, 0.2, 7)
    alone, rivals = candidates(dataset), candidates(dataset, "auto")
    assert alone[1].space is None
    assert len(rivals) > 2

    def made(*order):
        with LearningCurve(dataset, split, 7, said=lambda family, _params, _rows: [len(family.name)] * 60) as curve:
            for act in order:
                act(curve)
            return curve.points(find("mae"), {}, WHOLE, time.monotonic() + 60.0, 0.1)

    assert made(lambda curve: curve.foresee(rivals)) is None
    foreseen = made(lambda curve: curve.foresee(alone))
    assert foreseen == made(lambda curve: curve.begin(alone[1], {}))
    assert foreseen == made(lambda curve: curve.foresee(alone), lambda curve: curve.begin(alone[1], {}))
    dummy = made(lambda curve: curve.foresee(alone), lambda curve: curve.begin(alone[0], {}))  # which was better
    assert dummy == made(lambda curve: curve.begin(alone[0], {})) != foreseen


def test_more_answers_than_a_pipe_holds_wait_to_be_read(bookings, rates, candidates, tmp_path):
    dataset = prepare(bookings(), rates(features=("nights", "segment")), "UTC")
    split = split_holdout(dataset, 0.2, 7)
    seen = tmp_path / "seen"

    def said(_family, _params, rows):
        with seen.open("a") as file:
            file.write(f"{len(rows)}\n")
        return [1.0] * 1_000_000

    with LearningCurve(dataset, split, 7, said=said) as curve:
        curve.begin(candidates(dataset)[1], {})
        until = time.monotonic() + 120
        while not (seen.is_file() and seen.read_text().endswith("120\n")) and time.monotonic() < until:
            time.sleep(0.05)
        assert seen.read_text().split() == ["30", "60", "120"]  # all were fitted before any was read


def test_amounts_that_lack_a_class_are_left_out(curve):
    def first_class(dataset, rows, holdout):
        assert set(dataset.truth[rows]) == {"false", "true"}
        return [[0.75, 0.25]] * len(holdout)

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
