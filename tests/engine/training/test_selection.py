"""Which columns are worth their place: told with reasons and folds, left out only where the settings say so."""

from __future__ import annotations

import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from engine.measures.metrics import find
from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot
from engine.training import making, selection
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.folds import expanding_folds, split_holdout
from engine.training.reproducing import reproduce
from engine.training.selection import CONSTANT, NOISE, NULL, Judge, left_out, look, redundant
from engine.training.trial import FoldTables
from store.errors import Refused

ROWS = 2000
TELLING = ("nights", "segment", "discount")


def cluttered(bookings, count=ROWS):
    """Return bookings with columns beside them that say nothing, or nothing new; `twin` is another `segment`."""
    table = bookings(count)
    draw = np.random.default_rng(5)
    nights = table.column("nights").to_numpy()
    segment = table.column("segment").to_pylist()
    more = {
        "currency": ["EUR"] * count,
        "fax": pa.nulls(count, pa.string()),
        "hours": [None if place % 50 == 0 else float(24 * one) for place, one in enumerate(nights)],
        "days": -2.5 * nights + 3.0,
        "twin": ["A" if one == "online" else "B" for one in segment],
        "draw": draw.normal(size=count),
        "coin": draw.choice(["heads", "tails"], count).tolist(),
        "late": [0] * (count - 200) + [1] * 200,
    }
    table = table.drop_columns(["country", "note"])
    for name, values in more.items():
        table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return table


@pytest.fixture(name="table", scope="module")
def cluttered_table(bookings):
    return cluttered(bookings)


@pytest.fixture(name="judged")
def judged_by_ridge(table, rates, tmp_path):
    """Return `(dataset, judge)` of the cluttered bookings."""
    settings = rates(estimator="sklearn.linear_model.Ridge")
    dataset = prepare(table, settings, "UTC")
    judge = Judge(families(dataset, settings.train.estimator, "mae", 7, tmp_path)[-1], {}, find("mae", "regression"), 7)
    return dataset, judge


def test_columns_that_say_nothing_new_are_told_with_their_reason(judged):
    dataset, judge = judged
    found = look(dataset, np.arange(800), judge, time.monotonic() + 600.0)
    assert found.why.pop("draw") == NOISE
    assert found.why.pop("coin") == NOISE
    assert {name: why for name, why in found.why.items() if why != NOISE} == {
        "currency": CONSTANT,
        "late": CONSTANT,  # in these rows
        "days": "the same as nights",
        "twin": "the same as segment",
    }
    assert not {"nights", "segment"} & set(found.why)
    assert found.importance["nights"]["low"] > found.importance["draw"]["high"]


def test_what_only_later_rows_tell_is_not_known_earlier(judged):
    dataset, _ = judged
    assert redundant(dataset, np.arange(800))["late"] == CONSTANT
    assert "late" not in redundant(dataset, np.arange(ROWS))


def test_nulls_and_order_keep_columns_apart(judged):
    dataset, _ = judged
    assert "hours" not in redundant(dataset, np.arange(ROWS))  # it is nights, but where it is missing
    unlike = pa.table({"a": np.arange(100.0), "b": np.exp(np.arange(100.0)), "name": [f"n{n}" for n in range(100)]})
    other = unlike.append_column("other", pa.array([f"m{n}" for n in range(100)]))
    settings_table = other.append_column("price", pa.array(np.arange(100.0)))
    from engine.settings.model import DataSettings, ModelSettings

    plain = prepare(settings_table, ModelSettings("rates", "regression", DataSettings("x", "price")), "UTC")
    assert redundant(plain, np.arange(100)) == {}  # a curve of a, and names that never repeat, are not the same


def test_something_is_always_read(rates):
    from engine.settings.model import DataSettings, ModelSettings

    table = pa.table({"a": [1] * 60, "b": ["x"] * 60, "price": np.arange(60.0)})
    dataset = prepare(table, ModelSettings("rates", "regression", DataSettings("x", "price")), "UTC")
    assert list(redundant(dataset, np.arange(60))) == ["b"]


def test_columns_that_stand_for_each_other_are_not_both_left_out(rates, tmp_path):
    draw = np.random.default_rng(2)
    truth = draw.normal(size=1000)
    columns = {name: truth + draw.normal(0, 0.4, 1000) for name in ("first", "second")}
    table = pa.table({**columns, "draw": draw.normal(size=1000), "price": truth})
    from engine.settings.model import DataSettings, ModelSettings

    dataset = prepare(table, ModelSettings("rates", "regression", DataSettings("x", "price")), "UTC")
    judge = Judge(
        families(dataset, "sklearn.linear_model.Ridge", "mae", 7, tmp_path)[-1], {}, find("mae", "regression"), 7
    )
    assert look(dataset, np.arange(1000), judge, time.monotonic() + 600.0).why == {"draw": NOISE}


def test_what_is_clearly_worse_together_is_put_back(judged, monkeypatch):
    dataset, judge = judged
    everything = {name: {"value": 0.1, "low": -1.0, "high": 1.0} for name in dataset.kinds.names}
    told = [{"name": name, **one} for name, one in everything.items()]
    monkeypatch.setattr(
        selection,
        "importance",
        lambda usual, test, *_more, **_named: [one for one in told if one["name"] in test.kinds.names],
    )
    why = look(dataset, np.arange(800), judge, time.monotonic() + 600.0).why
    assert "segment" not in why or "nights" not in why
    assert NOISE in why.values()


def test_a_look_that_does_not_end_or_dies_tells_what_needs_no_fit(judged, monkeypatch):
    dataset, judge = judged
    monkeypatch.setattr(selection, "_measured", lambda *_told: time.sleep(600))
    begun = time.monotonic()
    hung = look(dataset, np.arange(800), judge, time.monotonic() + 0.5)
    assert time.monotonic() - begun < 300
    monkeypatch.setattr(selection, "_measured", lambda *_told: 1 / 0)
    assert look(dataset, np.arange(800), judge, time.monotonic() + 60.0) == hung
    assert hung.why == redundant(dataset, np.arange(800))
    assert hung.importance == {}


def test_without_time_for_two_fits_no_look_is_begun(judged, monkeypatch):
    dataset, judge = judged
    monkeypatch.setattr(selection, "look", lambda *_told: pytest.fail("it was begun"))
    assert selection.looks(dataset, [np.arange(800)], judge, 60.0, fit_s=40.0) == [
        selection.Look(redundant(dataset, np.arange(800)))
    ]
    with pytest.raises(pytest.fail.Exception):
        selection.looks(dataset, [np.arange(800)], judge, 60.0, fit_s=10.0)


def test_few_rows_tell_nothing_of_noise(judged):
    dataset, judge = judged
    assert NOISE not in look(dataset, np.arange(200), judge, time.monotonic() + 600.0).why.values()


def test_a_version_reports_and_reads_every_column(bench, table, rates, monkeypatch):
    pyarrow.csv.write_csv(table, bench.deck.workspace.root / "rows.csv")
    monkeypatch.setattr(making, "LOOK_S", 60.0)  # however busy the machine
    version = bench.train(rates())
    told = version.evaluation["selection"]
    by_name = {one["name"]: one for one in told["columns"]}
    assert (told["mode"], told["by"]) == ("report", "Ridge")
    assert by_name["twin"]["why"] == "the same as segment"
    assert (by_name["fax"]["kept"], by_name["fax"]["why"]) == (False, NULL)
    assert all(one["kept"] for one in told["columns"] if one["name"] != "fax")
    assert by_name["nights"]["looked_in"] == by_name["nights"]["kept_in"] > 0
    assert by_name["currency"]["kept_in"] == 0
    assert left_out(version.evaluation) == ()
    assert not any(one["nullable"] for one in version.signature["inputs"] if one["name"] in ("twin", "currency"))


def test_columns_left_out_are_neither_needed_nor_read_and_the_fit_is_reproduced(bench, table, rates, monkeypatch):
    pyarrow.csv.write_csv(table, bench.deck.workspace.root / "rows.csv")
    settings = rates(select="drop", time_budget_s=300.0)
    version = bench.train(settings)
    told = {one["name"]: one for one in version.evaluation["selection"]["columns"]}
    out = left_out(version.evaluation)
    assert {"currency", "days", "twin", "draw", "coin"} <= set(out)
    assert not {"nights", "segment"} & set(out)
    assert all(told[name]["looked_in"] == 2 for name in told if name != "fax")
    assert told["nights"]["kept_in"] == 2
    served = load_version(bench.deck, version)
    dataset = prepare(read_snapshot(bench.deck, version.snapshot_id), settings, "UTC")
    rows = json.loads(json.dumps(read_snapshot(bench.deck, version.snapshot_id).to_pylist()[:20], default=str))
    asked = [{name: row[name] for name in dataset.frame.columns} for row in rows]
    answers = served.predict(asked)
    assert served.predict([{name: value for name, value in row.items() if name not in out} for row in asked]) == answers
    other = [{**row, "currency": "USD", "days": -1.0, "twin": "Z", "draw": 1e6, "coin": "edge"} for row in asked]
    assert served.predict(other) == answers
    assert served.predict([{**row, "nights": 7} for row in asked]) != answers
    found = reproduce(bench.deck, version, lambda _share, _text: None)
    assert (found.is_same, found.artifact_same, found.reasons) == (True, True, ())
    assert not {one["name"] for one in version.evaluation["importance"]} & set(out)


def test_each_fold_selects_by_its_own_training_rows(table, rates, tmp_path, monkeypatch):
    """A column that is constant until the last fold's test rows is left out there, whatever comes later."""
    seen = []

    class Tables(FoldTables):
        def of(self, family, place):
            made = super().of(family, place)
            seen.append((place, set(self._bench.kinds_of(place).names)))
            return made

    settings = rates(select="drop")
    dataset = prepare(table, settings, "UTC")
    split = split_holdout(dataset, 0.05, 7)
    folds = expanding_folds(dataset, split.train, 2, 7)
    judge = Judge(families(dataset, settings.train.estimator, "mae", 7, tmp_path)[-1], {}, find("mae", "regression"), 7)
    asked = []
    monkeypatch.setattr(selection, "look", lambda data, rows, *_more: asked.append(rows) or selection.Look())
    making._selected(dataset, split, folds, judge, "drop", 60.0, "Ridge")
    assert [len(rows) for rows in asked] == [len(split.train), *(len(fold.train) for fold in folds)]
    assert all(np.array_equal(rows, fold.train) for rows, fold in zip(asked[1:], folds, strict=True))
    assert not any(np.isin(fold.test, fold.train).any() for fold in folds)
    late = [redundant(dataset, fold.train).get("late") for fold in folds]
    assert late == [CONSTANT, CONSTANT]
    assert "late" not in redundant(dataset, split.train)
    kinds = tuple(dataset.kinds.without(redundant(dataset, fold.train)) for fold in folds)
    from engine.training.trial import Bench, fit_folds

    bench = Bench(dataset, folds, [judge.family], judge.metric, {}, kinds=kinds)
    fit_folds(bench, Tables(bench), judge.family, {})
    assert [place for place, names in seen if "late" in names] == []
    assert [place for place, names in seen if "nights" in names] == [0, 1]


def test_a_whole_pipeline_of_the_workspace_is_not_reached_into(bench, table, rates, says):
    pyarrow.csv.write_csv(table, bench.deck.workspace.root / "rows.csv")
    bench.put(
        "own.py",
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.linear_model import Ridge\n"
        "from sklearn.compose import make_column_transformer\n"
        "def build():\n    return make_pipeline(make_column_transformer(('passthrough', ['nights'])), Ridge())\n",
    )
    with pytest.raises(Refused, check=says("does not reach into python:own:build, whose pipeline reads the columns")):
        bench.train(rates(estimator="python:own:build", select="drop"))
    bench.train(rates(estimator="python:own:build"))
