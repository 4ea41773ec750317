"""Comparisons that may be looked at after every row."""

from __future__ import annotations

import random

import pytest

from engine.release.sequential import e_value, is_worse, quantile


def test_looking_after_every_row_rarely_accuses_a_version_that_is_no_worse():
    accused = 0
    for seed in range(200):
        source = random.Random(seed)
        errors = [0, 0]
        rows = [0, 0]
        for _ in range(400):
            arm = 0 if source.random() < 0.1 else 1
            rows[arm] += 1
            errors[arm] += source.random() < 0.05
            if is_worse(errors[0], errors[1], rows[0], rows[1]):
                accused += 1
                break
    assert accused <= 8  # alpha is 0.01; the share is estimated, so a little slack


def test_a_version_that_fails_every_request_is_accused_within_a_few_rows():
    assert not is_worse(1, 0, 1, 9)
    assert is_worse(5, 0, 5, 45)


def test_a_version_with_fewer_errors_is_never_accused():
    assert not is_worse(1, 90, 500, 500)
    assert e_value(0, 50, 0.5) < 1.0


def test_without_control_rows_nothing_is_accused():
    assert not is_worse(100, 0, 100, 0)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.99, 4.0), (1.0, 4.0), (0.0, 1.0)])
def test_quantile_is_a_value_that_was_seen(share, value):
    assert quantile([4.0, 1.0, 3.0, 2.0], share) == value


def test_many_events_do_not_overflow():
    assert e_value(100_000, 0, 0.01) > 1e100
