"""Rules say breach, clear, between or no data of a window; counts and clear windows decide what opens and what ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.monitoring.rules import Facts, breaches, holds, is_clear, read
from engine.settings.alerts import make_rule
from store.rows import Window

HOLDOUT = {"mae": {"value": 10.0, "low": 9.5, "high": 10.5}}
HOUR = 3_600_000_000
CLEAR, BREACH, BETWEEN = 1.0, 50.0, 14.0  # p99 of a window in ms, against a threshold of 15


def window(number: int = 0, **changed: Any) -> Window:
    told: dict[str, Any] = {
        "id": f"w{number}", "monitor": "rates", "model": "rates", "version": 1, "from_at": number * HOUR,
        "to_at": (number + 1) * HOUR, "revision": 1, "verdict": "ok", "rows": 200, "errors": 0, "latency_p50_ms": 1.0,
        "latency_p99_ms": CLEAR, "coverage": 1.0, "metrics": {}, "features": (), "computed_at": 1, **changed,
    }  # fmt: skip
    return Window(**told)


def mae(value: float, n: int = 200, name: str = "mae") -> dict[str, Any]:
    return {name: {"value": value, "low": value - 0.5, "high": value + 0.5, "n": n, "note": ""}}


def facts(windows: Any = ()) -> Facts:
    version: Any = SimpleNamespace(evaluation={"holdout": HOLDOUT})
    return Facts(version, "mae", 50, {one.from_at: one.rows for one in windows})


def moved(effect: float = 0.4, importance: float | None = 0.5, **changed: Any) -> dict[str, Any]:
    return {
        "name": "lead_time", "drifted": effect > 0.2, "effect": effect, "threshold": 0.2, "importance": importance,
        **changed,
    }  # fmt: skip


def states(rule: Any, *windows: Window) -> list[str]:
    return [read(rule, one, facts(windows)).state for one in windows]


SLOW = make_rule("latency_p99", threshold=15.0, times=2, of=3, clear_windows=2)


def slow(*values: float | None) -> list[Window]:
    """Return windows of these p99 latencies, given oldest first, newest first."""
    return [window(number, latency_p99_ms=value) for number, value in enumerate(values)][::-1]


@pytest.mark.parametrize(
    ("values", "is_held"),
    [
        ((BREACH,), False),
        ((BREACH, BREACH), True),
        ((BREACH, CLEAR, BREACH), True),
        ((BREACH, CLEAR, CLEAR, BREACH), False),
        ((BREACH, BREACH, CLEAR), False),  # it held, and the newest is none
        ((BREACH, BETWEEN, BREACH), True),
    ],
)
def test_enough_of_the_newest_windows_hold_a_rule(values: tuple[float, ...], is_held: bool) -> None:
    assert holds(SLOW, slow(*values), facts()) is is_held


def test_breaches_are_counted_among_the_newest_alone() -> None:
    assert breaches(SLOW, slow(BREACH, BREACH, BREACH, CLEAR, BREACH), facts()) == 2


@pytest.mark.parametrize(
    ("values", "cleared"),
    [
        ((BREACH, CLEAR), False),
        ((BREACH, CLEAR, CLEAR), True),
        ((CLEAR, BETWEEN, CLEAR), False),  # hysteresis: below the threshold is not yet clear
        ((CLEAR, CLEAR, BREACH), False),
        ((BREACH, CLEAR, None, CLEAR), True),
        ((BREACH, None, None), False),  # no data is never the end of it
    ],
)
def test_enough_clear_windows_in_a_row_end_it(values: tuple[float | None, ...], cleared: bool) -> None:
    assert is_clear(SLOW, slow(*values), facts()) is cleared


def test_errors_are_a_breach_beyond_sampling_noise_alone() -> None:
    rule = make_rule("errors")
    few, many = window(rows=50, errors=1), window(rows=200, errors=20)
    assert states(rule, few, many, window(rows=200, errors=1), window(rows=0)) == [
        "between", "breach", "clear", "no data",
    ]  # fmt: skip


def test_performance_needs_labels_that_judge_and_intervals_apart() -> None:
    rule = make_rule("performance")
    worse, slightly, few = window(metrics=mae(14.0)), window(metrics=mae(10.9)), window(metrics=mae(40.0, n=49))
    assert states(rule, worse, slightly, few, window()) == ["breach", "clear", "no data", "no data"]
    assert read(rule, worse, facts()).evidence["holdout"] == HOLDOUT["mae"]
    patient = make_rule("performance", threshold=1.5, clear=1.2)
    assert states(patient, worse, window(metrics=mae(16.0))) == ["between", "breach"]


def test_estimated_performance_is_judged_without_outcomes() -> None:
    rule = make_rule("estimated")
    assert states(rule, window(metrics=mae(14.0, name="estimated_mae")), window(metrics=mae(14.0))) == [
        "breach", "no data",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metrics", "state", "note"),
    [
        (mae(14.0), "breach", ""),
        (mae(14.0, name="estimated_mae"), "breach", ""),
        (mae(10.0) | mae(14.0, name="estimated_mae"), "clear", "realised mae 10 is as promised"),
        (mae(14.0, n=10) | mae(10.0, name="estimated_mae"), "clear", "estimated mae 10 is as promised"),
        ({}, "between", "whether it harms is not known"),
        (mae(14.0, n=10), "between", "whether it harms is not known"),
    ],
)
def test_drift_is_a_breach_where_it_matters_and_harms(metrics: dict[str, Any], state: str, note: str) -> None:
    told = read(make_rule("drift"), window(features=(moved(),), metrics=metrics), facts())
    assert told.state == state
    assert told.note.startswith(note)
    assert bool(told.note) is bool(note)


def test_where_a_class_is_gone_drift_harms_whatever_an_estimate_says() -> None:
    undefined = {"mae": {"value": None, "low": None, "high": None, "n": 192, "note": "only one class"}}
    metrics = undefined | mae(10.0, name="estimated_mae")
    gone = read(make_rule("drift"), window(features=(moved(),), metrics=metrics, verdict="degraded"), facts())
    assert (gone.state, gone.evidence["harm"]["vanished"]) == ("breach", True)
    undefined_alone = read(make_rule("drift"), window(features=(moved(),), metrics=metrics, verdict="drift"), facts())
    assert (undefined_alone.state, undefined_alone.note[:24]) == ("between", "whether it harms is not ")


def test_drift_of_what_matters_too_little_is_noted() -> None:
    told = read(make_rule("drift", harm=False), window(features=(moved(importance=0.004),)), facts())
    assert (told.state, told.note) == ("clear", "lead_time matters less than 1%")


def test_thresholds_of_drift_count_in_bearable_effects() -> None:
    rule = make_rule("drift", harm=False, threshold=2.0, clear=1.5)
    sizes = [window(features=(moved(effect),)) for effect in (0.5, 0.35, 0.25, 0.1)]
    assert states(rule, *sizes) == ["breach", "between", "clear", "clear"]
    assert states(rule, window(features=()), window(features=(moved(drifted=None),))) == ["no data", "no data"]


def test_volume_is_judged_against_the_usual_of_all_versions() -> None:
    rule = make_rule("volume")
    usual = [window(number, rows=200) for number in range(6)]
    low, normal = window(6, rows=60), window(7, rows=190)
    told = facts([*usual, low, normal])
    assert [read(rule, one, told).state for one in (usual[2], low, normal)] == ["no data", "breach", "clear"]
    assert read(rule, low, told).evidence == {"volume": 60, "usual": 200}


def test_no_rows_are_a_breach_only_where_a_rule_asks() -> None:
    rule = make_rule("no_data", times=2, of=2)
    empty = [window(number, rows=0, verdict="no data", latency_p99_ms=None) for number in range(2)][::-1]
    assert holds(rule, empty, facts(empty))
    full = [window(2), window(3), window(4)][::-1]
    assert is_clear(rule, full, facts(full))


def test_a_class_that_is_gone_is_told_from_what_is_kept() -> None:
    rule = make_rule("outcomes")
    gone = window(verdict="degraded", metrics=mae(10.0))
    worse = window(verdict="degraded", metrics=mae(14.0))
    assert states(rule, gone, worse, window(metrics=mae(10.0)), window()) == ["breach", "clear", "clear", "no data"]


@pytest.mark.parametrize(
    ("refused", "asked", "state"),
    [
        (1, 1, "no data"),
        (9, 9, "no data"),
        (10, 10, "breach"),
        (3, 10, "between"),
        (0, 10, "clear"),
        (30, 100, "breach"),
    ],
)
def test_a_few_refused_requests_are_no_verdict(refused: int, asked: int, state: str) -> None:
    share = {"value": refused / asked, "low": None, "high": None, "n": asked, "note": "share of requests"}
    assert states(make_rule("data"), window(rows=0, metrics={"refused": share})) == [state]
