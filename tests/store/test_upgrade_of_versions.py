"""A registry of schema 16 with versions upgrades without losing a word of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import store.upgrade
from store import events, lineage, models, needs, runs, settings, snapshots, versions
from store.clock import FrozenClock
from store.database import Database
from store.opening import create_or_upgrade
from store.rows import Snapshot
from store.rows.headlines import headline, read_headline
from store.search.terms import Compare
from store.search.versions import find_summaries
from store.summaries import summaries
from store.whole import damage

ANNA = "user:anna"
EVALUATIONS = (
    {},
    {"metric": "mae", "holdout": {"mae": {"value": 3, "low": 2.5, "high": 4}}, "baseline": {"mae": {"value": 9}}},
    {"metric": "mae", "holdout": {"mae": 2.0}, "candidates": [{"name": "dummy"}, {"name": "ridge"}]},
)
VERSION = (
    "INSERT INTO version (model, number, run_id, snapshot_id, settings_revision, bundle_hash, environment_hash,"
    " artifact_hash, artifact_bytes, golden_hash, signature, decision, evaluation, estimator, git_commit, git_dirty,"
    " cutoff_at, derived_from, description, actor, created_at, abandoned_at, deleted_at)"
    " VALUES ('rates', :number, :run, 'sha256:d', 1, 'b', 'e', :artifact, 9, 'g', '{\"inputs\":[]}',"
    " '{\"threshold\":0.5}', :evaluation, 'ridge', 'c0ffee', 1, 5, :derived, :description, 'user:anna', :number,"
    " :abandoned, :deleted)"
)


@pytest.fixture
def old(
    tmp_path: Path,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
    settings_body: Callable[..., dict[str, Any]],
) -> Path:
    """A registry of schema 16: three versions, the second derived and abandoned, the third deleted."""
    path = tmp_path / "registry.db"
    path.touch()
    with monkeypatch.context() as older:
        older.setattr(store.upgrade, "SCHEMA", 16)
        store.upgrade.migrate(path)
    database = Database(path, clock)
    with database.write() as tx:
        settings.apply(tx, settings_body("rates"), ANNA)
        snapshots.add_snapshot(tx, Snapshot("sha256:d", "rates", 1, (), None, None, None, "r.csv", 9, tx.at), ANNA)
        run = runs.start_run(tx, model="rates", actor=ANNA, settings_revision=1, snapshot_id="sha256:d")
        for number, evaluation in enumerate(EVALUATIONS, start=1):
            tx.execute(
                VERSION,
                {
                    "number": number,
                    "run": run.id,
                    "artifact": f"sha256:{number}",
                    "evaluation": json.dumps(evaluation),
                    "derived": 1 if number == 2 else None,
                    "description": f"the {number}.",
                    "abandoned": 8 if number == 2 else None,
                    "deleted": 9 if number == 3 else None,
                },
            )
        tx.execute("INSERT INTO version_tag (model, number, key, value) VALUES ('rates', 2, 'why', 'é \"x\"')")
        tx.execute("INSERT INTO version_tag (model, number, key, value) VALUES ('rates', 2, 'a', '1')")
        models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
    database.close()
    return path


def test_every_version_is_what_it_was(old: Path, clock: FrozenClock) -> None:
    chain = events.verify(before := Database(old, clock))
    before.close()
    database = create_or_upgrade(old, clock)
    assert (events.verify(database), damage(old)) == (chain, [])
    found = versions.ever(database, "rates")
    assert [one.evaluation for one in found] == list(EVALUATIONS)
    assert [one.artifact_hash for one in found] == ["sha256:1", "sha256:2", "sha256:3"]
    first, second, third = found
    assert (first.aliases, first.tags, first.abandoned_at) == (("champion",), {}, None)
    assert (second.tags, second.derived_from, second.abandoned_at) == ({"a": "1", "why": 'é "x"'}, 1, 8)
    assert third.deleted_at == 9
    for one in found:
        assert (one.bundle_hash, one.environment_hash, one.golden_hash, one.artifact_bytes) == ("b", "e", "g", 9)
        assert (one.signature, one.decision) == ({"inputs": []}, {"threshold": 0.5})
        assert (one.snapshot_id, one.settings_revision, one.estimator) == ("sha256:d", 1, "ridge")
        assert (one.git_commit, one.git_dirty, one.cutoff_at) == ("c0ffee", True, 5)
        assert (one.description, one.actor, one.created_at) == (f"the {one.number}.", ANNA, one.number)
    assert [read_headline(one.headline) for one in summaries(database, "rates")] == [
        headline(evaluation) for evaluation in EVALUATIONS[1::-1]
    ]
    assert {row["headline"] for row in database.rows("SELECT headline FROM version")} == {
        headline(evaluation).text() for evaluation in EVALUATIONS
    }


def test_what_refers_to_a_version_still_does(old: Path, clock: FrozenClock, register: Callable[..., Any]) -> None:
    database = create_or_upgrade(old, clock)
    assert [one.number for one in lineage.versions_on(database, "rates", "sha256:d")] == [3, 2, 1]
    assert "g" in needs.needs(database, 0)
    assert [row.number for row in find_summaries(database, "rates", [Compare("tags.why", "!=", "x")])[0]] == [2]
    with database.write() as tx:
        made = register(tx)
        models.set_alias(tx, "rates", "champion", made.number, actor=ANNA)
    assert made.number == 4
    assert versions.version(database, "rates", 4) == versions.named(database, "rates", "champion")
    assert damage(old) == []
