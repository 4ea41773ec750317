"""What files say becomes frozen settings, defaults filled in, and comes back whole from a revision's body."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.settings.forecasting import ForecastSettings
from engine.settings.model import (
    DataSettings,
    DeckSettings,
    HostSettings,
    JudgeSettings,
    Limit,
    ModelSettings,
    RolloutStep,
    SplitSettings,
)
from store.errors import BrokenSettings

FULL = """
time_column = "at"
id_column = "id"
features = ["x"]
personal = ["x"]

[train]
estimator = "auto"
metric = "mae"
time_budget = "15s"
folds = 4
holdout = 0.25
seed = 1

[gates]
mae = { max = 25, vs_champion = 1.02 }
slices = ["x"]
approvals = 1
fairness = { measure = "mae", max_difference = 5 }

[fairness]
columns = ["x"]
min_rows = 20

[deploy]
min_samples = 50
max_wait = "20s"
rollout = [{ weight = 10, hold = "2s" }, { weight = 100 }]
detect = { errors = 0.01, predictions = 0.5 }
judge = { predictions = 0.3, metric = false, labels = 50, then = "hold" }

[log]
personal = "keep"
mode = "best-effort"

[monitor]
every = "30s"
window = "30d"
by = "event"
lateness = "1h"
min_rows = 10
"""


def test_defaults_are_filled_in(files):
    deck = files.load()
    assert (deck.name, deck.time_zone, deck.hosts, deck.access) == ("test", "UTC", (HostSettings("local"),), {})
    rates = deck.models["rates"]
    assert (rates.train.time_budget_s, rates.monitor.every_s, rates.log.personal) == (60.0, 300.0, "token")
    assert [step.weight for step in rates.deploy.rollout] == [10, 50, 100]


def test_everything_a_file_may_say_is_kept(files):
    files.add(FULL)
    rates = files.load().models["rates"]
    assert rates.gates.limits == {"mae": Limit(max=25, vs_champion=1.02)}
    assert rates.deploy.rollout == (RolloutStep(10, 2.0), RolloutStep(100))
    assert (rates.deploy.detect_errors, rates.deploy.detect_predictions) == (0.01, 0.5)
    assert rates.deploy.judge == JudgeSettings(0.3, None, 50, "hold")
    assert (rates.monitor.window_s, rates.monitor.lateness_s) == (30 * 86400, 3600)
    assert (rates.data.features, rates.data.personal, rates.train.holdout) == (("x",), ("x",), 0.25)


@pytest.mark.parametrize("text", ["", FULL])
def test_settings_come_back_whole_from_a_body_of_plain_json(files, text):
    files.add(text)
    files.write("deck.toml", 'name = "test"\n[access]\nviewer = ["@staff"]\n[hosts.local]\nport = 8080\n')
    made = files.load()
    assert DeckSettings.from_body(json.loads(json.dumps(made.to_body()))) == made


def test_what_a_file_does_not_say_leaves_the_revision_as_it_was_before_it_could_be_said(files):
    assert set(files.load().to_body()["models"]["rates"]["deploy"]) == {
        "hosts", "replicas", "min_samples", "max_wait_s", "rollout",
    }  # fmt: skip


def test_deck_without_models_is_a_deck(files):
    (files.workspace.root / "models/rates.toml").unlink()
    assert files.load().models == {}


def test_only_roles_that_name_somebody_are_kept(files):
    files.write("deck.toml", 'name = "test"\n[access]\nviewer = ["ben", "@staff"]\noperator = []\n')
    assert files.load().access == {"viewer": ("ben", "@staff")}


AB = FULL.replace('rollout = [{ weight = 10, hold = "2s" }, { weight = 100 }]\n', 'strategy = "ab"\nsplit = {}\n')


def test_an_ab_states_its_split(files):
    files.add(AB.replace("split = {}", 'split = { weight = 30, for = "2d", samples = 900 }'))
    deploy = files.load().models["rates"].deploy
    assert (deploy.strategy, deploy.split) == ("ab", SplitSettings(30, 2 * 86400.0, 900))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (AB.replace("split = {}", 'split = { fro = "2d" }'), "known here: weight, for, samples"),
        (AB.replace("split = {}", 'split = { for = "0s" }'), "give it some time"),
        (AB.replace("split = {}", "rollout = [{ weight = 100 }]"), "an A/B has one fixed split"),
        (AB.replace('"ab"', '"canary"'), 'split belongs to strategy = "ab"'),
        (FULL.replace("predictions = 0.5", "predictions = 0.3"), "must be more than judge.predictions"),
        (FULL.replace("predictions = 0.3", "predictions = true"), "valid number"),
        (FULL.replace("predictions = 0.3", "predictions = false"), "needs judge.predictions, which is false"),
    ],
)
def test_settings_of_a_rollout_that_contradict_each_other_are_told_in_one_line(files, said, told):
    files.add(said)
    with pytest.raises(BrokenSettings) as caught:
        files.load()
    assert told in caught.value.line()


def test_a_forecast_without_a_zone_is_the_revision_that_it_was() -> None:
    data = DataSettings(source="r.csv", target="y", time_column="at")
    plain = ModelSettings("m", "forecasting", data=data, forecast=ForecastSettings(("shop",)))
    assert plain.to_body()["forecast"] == {"series": ("shop",), "horizon_s": 86_400.0, "season_s": 604_800.0}
    zoned = replace(plain, forecast=ForecastSettings(("shop",), time_zone="Europe/Rome"))
    assert ModelSettings.from_body(json.loads(json.dumps(zoned.to_body()))) == zoned


def test_prices_are_kept_and_a_deck_without_them_is_the_revision_that_it_was(files):
    plain = files.load()
    assert (plain.cost, "cost" in plain.to_body()) == (None, False)
    files.write("deck.toml", 'name = "test"\n\n[cost]\ncpu_hour = 0.04\ngb_hour = 0.005\ncurrency = "EUR"\n')
    priced = files.load()
    assert priced.to_body()["cost"] == {"cpu_hour": 0.04, "gb_hour": 0.005, "currency": "EUR"}
    assert DeckSettings.from_body(priced.to_body()) == priced


@pytest.mark.parametrize(
    "said",
    [
        "cpu_hour = -1.0\ncurrency = 'EUR'",
        "cpu_hour = 1.0",
        "cpu_hour = 1.0\ncurrency = ''",
        "cpu_hour = inf\ncurrency = 'EUR'",
    ],
)
def test_prices_that_are_none_are_refused(files, said):
    files.write("deck.toml", f'name = "test"\n\n[cost]\n{said}\n')
    with pytest.raises(BrokenSettings, match="cost"):
        files.load()
