"""The training of an immutable version: everything it pins, and what is left where it does not come to that."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys

import pytest

from engine.model_io.code import bundle_modules
from engine.model_io.load import load_version, score_version
from engine.model_io.rows import read_snapshot
from engine.serving import golden
from engine.serving.environment import lock
from engine.settings.model import GateSettings
from store import events, jobs, run_artifacts, runs, settings, snapshots, spool, versions
from store.database import Fence
from store.errors import CorruptArtifact, LeaseLost, Refused, WorkFailed
from store.rows import microseconds

KILLED = """
import sys
from pathlib import Path

from engine.deck import open_deck
from engine.settings.model import ModelSettings
from engine.training.train import train
from engine.workspace import Workspace
from store import settings

deck = open_deck(Workspace(Path(sys.argv[1])))
revision = settings.current(deck.database)
train(deck, ModelSettings.from_body(revision.body["models"]["rates"]), revision.revision, actor="user:anna")
"""
BUILDING = """
import os
import signal

from sklearn.linear_model import Ridge

MADE = []


def build():
    MADE.append(1)
    if len(MADE) == 4:
        os.kill(os.getppid(), signal.SIGKILL)  # folds are fitted in a process apart
    return Ridge()
"""


def blob_kinds(deck):
    return sorted(row["kind"] for row in deck.database.rows("SELECT kind FROM blob"))


def only_run(deck):
    (found,) = runs.runs(deck.database)
    return found


# a version and what it pins


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
    assert blob_kinds(deck) == ["bundle", "environment", "file", "golden", "model", "snapshot"]


def test_run_keeps_its_evaluation_as_a_file(trained):
    (kept,) = run_artifacts.artifacts(trained.deck.database, trained.version.run_id)
    assert kept.path == "evaluation.json"
    assert json.loads(trained.deck.artifacts.read(kept.hash)) == trained.version.evaluation


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


# trained again


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


def test_numbers_that_are_not_finite_are_trained_on_as_gaps(bench, rates):
    text = (bench.deck.workspace.root / "rows.csv").read_text().splitlines()
    place = text[0].replace('"', "").split(",").index("discount")
    for number, word in ((5, "nan"), (9, "inf")):
        fields = text[number].split(",")
        fields[place] = word
        text[number] = ",".join(fields)
    bench.put("rows.csv", "\n".join(text) + "\n")
    version = bench.train(rates(features=("nights", "discount")))
    inputs = {column["name"]: column for column in version.signature["inputs"]}
    assert inputs["discount"] == {"name": "discount", "type": "double", "nullable": True}


# refused or failed


@pytest.mark.parametrize(
    ("changed", "kind", "told"),
    [
        ({"target": "prise"}, Refused, r"column 'prise' is not in rows\.csv: did you mean 'price'\?"),
        ({"time_column": "when"}, Refused, r"column 'when' is not in rows\.csv: it has at, nights"),
        ({"source": "absent.csv"}, Refused, r"source absent\.csv does not exist"),
        ({"target": "segment"}, Refused, "the target 'segment' holds string, regression needs numbers"),
        ({"folds": 20, "holdout": 0.5}, Refused, "rows do not divide into 20 folds by time"),
        ({"estimator": "sklearn.linear_model.Rigde"}, Refused, "did you mean sklearn.linear_model.Ridge?"),
        ({"source": "SELECT * FROM 'rows.csv' LIMIT 0"}, WorkFailed, "gave no rows"),
        ({"source": "SELECT * FROM 'rows.csv' LIMIT 30"}, WorkFailed, "30 rows with a target are too few"),
        ({"source": "python:failing:load"}, WorkFailed, r"RuntimeError: gone \(line 2 of failing\.py, in load\)"),
        (
            {
                "task": "classification",
                "target": "kept",
                "source": "SELECT * REPLACE (\"at\" < '2026-02-20' AS kept) FROM 'rows.csv'",
            },
            Refused,
            r"the holdout, .*, holds no row of class 'true' among 60 rows",
        ),
    ],
)
def test_training_that_cannot_be_leaves_a_failed_run_with_its_reason(bench, rates, says, changed, kind, told):
    bench.put("failing.py", "def load():\n    raise RuntimeError('gone')\n")
    with pytest.raises(kind, check=says(told)) as raised:
        bench.train(rates(**changed))
    run = only_run(bench.deck)
    assert (run.state, run.reason) == ("failed", raised.value.line())
    assert versions.versions(bench.deck.database, "rates") == []
    assert set(blob_kinds(bench.deck)) <= {"snapshot", "bundle"}
    assert events.verify(bench.deck.database).ok


@pytest.mark.parametrize(
    ("changed", "more", "told"),
    [
        ({"metric": "mea"}, {}, "there is no regression metric 'mea': did you mean 'mae'"),
        ({"metric": "roc_auc"}, {}, "there is no regression metric 'roc_auc'"),
        ({"task": "policy"}, {}, "task 'policy' cannot be trained"),
        ({}, {"time_budget_s": 0}, "a time budget must be above zero: such as 15s"),
        ({}, {"estimator": "python:own:build"}, "estimator python:own:build is not what the settings say"),
    ],
)
def test_settings_that_cannot_be_trained_start_no_run(bench, rates, says, changed, more, told):
    with pytest.raises(Refused, check=says(told)):
        bench.train(rates(**changed), **more)
    assert runs.runs(bench.deck.database) == []


def test_module_that_hides_another_starts_no_run(bench, says):
    bench.put("random.py", "")
    with pytest.raises(Refused, check=says("random.py hides the standard library's module")):
        bench.train()
    assert runs.runs(bench.deck.database) == []


def test_estimator_that_raises_in_a_trial_ends_trial_and_run(bench, rates, says):
    bench.put(
        "own.py",
        "from sklearn.linear_model import Ridge\n\n\nclass Sour(Ridge):\n"
        "    def fit(self, rows, target):\n        if len(target) > 100:\n"
        "            raise ValueError('too sour\\nfor words')\n        return super().fit(rows, target)\n\n\n"
        "def build():\n    return Sour()\n",
    )
    told = r"ValueError: too sour for words \(line 7 of own.py, in fit\)"
    with pytest.raises(WorkFailed, check=says(f"^build could not be fitted: in fold 2 of 2: {told}")):
        bench.train(rates(estimator="python:own:build"))
    run = only_run(bench.deck)
    assert run.state == "failed"
    trials = runs.children(bench.deck.database, run.id)
    assert [(trial.name, trial.state) for trial in trials] == [
        ("trial 1 dummy", "finished"),
        ("trial 2 build", "failed"),
    ]
    assert re.fullmatch(f"in fold 2 of 2: {told}", trials[1].reason)
    assert len(runs.metric_history(bench.deck.database, trials[1].id, "fold.mae")) == 1


def test_registration_that_fails_leaves_nothing_of_the_version(bench, monkeypatch, says):
    def fail(*_arguments, **_named):
        raise OSError("the disk went away")

    monkeypatch.setattr(versions, "register", fail)
    with pytest.raises(WorkFailed, check=says("training rates failed: OSError: the disk went away")):
        bench.train()
    assert only_run(bench.deck).state == "failed"
    assert versions.versions(bench.deck.database, "rates") == []
    assert blob_kinds(bench.deck) == ["bundle", "snapshot"]


def test_attempt_that_was_superseded_registers_nothing(bench, rates):
    with bench.deck.database.write() as tx:
        asked = jobs.enqueue(tx, kind="train", actor="user:anna", model=None)
        claimed = jobs.claim(tx, asked.id)
    stale = Fence(claimed.id, claimed.attempt + 1)
    with pytest.raises(LeaseLost):
        bench.train(job=stale)
    assert runs.runs(bench.deck.database) == []
    version = bench.train(job=jobs.fence(claimed))
    assert runs.run(bench.deck.database, version.run_id).job_id == claimed.id


def test_killed_training_leaves_nothing_half_registered_and_the_next_one_works(bench, rates):
    bench.put("building.py", BUILDING)
    bench.apply(rates(estimator="python:building:build"))
    done = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, str(bench.deck.workspace.root)], capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    run = only_run(bench.deck)
    assert run.state == "running"
    assert [trial.state for trial in runs.children(bench.deck.database, run.id)] == ["finished", "running"]
    assert versions.versions(bench.deck.database, "rates") == []
    assert blob_kinds(bench.deck) == ["bundle", "snapshot"]
    assert events.verify(bench.deck.database).ok
    version = bench.train()
    assert version.number == 1
    assert version.snapshot_id == run.snapshot_id
    assert versions.versions(bench.deck.database, "rates") == [version]


def test_commit_of_the_code_is_kept(bench):
    root = str(bench.deck.workspace.root)
    bench.put(".gitignore", ".modeldeck/\n")
    named = ("-c", "user.name=anna", "-c", "user.email=anna@example.org")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "First")):
        subprocess.run(["git", "-C", root, *named, *arguments], check=True, capture_output=True)
    version = bench.train()
    assert version.git_commit is not None
    assert (len(version.git_commit), version.git_dirty) == (40, False)


def test_slice_gate_of_a_column_that_is_no_input_is_not_shown(bench, rates):
    version = bench.train(rates(gates=GateSettings(slices=("price", "segment"))))
    assert {name.partition("=")[0] for name in version.evaluation["slices"]} == {"segment"}
