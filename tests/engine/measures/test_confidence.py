"""A confidence sequence may be looked at after every row: over all looks together it seldom misses."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measures.confidence import LEAST, mean_sequence
from engine.measures.intervals import wilson


def ever_misses(draw, mean, rows, looks):
    values = draw.exponential(1.0, rows) - 1.0 + mean
    for n in looks:
        low, high = mean_sequence(values[:n])
        if not low <= mean <= high:
            return True
    return False


def test_over_all_looks_together_it_misses_no_more_often_than_it_says():
    draw = np.random.default_rng(11)
    looks = range(50, 2000, 10)
    missed = sum(ever_misses(draw, 0.3, 2000, looks) for _ in range(400))
    assert wilson(missed, 400)[0] <= 0.05
    fixed = 0
    for _ in range(400):  # an interval for one look, looked at as often, misses far more
        values = draw.normal(0.0, 1.0, 2000)
        sums = np.cumsum(values)[49::10]
        counts = np.arange(50, 2001, 10)
        fixed += bool((np.abs(sums) > 1.96 * np.sqrt(counts)).any())
    assert fixed > 4 * max(missed, 1)


def test_it_closes_in_on_a_difference_that_is_there():
    draw = np.random.default_rng(5)
    values = draw.normal(0.2, 1.0, 4000)
    low, high = mean_sequence(values)
    assert 0 < low < 0.2 < high < 0.4
    assert mean_sequence(np.full(100, 0.5)) == (pytest.approx(0.5), pytest.approx(0.5))


def test_few_rows_say_nothing():
    assert mean_sequence(np.ones(LEAST - 1)) is None
