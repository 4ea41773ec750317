"""A forecast knows nothing that is newer than its row, beats the season before, and answers with an interval."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engine.measures.metrics import Predicted, measure, names, predicted
from engine.model_io.load import load_version, score_version
from engine.monitoring.performance import realised
from engine.release.comparison import compare, unseen_rows
from engine.serving import artifact
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.forecasting import NAMES, SeriesHistory
from engine.serving.outputs import RecordCoder
from engine.settings.forecasting import ForecastSettings
from engine.settings.model import ModelSettings
from engine.training.conformal import interval
from engine.training.dataset import prepare
from engine.training.folds import expanding_folds, split_holdout
from store import models
from store.errors import Refused

HOUR_US = 3_600_000_000
DAY_S = 86_400.0


def frame_of(hours: int, start: str = "2026-01-05T00:00:00") -> tuple[pd.DataFrame, Any]:
    """Two series with a weekly pattern; the second ten times the first."""
    at = np.datetime64(start, "us") + np.arange(hours) * np.timedelta64(HOUR_US, "us")
    frame = pd.DataFrame({"place": ["a", "b"] * hours, "at": np.repeat(at, 2)})
    phase = np.repeat(np.arange(hours) % 168, 2)
    return frame, phase * np.where(frame["place"] == "a", 1.0, 10.0)


def history(horizon_hours: int = 24) -> SeriesHistory:
    return SeriesHistory("at", ("place",), 168 * HOUR_US, horizon_hours * HOUR_US)


def test_no_feature_is_newer_than_its_row() -> None:
    """What comes later than a row's origin may be anything: nothing of the row's features changes."""
    frame, target = frame_of(400)
    made = history().fit(frame, target)
    seen = made.fit_transform(frame, target)
    cut = 600
    changed = target.copy()
    changed[cut:] = 1e9
    assert np.array_equal(history().fit_transform(frame, changed)[:cut], seen[:cut], equal_nan=True)
    # served inside the history, a row knows nothing of the whole horizon before it
    row = frame.iloc[[cut]]
    later = history().fit(frame, np.where(np.arange(len(frame)) > cut - 48, 1e9, target)).transform(row)
    assert np.array_equal(later, made.transform(row), equal_nan=True)


def test_a_naive_history_would_be_found() -> None:
    """The same test fails where lags look one step too far."""
    frame, target = frame_of(400)
    changed = target.copy()
    changed[600:] = 1e9

    def naive(values: Any) -> Any:
        known = history().fit(frame, values).known()
        times = frame["at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
        slots = known.slots(times)
        return known.features(times, frame["place"].tolist(), slots, slots + 1)[:600]

    assert not np.array_equal(naive(changed), naive(target), equal_nan=True)


def test_a_season_follows_the_clocks_of_its_zone() -> None:
    """Seven days before 5 o'clock of the week after clocks went back is 5 o'clock, which is another hour in UTC."""
    times = pd.date_range("2026-10-01", "2026-11-07T23:00", freq="h", tz="UTC")
    at_clock = times.tz_convert("America/New_York").hour.to_numpy(dtype=np.float64)  # what happens, hour by hour
    frame = pd.DataFrame({"at": times.tz_localize(None).to_numpy(dtype="datetime64[us]")})
    ahead = frame.iloc[-48:]
    told = {"time": "at", "season_us": 168 * HOUR_US, "horizon_us": 168 * HOUR_US}
    local = SeriesHistory(**told, clock="America/New_York").fit(frame.iloc[:-48], at_clock[:-48])
    found = dict(zip(NAMES, local.transform(ahead).T, strict=True))
    assert found["last_season"].tolist() == found["season_before"].tolist() == at_clock[-48:].tolist()
    assert found["time_of_day"].tolist() == at_clock[-48:].tolist()
    by_utc = dict(
        zip(NAMES, SeriesHistory(**told).fit(frame.iloc[:-48], at_clock[:-48]).transform(ahead).T, strict=True)
    )
    assert by_utc["season_before"].tolist() != at_clock[-48:].tolist()
    # times that are told as clocks elsewhere show them
    paris = times.tz_convert("Europe/Paris").tz_localize(None).to_numpy(dtype="datetime64[us]")
    moved = SeriesHistory(**told, clock="America/New_York", times_in="Europe/Paris")
    moved.fit(pd.DataFrame({"at": paris[:-48]}), at_clock[:-48])
    assert np.array_equal(moved.transform(pd.DataFrame({"at": paris[-48:]})), local.transform(ahead), equal_nan=True)
    cut = int(times[-48].timestamp() * 1e6)
    whole = SeriesHistory(**told, clock="America/New_York").fit(frame, at_clock).forget(cut)
    assert np.array_equal(whole.transform(ahead), local.transform(ahead), equal_nan=True)


def test_lags_are_of_the_same_series_and_phase() -> None:
    frame, target = frame_of(168 * 5)
    made = history().fit(frame, target)
    ahead = pd.DataFrame({"place": ["a", "b", "c"], "at": [np.datetime64("2026-02-09T05:00:00", "us")] * 3})
    found = dict(zip(NAMES, made.transform(ahead).T, strict=True))
    assert found["last_season"][:2].tolist() == [5.0, 50.0]
    assert found["season_change"][:2].tolist() == [0.0, 0.0]
    assert np.isnan(found["last_season"][2])  # a series nobody has seen
    assert found["distance"][:2].tolist() == [6.0, 6.0]
    assert (found["time_of_day"][0], found["weekday"][0]) == (5.0, 0.0)
    long_after = pd.DataFrame({"place": ["b"], "at": [np.datetime64("2026-06-01T05:00:00", "us")]})
    assert made.transform(long_after)[0][0] == 50.0  # the newest season that is known, however old
    more, values = frame_of(24, "2026-02-09T00:00:00")
    assert made.extend(more, values + 1000.0).transform(long_after)[0][0] == 1050.0
    content = artifact.dump(made)
    assert artifact.sort_types(artifact.untrusted_types(content))[1] == []


def test_forgotten_values_are_as_if_they_had_never_come() -> None:
    frame, target = frame_of(400)
    cut = int(frame["at"].iloc[600].value // 1000)
    forgetful, short = history().fit(frame, target).forget(cut), history().fit(frame.iloc[:600], target[:600])
    assert np.array_equal(forgetful.transform(frame), short.transform(frame), equal_nan=True)
    assert not np.array_equal(history().fit(frame, target).transform(frame), short.transform(frame), equal_nan=True)
    nothing = forgetful.forget(0)
    assert np.isnan(nothing.transform(frame)[:, 0]).all()


def put(bench: Any, hours: int = 168 * 6, wrong_from: int | None = None) -> None:
    """Write rows of so many hours; from `wrong_from` on every value is wrong."""
    draw = np.random.default_rng(3)
    frame, target = frame_of(hours)
    hot = draw.integers(0, 2, len(frame))
    target = np.round(20 + target / 30 + 15 * hot + draw.normal(0, 2, len(frame)), 3)
    target[len(frame) if wrong_from is None else 2 * wrong_from :] = 500.0
    with (bench.deck.workspace.root / "rows.csv").open("w", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["at", "place", "hot", "count"])
        lines.writerows(zip(frame["at"].astype(str), frame["place"], hot.tolist(), target.tolist(), strict=True))


def settings_of(rates: Any, **more: Any) -> ModelSettings:
    told = {"estimator": "boosting", "trials": 0, "time_budget_s": 60.0, "folds": 2, **more}
    made: ModelSettings = rates(
        task="forecasting", target="count", forecast=ForecastSettings(("place",), DAY_S, 7 * DAY_S), **told
    )
    return made


def test_a_forecast_beats_the_season_before_and_says_how_sure_it_is(bench: Any, rates: Any) -> None:
    put(bench)
    version = bench.train(settings_of(rates))
    seen = version.evaluation
    assert [one["name"] for one in version.signature["outputs"]] == ["value", "low", "high"]
    assert seen["rows"]["holdout"] == 48  # a day of two series: as far ahead as is asked
    assert seen["against_baseline"]["low"] > 0
    assert 0.7 < seen["holdout"]["interval_coverage"]["value"] <= 1.0
    assert version.decision["interval"]["level"] == 0.9
    predictor = load_version(bench.deck, version)
    row = {"at": "2026-02-16T05:00:00", "place": "b", "hot": 1}
    [hot] = predictor.predict([row])
    [cold] = predictor.predict([{**row, "hot": 0}])
    assert hot["value"] > cold["value"] + 8
    assert cold["low"] <= cold["value"] <= cold["high"]
    # the holdout's values are remembered, although nothing was fitted on them
    memory = predictor.model.steps[0][1].transformers_[0][1]
    assert max(map(len, memory.values_)) == 168 * 6


def test_champion_is_compared_with_a_memory_as_old_as_it_would_be_in_service(bench: Any, rates: Any) -> None:
    settings, hours = settings_of(rates), 168 * 6
    put(bench, hours - 12)
    champion = bench.train(settings)
    put(bench, hours - 12, wrong_from=hours - 24)  # of its holdout: fitted alike, and remembers another last half day
    other = bench.train(settings)
    put(bench, hours)
    gains = []
    for one in (champion, other):
        with bench.deck.database.write() as tx:
            models.set_alias(tx, "rates", "champion", one.number, actor="user:anna")
        new = bench.train(settings)
        gains.append(new.evaluation["against_champion"])
    assert gains[0] == {**gains[1], "version": champion.number}
    assert gains[0]["n"] == 48
    compared, theirs = (compare(bench.deck, settings, new, one) for one in (champion, other))
    assert compared is not None
    assert theirs is not None
    assert np.array_equal(compared.champion.values, theirs.champion.values)
    table = unseen_rows(bench.deck, settings, new, champion)
    half_a_day = 12 * HOUR_US
    begin = int(table.column("at").cast("timestamp[us]").cast("int64").to_numpy().min())
    served = score_version(bench.deck, champion, table, begin - half_a_day)
    assert np.array_equal(compared.champion.values, served.values)
    assert np.array_equal(compared.new.values, score_version(bench.deck, new, table, begin).values)
    plain = [score_version(bench.deck, one, table).values for one in (champion, other)]
    assert not np.array_equal(*plain)  # what each remembers is in the answers that it serves


def test_folds_measure_the_horizon_after_each_origin(bench: Any, rates: Any) -> None:
    frame, target = frame_of(168 * 4)
    table = pa.Table.from_pandas(frame.assign(count=target))
    dataset = prepare(table, settings_of(rates), "UTC")
    split = split_holdout(dataset, 0.2, 7)
    assert len(split.holdout) == 48
    for fold in expanding_folds(dataset, split.train, 3, 7):
        assert dataset.times[fold.test].min() > dataset.times[fold.train].max()
        assert np.ptp(dataset.times[fold.test]) < 24 * HOUR_US


def test_what_cannot_be_forecast_is_refused(bench: Any, rates: Any) -> None:
    put(bench, 168 * 2)
    with pytest.raises(Refused, match="reads 'shop', which is no input"):
        bench.train(rates(task="forecasting", target="count", forecast=ForecastSettings(("shop",)), estimator="auto"))
    with pytest.raises(Refused, match="does not fit the task forecasting"):
        bench.train(settings_of(rates, estimator="sklearn.linear_model.Ridge"))


def test_intervals_hold_the_share_they_promise_by_size_of_the_answer() -> None:
    draw = np.random.default_rng(5)
    values = draw.uniform(10, 100, 4000)
    truth = np.maximum(values + draw.normal(0, values / 10), 0.0)
    told = {"interval": interval(truth[:2000], values[:2000], 0.8)}
    signature = Signature((Column("x", "double"),), output_columns("regression", interval=True))
    guess = predicted(RecordCoder(signature, told).code(values[2000:].tolist()))
    assert measure("interval_coverage", truth[2000:], guess).value == pytest.approx(0.8, abs=0.04)
    width = guess.high - guess.low
    assert width[guess.values > 80].mean() > 3 * width[guess.values < 25].mean()
    assert (guess.low >= 0).all()
    few = interval(np.array([1.0, 2.0]), np.array([1.5, 1.5]), 0.9)
    assert (few["edges"], few["low"], few["high"]) == ([], [-0.5], [0.5])


def test_intervals_are_measured_where_there_are_some(rates: Any) -> None:
    assert "interval_coverage" not in names("regression")
    assert "interval_coverage" in names("forecasting", interval=True)
    assert measure("interval_coverage", np.zeros(2), Predicted(values=np.zeros(2))).value is None
    table = pa.table(
        {
            "outcome.number": [1.0, 5.0, None],
            "outputs.value": [1.0, 2.0, 3.0],
            "outputs.low": [0.0, 1.0, 2.0],
            "outputs.high": [2.0, 3.0, 4.0],
        }
    )
    version: Any = type("V", (), {"evaluation": {"metric": "mae"}, "signature": {}})
    found = realised(table, rates(), version, {}, 1)
    assert found.metrics["interval_coverage"]["value"] == 0.5


def test_a_regression_answers_an_interval_when_asked_to(bench: Any, rates: Any) -> None:
    version = bench.train(rates(interval=0.8))
    assert [one["name"] for one in version.signature["outputs"]] == ["value", "low", "high"]
    assert 0.6 < version.evaluation["holdout"]["interval_coverage"]["value"] <= 1.0
    assert "interval" not in bench.train(rates()).decision


@pytest.mark.parametrize("task", ["forecasting", "ranking"])
def test_a_version_is_reproduced(bench: Any, rates: Any, task: str) -> None:
    from engine.training.reproducing import reproduce

    if task == "forecasting":
        put(bench)
        settings = settings_of(rates)
    else:
        rows = [(f"2026-01-{1 + n // 40:02d}T{n % 24:02d}:00:00", f"u{n % 17}", f"i{n * n % 23}") for n in range(400)]
        rows.sort()
        text = "\n".join(["at,user,item", *(",".join(row) for row in rows)])
        bench.put("rows.csv", text + "\n")
        settings = rates(task="ranking", target="item", features=("user",), estimator="factors", trials=0, folds=2)
    version = bench.train(settings)
    found = reproduce(bench.deck, version, lambda _share, _text: None)
    assert found.is_same, found.reasons
    assert found.artifact_same
