"""A stored version explained with its own rows: what adds up, what is hidden, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.service import apart
from engine.training.attribution_drift import drift
from engine.training.explanation import explain, explain_rows
from store.errors import Refused, UnknownName

ROW = {
    "at": "2026-03-20",
    "nights": 3,
    "discount": 1.0,
    "segment": "online",
    "country": "ES",
    "note": "a room with a view of the sea, please 7",
    "kept": True,
}


@pytest.fixture(scope="module", name="whole")
def explained_regression(regression):
    return explain(regression.deck, regression.version)


def test_contributions_of_a_row_add_up_to_what_the_version_predicts(regression):
    found = explain_rows(regression.deck, regression.version, [ROW, {**ROW, "nights": 7}])
    assert (found["explains"], found["scale"], found["background"]) == ("value", "value", 100)
    for told in found["explained"]:
        total = sum(one["contribution"] for one in told["contributions"])
        assert told["base"] + total == pytest.approx(told["prediction"]["value"])
        assert {one["column"] for one in told["contributions"]} == set(ROW)
    short, long = (
        next(one for one in told["contributions"] if one["column"] == "nights") for told in found["explained"]
    )
    assert long["contribution"] - short["contribution"] == pytest.approx(36, abs=6)  # 9 a night, four nights more
    assert (short["value"], long["value"]) == (3, 7)


def test_two_classes_add_up_in_log_odds(classification):
    row = {name: value for name, value in ROW.items() if name not in ("note", "kept")} | {"price": 90.0}
    [told] = explain_rows(classification.deck, classification.version, [row])["explained"]
    total = told["base"] + sum(one["contribution"] for one in told["contributions"])
    assert 1 / (1 + np.exp(-total)) == pytest.approx(told["prediction"]["scores.true"])


def test_a_personal_columns_value_is_never_told(regression, whole):
    found = explain_rows(regression.deck, regression.version, [ROW])
    country = next(one for one in found["explained"][0]["contributions"] if one["column"] == "country")
    assert (country["value"], country["personal"]) == (None, True)
    assert "country" not in {one["column"] for one in whole["dependence"]}
    assert not {'"ES"', '"FR"', '"PT"'} & set(json.dumps([found, whole]).split())


def test_over_all_the_columns_that_make_the_price_come_first(whole):
    assert [one["name"] for one in whole["importance"][:2]] == ["nights", "segment"]
    assert [one["name"] for one in whole["attributions"][:2]] == ["nights", "segment"]
    assert sum(one["share"] for one in whole["attributions"]) == pytest.approx(1.0)
    assert all(one["low"] <= one["value"] <= one["high"] for one in whole["importance"])


def test_partial_dependence_follows_what_a_night_costs(whole):
    nights = next(one for one in whole["dependence"] if one["column"] == "nights")
    assert [point["value"] for point in nights["points"]] == [1, 2, 3, 4, 5, 6, 7]
    means = [point["mean"] for point in nights["points"]]
    assert np.diff(means).min() > 0
    assert means[-1] - means[0] == pytest.approx(54, abs=12)
    assert all(point["low"] <= point["mean"] <= point["high"] for point in nights["points"])
    assert len(nights["curves"][0]) == 7
    segment = next(one for one in whole["dependence"] if one["column"] == "segment")
    assert (segment["kind"], {point["value"] for point in segment["points"]}) == ("category", {"online", "groups"})
    assert not {"note", "country"} & {one["column"] for one in whole["dependence"]}


def test_versions_that_see_alike_do_not_drift_and_others_do(bench, rates):
    first = bench.train(rates(features=("nights", "segment", "at")))
    second = bench.train(rates(features=("nights", "segment", "at")))
    alike = drift(bench.deck, first, second)
    assert max(abs(one["change"]) for one in alike["drift"]) < 1e-9
    assert all(one["low"] <= 0 <= one["high"] for one in alike["drift"])
    blind = bench.train(rates(features=("segment", "at")))
    told = drift(bench.deck, first, blind)["drift"]
    assert told[0]["name"] in ("nights", "segment")
    nights = next(one for one in told if one["name"] == "nights")
    assert nights["before"] > 0.2
    assert (nights["after"], nights["high"] < 0) == (0.0, True)


def test_what_was_to_be_predicted_is_not_looked_at_and_said_to_be(regression):
    found = explain_rows(regression.deck, regression.version, [{**ROW, "price": 90.0}])
    assert found["ignored"] == ["price"]
    plain = explain_rows(regression.deck, regression.version, [ROW])
    assert (found["explained"], plain["ignored"]) == (plain["explained"], [])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "0 rows cannot be explained"),
        ([ROW] * 21, "21 rows cannot be explained"),
        ([{"nights": 3}], "column 'at'"),
        ([{**ROW, "nights": "three"}], "column 'nights'"),
        ([{**ROW, "nigths": 3}], "did you mean 'nights'"),
    ],
)
def test_rows_that_cannot_be_explained_are_refused(regression, says, rows, told):
    with pytest.raises(Refused, check=says(told)):
        explain_rows(regression.deck, regression.version, rows)


def test_a_process_of_its_own_answers_the_same(regression):
    told = {"model": "rates", "version": 1, "against": None, "rows": [ROW], "prediction": None}
    found = apart.explain(regression.deck.workspace, told)
    assert (found["kind"], found["model"], found["version"]) == ("rows", "rates", 1)
    here = explain_rows(regression.deck, regression.version, [ROW])["explained"]
    assert found["explained"][0]["predicted"] == pytest.approx(here[0]["predicted"])
    with pytest.raises(Refused, match="column 'at'"):
        apart.explain(regression.deck.workspace, {**told, "rows": [{}]})


def test_a_prediction_that_is_not_on_the_log_is_unknown(regression, says):
    with pytest.raises(UnknownName, check=says("no prediction 'abc-0' of rates is on the log")):
        explain_rows(regression.deck, regression.version, prediction="abc-0")
