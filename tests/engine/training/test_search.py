"""The comparison of candidates: what is tried whatever the time, what wins, and how scores are put in order."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from engine.measures.metrics import find
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.folds import expanding_folds, split_holdout
from engine.training.search import MAX_TRIALS, compare, predict


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


@pytest.fixture(name="compared")
def comparison_run(tmp_path, bookings, rates):
    """Return a function that compares families on 240 bookings: `compared(seconds=0.5, metric="mae")`."""

    def run(seconds, metric="mae", estimator="auto", **changed):
        dataset = prepare(bookings(), rates(features=("nights", "segment", "discount"), **changed), "UTC")
        split = split_holdout(dataset, 0.2, 7)
        folds = expanding_folds(dataset, split.train, 2, 7)
        heard = Heard()
        found = compare(
            dataset,
            folds,
            families(dataset, estimator, metric, 7, tmp_path),
            find(metric, dataset.task),
            deadline=time.monotonic() + seconds,
            seed=7,
            recorder=heard,
            progress=lambda share, text: heard.told.append((share, text)),
        )
        return found, heard

    return run


def test_dummy_and_one_more_are_compared_though_the_time_is_up(compared):
    found, heard = compared(-1.0)
    assert [name for _, name, _ in heard.begun_as] == ["dummy", "linear"]
    assert found.best.family.name == "linear"
    assert not any(trial.stopped for trial in heard.trials)


def test_dummy_alone_can_be_trained(compared):
    found, heard = compared(0.2, estimator="dummy")
    assert len(heard.trials) == 1
    assert found.best.family.name == "dummy"


def test_search_draws_more_until_the_time_is_up(compared):
    found, heard = compared(1.0)
    names = [name for _, name, _ in heard.begun_as]
    assert names[:2] == ["dummy", "linear"]
    assert 2 < len(names) <= MAX_TRIALS + 3
    assert [number for number, _, _ in heard.begun_as] == [trial.number for trial in heard.trials]
    assert found.best is min(found.trials, key=found.loss)
    assert found.best.mean < 4
    shares = [share for share, _ in heard.told]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    assert all(text.startswith("trial ") and "best mae" in text for _, text in heard.told)


def test_trials_hold_one_value_and_one_answer_per_fold(compared):
    _, heard = compared(-1.0)
    for trial in heard.trials:
        assert len(trial.folds) == 2
        assert [len(guess) for guess in trial.guess] == [80, 80]
        assert trial.mean == pytest.approx(np.mean(trial.folds))


def test_larger_value_wins_where_more_is_better(compared):
    found, _ = compared(-1.0, metric="r2")
    assert found.best.mean == max(trial.mean for trial in found.trials)
    found, _ = compared(-1.0, metric="roc_auc", task="classification", target="kept")
    assert found.best.family.name == "linear"


def test_scores_take_the_order_of_the_signature(bookings, rates):
    dataset = prepare(bookings(), rates(task="classification", target="country", features=("nights",)), "UTC")
    seen = np.flatnonzero(dataset.truth != "FR")
    model = DummyClassifier().fit(dataset.frame.iloc[seen], dataset.truth[seen])
    guess = predict(model, dataset.frame.iloc[:4], dataset)
    assert guess.classes == ("ES", "FR", "PT")
    np.testing.assert_allclose(guess.scores, [[0.5, 0.0, 0.5]] * 4)
    assert guess.labels.tolist() == ["ES"] * 4
