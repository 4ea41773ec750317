"""The gates that need no running server."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.measures.metrics import Predicted
from engine.release.comparison import Compared
from engine.release.gates import absolute, better_than_dummy, by_slice, evaluate, versus_champion
from engine.settings.model import GateSettings, Limit

SEGMENTS = np.array(["online", "groups", "rare"], dtype=object)[np.repeat([0, 1, 2], [300, 120, 20])]


@pytest.fixture(name="compared")
def compared_rows():
    """Rows on which champion and new version are off by about 10; `worse` maps a segment to a factor."""

    def make(new=1.0, worse=None, rows=None, seed=3):
        source = np.random.default_rng(seed)
        truth = source.normal(100, 20, len(SEGMENTS))
        off = source.normal(0, 10, len(SEGMENTS))
        factor = np.full(len(SEGMENTS), new)
        for segment, times in (worse or {}).items():
            factor[segment == SEGMENTS] = times
        first = len(truth) if rows is None else rows
        return Compared(
            truth[:first],
            Predicted(values=(truth + off * factor)[:first]),
            Predicted(values=(truth + off)[:first]),
            {"segment": SEGMENTS[:first]},
        )

    return make


def gated(model_settings, **limits):
    return model_settings(gates=GateSettings(limits=limits, slices=("segment",)))


def verdicts(checks):
    return [check.verdict for check in checks]


def test_first_release_asks_bounds_and_the_dummy_only(deck, version, model_settings):
    checks = evaluate(deck, model_settings(), version(1), None)
    assert [(check.name, check.verdict) for check in checks] == [("mae", "passed"), ("mae vs Dummy", "passed")]


def test_version_that_is_no_better_than_the_dummy_fails(version):
    weak = version(1)
    evaluation = {**weak.evaluation, "baseline": {"mae": {"value": 10.0}}}
    assert better_than_dummy(dataclasses.replace(weak, evaluation=evaluation)).verdict == "failed"


def test_undefined_metric_is_no_data_against_the_dummy(version):
    weak = version(1)
    evaluation = {**weak.evaluation, "holdout": {"mae": {"value": None, "note": "only one class"}}}
    assert better_than_dummy(dataclasses.replace(weak, evaluation=evaluation)).verdict == "no data"


def test_new_version_within_the_ratio_passes(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.02))
    assert verdicts(versus_champion(settings, version(1), compared(new=0.9))) == ["passed"]


def test_new_version_beyond_the_ratio_fails_and_says_by_how_much(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.02))
    [check] = versus_champion(settings, version(1), compared(new=1.1))
    assert check.verdict == "failed"
    assert check.observed.startswith("1.1 x (")
    assert check.required == "at most 1.02 x the loss of v1"


def test_too_few_rows_later_than_both_trainings_are_no_data(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.02))
    [check] = versus_champion(settings, version(1), compared(rows=49))
    assert (check.verdict, check.observed) == ("no data", "49 rows later than both trainings")
    assert verdicts(versus_champion(settings, version(1), None)) == ["no data"]


def test_bound_is_measured_on_the_compared_rows(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(max=9.0))
    assert verdicts(absolute(settings, version(2), compared(new=1.0))) == ["passed"]
    assert verdicts(absolute(settings, version(2), compared(new=2.0))) == ["failed"]


def test_bound_falls_back_on_the_recorded_holdout(version, model_settings):
    settings = gated(model_settings, mae=Limit(max=9.0))
    assert verdicts(absolute(settings, version(2), None)) == ["failed"]


def test_slice_that_got_worse_fails_though_the_whole_got_better(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.02))
    rows = compared(new=0.7, worse={"groups": 1.5})
    assert verdicts(versus_champion(settings, version(1), rows)) == ["passed"]
    [check] = by_slice(settings, version(2), version(1), rows)
    assert check.verdict == "failed"
    assert "worst groups: 1.5 x (120 rows)" in check.observed


def test_slice_without_enough_rows_says_nothing(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.02))
    [check] = by_slice(settings, version(2), version(1), compared(new=0.9, worse={"rare": 5.0}))
    assert check.verdict == "passed"
    assert check.observed.startswith("2 slices")


def test_slice_that_differs_by_chance_passes(version, model_settings, compared):
    settings = gated(model_settings, mae=Limit(vs_champion=1.0))
    source = np.random.default_rng(5)
    rows = compared()
    noisy = Predicted(values=rows.truth + source.normal(0, 10, len(rows.truth)))
    rows = dataclasses.replace(rows, new=noisy)
    assert verdicts(by_slice(settings, version(2), version(1), rows)) == ["passed"]


def test_slices_of_a_column_that_is_not_there_are_no_data(version, model_settings, compared):
    settings = model_settings(gates=GateSettings(limits={"mae": Limit(vs_champion=1.02)}, slices=("country",)))
    assert verdicts(by_slice(settings, version(2), version(1), compared())) == ["no data"]
