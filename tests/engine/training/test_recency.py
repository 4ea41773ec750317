"""Training on what is recent: a window of the newest rows, weights that halve with age."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from engine.settings.files import load
from engine.training.ages import weights_by_age
from engine.training.recency import passed_to
from engine.training.reproducing import reproduce
from store import runs
from store.errors import BrokenSettings, Refused, WorkFailed

DAY_S = 86_400.0
FILE = """[model]
name = "rates"
task = "{task}"
[data]
source = "rows.csv"
target = "price"
{data}
[train]
{train}
"""


def test_window_fits_on_the_newest_rows_before_the_same_holdout_and_is_reproduced(bench, rates):
    whole = bench.train()
    narrow = bench.train(rates(window_s=20 * DAY_S))
    assert whole.evaluation["rows"]["holdout"] == narrow.evaluation["rows"]["holdout"]
    assert (whole.evaluation["rows"]["train"], narrow.evaluation["rows"]["train"]) == (240, 81)  # a row every 6 hours
    assert whole.cutoff_at == narrow.cutoff_at
    assert whole.snapshot_id == narrow.snapshot_id
    assert runs.run(bench.deck.database, narrow.run_id).params["window"] == "20d"
    again = reproduce(bench.deck, narrow, lambda _share, _text: None)
    assert (again.is_same, again.different) == (True, 0)


def test_half_life_follows_a_world_that_moved_and_is_reproduced(bench, rates, bookings):
    table = bookings(400)
    moved = np.where(np.arange(400) < 200, 0.0, 60.0)
    price = pa.array(table["price"].to_numpy() + moved)
    table = table.set_column(table.schema.get_field_index("price"), "price", price)
    pyarrow.csv.write_csv(table, bench.deck.workspace.root / "rows.csv")
    alike = bench.train()
    aged = bench.train(rates(half_life_s=5 * DAY_S))
    figures = [one.evaluation["holdout"]["mae"]["value"] for one in (alike, aged)]
    assert figures[1] < figures[0] / 2
    assert reproduce(bench.deck, aged, lambda _share, _text: None).is_same


def test_auto_takes_weights_with_every_candidate(bench, rates):
    version = bench.train(rates(estimator="auto", half_life_s=30 * DAY_S, time_budget_s=20.0, trials=0))
    names = {one["name"] for one in version.evaluation["candidates"]}
    assert {"linear", "boosting"} <= names


def test_an_estimator_without_weights_is_refused_in_one_line(bench, rates):
    told = rates(estimator="sklearn.neighbors.KNeighborsRegressor", half_life_s=30 * DAY_S)
    with pytest.raises(
        Refused, match=r"half_life needs an estimator that takes sample weights, and KNeighborsRegressor"
    ):
        bench.train(told)
    [run] = runs.runs(bench.deck.database)
    assert run.state == "failed"


def test_a_window_that_leaves_too_few_rows_is_told(bench, rates):
    with pytest.raises(WorkFailed, match=r"window leaves 9 rows before the holdout, at least 40"):
        bench.train(rates(window_s=2 * DAY_S))


def test_weights_halve_and_their_mean_is_one_in_each_fit():
    days = np.array([0, 10, 20, 2000]) * 86_400_000_000
    weights = weights_by_age(days, 10 * DAY_S)
    assert weights[-1] == 1.0
    assert weights[1] == weights[0] == 1e-6  # so old that only a floor keeps them above nothing
    recent = weights_by_age(days[:3], 10 * DAY_S)
    assert recent.tolist() == [0.25, 0.5, 1.0]
    told = passed_to(object(), recent, np.array([1, 2]))["sample_weight"]
    assert told.tolist() == [pytest.approx(2 / 3), pytest.approx(4 / 3)]
    assert passed_to(object(), None, np.array([1])) == {}


@pytest.mark.parametrize(
    ("task", "data", "train", "said"),
    [
        ("regression", "", 'window = "365d"', "train.window needs data.time_column"),
        ("regression", 'time_column = "at"', 'half_life = "0s"', 'must be above zero, such as "90d"'),
        ("regression", 'time_column = "at"', "window = 365", "write a duration with its unit"),
        ("forecasting", 'time_column = "at"', 'half_life = "90d"', "is for classification and regression"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(deck, task, data, train, said):
    (deck.workspace.root / "models").mkdir()
    (deck.workspace.root / "models/rates.toml").write_text(FILE.format(task=task, data=data, train=train))
    with pytest.raises(BrokenSettings) as caught:
        load(deck.workspace)
    assert said in caught.value.line()
