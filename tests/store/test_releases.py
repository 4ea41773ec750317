"""A release is one change of an endpoint: one at a time, step by step, ended once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from engine.plans import PlanStep
from store import deployments, events, jobs, models, releases, versions
from store.database import Database, Write
from store.errors import Refused, UnknownName
from store.rows import Release, Version

ANNA = "user:anna"
Open = Callable[..., Release]


@pytest.fixture
def served(database: Database, register: Callable[..., Version]) -> Database:
    """A registry with three versions and an endpoint."""
    with database.write() as tx:
        for _ in range(3):
            register(tx)
        deployments.ensure_endpoint(tx, "rates")
    return database


def promote(tx: Write, open_: Open, to: int, since: int | None, kind: str = "promote") -> Release:
    """Complete a release and move the champion with it."""
    opened = open_(tx, to, since=since, kind=kind)
    models.set_alias(tx, "rates", "champion", to, actor=ANNA)
    return releases.set_state(tx, opened.id, "completed", verdict="passed")


def test_release_goes_from_pending_to_completed_on_record(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        opened = release_of(tx, 1)
        assert (opened.state, opened.started_at, opened.job_id) == ("pending", None, None)
        job = jobs.enqueue(tx, kind="release", model="rates", args={"release_id": opened.id}, actor=ANNA)
        assert releases.set_job(tx, opened.id, job.id).job_id == job.id
        running = releases.set_state(tx, opened.id, "running")
        assert running.started_at == tx.at
        done = releases.set_state(tx, opened.id, "completed", verdict="passed", evidence={"mae": 20.0})
    assert (done.state, done.verdict, done.evidence, done.ended_at) == ("completed", "passed", {"mae": 20.0}, tx.at)
    recorded = [event.action for event in events.events(served, subject=("release", opened.id))]
    assert recorded == ["release.completed", "release.running", "release.requested"]


def test_second_release_is_refused_naming_the_first(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        first = release_of(tx, 1)
    for state in ("pending", "running", "held"):
        with served.write() as tx:
            releases.set_state(tx, first.id, state)
        with pytest.raises(Refused, match=first.id[:12]) as told, served.write() as tx:
            release_of(tx, 2)
        assert f"promote to version 1, {state}" in told.value.message
    with served.write() as tx:
        releases.set_state(tx, first.id, "aborted", verdict="aborted")
        second = release_of(tx, 2)
    active = releases.active(served, "rates")
    assert active
    assert active.id == second.id


def test_release_without_an_endpoint_or_version_is_no_release(served: Database, release_of: Open) -> None:
    with pytest.raises(UnknownName), served.write() as tx:
        releases.open_release(
            tx, endpoint="posts", kind="promote", from_version=None, to_version=1, settings_revision=1, actor=ANNA
        )
    assert releases.releases(served) == []


def test_schema_itself_holds_one_release_per_endpoint(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        first = release_of(tx, 1)
        releases.set_state(tx, first.id, "aborted")
        release_of(tx, 2)
    with pytest.raises(sqlite3.IntegrityError), served.write() as tx:
        tx.execute("UPDATE release SET state = 'running' WHERE id = :id", {"id": first.id})


def test_ended_release_stays_as_it_ended(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        opened = release_of(tx, 1)
        releases.set_state(tx, opened.id, "failed", verdict="failed", detail="gate mae")
    for state in ("running", "completed", "pending"):
        with pytest.raises(Refused, match="is failed"), served.write() as tx:
            releases.set_state(tx, opened.id, state)


def test_same_state_again_keeps_evidence_and_makes_no_event(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        opened = release_of(tx, 1)
        releases.set_state(tx, opened.id, "running", evidence={"rows": 3})
        before = len(events.events(tx))
        again = releases.set_state(tx, opened.id, "running", detail="step 2 of 5")
        assert len(events.events(tx)) == before
    assert (again.evidence, again.detail) == ({"rows": 3}, "step 2 of 5")


def test_steps_go_on_one_by_one(served: Database, release_of: Open, clock: object) -> None:
    with served.write() as tx:
        opened = release_of(tx, 1)
        planned = [PlanStep("gates", "check the gates"), PlanStep("start", "start it", "local", {"version": 1})]
        releases.add_steps(tx, opened.id, planned)
        first, second = releases.steps(tx, opened.id)
        assert (first.number, first.state, second.host, second.args) == (1, "pending", "local", {"version": 1})
        releases.set_step(tx, opened.id, 1, "running", observed={"rows": 9})
        done = releases.set_step(tx, opened.id, 1, "done", verdict="passed")
        assert (done.observed, done.started_at, done.ended_at) == ({"rows": 9}, tx.at, tx.at)
        held = releases.set_step(tx, opened.id, 2, "held", verdict="no data")
        assert (held.started_at, held.ended_at) == (tx.at, None)
        again = releases.set_step(tx, opened.id, 2, "pending", observed={})
        assert (again.verdict, again.started_at) == ("", None)


def test_former_champion_is_the_newest_one_not_abandoned(served: Database, release_of: Open) -> None:
    assert releases.former_champion(served, "rates") is None
    with served.write() as tx:
        promote(tx, release_of, 1, None)
        assert releases.former_champion(tx, "rates") is None
        promote(tx, release_of, 2, 1)
        assert releases.former_champion(tx, "rates") == 1
        promote(tx, release_of, 3, 2)
        assert releases.former_champion(tx, "rates") == 2
        back = promote(tx, release_of, 2, 3, "rollback")
        versions.mark_abandoned(tx, "rates", 3, ANNA)
        assert releases.former_champion(tx, "rates") == 1
        newest = releases.releases(tx, "rates", limit=2)
        releases.mark_reverted(tx, newest[1].id, back.id)
        assert releases.release(tx, newest[1].id[:20]).reverted_by == back.id


def test_aborted_release_leaves_no_former_champion(served: Database, release_of: Open) -> None:
    with served.write() as tx:
        promote(tx, release_of, 1, None)
        opened = release_of(tx, 3, since=2)
        releases.set_state(tx, opened.id, "aborted", verdict="aborted")
        assert releases.former_champion(tx, "rates") is None
