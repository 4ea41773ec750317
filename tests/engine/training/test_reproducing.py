"""A version fitted again from what it pins: equal to the last bit, or told why not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.training import reproducing
from engine.training.reproducing import reproduce, told
from store.errors import WorkFailed


def quiet(_share, _text):
    pass


@pytest.mark.parametrize("which", ["regression", "classification"])
def test_version_is_reproduced_bit_for_bit(request, which):
    trained = request.getfixturevalue(which)
    found = reproduce(trained.deck, trained.version, quiet)
    assert found.is_same
    assert found.artifact_same
    assert found.rows >= 60
    assert told("rates@1", found) == (
        f"rates@1 reproduced: {found.rows} of {found.rows} predictions equal bit for bit, the artifact too"
    )


def test_another_environment_is_named(regression, monkeypatch):
    running = json.loads(json.dumps(reproducing.lock()))
    distribution = running["distributions"]["scikit-learn"]
    pinned, distribution["version"] = distribution["version"], "99.0"
    monkeypatch.setattr(reproducing, "lock", lambda: running)
    found = reproduce(regression.deck, regression.version, quiet)
    assert found.is_same
    (reason,) = found.reasons
    assert reason.startswith(f"environment: scikit-learn {pinned} -> 99.0")
    assert reason in told("rates@1", found)


def test_a_version_whose_row_names_another_environment_than_was_sealed_is_not_fitted(regression, says):
    deck, version = regression.deck, regression.version
    other = deck.artifacts.put_bytes(deck.artifacts.read(version.environment_hash) + b" ")
    with pytest.raises(WorkFailed, check=says("the environment of rates@1 is not what was sealed")):
        reproduce(deck, replace(version, environment_hash=other), quiet)


def test_other_parameters_make_other_predictions(classification):
    version = classification.version
    candidates = [{**version.evaluation["candidates"][0], "name": "dummy"}]
    changed = replace(version, evaluation={**version.evaluation, "candidates": candidates})
    found = reproduce(classification.deck, changed, quiet)
    assert not found.is_same
    assert not found.artifact_same
    assert told("rates@1", found).startswith(f"rates@1 not reproduced: {found.different} of {found.rows} predictions")


DRAWING = """
import os

from sklearn.ensemble import ExtraTreesRegressor


def build():
    return ExtraTreesRegressor(3, max_features=1, random_state={seed})
"""


def test_estimator_without_a_seed_of_its_own_is_reproduced(bench, rates):
    bench.put("own.py", DRAWING.format(seed="None"))
    version = bench.train(rates(estimator="python:own:build", features=("nights", "discount")))
    found = reproduce(bench.deck, version, quiet)
    assert found.is_same


def test_estimator_that_draws_anew_each_time_is_found_out(bench, rates):
    bench.put("own.py", DRAWING.format(seed='int.from_bytes(os.urandom(4), "big")'))
    version = bench.train(rates(estimator="python:own:build", features=("nights", "discount")))
    found = reproduce(bench.deck, version, quiet)
    assert not found.is_same
    assert found.largest > 0
    assert "the estimator itself is not deterministic" in told("rates@1", found)


def test_data_that_are_gone_are_named(regression, says):
    gone = replace(regression.version, snapshot_id="sha256:" + "0" * 64)
    with pytest.raises(WorkFailed, check=says("rates@1 cannot be reproduced: .*000000")):
        reproduce(regression.deck, gone, quiet)
