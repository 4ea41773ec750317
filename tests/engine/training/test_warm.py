"""Warm start: the fit on all rows begins at the champion's, honestly measured, and is reproduced from what it pins."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from engine.model_io.load import load_version
from engine.settings.files import load
from engine.training.reproducing import reproduce
from engine.training.warm import names_of
from store import models, run_artifacts, runs
from store.errors import BrokenSettings, Refused, WorkFailed

SGD = "sklearn.linear_model.SGDRegressor"
READ = ("nights", "segment", "country")


@pytest.fixture(name="grows")
def source_that_grows(bench, bookings):
    """Return a function that has the source hold so many of 600 bookings: `grows(400)`."""
    table = bookings(600)

    def put(count, change=lambda table: table):
        pyarrow.csv.write_csv(change(table.slice(0, count)), bench.deck.workspace.root / "rows.csv")

    return put


def serve(bench, version):
    with bench.deck.database.write() as tx:
        models.set_alias(tx, "rates", "champion", version.number, actor="user:anna")


def coefficients(bench, version):
    model = load_version(bench.deck, version).model
    return dict(zip(names_of(model), model.steps[-1][1].coef_, strict=True))


def warm(rates, estimator=SGD, **changed):
    return rates(estimator=estimator, features=READ, warm_start=True, **changed)


def test_a_fit_goes_on_from_the_champion_and_is_reproduced_bit_for_bit(bench, rates, grows):
    grows(300)
    first = bench.train(warm(rates))
    assert first.evaluation["warm_start"] == {"note": "nothing serves yet"}
    serve(bench, first)
    grows(600)
    second = bench.train(warm(rates))
    assert second.evaluation["warm_start"] == {"from": 1, "artifact": first.artifact_hash}
    assert runs.run(bench.deck.database, second.run_id).params["warm_start"] == "True"
    cold = bench.train(rates(estimator=SGD, features=READ))
    assert "warm_start" not in cold.evaluation
    assert second.artifact_hash != cold.artifact_hash
    assert second.evaluation["candidates"] == cold.evaluation["candidates"]  # folds begin from nothing
    again = reproduce(bench.deck, second, lambda _share, _text: None)
    assert (again.is_same, again.artifact_same) == (True, True)
    assert load_version(bench.deck, second).model.steps[-1][1].get_params()["warm_start"] is False
    kept = {one.path: one.hash for one in run_artifacts.artifacts(bench.deck.database, second.run_id)}
    assert kept["warm-start.skops"] == first.artifact_hash  # whatever becomes of version 1


def test_what_the_champion_was_fitted_on_is_never_the_holdout(bench, rates, grows):
    grows(300)
    serve(bench, bench.train(warm(rates)))
    grows(301)  # a fifth of them is the holdout, and most of that the champion has seen
    second = bench.train(warm(rates, holdout=0.5))
    assert second.evaluation["warm_start"] == {"note": "v1 was fitted on rows of this holdout"}
    assert second.artifact_hash == bench.train(rates(estimator=SGD, features=READ, holdout=0.5)).artifact_hash


def test_columns_that_moved_take_their_weights_along(bench, rates, grows, monkeypatch):
    from sklearn.linear_model import SGDRegressor

    begun = {}

    def fit(self, table, truth, **told):
        if self.warm_start and hasattr(self, "coef_"):
            begun["coef"] = self.coef_.copy()
        return usual(self, table, truth, **told)

    usual = SGDRegressor.fit
    grows(300)
    first = bench.train(warm(rates))
    serve(bench, first)
    before = coefficients(bench, first)

    def with_lisbon(table):
        countries = np.array(table["country"].to_pylist(), dtype=object)
        countries[countries == "ES"] = "IT"
        place = table.schema.get_field_index("country")
        return table.set_column(place, "country", pa.array(countries.tolist()))

    grows(600, with_lisbon)
    monkeypatch.setattr(SGDRegressor, "fit", fit)
    monkeypatch.setattr("engine.training.fitting.apart", lambda work, _until: work())  # in this process, to be seen
    second = bench.train(warm(rates))
    monkeypatch.undo()
    assert second.evaluation["warm_start"]["from"] == 1
    after = coefficients(bench, second)
    came, went = set(after) - set(before), set(before) - set(after)
    assert {name.partition("country=")[2] for name in came} == {"IT"}
    assert {name.partition("country=")[2] for name in went} == {"ES"}
    assert dict(zip(after, begun["coef"], strict=True)) == {name: before.get(name, 0.0) for name in after}
    assert reproduce(bench.deck, second, lambda _share, _text: None).is_same


def test_a_network_goes_on_too(bench, rates, grows):
    bench.put(
        "nets.py",
        "from sklearn.neural_network import MLPClassifier\n\n\n"
        "def build():\n    return MLPClassifier((8,), max_iter=300, random_state=3)\n",
    )
    told = {"task": "classification", "target": "kept", "estimator": "python:nets:build", "features": READ}
    grows(300)
    serve(bench, bench.train(rates(warm_start=True, **told)))
    grows(600)
    second = bench.train(rates(warm_start=True, **told))
    assert second.evaluation["warm_start"].get("from") == 1, second.evaluation["warm_start"]
    assert reproduce(bench.deck, second, lambda _share, _text: None).is_same


def test_another_estimator_begins_from_nothing_and_says_so(bench, rates, grows):
    grows(300)
    serve(bench, bench.train(rates(estimator="sklearn.linear_model.Ridge", features=READ)))
    grows(600)
    second = bench.train(warm(rates))
    assert second.evaluation["warm_start"]["note"] == "v1 is another estimator, or has other parameters"


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        ("sklearn.ensemble.RandomForestRegressor", "would keep what it learned of the old rows and add to it"),
        ("sklearn.linear_model.Ridge", "has no warm_start"),
        ("auto", "has no warm_start"),
    ],
)
def test_an_estimator_that_cannot_go_on_is_refused_in_one_line(bench, rates, says, estimator, why):
    with pytest.raises(Refused, check=says(rf"\[train\] warm_start: \w+ {why}")):
        bench.train(warm(rates, estimator))


def test_without_what_it_began_from_it_is_not_reproduced(bench, rates, grows, says):
    grows(300)
    first = bench.train(warm(rates))
    serve(bench, first)
    grows(600)
    second = bench.train(warm(rates))
    bench.deck.artifacts.place(first.artifact_hash).unlink()
    with pytest.raises(WorkFailed, check=says("cannot be reproduced: the artifact of v1, which its fit began from")):
        reproduce(bench.deck, second, lambda _share, _text: None)


def test_times_are_asked_for(deck):
    (deck.workspace.root / "models").mkdir()
    (deck.workspace.root / "models/rates.toml").write_text(
        '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "price"\n'
        "[train]\nwarm_start = true\n"
    )
    with pytest.raises(BrokenSettings, match=r"train\.warm_start needs data\.time_column"):
        load(deck.workspace)
