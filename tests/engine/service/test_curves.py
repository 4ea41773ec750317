"""Metrics of runs step by step: what has a curve, in the order asked, very many points drawn evenly."""

from __future__ import annotations

import pytest

from engine.access import Caller, Role
from engine.operations.runs import CurvesRequest
from engine.service.context import ServiceContext
from engine.service.handlers.runs import MOST_POINTS, curves
from store import runs
from store.errors import Refused, UnknownName


@pytest.fixture(name="ask")
def ask_the_deck(deck):
    """Ask for curves as a viewer."""
    return lambda *asked, metric="": curves(
        ServiceContext(deck, Caller("user:eve", Role.VIEWER)), CurvesRequest(asked, metric)
    )


def logged(deck, **metrics):
    """Return a run with the values of each metric as its steps."""
    with deck.database.write() as tx:
        run = runs.start_run(tx, actor="user:anna", experiment="rates")
        points = [(key, at, 1000 + at, value) for key, told in metrics.items() for at, value in enumerate(told)]
        runs.log_points(tx, run.id, points)
    return run.id


def test_metrics_of_more_than_one_step_are_told_metric_by_metric(deck, ask):
    first = logged(deck, loss=[3.0, 2.0, 1.5], mae=[9.0])
    second = logged(deck, loss=[4.0, 1.0], auc=[0.5, 0.75])
    found = ask(second, first[:20])
    assert [(one.metric, one.run, one.points) for one in found] == [
        ("auc", second, 2),
        ("loss", second, 2),
        ("loss", first, 3),
    ]
    assert (found[2].steps, found[2].values) == ((0, 1, 2), (3.0, 2.0, 1.5))
    assert [one.run for one in ask(first, second, metric="loss")] == [first, second]
    assert ask(first, metric="mae") == []


def test_very_many_points_are_thinned_evenly_and_the_last_is_kept(deck, ask):
    count = MOST_POINTS * 3 + 2
    [found] = ask(logged(deck, loss=[float(step) for step in range(count)]))
    assert found.points == count
    assert MOST_POINTS / 2 <= len(found.steps) <= MOST_POINTS + 1
    assert (found.steps[0], found.steps[-1]) == (0, count - 1)
    assert found.values == tuple(float(step) for step in found.steps)


def test_too_many_runs_and_an_unknown_one_are_refused(deck, ask):
    with pytest.raises(Refused, match="65 runs are more than 64"):
        ask(*["a"] * 65)
    with pytest.raises(UnknownName):
        ask("f" * 32)
