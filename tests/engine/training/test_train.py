"""The training of an immutable version: everything it pins, and what is left where it does not come to that."""

from __future__ import annotations

import hashlib
import json

import pytest
from trained_parts import blob_kinds, only_run

from engine.model_io.code import bundle_modules
from engine.model_io.load import load_version, score_version
from engine.model_io.rows import read_snapshot
from engine.serving import golden
from engine.serving.compiled import model as compiled_model
from engine.serving.contract import Signature
from engine.serving.environment import lock
from engine.serving.predict import Predictor
from store import events, run_artifacts, runs, settings, snapshots, spool, versions
from store.errors import CorruptArtifact, WorkFailed
from store.rows import microseconds


@pytest.fixture(name="trained", params=["regression", "classification"])
def each_trained(request):
    return request.getfixturevalue(request.param)


def test_version_pins_settings_snapshot_and_run(trained):
    version, database = trained.version, trained.deck.database
    assert (version.number, version.actor, version.derived_from, version.aliases) == (1, "user:anna", None, ())
    assert settings.get(database, version.settings_revision).body["models"]["rates"] == json.loads(
        json.dumps(trained.settings.to_body())
    )
    snapshot = snapshots.snapshot(database, version.snapshot_id)
    assert (snapshot.rows, snapshot.origin) == (300, "rows.csv")
    run = runs.run(database, version.run_id)
    assert (run.state, run.snapshot_id, run.kind) == ("finished", version.snapshot_id, "train")


def test_everything_pinned_is_stored_under_its_hash(trained):
    version, deck = trained.version, trained.deck
    pinned = (
        version.snapshot_id,
        version.bundle_hash,
        version.environment_hash,
        version.artifact_hash,
        version.golden_hash,
    )
    for name in pinned:
        assert name == f"sha256:{hashlib.sha256(deck.artifacts.read(name)).hexdigest()}"
    assert version.artifact_bytes == len(deck.artifacts.read(version.artifact_hash))
    assert blob_kinds(deck) == ["bundle", "environment", "file", "file", "golden", "model", "snapshot"]


def test_run_keeps_its_evaluation_as_a_file(trained):
    kept = {one.path: one for one in run_artifacts.artifacts(trained.deck.database, trained.version.run_id)}
    assert sorted(kept) == ["compiled.zip", "evaluation.json"]
    assert json.loads(trained.deck.artifacts.read(kept["evaluation.json"].hash)) == trained.version.evaluation


def test_a_version_is_compiled_and_says_how_it_was_proven(trained):
    told = trained.version.evaluation["compiled"]
    content = trained.deck.artifacts.read(told["hash"])
    assert told["bytes"] == len(content)
    assert told["worst"] <= told["tolerance"] == 1e-9
    assert (told["rows"], told["edges"] > 20) == (60 + 20, True)
    recorded = json.loads(trained.deck.artifacts.read(trained.version.golden_hash))
    signature = Signature.from_json(trained.version.signature)
    task = "classification" if signature.classes else "regression"
    short = Predictor.from_compiled(compiled_model.read(content), signature, task, trained.version.decision)
    assert golden.check(short.predict, recorded, 1e-12)[0]


def test_stored_model_loads_back_and_answers_the_golden_requests(trained):
    recorded = json.loads(trained.deck.artifacts.read(trained.version.golden_hash))
    assert len(recorded["requests"]) == len(recorded["answers"]) == 20
    predictor = load_version(trained.deck, trained.version)
    assert golden.check(predictor.predict, recorded, tolerance=0.0)[0]


def test_golden_requests_tell_another_model_apart(trained):
    recorded = json.loads(trained.deck.artifacts.read(trained.version.golden_hash))
    predictor = load_version(trained.deck, trained.version)
    turned = list(reversed(recorded["answers"]))
    same, told = golden.check(predictor.predict, {**recorded, "answers": turned})
    assert not same
    assert "golden answers differ" in told


def test_evaluation_is_what_the_stored_model_answers_on_the_newest_rows(trained):
    version, deck = trained.version, trained.deck
    rows = read_snapshot(deck, version.snapshot_id).slice(240)
    guess = score_version(deck, version, rows)
    assert version.evaluation["rows"] == {"train": 240, "holdout": 60}
    if guess.classes:
        truth = ["true" if kept else "false" for kept in rows.column("kept").to_pylist()]
        accuracy = sum(said == true for said, true in zip(guess.labels, truth, strict=True)) / 60
        assert version.evaluation["holdout"]["accuracy"]["value"] == pytest.approx(accuracy)
    else:
        off = abs(guess.values - rows.column("price").to_numpy()).mean()
        assert version.evaluation["holdout"]["mae"]["value"] == pytest.approx(off)


def test_evaluation_has_intervals_and_a_worse_baseline(trained):
    evaluation = trained.version.evaluation
    for part in ("holdout", "baseline"):
        for seen in evaluation[part].values():
            assert seen["n"] == 60
            if seen["low"] is not None:
                assert seen["low"] <= seen["value"] <= seen["high"]
    metric = evaluation["metric"]
    assert evaluation["holdout"][metric]["value"] < evaluation["baseline"][metric]["value"]


def test_cutoff_lies_before_the_holdout(trained):
    version = trained.version
    times = read_snapshot(trained.deck, version.snapshot_id).column("at").cast("int64").to_pylist()
    assert version.cutoff_at == times[239]
    assert (version.evaluation["from_at"], version.evaluation["to_at"]) == (times[240], times[-1])


def test_environment_is_that_of_this_interpreter(trained):
    kept = json.loads(trained.deck.artifacts.read(trained.version.environment_hash))
    assert kept == lock()
    assert {"scikit-learn", "numpy", "skops"} <= set(kept["distributions"])


def test_bundle_holds_the_code_of_the_workspace(trained):
    assert bundle_modules(trained.deck.artifacts.read(trained.version.bundle_hash)) == ["pricing"]


def test_trials_are_child_runs_with_their_points(trained):
    deck, version = trained.deck, trained.version
    spool.ingest(deck.database, deck.workspace.spool)
    trials = runs.children(deck.database, version.run_id)
    assert [trial.name.split()[-1] for trial in trials][:1] == ["dummy"]
    metric = version.evaluation["metric"]
    for number, trial in enumerate(trials, 1):
        assert trial.name.startswith(f"trial {number} ")
        assert (trial.parent_id, trial.kind, trial.snapshot_id) == (version.run_id, "trial", version.snapshot_id)
        if trial.state == "finished":
            folds = [value for _, _, value in runs.metric_history(deck.database, trial.id, f"fold.{metric}")]
            assert trial.metrics[metric] == pytest.approx(sum(folds) / len(folds))
    assert [run.id for run in runs.runs(deck.database)] == [version.run_id]


def test_run_keeps_the_figures_of_the_holdout(trained):
    deck, version = trained.deck, trained.version
    spool.ingest(deck.database, deck.workspace.spool)
    run = runs.run(deck.database, version.run_id)
    for name, seen in version.evaluation["holdout"].items():
        assert run.metrics[name] == pytest.approx(seen["value"])
    history = runs.metric_history(deck.database, run.id, f"trial.{version.evaluation['metric']}")
    assert len(history) == int(run.params["trials"])
    assert not list(deck.workspace.spool.glob("*.jsonl"))


def test_run_keeps_what_it_was_told_and_what_won(trained):
    run = runs.run(trained.deck.database, trained.version.run_id)
    told = trained.settings.train
    assert run.params["estimator"] == told.estimator
    assert (run.params["folds"], run.params["seed"], run.params["rows"]) == ("2", "7", "240")
    assert run.params["winner"] == trained.version.evaluation["candidates"][0]["name"]


def test_registration_is_an_event_and_the_chain_holds(trained):
    actions = [event.action for event in events.events(trained.deck.database)]
    for action in ("run.started", "snapshot.taken", "version.registered", "run.finished"):
        assert actions.count(action) == 1
    assert events.verify(trained.deck.database).ok


def test_progress_only_rises(trained):
    shares = [share for share, _ in trained.told]
    assert shares == sorted(shares)
    assert all(0.0 < share <= 1.0 for share in shares)
    texts = [text for _, text in trained.told]
    assert texts[0] == "taking a snapshot of the source"
    assert texts[-1] == "registering the version"
    assert "proving it on the 60 newest rows" in texts


def test_every_family_competes_and_the_best_comes_first(regression):
    candidates = regression.version.evaluation["candidates"]
    assert {one["name"] for one in candidates} == {"dummy", "linear", "boosting"}
    assert candidates[0]["mean"] == min(one["mean"] for one in candidates)
    assert all(len(one["folds"]) == 2 for one in candidates)
    assert sum(one["trials"] for one in candidates) == int(
        runs.run(regression.deck.database, regression.version.run_id).params["trials"]
    )


def test_slices_are_shown_but_not_those_of_a_personal_column(regression):
    slices = regression.version.evaluation["slices"]
    assert {name.partition("=")[0] for name in slices} == {"segment"}
    assert set(slices["segment=online"]) == {"mae"}


def test_what_drives_the_price_comes_first(regression):
    named = [one["name"] for one in regression.version.evaluation["importance"]]
    assert set(named[:2]) == {"nights", "segment"}


def test_reason_is_kept_with_version_and_run(regression):
    assert regression.version.description == "first of the year"
    run = runs.run(regression.deck.database, regression.version.run_id)
    assert run.tags == {"reason": "first of the year"}


def test_threshold_is_chosen_for_two_classes(classification, regression):
    decided = classification.version.decision
    assert decided["positive"] == "true"
    assert 0.0 < decided["threshold"] < 1.0
    assert regression.version.decision == {}
    predictor = load_version(classification.deck, classification.version)
    rows = json.loads(classification.deck.artifacts.read(classification.version.golden_hash))["requests"]
    for answer in predictor.predict(rows):
        assert (answer["label"] == "true") == (answer["scores.true"] >= decided["threshold"])


def test_signature_leaves_target_and_id_out(classification):
    names = [column["name"] for column in classification.version.signature["inputs"]]
    assert names == ["at", "nights", "discount", "segment", "country", "price"]
    assert classification.version.signature["classes"] == ["false", "true"]


def test_damaged_artifact_is_not_loaded(bench):
    version = bench.train()
    place = bench.deck.artifacts.path(version.artifact_hash)
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(CorruptArtifact):
        load_version(bench.deck, version)


def test_same_data_settings_and_seed_make_the_same_model(bench):
    first, second = bench.train(), bench.train()
    assert (first.number, second.number) == (1, 2)
    same = ("snapshot_id", "settings_revision", "bundle_hash", "environment_hash", "artifact_hash", "golden_hash")
    for name in same:
        assert getattr(first, name) == getattr(second, name)
    assert first.evaluation["holdout"] == second.evaluation["holdout"]


def test_until_trains_on_the_rows_before_it(bench):
    until = microseconds("2026-02-20T00:00:00Z")
    version = bench.train(until_us=until)
    snapshot = snapshots.snapshot(bench.deck.database, version.snapshot_id)
    assert (snapshot.rows, snapshot.to_at) == (200, microseconds("2026-02-19T18:00:00Z"))
    assert version.evaluation["to_at"] < until
    assert runs.run(bench.deck.database, version.run_id).params["until"] == "2026-02-20T00:00:00Z"


def test_estimator_and_budget_stand_instead_of_the_settings(bench):
    version = bench.train(estimator="dummy", time_budget_s=45.5)
    assert version.estimator == "sklearn.dummy.DummyRegressor"
    run = runs.run(bench.deck.database, version.run_id)
    assert (run.params["estimator"], run.params["time_budget_s"]) == ("dummy", "45.5")


def test_budget_that_is_over_at_once_is_one_line_and_no_version(bench, rates, says):
    told = "^no candidate was fitted within the time budget: it was over before the first began: give it more time"
    with pytest.raises(WorkFailed, check=says(told)):
        bench.train(rates(estimator="auto"), time_budget_s=0.001)
    run = only_run(bench.deck)
    assert run.state == "failed"
    assert run.reason.startswith("no candidate was fitted")
    assert versions.versions(bench.deck.database, "rates") == []


def test_larger_budget_tries_more(bench, rates):
    def tried(seconds):
        version = bench.train(rates(estimator="auto"), time_budget_s=seconds)
        return sum(one["trials"] for one in version.evaluation["candidates"])

    assert any(tried(seconds) > 3 for seconds in (6.0, 24.0, 96.0))  # a busy machine needs longer for the same


def test_rows_without_a_time_column_are_trained_on_shuffled_folds(bench, rates):
    version = bench.train(rates(time_column=None, features=("nights", "segment")))
    assert (version.cutoff_at, version.evaluation["from_at"]) == (None, None)
    assert version.evaluation["rows"] == {"train": 240, "holdout": 60}


def test_code_of_the_workspace_is_stored_and_loaded_from_the_bundle(bench, rates):
    bench.put("own.py", "def build():\n    from parts import Flat\n    return Flat()\n")
    bench.put(
        "parts.py",
        "import numpy as np\nfrom sklearn.base import BaseEstimator, RegressorMixin\n\n\n"
        "class Flat(RegressorMixin, BaseEstimator):\n"
        "    def fit(self, rows, target):\n        self.level_ = float(np.mean(target))\n        return self\n\n"
        "    def predict(self, rows):\n        return np.full(rows.shape[0], self.level_)\n",
    )
    version = bench.train(rates(estimator="python:own:build", features=("nights",)))
    bench.put("parts.py", "raise RuntimeError('the live folder is not read')\n")
    recorded = json.loads(bench.deck.artifacts.read(version.golden_hash))
    assert golden.check(load_version(bench.deck, version).predict, recorded)[0]
