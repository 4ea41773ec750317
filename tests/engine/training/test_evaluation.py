"""What is said of a model on its holdout: slices, importance, and the threshold chosen before it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measures.metrics import Predicted, find
from engine.serving.predict import Predictor
from engine.training.dataset import prepare
from engine.training.evaluation import SLICE_ROWS, by_slice, decision, decision_told, on_holdout
from engine.training.importance import importance


class ByNights:
    """A model that knows what a night costs and nothing else."""

    def predict(self, frame):
        return 55.0 + 9.0 * frame["nights"].to_numpy(dtype=float)


@pytest.fixture(name="holdout")
def bookings_as_holdout(bookings, rates):
    return prepare(bookings(), rates(), "UTC")


@pytest.fixture(name="by_nights")
def predictor_by_nights(holdout):
    return Predictor.from_parts(ByNights(), holdout.signature, "regression")


@pytest.fixture(name="guess")
def answers_of_by_nights(by_nights, holdout):
    return on_holdout(by_nights, holdout, seed=7)[1]


def test_holdout_has_every_metric_with_its_interval(by_nights, holdout):
    figures, guess = on_holdout(by_nights, holdout, seed=7)
    assert list(figures) == ["mae", "rmse", "median_error", "r2"]
    for seen in figures.values():
        assert seen["low"] <= seen["value"] <= seen["high"]
        assert seen["n"] == len(guess) == 300


def test_slices_divide_the_rows_and_their_error(holdout, guess):
    found = by_slice(holdout, guess, ["segment"], "mae", 7)
    assert set(found) == {"segment=online", "segment=groups"}
    assert sum(seen["mae"]["n"] for seen in found.values()) == 300
    whole = sum(seen["mae"]["n"] * seen["mae"]["value"] for seen in found.values()) / 300
    assert whole == pytest.approx(np.abs(guess.values - holdout.truth).mean())


def test_numbers_are_sliced_in_four_bands_and_gaps_apart(holdout, guess):
    holdout.frame["discount"] = [float("nan") if place % 10 == 0 else float(place) for place in range(300)]
    found = by_slice(holdout, guess, ["discount"], "mae", 7)
    assert len(found) == 5
    assert found["discount=missing"]["mae"]["n"] == 30
    assert sum(seen["mae"]["n"] for seen in found.values()) == 300


def test_few_different_numbers_are_slices_of_their_own(holdout, guess):
    assert len(by_slice(holdout, guess, ["nights"], "mae", 7)) == 7


def test_small_slice_and_absent_column_are_not_shown(holdout, guess):
    holdout.frame["segment"] = ["rare"] * (SLICE_ROWS - 1) + ["common"] * (301 - SLICE_ROWS)
    assert list(by_slice(holdout, guess, ["segment", "absent"], "mae", 7)) == ["segment=common"]


def test_column_that_the_model_reads_matters_and_the_others_do_not(by_nights, holdout):
    found = importance(by_nights, holdout, find("mae"), seconds=30, seed=7)
    assert found[0]["name"] == "nights"
    assert found[0]["value"] > 5
    assert {one["value"] for one in found[1:]} == {0.0}
    assert {one["name"] for one in found} == set(holdout.frame.columns)
    assert 5 < found[0]["low"] < found[0]["value"] < found[0]["high"]
    assert max(abs(edge) for one in found[1:] for edge in (one["low"], one["high"])) < 1e-9


def test_importance_by_a_metric_of_all_rows_has_its_interval_too(by_nights, holdout):
    found = importance(by_nights, holdout, find("r2"), seconds=30, seed=7)
    assert found[0]["name"] == "nights"
    assert 0 < found[0]["low"] < found[0]["value"] < found[0]["high"]


def test_importance_without_time_names_nothing(by_nights, holdout):
    assert importance(by_nights, holdout, find("mae"), seconds=-1, seed=7) == []


def test_importance_leaves_the_rows_as_they_were(by_nights, holdout):
    before = holdout.frame.copy()
    importance(by_nights, holdout, find("mae"), seconds=30, seed=7)
    assert before.equals(holdout.frame)


class Counted(ByNights):
    """Counts how many rows it is asked for each time."""

    def __init__(self) -> None:
        self.asked = []

    def predict(self, frame):
        self.asked.append(len(frame))
        return super().predict(frame)


@pytest.mark.parametrize(("fitted_rows", "together"), [(0, 6), (4000, 13), (10**9, 17)])
def test_shuffled_columns_are_asked_together_up_to_the_rows_of_the_holdout_or_of_the_fit(
    bookings, rates, monkeypatch, fitted_rows, together
):
    many = prepare(bookings(2000), rates(), "UTC")
    model = Counted()
    monkeypatch.setattr("engine.training.importance.ROWS", 300)
    monkeypatch.setattr("engine.training.importance.AT_ONCE", 5_100)
    predictor = Predictor.from_parts(model, many.signature, "regression")
    found = importance(predictor, many, find("mae"), seconds=30.0, seed=7, fitted_rows=fitted_rows)
    asked, last = divmod(3 * len(many.frame.columns), together)
    assert model.asked == [300, *[300 * together] * asked, *([300 * last] if last else [])]
    draw = np.random.default_rng(7)
    rows = np.sort(draw.permutation(2000)[:300])
    frame, truth = many.frame.iloc[rows], many.truth[rows]
    usual = np.abs(truth - ByNights().predict(frame)).mean()
    grown = []
    for name in list(many.frame.columns) * 3:
        order = draw.permutation(300)
        if name == "nights":
            mixed = frame.assign(nights=frame["nights"].to_numpy()[order])
            grown.append(np.abs(truth - ByNights().predict(mixed)).mean() - usual)
    assert found[0]["name"] == "nights"
    assert found[0]["value"] == pytest.approx(np.mean(grown))
    assert max(abs(one["value"]) for one in found[1:]) < 1e-12


@pytest.fixture(name="scored")
def two_class_answers(bookings, rates):
    """A dataset of two classes whose positive scores run from 0 to 0.4: never above one half."""
    dataset = prepare(bookings(), rates(task="classification", target="kept"), "UTC")
    draw = np.random.default_rng(3)
    positive = np.clip(np.where(dataset.truth == "true", 0.3, 0.1) + draw.normal(0, 0.03, 300), 0, 0.4)
    labels = np.array(["false"] * 300, dtype=object)
    return dataset, Predicted(
        labels=labels, scores=np.column_stack([1 - positive, positive]), classes=("false", "true")
    )


@pytest.mark.parametrize(
    ("metric", "chosen_by"), [("log_loss", "f1"), ("roc_auc", "f1"), ("accuracy", "accuracy"), ("recall", "recall")]
)
def test_threshold_is_chosen_by_labels_on_the_folds(scored, metric, chosen_by):
    dataset, guess = scored
    rows = np.arange(300)
    found = decision(dataset, [rows[:150], rows[150:]], (guess.take(rows[:150]), guess.take(rows[150:])), find(metric))
    assert (found["positive"], found["chosen_by"]) == ("true", chosen_by)
    assert 0.0 < found["threshold"] < (0.3 if metric == "recall" else 0.25)


def test_regression_and_several_classes_decide_nothing(holdout, guess, bookings, rates):
    assert decision(holdout, [np.arange(300)], (guess,), find("mae")) == {}
    three = prepare(bookings(), rates(task="classification", target="country"), "UTC")
    assert decision(three, [np.arange(300)], (guess,), find("log_loss")) == {}


def test_where_labels_change_is_told_and_by_what_that_was_chosen():
    decided = {"threshold": 0.31, "positive": "true", "chosen_by": "f1"}
    assert decision_told(decided, find("log_loss")) == (
        "answers 'true' from a score of 0.31 on, chosen for f1 on the folds (log_loss looks at no labels);"
        " another: modeldeck versions derive --threshold"
    )
    assert "(" not in decision_told(decided, find("f1"))
    assert decision_told({}, find("mae")) == decision_told({"interval": {}}, find("mae")) == ""
