"""Intervals hold the truth about as often as they say, and repeat with their seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.measures.intervals import bootstrap, evaluate, ratio_of_losses, wilson
from engine.measures.metrics import METRICS, Measured, Predicted, measure

CLASSES = ("no", "yes")


def errors(rows, seed):
    draw = np.random.default_rng(seed)
    return np.zeros(rows), Predicted(values=draw.exponential(10.0, rows))


def two_classes(rows, seed, share=0.4):
    draw = np.random.default_rng(seed)
    is_true = draw.random(rows) < share
    score = np.clip(draw.normal(0.35 + 0.3 * is_true, 0.2), 0.01, 0.99)
    texts = np.array(CLASSES, dtype=object)
    scores = np.column_stack([1 - score, score])
    return texts[is_true.astype(int)], Predicted(labels=texts[scores.argmax(axis=1)], scores=scores, classes=CLASSES)


def test_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says():
    found = [bootstrap("mae", *errors(120, seed), seed=seed) for seed in range(200)]
    held = sum(one["low"] <= 10.0 <= one["high"] for one in found)
    assert 176 <= held <= 199  # 95 % of 200 is 190; a percentile bootstrap of skewed rows stays a little below


def test_interval_of_a_ranking_holds_the_truth_about_as_often_as_it_says():
    true_auc = 0.5 * (1 + math.erf(0.3 / (0.2 * math.sqrt(2)) / math.sqrt(2)))
    found = [bootstrap("roc_auc", *two_classes(150, seed), seed=seed, resamples=80) for seed in range(60)]
    held = sum(one["low"] <= true_auc <= one["high"] for one in found)
    assert 51 <= held <= 60


def test_wilson_holds_the_truth_about_as_often_as_it_says():
    hits = np.random.default_rng(2).binomial(60, 0.1, 400)
    held = sum(low <= 0.1 <= high for low, high in (wilson(int(one), 60) for one in hits))
    assert 0.92 <= held / 400 <= 0.99


def test_wilson_stays_within_zero_and_one():
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(0, 20)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert 0.1 < high < 0.25
    low, high = wilson(20, 20)
    assert high == pytest.approx(1.0, abs=1e-12)
    assert 0.75 < low < 0.9


def test_more_rows_make_a_narrower_interval():
    few, many = (bootstrap("mae", *errors(rows, 3)) for rows in (100, 2500))
    assert many["high"] - many["low"] < 0.4 * (few["high"] - few["low"])


def test_higher_level_makes_a_wider_interval():
    narrow, wide = (bootstrap("mae", *errors(100, 3), level=level) for level in (0.5, 0.99))
    assert wide["low"] < narrow["low"] < narrow["value"] < narrow["high"] < wide["high"]


@pytest.mark.parametrize("name", ["mae", "median_error"])
def test_same_seed_gives_the_same_interval(name):
    rows = errors(80, 1)
    assert bootstrap(name, *rows, seed=3) == bootstrap(name, *rows, seed=3)
    assert bootstrap(name, *rows, seed=3) != bootstrap(name, *rows, seed=4)


def test_single_row_has_a_value_and_no_interval():
    found = bootstrap("mae", np.array([1.0]), Predicted(values=np.array([3.0])))
    assert found == {"value": 2.0, "low": None, "high": None, "n": 1, "note": ""}


def test_metric_that_is_not_defined_has_no_interval_but_a_note():
    _, guess = two_classes(30, 1)
    found = bootstrap("roc_auc", np.array(["no"] * 30, dtype=object), guess)
    assert (found["value"], found["low"], found["high"], found["n"]) == (None, None, None, 30)
    assert "only one class (no) among 30 rows" in found["note"]


def test_interval_rests_on_the_resamples_in_which_the_metric_is_defined():
    truth, guess = two_classes(40, 1)
    truth[:] = "no"
    truth[7] = "yes"  # more than a third of the resamples miss it
    found = bootstrap("roc_auc", truth, guess)
    assert found["low"] <= found["value"] <= found["high"]


def test_large_data_are_resampled_less_often_and_still_get_an_interval():
    found = bootstrap("median_error", *errors(110_000, 1))
    assert found["low"] < found["value"] < found["high"]


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.drawn is not None])
@pytest.mark.parametrize("rows", [1, 2, 7, 400])
def test_metric_of_many_draws_at_once_is_what_it_is_of_each(name, rows):
    draw = np.random.default_rng(5)
    truth = draw.normal(size=rows)
    guess = Predicted(values=truth + draw.normal(size=rows))
    draws = draw.integers(0, rows, (60, rows))
    each = [measure(name, truth[one], guess.take(one)).value for one in draws]
    together = METRICS[name].drawn(truth, guess, draws).tolist()
    assert [None if math.isnan(one) else one for one in together] == each


@pytest.mark.parametrize("rows", [50, 6_000])  # draws that are kept for the next figure, and such as are drawn again
def test_interval_is_over_the_same_draws_whichever_figures_were_asked_before(rows):
    truth, guess = errors(rows, 4)
    draw = np.random.default_rng(7)
    means = [float(guess.values[draw.integers(0, rows, rows)].mean()) for _ in range(200)]
    evaluate(["mae"], np.zeros(50), Predicted(values=np.ones(50)), seed=8)
    for _ in range(2):
        found = evaluate(["rmse", "mae"], truth, guess, seed=7)["mae"]
        assert (found["low"], found["high"]) == tuple(np.quantile(means, [0.025, 0.975]).tolist())


def test_evaluation_names_every_metric():
    found = evaluate(["mae", "rmse"], *errors(50, 1))
    assert list(found) == ["mae", "rmse"]
    assert all(one["low"] <= one["value"] <= one["high"] for one in found.values())


@pytest.mark.parametrize(
    ("name", "new", "old", "ratio"),
    [
        ("mae", 8.0, 10.0, 0.8),
        ("roc_auc", 0.9, 0.8, 0.5),
        ("roc_auc", 0.8, 0.9, 2.0),
        ("r2", 0.0, -1.0, 0.5),
        ("mae", 0.0, 0.0, 1.0),
        ("mae", 1.0, 0.0, math.inf),
        ("accuracy", 1.0, 1.0, 1.0),
        ("mae", None, 1.0, None),
        ("mae", 1.0, None, None),
    ],
)
def test_losses_are_compared_as_a_ratio(name, new, old, ratio):
    found = ratio_of_losses(name, Measured(new), Measured(old))
    assert found == (None if ratio is None else pytest.approx(ratio))
