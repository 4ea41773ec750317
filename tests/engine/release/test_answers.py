"""Answers of two versions beside each other: shifts that matter are found, sample size alone accuses nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.measures import shift
from engine.release.answers import GROWTH, LEAST, Answers, Found, compare, is_due, spent
from engine.release.planner import moved_to_see, rows_to_see_moved

SIZE = 0.2
ROWS = 800
RUNS = 20


def numbers(values: Any, requests: Any = None) -> Answers:
    ids = tuple(str(number) for number in range(len(values)))
    return Answers(ids, ids if requests is None else tuple(requests), {"value": tuple(values)})


def labels(values: Any) -> Answers:
    ids = tuple(str(number) for number in range(len(values)))
    return Answers(ids, ids, {}, tuple(values))


def looked(make: Any, new: Any, champion: Any, share: float = 0.1, rows: int = ROWS) -> Found:
    """Look again and again, as a step does, until harm is found or the rows are there."""
    seen, look, found = 0, 0, Found("no data", "")
    while seen < rows and found.verdict != "failed":
        seen, look = min(rows, max(int(LEAST), int(seen * GROWTH) + 1)), look + 1
        found = compare(make(new[:seen]), make(champion[: int(seen * (1 - share) / share)]), SIZE, look)
    return found


def prices(dice: np.random.Generator, rows: int) -> Any:
    return dice.lognormal(4.0, 0.4, rows)


SHIFTS = {
    "the same": prices,
    "a tenth more": lambda dice, rows: 1.1 * prices(dice, rows),
    "narrower": lambda dice, rows: dice.lognormal(4.0, 0.32, rows),
    "twice": lambda dice, rows: 2.0 * prices(dice, rows),
    "constant": lambda dice, rows: np.full(rows, 54.6),
    "zero": lambda dice, rows: np.zeros(rows),
}


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize(("shift_of", "is_harm"), [(name, at >= 3) for at, name in enumerate(SHIFTS)])
def test_what_nobody_would_act_on_passes_however_often_one_looks_and_the_absurd_is_found(shift_of, is_harm, share):
    failed = 0
    for seed in range(RUNS):
        dice = np.random.default_rng(seed)
        beside = int(ROWS * (1 - share) / share)
        found = looked(numbers, SHIFTS[shift_of](dice, ROWS), prices(dice, beside), share)
        failed += found.verdict == "failed"
    assert failed == (RUNS if is_harm else 0)


@pytest.mark.parametrize(
    ("usual", "now", "is_harm"),
    [(0.1, 0.1, False), (0.3, 0.38, False), (0.02, 0.02, False), (0.1, 0.0, True), (0.5, 0.0, True), (0.02, 0.3, True)],
)
def test_one_class_only_is_found_a_class_a_little_more_often_is_not(usual, now, is_harm):
    failed = 0
    for seed in range(RUNS):
        dice = np.random.default_rng(seed)
        new = ["yes" if one else "no" for one in dice.random(ROWS) < now]
        champion = ["yes" if one else "no" for one in dice.random(9 * ROWS) < usual]
        failed += looked(labels, new, champion).verdict == "failed"
    assert failed == (RUNS if is_harm else 0)


def test_a_hundred_thousand_rows_accuse_no_version_that_is_merely_different():
    dice = np.random.default_rng(1)
    found = compare(numbers(1.1 * prices(dice, 100_000)), numbers(prices(dice, 100_000)), SIZE, 30)
    assert found.verdict == "passed"
    assert found.figures["high"] < SIZE


def test_few_distinct_inputs_are_no_other_world():
    assert compare(numbers([2.02] * 500), numbers([2.0] * 500), SIZE, 1).verdict != "failed"
    assert compare(numbers([4.0] * 500), numbers([2.0] * 500), SIZE, 1).verdict == "failed"


def test_answers_that_are_neither_number_nor_label_are_no_data():
    ids = tuple(str(number) for number in range(100))
    items = Answers(ids, ids)
    assert compare(items, items, SIZE, 1).verdict == "no data"


def test_rows_of_one_request_count_as_one():
    one_caller = numbers([100.0] * 1000, ["batch"] * 1000)
    found = compare(one_caller, numbers(prices(np.random.default_rng(3), 1000)), SIZE, 1)
    assert (found.verdict, found.figures["independent"]) == ("no data", [1, 1000])
    assert shift.effective(["a", "a", "b", "c"]) == pytest.approx(16 / 6)


def test_a_control_of_an_earlier_time_asks_for_twice_the_difference():
    dice = np.random.default_rng(4)
    new, champion = numbers(1.5 * prices(dice, 4000)), numbers(prices(dice, 4000))
    assert compare(new, champion, SIZE, 1).verdict == "failed"
    afterwards = compare(new, champion, SIZE, 1, concurrent=False)
    assert (afterwards.verdict, afterwards.figures["size"]) == ("passed", 0.4)


def test_what_looks_wrong_and_is_not_certain_says_so():
    new, champion = [100.0] * 60 + [1000.0] * 40, [100.0] * 540
    found = compare(numbers(new), numbers(champion), SIZE, 4)
    assert (found.verdict, found.suspect) == ("inconclusive", True)
    assert found.detail == "40 % of value moved by more than 10; with these rows it may be 7 to 73 %"


def test_all_looks_together_spend_the_whole_chance_and_come_seldom():
    assert sum(spent(look) for look in range(1, 100_000)) == pytest.approx(1.0, abs=1e-4)
    assert not is_due(LEAST - 1, 0.0)
    assert is_due(100 * GROWTH, 100.0)
    assert not is_due(100 * GROWTH - 1, 100.0)


@pytest.mark.parametrize("weight", [10, 50])
def test_a_planned_shift_shows_within_the_planned_rows(weight):
    share, rows = weight / 100, rows_to_see_moved(0.6, weight, SIZE)
    assert rows is not None
    assert (moved_to_see(rows, weight, SIZE) or 1.0) <= 0.6 < (moved_to_see(rows - 1, weight, SIZE) or 1.0)
    found = 0
    for seed in range(RUNS):
        dice = np.random.default_rng(seed)
        champion = np.full(int(rows * (1 - share) / share), 100.0)
        new = np.where(dice.random(rows) < 0.6, 1000.0, 100.0)
        found += looked(numbers, new, champion, share, rows).verdict == "failed"
    assert found >= 0.8 * RUNS


def test_a_shift_that_the_step_forgives_is_not_planned():
    assert rows_to_see_moved(0.2, 10, SIZE) is None
    assert rows_to_see_moved(0.35, 100, SIZE) is None
    assert moved_to_see(20, 10, SIZE) is None
