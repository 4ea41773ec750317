"""The fairness gate reads the interval of a recorded gap: within, beyond, or no data."""

from __future__ import annotations

import dataclasses

import pytest

from engine.release.fairness import fairness_checks
from engine.release.gates import evaluate
from engine.release.plan import recorded_checks
from engine.settings.model import FairnessLimit, FairnessSettings, GateSettings


@pytest.fixture(name="recorded")
def version_with_gap(version):
    def make(low=None, high=None, value=None, kind="difference", measure="mae"):
        gap = {"difference": None, "ratio": None, "lowest": "a", "highest": "b", "judged": 2, "note": ""}
        if value is None:
            gap |= {"judged": 1, "note": "fewer than two groups have enough rows: nothing is judged"}
        else:
            gap[kind] = {"value": value, "low": low, "high": high}
        made = version(2)
        told = {"segment": {"personal": False, "groups": {}, "gaps": {measure: gap}}}
        return dataclasses.replace(made, evaluation={**made.evaluation, "fairness": told})

    return make


@pytest.fixture(name="asking")
def settings_with_gate(model_settings):
    def make(**limit):
        return model_settings(
            gates=GateSettings(fairness=FairnessLimit(**limit)), fairness=FairnessSettings(("segment",))
        )

    return make


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [(1.0, 3.0, 5.0, "passed"), (6.0, 8.0, 12.0, "failed"), (1.0, 4.0, 9.0, "no data"), (3.0, 7.0, 9.0, "no data")],
)
def test_the_interval_decides_not_the_point(recorded, asking, low, value, high, verdict):
    [check] = fairness_checks(asking(max_difference=5.0), recorded(low, high, value))
    assert (check.name, check.verdict, check.required) == ("mae between segment", verdict, "at most 5 apart")
    assert check.observed.startswith(f"{value:g} [{low:g}, {high:g}], a to b")
    assert ("the rows do not tell" in check.observed) is (verdict == "no data")


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.85, 0.95, "passed"), (0.2, 0.7, "failed"), (0.6, 0.9, "no data")]
)
def test_a_ratio_is_asked_from_below(recorded, asking, low, high, verdict):
    settings = asking(measure="selection_rate", min_ratio=0.8)
    [check] = fairness_checks(settings, recorded(low, high, 0.6, "ratio", "selection_rate"))
    assert (check.name, check.verdict) == ("selection_rate ratio between segment", verdict)


def test_groups_of_too_few_rows_are_no_data(recorded, asking):
    [check] = fairness_checks(asking(max_difference=5.0), recorded())
    assert (check.verdict, check.observed) == (
        "no data",
        "fewer than two groups have enough rows: nothing is judged",
    )


def test_a_version_of_before_has_nothing_recorded(version, asking):
    [check] = fairness_checks(asking(max_difference=5.0, min_ratio=0.8), version(1))[:1]
    assert (check.verdict, check.observed) == ("no data", "not measured: train again")


def test_a_first_release_and_its_preview_ask_it_too(deck, recorded, asking):
    settings, made = asking(max_difference=5.0), recorded(6.0, 12.0, 8.0)
    assert ("mae between segment", "failed") in [
        (check.name, check.verdict) for check in evaluate(deck, settings, made, None)
    ]
    assert ("mae between segment", "failed") in [
        (check.name, check.verdict) for check in recorded_checks(settings, made, None)
    ]


def test_nothing_is_asked_where_nothing_is_stated(model_settings, recorded):
    assert fairness_checks(model_settings(), recorded(6.0, 12.0, 8.0)) == []
