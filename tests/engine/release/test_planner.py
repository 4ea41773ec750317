"""The planner's figures against simulated traffic: harm of the stated size shows by then, and not much sooner."""

from __future__ import annotations

import random

import pytest

from engine.plans import PlanStep
from engine.release.planner import Traffic, harm_to_see, need, need_line, rows_to_see, short_steps, traffic_of
from engine.release.sequential import is_worse

RUNS = 200
LOOKS = 20


def seen_by(rows: int, weight: int, usual: float, harm: float, dice: random.Random) -> bool:
    """Say whether the sequential test, looked at now and then, accuses within `rows` rows of the new version."""
    on_new = on_champion = rows_champion = 0
    for row in range(1, rows + 1):
        on_new += dice.random() < usual + harm
        beside = row * (100 - weight) // weight - rows_champion if weight < 100 else 1
        on_champion += sum(dice.random() < usual for _ in range(beside))
        rows_champion += beside
        if row % max(1, rows // LOOKS) == 0 and is_worse(on_new, on_champion, row, rows_champion):
            return True
    return False


@pytest.mark.parametrize(
    ("weight", "usual", "harm"),
    [(10, 0.001, 0.05), (10, 0.01, 0.05), (50, 0.001, 0.05), (50, 0.02, 0.1), (100, 0.001, 0.05), (20, 0.001, 0.02)],
)
def test_a_harm_of_the_stated_size_shows_within_the_planned_rows(weight: int, usual: float, harm: float) -> None:
    dice = random.Random(11)
    rows = rows_to_see(harm, weight, usual)
    found = sum(seen_by(rows, weight, usual, harm, dice) for _ in range(RUNS))
    assert found >= 0.85 * RUNS
    few = sum(seen_by(max(1, rows // 4), weight, usual, harm, dice) for _ in range(RUNS))
    assert few <= 0.5 * RUNS  # the plan is not far too careful either


def test_no_harm_is_seldom_called_one_in_the_planned_rows() -> None:
    dice = random.Random(12)
    rows = rows_to_see(0.05, 10, 0.01)
    assert sum(seen_by(rows, 10, 0.01, 0.0, dice) for _ in range(RUNS)) <= 0.03 * RUNS


def test_smaller_harm_and_more_noise_ask_for_more_rows() -> None:
    assert rows_to_see(0.01, 10) > rows_to_see(0.05, 10) > rows_to_see(0.2, 10)
    assert rows_to_see(0.05, 10, 0.05) > rows_to_see(0.05, 10, 0.001)


def test_harm_and_rows_answer_each_other() -> None:
    harm = harm_to_see(200, 10)
    assert harm is not None
    assert rows_to_see(harm, 10) <= 200 < rows_to_see(harm - 0.005, 10)
    assert harm_to_see(2, 10) is None


def test_a_need_is_the_stated_harm_s_but_never_fewer_than_the_stated_rows() -> None:
    traffic = Traffic(1.4, 0.001)
    asked = need(10, 0.0, 20, 0.01, traffic)
    assert asked.rows == rows_to_see(0.01, 10, 0.001)
    assert asked.takes_s == pytest.approx(asked.rows / 0.14)
    assert need(10, 0.0, 100_000, 0.01, traffic).rows == 100_000
    assert need(10, 3600.0, 20, None, Traffic(1000.0)).takes_s == 3600.0


def test_the_line_says_how_long_and_why() -> None:
    busy = need(10, 0.0, 20, 0.05, Traffic(14.0, 0.001))
    assert (busy.rows, busy.harm) == (178, 0.05)
    assert need_line(10, 2, 0.0, busy, 14.0, 900.0) == (
        "10 % of traffic to v2 for about 2m: 178 rows at 1.4/s to see +5 % errors"
    )
    slow = need(10, 0.0, 20, 0.05, Traffic(0.1, 0.001))
    assert need_line(10, 2, 0.0, slow, 0.1, 900.0) == (
        "10 % of traffic to v2 for about 5h: 178 rows at 0.01/s to see +5 % errors; held after 15m"
    )
    silent = need(10, 60.0, 20, 0.05, Traffic())
    assert need_line(10, 2, 60.0, silent, 0.0, 900.0) == (
        "10 % of traffic to v2, until 178 live rows to see +5 % errors and 1m; held after 15m without"
    )


def test_an_error_rate_of_few_rows_is_drawn_to_the_usual_one() -> None:
    assert traffic_of(0, 0, 0.0) == Traffic()
    assert traffic_of(10, 0, 10.0).error_rate == pytest.approx(0.001, rel=0.02)
    assert traffic_of(100_000, 5000, 10.0).error_rate == pytest.approx(0.05, rel=0.02)


def test_a_step_that_present_traffic_fills_is_not_warned_of() -> None:
    def step(takes_s: float) -> PlanStep:
        planned = {"takes_s": takes_s, "rate": 17.0}
        return PlanStep(
            "weight", "", "local", {"weight": 10, "min_samples": 200, "max_wait_s": 20.0, "planned": planned}
        )

    assert short_steps([step(19.0), step(20.0)]) == ()
    [told] = short_steps([step(19.0), step(118.0)])
    assert "200 rows within 20s; the last ten minutes' traffic brings 34" in told
