"""Trainings that cannot be, fail or are killed leave a reason and nothing half done."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from trained_parts import BUILDING, KILLED, blob_kinds, only_run

from engine.settings.model import GateSettings
from store import events, jobs, runs, versions
from store.database import Fence
from store.errors import LeaseLost, Refused, WorkFailed


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
        ({}, {"estimator": "sklearn.linear_model.LogisticRegression"}, "does not fit the task regression"),
        ({}, {"estimator": "boosting"}, "estimator 'boosting' does not fit the task regression"),
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
