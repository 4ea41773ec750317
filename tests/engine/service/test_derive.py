"""A threshold through the door: what makes no new version is refused before a job is made."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.service.call import call
from engine.service.context import ServiceContext
from store import jobs, models, runs, snapshots, versions
from store.errors import NotAllowed, Refused, UnknownName
from store.rows import Snapshot

HASH = "sha256:" + "a" * 64


@pytest.fixture
def ask(deck: Deck, apply_settings_body: Any) -> Any:
    """Ask in a deck whose version 1 decides at 0.5 and whose version 2 is it at 0.4."""
    revision = apply_settings_body(posts={"task": "classification"})
    with deck.database.write() as tx:
        snapshots.add_snapshot(tx, Snapshot(HASH, "posts", 10, (), None, None, None, "rows.csv", 1, tx.at), "user:anna")
        run = runs.start_run(tx, actor="user:anna", model="posts", settings_revision=revision.revision)
        for threshold, derived_from in ((0.5, None), (0.4, 1)):
            versions.register(
                tx,
                model="posts",
                run_id=run.id,
                snapshot_id=HASH,
                settings_revision=revision.revision,
                bundle_hash=HASH,
                environment_hash=HASH,
                artifact_hash=HASH,
                artifact_bytes=1,
                golden_hash=HASH,
                signature={"inputs": [], "outputs": [], "classes": ["no", "yes"]},
                decision={"threshold": threshold, "positive": "yes"},
                evaluation={},
                estimator="sklearn.linear_model.LogisticRegression",
                actor="user:anna",
                derived_from=derived_from,
            )

    def call_as(role: Role, **body: Any) -> Any:
        return call(ServiceContext(deck, Caller("user:anna", role)), "versions.derive", {"model": "posts", **body})

    return call_as


def test_a_job_is_made_with_the_threshold_as_it_is_kept(ask: Any, deck: Deck) -> None:
    job = ask(Role.OPERATOR, version=1, threshold=0.123456, reason="fewer reviews")
    assert jobs.job(deck.database, job.id).args == {"version": 1, "threshold": 0.1235, "reason": "fewer reviews"}
    assert (job.kind, job.model, job.actor) == ("derive", "posts", "user:anna")


def test_a_version_that_is_there_already_is_named(ask: Any, deck: Deck) -> None:
    with pytest.raises(Refused, match=r"posts@2 is posts@1 at 0.4 already"):
        ask(Role.OPERATOR, version=1, threshold=0.4)
    with pytest.raises(Refused, match=r"posts@1 decides at 0.5 already"):
        ask(Role.OPERATOR, version=1, threshold=0.5)
    assert jobs.jobs(deck.database) == []


def test_who_may_and_what_is_unknown(ask: Any, deck: Deck) -> None:
    with pytest.raises(NotAllowed):
        ask(Role.VIEWER, version=1, threshold=0.3)
    with pytest.raises(UnknownName):
        ask(Role.OPERATOR, version=9, threshold=0.3)
    assert models.model(deck.database, "posts").versions == 2
