"""One look at a weight step."""

from __future__ import annotations

import dataclasses

from engine.release.judge import Live, StepNeeds, judge

NEEDS = StepNeeds(min_samples=200, hold_s=60.0, max_wait_s=900.0)
CHAMPION = Live(1800, 2, (4.0,) * 1800)


def test_step_passes_with_its_samples_and_its_hold():
    assert judge(Live(200, 0, (4.0,) * 200), CHAMPION, 60.0, NEEDS).verdict == "passed"


def test_step_waits_for_its_hold_even_when_samples_are_there():
    assert judge(Live(500, 0), CHAMPION, 30.0, NEEDS).verdict == "waiting"


def test_step_waits_for_its_samples_even_when_hold_is_over():
    assert judge(Live(199, 0), CHAMPION, 300.0, NEEDS).verdict == "waiting"


def test_step_without_samples_after_max_wait_is_no_data():
    told = judge(Live(3, 0), Live(20, 0), 900.0, NEEDS)
    assert told.verdict == "no data"
    assert told.detail == "3 of 200 live rows after 900 s"


def test_accepted_silence_lets_a_step_without_any_row_go_on_at_its_hold():
    assert judge(Live(), Live(), 59.0, NEEDS, silence_accepted=True).verdict == "waiting"
    assert judge(Live(), Live(), 60.0, NEEDS, silence_accepted=True).verdict == "no data"


def test_accepted_silence_ends_with_the_first_live_row():
    assert judge(Live(1, 0), Live(9, 0), 60.0, NEEDS, silence_accepted=True).verdict == "waiting"


def test_errors_of_the_new_version_fail_the_step_before_its_samples_are_complete():
    told = judge(Live(20, 8), Live(180, 0), 1.0, NEEDS)
    assert told.verdict == "failed"
    assert told.detail == "errors: 8 of 20 rows on the new version, 0 of 180 rows on the champion"


def test_errors_that_both_versions_make_fail_nothing():
    assert judge(Live(200, 40), Live(1800, 360), 60.0, NEEDS).verdict == "passed"


def test_slow_answers_of_the_new_version_fail_the_step():
    told = judge(Live(200, 0, (40.0,) * 200), CHAMPION, 60.0, NEEDS)
    assert told.verdict == "failed"
    assert told.detail.startswith("latency: 200 of 200 answers slower than 9.0 ms")


def test_answers_within_the_bound_that_the_settings_state_are_not_slow():
    tolerant = StepNeeds(min_samples=200, hold_s=60.0, max_wait_s=900.0, tolerated_ms=100.0)
    assert judge(Live(200, 0, (40.0,) * 200), CHAMPION, 60.0, tolerant).verdict == "passed"
    assert judge(Live(200, 0, (140.0,) * 200), CHAMPION, 60.0, tolerant).verdict == "failed"


def test_a_control_of_an_earlier_time_is_no_measure_of_a_little_more():
    champion = Live(13_222, 0, (20.0,) * 12_978 + (60.0,) * 244)
    afterwards = dataclasses.replace(NEEDS, concurrent=False)
    busier = Live(106, 0, (22.0,) * 90 + (50.0,) * 16)
    assert judge(busier, champion, 60.0, NEEDS).verdict == "failed"
    assert judge(busier, champion, 60.0, afterwards).verdict == "waiting"
    slow = Live(106, 0, (22.0,) * 60 + (80.0,) * 46)
    assert judge(slow, champion, 60.0, afterwards).verdict == "failed"


def test_a_difference_nobody_would_notice_is_no_harm():
    assert judge(Live(200, 0, (7.0,) * 200), CHAMPION, 60.0, NEEDS).verdict == "passed"


def test_errors_without_any_control_are_harm_when_every_second_row_fails():
    assert judge(Live(60, 40), Live(), 1.0, NEEDS).verdict == "failed"
    assert judge(Live(60, 3), Live(), 1.0, NEEDS).verdict == "waiting"


def test_a_version_that_refuses_what_the_champion_takes_fails_the_step():
    told = judge(Live(0, 0, (), 20), Live(180, 0), 1.0, NEEDS)
    assert told.verdict == "failed"
    assert told.detail == "refused: 20 of 20 requests on the new version, 0 of 180 on the champion"


def test_mistakes_of_callers_fall_on_both_and_fail_nothing():
    assert judge(Live(200, 0, (), 20), Live(1800, 0, (), 180), 60.0, NEEDS).verdict == "passed"
