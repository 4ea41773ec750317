"""The fit on all rows begun beside the folds: the same model, taken where it is the winner's, and never a loss."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import numpy as np
import pytest

from engine.serving.artifact import dump
from engine.training.ahead import Ahead
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.fitting import refit
from engine.training.folds import split_holdout
from engine.training.storing import stored
from store.errors import WorkFailed


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})


@pytest.fixture(name="dataset")
def bookings_prepared(bookings, rates):
    return prepare(bookings(), rates(), "UTC")


@pytest.fixture(name="rows")
def rows_before_the_holdout(dataset):
    return split_holdout(dataset, 0.2, 7).train


@pytest.fixture(name="candidates")
def dummy_and_ridge(dataset, tmp_path):
    return families(dataset, "sklearn.linear_model.Ridge", "mae", 7, tmp_path)


def test_model_fitted_ahead_is_the_one_that_is_fitted_afterwards(dataset, rows, candidates, two_cores):
    with Ahead(dataset, rows) as ahead:
        ahead.foresee(candidates)
        assert ahead._child is not None
        model, seconds = ahead.refit(candidates[1], candidates[1].defaults, time.monotonic() + 60)
    assert seconds > 0
    afterwards = refit(dataset, rows, candidates[1], candidates[1].defaults, time.monotonic() + 60)
    assert dump(model) == dump(afterwards)


def test_bytes_that_are_kept_of_it_are_those_that_are_made_of_it_afterwards(dataset, rows, candidates, two_cores):
    with Ahead(dataset, rows, keep=partial(stored, modules=(), stated=())) as ahead:
        ahead.foresee(candidates)
        model, _ = ahead.refit(candidates[1], candidates[1].defaults, time.monotonic() + 60)
    assert ahead.kept == stored(model, (), ())


def test_what_cannot_be_kept_is_fitted_all_the_same(dataset, rows, candidates, two_cores):
    def refuse(_model):
        raise WorkFailed("the model cannot be stored")

    with Ahead(dataset, rows, keep=refuse) as ahead:
        ahead.foresee(candidates)
        model, _ = ahead.refit(candidates[1], candidates[1].defaults, time.monotonic() + 60)
    assert ahead.kept == b""
    assert np.isfinite(model.predict(dataset.frame.iloc[:5])).all()


def test_nothing_is_begun_for_candidates_with_rivals_or_without_a_core(dataset, rows, candidates, monkeypatch):
    for cores, competing in (({0}, candidates), ({0, 1}, [*candidates, candidates[1]]), ({0, 1}, ())):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, cores=cores: cores)
        with Ahead(dataset, rows) as ahead:
            ahead.foresee(competing)
            assert ahead._child is None


def test_another_winner_is_fitted_and_what_was_begun_is_ended(dataset, rows, candidates, two_cores):
    with Ahead(dataset, rows) as ahead:
        ahead.foresee(candidates)
        pid = ahead._child.pid
        model, _ = ahead.refit(candidates[0], candidates[0].defaults, time.monotonic() + 60)
    assert type(model.steps[-1][1] if hasattr(model, "steps") else model).__name__.startswith("Dummy")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_where_its_process_was_killed_it_is_fitted_after_all(dataset, rows, candidates, two_cores):
    with Ahead(dataset, rows) as ahead:
        ahead.foresee(candidates)
        os.kill(ahead._child.pid, signal.SIGKILL)
        model, _ = ahead.refit(candidates[1], candidates[1].defaults, time.monotonic() + 60)
    assert np.isfinite(model.predict(dataset.frame.iloc[:5])).all()


def test_out_of_time_is_told_as_of_any_fit(dataset, rows, candidates, two_cores):
    with Ahead(dataset, rows) as ahead:
        ahead.foresee(candidates)
        with pytest.raises(WorkFailed, match="did not end within the time budget"):
            ahead.refit(candidates[1], candidates[1].defaults, time.monotonic() - 1)
