"""The comparison of candidates: what is tried whatever the time, what wins, and how scores are put in order."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from threadpoolctl import ThreadpoolController

from engine.measures.metrics import find
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.family import Family, nothing
from engine.training.folds import expanding_folds, split_holdout
from engine.training.search import Earlier, Effort, compare
from engine.training.trial import Bench, _pools, one_quiet_thread, predict
from store.errors import WorkFailed


@dataclass
class Heard:
    """A recorder that keeps what it was told."""

    begun_as: list = field(default_factory=list)
    trials: list = field(default_factory=list)
    told: list = field(default_factory=list)

    def begun(self, number, family, params):
        self.begun_as.append((number, family.name, params))

    def ended(self, trial):
        self.trials.append(trial)

    def write(self):
        assert len(self.begun_as) >= len(self.trials)


@pytest.fixture(name="compared")
def comparison_run(tmp_path, bookings, rates):
    """Return a function that compares families on 240 bookings: `compared(seconds=0.5, metric="mae")`."""

    def run(seconds, metric="mae", estimator="auto", **changed):
        told = {name: changed.pop(name) for name in list(changed) if name in ("workers", "trials", "memory_mb")}
        limits, earlier = changed.pop("limits", {}), changed.pop("earlier", Earlier())
        changed_families, meanwhile = changed.pop("families", None), changed.pop("meanwhile", ())
        dataset = prepare(bookings(), rates(features=("nights", "segment", "discount"), **changed), "UTC")
        split = split_holdout(dataset, 0.2, 7)
        folds = expanding_folds(dataset, split.train, 2, 7)
        heard = Heard()
        candidates = changed_families or families(dataset, estimator, metric, 7, tmp_path)
        found = compare(
            Bench(dataset, folds, candidates, find(metric, dataset.task), limits),
            Effort(time.monotonic() + seconds, 7, **told),
            heard,
            lambda share, text: heard.told.append((share, text)),
            earlier,
            meanwhile,
        )
        return found, heard

    return run


def test_nothing_is_tried_once_the_time_is_up(compared, says):
    told = "no candidate was fitted within the time budget: it was over before the first began: give it more time"
    with pytest.raises(WorkFailed, check=says(f"^{told}")):
        compared(-1.0)


def test_each_family_is_tried_with_its_defaults(compared):
    found, heard = compared(60.0, trials=0)
    assert [name for _, name, _ in heard.begun_as] == ["dummy", "linear", "boosting"]
    assert found.best.family.name == "linear"
    assert all(trial.state == "finished" for trial in heard.trials)


def test_what_is_to_be_done_meanwhile_is_done_once_and_in_order(compared):
    done = []

    def piece(name):
        return lambda: done.append(name)

    found, heard = compared(60.0, trials=0, meanwhile=[piece(name) for name in "abcdefghij"])
    assert "".join(done) == "abcdefghij"  # though there are fewer candidates
    assert len(heard.trials) == len(found.trials) == 3
    with pytest.raises(WorkFailed):
        compared(-1.0, meanwhile=[piece("k")])
    assert done[-1] == "k"


def test_the_first_candidate_is_fitted_while_the_rest_is_done(compared, tmp_path):
    """The piece waits for a sign that the fit gives: done before it, it would wait in vain."""
    sign = tmp_path / "fitted"

    def wait_for_sign():
        until = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert sign.exists()

    field = [acting("dummy", lambda _one: None), acting("signs", lambda _one: sign.write_text("here"))]
    assert len(compared(120.0, families=field[::-1], meanwhile=[wait_for_sign])[0].trials) == 2


def slowly(seconds):
    """Return what takes so many seconds for each 100 rows it is fitted on."""
    return lambda estimator: time.sleep(seconds * estimator.rows / 100)


def test_candidate_is_cut_once_its_fit_on_all_rows_would_come_too_late(compared, says):
    """Of 240 rows 80 and 160 are fitted on in folds, then all: 0.8 + 1.6 s of folds, then 2.4 s."""
    slow = [acting("dummy", lambda one: setattr(one, "mean", one.mean + 9)), acting("slow", slowly(1.0))]
    begun = time.monotonic()
    with pytest.raises(WorkFailed, check=says("slow: after 1 of 2 folds: there would be no time to fit it on all")):
        compared(3.5, families=slow)
    assert time.monotonic() - begun < 3.5
    assert compared(30.0, families=slow)[0].best.family.name == "slow"


def test_better_one_that_cannot_be_fitted_in_time_is_not_chosen(compared):
    """The better takes 1.2 s of folds, 1.2 s for all rows and 40 % more to be safe; drawing goes on until then."""

    def draws(trial):
        return {"n": trial.suggest_int("drawn.n", 1, 9)}

    field = [
        acting("dummy", lambda one: setattr(one, "mean", one.mean + 99)),
        Family("better", nothing, lambda _params: Ends(slowly(0.5)), {}),
        Family(
            "drawn", nothing, lambda _params: Ends(lambda one: setattr(one, "mean", one.mean + 50)), {"n": 1}, draws
        ),
    ]
    begun = time.monotonic()
    found, _ = compared(8.0, families=field, trials=100_000)
    left = 8.0 - (time.monotonic() - begun)
    assert found.best.family.name == "better"
    assert 1.0 < left < 7.0


def test_dummy_alone_can_be_trained(compared):
    found, heard = compared(20.0, estimator="dummy")
    assert len(heard.trials) == 1
    assert found.best.family.name == "dummy"


def test_search_draws_more_until_the_time_is_up(compared):
    found, heard = compared(4.0)
    names = [name for _, name, _ in heard.begun_as]
    assert names[:2] == ["dummy", "linear"]
    assert 2 < len(names) <= 60 + 3
    assert [number for number, _, _ in heard.begun_as] == [trial.number for trial in heard.trials]
    assert found.best is min(found.trials, key=found.loss)
    assert found.best.mean < 4
    shares = [share for share, _ in heard.told]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    assert all(text.startswith("trial ") and "best mae" in text for _, text in heard.told)


def test_trials_hold_one_value_and_one_answer_per_fold(compared):
    _, heard = compared(60.0, trials=0)
    for trial in heard.trials:
        assert len(trial.folds) == 2
        assert [len(guess) for guess in trial.guess] == [80, 80]
        assert trial.mean == pytest.approx(np.mean(trial.folds))


def test_larger_value_wins_where_more_is_better(compared):
    found, _ = compared(60.0, metric="r2", trials=0)
    assert found.best.mean == max(trial.mean for trial in found.trials)
    found, _ = compared(60.0, metric="roc_auc", task="classification", target="kept", trials=0)
    assert found.best.mean == max(trial.mean for trial in found.trials)
    assert found.best.family.name != "dummy"


def test_scores_take_the_order_of_the_signature(bookings, rates):
    dataset = prepare(bookings(), rates(task="classification", target="country", features=("nights",)), "UTC")
    seen = np.flatnonzero(dataset.truth != "FR")
    model = DummyClassifier().fit(dataset.frame.iloc[seen], dataset.truth[seen])
    guess = predict(model, dataset.frame.iloc[:4], dataset)
    assert guess.classes == ("ES", "FR", "PT")
    np.testing.assert_allclose(guess.scores, [[0.5, 0.0, 0.5]] * 4)
    assert guess.labels.tolist() == ["ES"] * 4


FIRST_FOLD = 100  # rows; the second fold is fitted on more


class Ends:
    """An estimator of the mean that first does something."""

    def __init__(self, act):
        self.act = act

    def fit(self, _table, truth):
        self.mean, self.rows = float(truth.mean()), len(truth)
        self.act(self)
        return self

    def predict(self, table):
        return np.full(len(table), self.mean)


def raises(_estimator):
    raise ValueError("too\nsour")


def hangs(_estimator):
    while True:
        sum(range(1000))


def dies(_estimator):
    os.kill(os.getpid(), signal.SIGKILL)


def eats(_estimator):
    assert bytearray(400 * 1024 * 1024)


def lies(estimator):
    estimator.mean = float("nan")


def later(act):
    """Return what does so only where there is more to fit on than in the first fold."""
    return lambda estimator: act(estimator) if estimator.rows > FIRST_FOLD else None


def acting(name, act, space=None):
    return Family(name, nothing, lambda _params: Ends(act), {}, space)


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        (raises, "failed", "in fold 1 of 2: ValueError: too sour"),
        (later(raises), "failed", "in fold 2 of 2: ValueError: too sour"),
        (later(dies), "failed", "in fold 2 of 2: its process was killed by SIGKILL"),
        (later(eats), "failed", "in fold 2 of 2: out of memory: it took more than train.memory_mb = 150"),
        (later(lies), "failed", "in fold 2 of 2: ValueError: 80 of its 80 answers are not finite numbers"),
        (hangs, "cut", "in fold 1 of 2: the time was up"),
    ],
)
def test_candidate_that_ends_badly_fails_alone(compared, act, state, reason):
    fine = [acting("dummy", lambda _: None), acting("plain", lambda _: None)]
    found, heard = compared(8.0, families=[*fine, acting("bad", act), acting("last", lambda _: None)], memory_mb=150)
    assert [(one.family.name, one.state) for one in heard.trials] == [
        ("dummy", "finished"),
        ("plain", "finished"),
        ("bad", state),
        ("last", "finished"),
    ]
    assert heard.trials[2].reason == reason
    assert found.best.family.name in ("dummy", "plain", "last")
    assert [one.family.name for one in found.stopped] == ["bad"]


def test_nothing_that_could_be_fitted_is_told_with_its_reason(compared, says):
    field = [acting("dummy", lambda _: None), acting("bad", raises)]
    with pytest.raises(WorkFailed, check=says("^bad could not be fitted: in fold 1 of 2: ValueError: too sour")):
        compared(1.0, families=field)


def test_candidate_that_never_ends_ends_with_the_budget(compared, says):
    field = [acting("dummy", lambda _: None), acting("endless", hangs)]
    with pytest.raises(
        WorkFailed, check=says("no candidate was fitted within the time budget: endless: in fold 1 of 2: the time was")
    ):
        compared(1.0, families=field)


def drawn(trial):
    return {"depth": trial.suggest_int("drawn.depth", 1, 1000)}


def test_search_goes_on_after_a_drawn_candidate_that_never_ends(compared):
    made = []

    def space(trial):
        made.append(trial.suggest_int("drawn.depth", 1, 1000))
        return {"depth": made[-1], "ends": len(made) != 2}

    field = [
        acting("dummy", lambda _: None),
        Family(
            "drawn", nothing, lambda told: Ends(lambda _: None if told["ends"] else hangs(_)), {"ends": True}, space
        ),
    ]
    _, heard = compared(12.0, families=field, trials=5)
    states = [one.state for one in heard.trials]
    assert states == ["finished", "finished", "finished", "cut", "finished", "finished", "finished"]


@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_are_drawn_as_asked_for_by_any_number_of_workers(compared, workers):
    field = [acting("dummy", lambda _: None), acting("drawn", lambda _: None, drawn)]
    found, heard = compared(60.0, families=field, workers=workers, trials=12)
    assert sorted(trial.number for trial in heard.trials) == list(range(14))
    assert sorted(number for number, _, _ in heard.begun_as) == list(range(14))
    assert len(found.trials) + len(found.stopped) == 14


def test_hopeless_candidate_is_pruned_after_its_first_fold(compared):
    made = []

    def space(trial):
        made.append(trial.number)
        return {"off": trial.suggest_float("drawn.off", 0.0, 1.0) * 0 + (1000.0 if len(made) > 6 else 0.0)}

    def off(by):
        def act(estimator):
            estimator.mean += by

        return act

    field = [
        acting("dummy", lambda _: None),
        Family("drawn", nothing, lambda params: Ends(off(params["off"])), {"off": 1.0}, space),
    ]
    found, heard = compared(60.0, families=field, trials=8)
    pruned = [trial for trial in heard.trials if trial.state == "pruned"]
    assert [trial.params["off"] for trial in pruned] == [1000.0, 1000.0]
    assert all(len(trial.folds) == 1 for trial in pruned)
    assert found.best.params["off"] != 1000.0


def test_search_goes_on_where_an_earlier_one_was_cut_off(compared):
    field = [acting("dummy", lambda _: None), acting("drawn", lambda _: None, drawn)]
    first, heard = compared(60.0, families=field, trials=6)
    known = [replace(trial, guess=()) for trial in heard.trials[:5]]
    cut = heard.trials[5]
    earlier = Earlier(tuple(known), (("drawn", cut.params),))
    again, more = compared(60.0, families=field, trials=6, earlier=earlier)
    assert [number for number, _, _ in more.begun_as] == [5, 6, 7]
    assert more.begun_as[0][2] == cut.params
    assert [trial.number for trial in again.trials] == list(range(8))
    assert len(first.trials) == 8


def slow(_estimator):
    time.sleep(0.0)


class Heavy(Ends):
    def predict(self, table):
        time.sleep(0.02)
        return super().predict(table)


def test_winner_keeps_within_the_constraints(compared, says):
    field = [
        acting("dummy", lambda _: None),
        Family("quick", nothing, lambda _params: Ends(lambda one: setattr(one, "mean", one.mean + 9)), {}),
        Family("heavy", nothing, lambda _params: Heavy(slow), {}),
    ]
    assert compared(20.0, families=field)[0].best.family.name in ("dummy", "heavy")
    field[0] = acting("dummy", lambda one: setattr(one, "mean", one.mean + 99))
    found, _ = compared(20.0, families=field, limits={"latency_ms": 10.0})
    assert found.best.family.name == "quick"
    assert found.trials[2].measured["latency_ms"] > 20.0
    with pytest.raises(WorkFailed, check=says("no candidate keeps within .*: nearest comes heavy with latency_ms 2")):
        compared(20.0, families=[field[0], field[2]], limits={"latency_ms": 10.0})


def test_pools_of_threads_are_found_once_until_more_is_imported(monkeypatch):
    real, found = ThreadpoolController, []
    monkeypatch.setattr("threadpoolctl.ThreadpoolController", lambda: found.append(1) or real())
    _pools.cache_clear()
    for _ in range(2):
        with one_quiet_thread():
            assert {pool["num_threads"] for pool in real().info()} == {1}
    assert len(found) == 1
    monkeypatch.setitem(sys.modules, "imported_since", ModuleType("imported_since"))
    with one_quiet_thread():
        assert len(found) == 2


def test_threads_are_held_once_however_deep_until_more_is_imported(monkeypatch):
    from contextlib import nullcontext

    held = []
    monkeypatch.setattr(
        "threadpoolctl.ThreadpoolController.limit", lambda _pools, *, limits: held.append(limits) or nullcontext()
    )
    with one_quiet_thread(), one_quiet_thread():
        assert held == [1]
        monkeypatch.setitem(sys.modules, "brings_threads_of_its_own", object())
        with one_quiet_thread():
            assert held == [1, 1]
    with one_quiet_thread():
        assert held == [1, 1, 1]
