"""The metric of two versions on outcomes that have come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.measures.metrics import Predicted
from engine.release.realised import Labelled, compare_metric, difference

RATIO = 1.1
LEAST = 100
RUNS = 25


def regression(dice: np.random.Generator, rows: int, scale: float) -> Labelled:
    guess = Predicted(values=dice.lognormal(0.0, 1.0, rows) * scale)
    return Labelled(np.zeros(rows), guess, tuple(str(number) for number in range(rows)))


def classes(dice: np.random.Generator, rows: int, accuracy: float) -> Labelled:
    truth = np.array(["a", "b"], dtype=object)[dice.integers(0, 2, rows)]
    said = np.where(dice.random(rows) < accuracy, truth, np.where(truth == "a", "b", "a"))
    score = np.where(said == "b", 0.8, 0.2)
    guess = Predicted(labels=said, scores=np.column_stack([1 - score, score]), classes=("a", "b"))
    return Labelled(truth, guess, tuple(str(number) for number in range(rows)))


def taken(labelled: Labelled, rows: int) -> Labelled:
    return Labelled(labelled.truth[:rows], labelled.guess.take(np.arange(rows)), labelled.requests[:rows])


def verdict(metric: str, new: Labelled, champion: Labelled) -> str:
    """Look at 100, 150, 225, … rows of the new version and nine times as many of the champion."""
    rows, look, found = LEAST, 1, compare_metric(metric, taken(new, LEAST), taken(champion, 900), RATIO, LEAST, 1)
    while rows < len(new) and found.verdict != "failed":
        rows, look = min(len(new), rows * 3 // 2), look + 1
        found = compare_metric(metric, taken(new, rows), taken(champion, rows * 9), RATIO, LEAST, look)
    return found.verdict


@pytest.mark.parametrize(
    ("metric", "make", "usual", "now", "is_harm"),
    [
        ("mae", regression, 1.0, 1.0, False),
        ("mae", regression, 1.0, 1.05, False),
        ("mae", regression, 1.0, 2.0, True),
        ("accuracy", classes, 0.95, 0.95, False),
        ("accuracy", classes, 0.95, 0.7, True),
        ("accuracy", classes, 1.0, 0.5, True),
        ("log_loss", classes, 0.9, 0.9, False),
        ("log_loss", classes, 0.9, 0.6, True),
    ],
)
def test_a_worse_metric_is_found_and_chance_is_not_accused(metric, make, usual, now, is_harm):
    failed = 0
    for seed in range(RUNS):
        dice = np.random.default_rng(seed)
        failed += verdict(metric, make(dice, 800, now), make(dice, 7200, usual)) == "failed"
    assert failed == (RUNS if is_harm else 0)


def test_a_metric_that_is_no_mean_over_rows_is_judged_by_resampling():
    dice = np.random.default_rng(5)
    good, bad = classes(dice, 400, 0.9), classes(dice, 400, 0.6)
    assert compare_metric("roc_auc", bad, good, RATIO, LEAST, 1).verdict == "failed"
    assert compare_metric("roc_auc", good, classes(dice, 400, 0.9), RATIO, LEAST, 1).verdict != "failed"


def test_too_few_outcomes_and_an_undefined_metric_are_no_data():
    dice = np.random.default_rng(6)
    few = compare_metric("mae", regression(dice, 20, 9.0), regression(dice, 900, 1.0), RATIO, LEAST, 1)
    assert (few.verdict, few.detail) == ("no data", "20 and 900 outcomes have come, 100 of each needed")
    one_class = classes(dice, 200, 0.9)
    one_class.truth[:] = "a"
    assert compare_metric("roc_auc", one_class, classes(dice, 200, 0.9), RATIO, LEAST, 1).verdict == "no data"


def test_a_control_of_an_earlier_time_asks_for_more():
    dice = np.random.default_rng(7)
    new, champion = regression(dice, 3000, 1.35), regression(dice, 3000, 1.0)
    assert compare_metric("mae", new, champion, RATIO, LEAST, 1).verdict == "failed"
    assert compare_metric("mae", new, champion, RATIO, LEAST, 1, concurrent=False).verdict != "failed"


def test_the_interval_of_a_difference_holds_what_is_true():
    dice = np.random.default_rng(8)
    held = 0
    for _ in range(100):
        told: dict[str, Any] = difference("mae", regression(dice, 500, 1.2), regression(dice, 500, 1.0))
        held += told["low"] <= 0.2 * np.exp(0.5) <= told["high"]
    assert 88 <= held <= 100
