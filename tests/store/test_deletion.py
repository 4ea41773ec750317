"""What people say of runs, models and versions; what is deleted vanishes, comes back, and is refused where needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.service.call import call
from engine.service.context import ServiceContext
from store import blobs, deployments, events, jobs, models, runs, settings, versions
from store.clock import FrozenClock
from store.database import Database
from store.errors import Refused, UnknownName
from store.rows import Version
from store.search.runs import find_runs
from store.search.versions import find_versions

ANNA = "user:anna"


@pytest.fixture
def versioned(database: Database, register: Callable[..., Version]) -> Database:
    """`rates` with two versions, of finished runs."""
    with database.write() as tx:
        for _ in range(2):
            runs.finish_run(tx, register(tx).run_id, "finished")
    return database


@pytest.fixture
def ask(deck: Deck, versioned: Database) -> Callable[..., Any]:
    """Ask an operation as anna, an operator."""
    context = ServiceContext(deck, Caller(ANNA, Role.OPERATOR, "sudo root"), "process")
    return lambda operation, **fields: call(context, operation, fields)


def last(database: Database) -> tuple[str, str, str, str, dict[str, Any]]:
    event = events.events(database, limit=1)[0]
    return event.action, event.subject_id, event.actor, event.reason, event.body


def run_of(database: Database, number: int = 1) -> str:
    return versions.version(database, "rates", number).run_id


def things(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Return each kind with the fields that name one of it."""
    return [("runs", {"id": run_of(database)}), ("models", {"model": "rates"}),
            ("versions", {"model": "rates", "version": 1})]  # fmt: skip


def tags_of(database: Database, noun: str) -> dict[str, str]:
    if noun == "runs":
        return runs.run(database, run_of(database)).tags
    return models.model(database, "rates").tags if noun == "models" else versions.version(database, "rates", 1).tags


@pytest.mark.parametrize("place", range(3), ids=["run", "model", "version"])
def test_tags_are_set_changed_and_taken_away(versioned: Database, ask: Callable[..., Any], place: int) -> None:
    noun, named = things(versioned)[place]
    done = ask(f"{noun}.tag", **named, tags=["team=pricing", "stage=one=1"], reason="for the review")
    assert not done.already
    assert tags_of(versioned, noun) == {"team": "pricing", "stage": "one=1"}
    assert models.model(versioned, "rates") in models.models(versioned)
    action, _, actor, reason, body = last(versioned)
    assert (action, actor, reason) == (f"{noun.removesuffix('s')}.tagged", ANNA, "for the review")
    assert body == {"set": {"team": "pricing", "stage": "one=1"}, "removed": []}
    assert ask(f"{noun}.tag", **named, tags=["team=pricing", "nothing="]).already
    ask(f"{noun}.tag", **named, tags=["team=trust", "stage="])
    assert tags_of(versioned, noun) == {"team": "trust"}
    assert last(versioned)[4] == {"set": {"team": "trust"}, "removed": ["stage"]}


@pytest.mark.parametrize("tags", [["team"], ["=x"], ["a b=x"], ["9=x"], [], ["k=" + "x" * 5001]])
def test_what_is_no_tag_is_refused(ask: Callable[..., Any], versioned: Database, tags: list[str]) -> None:
    with pytest.raises(Refused):
        ask("runs.tag", id=run_of(versioned), tags=tags)


def test_notes_and_descriptions_are_written(versioned: Database, ask: Callable[..., Any]) -> None:
    ask("runs.note", id=run_of(versioned), text="the fan failed, ignore")
    ask("models.describe", model="rates", text="nightly prices")
    ask("versions.describe", model="rates", version=2, text="without weekends")
    assert runs.run(versioned, run_of(versioned)).note == "the fan failed, ignore"
    assert models.model(versioned, "rates").description == "nightly prices"
    assert versions.version(versioned, "rates", 2).description == "without weekends"
    assert last(versioned)[:3] == ("version.described", "rates@2", ANNA)
    assert events.events(versioned, limit=1)[0].via == "sudo root"
    assert ask("models.describe", model="rates", text="nightly prices").already


def test_a_description_stands_until_the_file_says_anew(
    versioned: Database, ask: Callable[..., Any], settings_body: Callable[..., dict[str, Any]]
) -> None:
    def apply(**changed: Any) -> str:
        with versioned.write() as tx:
            settings.apply(tx, settings_body(rates=changed), ANNA)
        return models.model(versioned, "rates").description

    ask("models.describe", model="rates", text="by hand")
    assert apply(owner="trust") == "by hand"
    assert apply(owner="trust", description="by file") == "by file"


def test_a_deleted_run_takes_its_trials_and_brings_them_back(
    versioned: Database, ask: Callable[..., Any], clock: FrozenClock
) -> None:
    with versioned.write() as tx:
        run = runs.start_run(tx, model="rates", actor=ANNA)
        trials = [runs.start_run(tx, model="rates", actor=ANNA, parent_id=run.id, kind="trial") for _ in range(2)]
        for each in (run, *trials):
            runs.finish_run(tx, each.id, "finished")
    ask("runs.delete", id=trials[0].id)
    clock.advance(1)
    before = {each.id for each in find_runs(versioned, trials=True)[0]}
    assert run.id in before
    done = ask("runs.delete", id=run.id[:20], reason="a mistake")
    assert f"modeldeck runs restore {run.id[:16]}" in done.message
    assert {each.id for each in find_runs(versioned, trials=True)[0]} == before - {run.id, trials[1].id}
    assert {each.id for each in find_runs(versioned, trials=True, deleted=True)[0]} == {run.id, *(t.id for t in trials)}
    assert ask("runs.delete", id=run.id).already
    with pytest.raises(Refused, match="the run it is a trial of is deleted"):
        ask("runs.restore", id=trials[0].id)
    ask("runs.restore", id=run.id)
    assert {each.id for each in find_runs(versioned, trials=True)[0]} == before
    assert last(versioned)[:2] == ("run.restored", run.id)
    assert ask("runs.restore", id=run.id).already


def test_a_running_run_and_one_that_made_a_version_stay(versioned: Database, ask: Callable[..., Any]) -> None:
    with versioned.write() as tx:
        running = runs.start_run(tx, model="rates", actor=ANNA)
    with pytest.raises(Refused, match="it is running"):
        ask("runs.delete", id=running.id)
    with pytest.raises(Refused, match="it made version rates@1"):
        ask("runs.delete", id=run_of(versioned))
    assert runs.run(versioned, running.id).deleted_at is None


def test_a_deleted_version_vanishes_and_comes_back(versioned: Database, ask: Callable[..., Any]) -> None:
    ask("versions.delete", model="rates", version=1, reason="trained on the wrong year")
    assert [row.number for row in find_versions(versioned, "rates")[0]] == [2]
    assert models.model(versioned, "rates").versions == 1
    assert [row.number for row in find_versions(versioned, "rates", deleted=True)[0]] == [1]
    assert last(versioned)[:4] == ("version.deleted", "rates@1", ANNA, "trained on the wrong year")
    with pytest.raises(Refused, match="rates@1 is deleted") as caught:
        ask("aliases.set", model="rates", name="blue", version=1)
    assert caught.value.hint == "bring it back: modeldeck versions restore rates 1"
    ask("versions.restore", model="rates", version=1)
    assert [row.number for row in find_versions(versioned, "rates")[0]] == [2, 1]


def serve(database: Database, version: int) -> str:
    with database.write() as tx:
        deployments.ensure_endpoint(tx, "rates")
        made = deployments.add_deployment(
            tx, endpoint="rates", host="local", version=version, role="champion", settings_revision=1
        )
    return made.id


@pytest.mark.parametrize("holder", ["alias", "deployment", "release"])
def test_a_version_that_is_needed_names_what_needs_it(
    versioned: Database, ask: Callable[..., Any], release_of: Callable[..., Any], holder: str
) -> None:
    if holder == "alias":
        ask("aliases.set", model="rates", name="blue", version=1)
        expected = "alias blue of rates@1"
    elif holder == "deployment":
        expected = f"deployment {serve(versioned, 1)[:12]} on local"
    else:
        with versioned.write() as tx:
            deployments.ensure_endpoint(tx, "rates")
            expected = f"release {release_of(tx, 1).id[:12]} pending"
    with pytest.raises(Refused, match=expected) as caught:
        ask("versions.delete", model="rates", version=1)
    assert caught.value.hint
    assert ask("versions.delete", model="rates", version=2).already is False


def test_a_version_whose_content_is_gone_does_not_come_back(versioned: Database, ask: Callable[..., Any]) -> None:
    ask("versions.delete", model="rates", version=1)
    artifact = versions.version(versioned, "rates", 1).artifact_hash
    with versioned.write() as tx:
        blobs.record_blob(tx, artifact, 3, "model")
        blobs.mark_erased(tx, [artifact])
    with pytest.raises(Refused, match="gc has taken its content"):
        ask("versions.restore", model="rates", version=1)


def withdraw(database: Database, body: dict[str, Any]) -> None:
    with database.write() as tx:
        settings.apply(tx, body, ANNA)


def test_a_model_is_deleted_once_its_settings_are_gone(
    versioned: Database, ask: Callable[..., Any], settings_body: Callable[..., dict[str, Any]]
) -> None:
    ask("aliases.set", model="rates", name="blue", version=1)
    with pytest.raises(Refused, match="the applied settings declare it") as caught:
        ask("models.delete", model="rates")
    assert "models/rates.toml" in caught.value.hint
    withdraw(versioned, settings_body("posts"))
    ask("models.delete", model="rates", reason="never again")
    assert [row.name for row in ask("models.list")] == ["posts"]
    assert [row.name for row in ask("models.list", deleted=True)] == ["rates"]
    assert ask("aliases.list") == []
    with versioned.write() as tx:
        tx.execute("UPDATE version SET deleted_at = 1 WHERE number = 2")
    with pytest.raises(Refused, match="its model is deleted"):
        ask("versions.restore", model="rates", version=2)
    ask("models.restore", model="rates")
    assert [row.name for row in ask("models.list")] == ["posts", "rates"]
    assert [row.name for row in ask("aliases.list")] == ["blue"]


def test_a_deleted_model_comes_back_with_its_file(
    versioned: Database, ask: Callable[..., Any], settings_body: Callable[..., dict[str, Any]]
) -> None:
    withdraw(versioned, settings_body("posts"))
    ask("models.delete", model="rates")
    withdraw(versioned, settings_body("posts", "rates"))
    assert [row.name for row in ask("models.list")] == ["posts", "rates"]


@pytest.mark.parametrize("holder", ["deployment", "release", "job"])
def test_a_model_at_work_names_what_holds_it(
    versioned: Database,
    ask: Callable[..., Any],
    settings_body: Callable[..., dict[str, Any]],
    release_of: Callable[..., Any],
    holder: str,
) -> None:
    withdraw(versioned, settings_body("posts"))
    if holder == "deployment":
        expected = f"deployment {serve(versioned, 2)[:12]} on local carries rates@2"
    elif holder == "release":
        with versioned.write() as tx:
            deployments.ensure_endpoint(tx, "rates")
            expected = f"release {release_of(tx, 1).id[:16]} is pending"
    else:
        with versioned.write() as tx:
            expected = f"train job {jobs.enqueue(tx, kind='train', model='rates', actor=ANNA).id[:16]} is queued"
    with pytest.raises(Refused, match=expected):
        ask("models.delete", model="rates")


def test_a_dry_run_says_what_would_change_and_changes_nothing(versioned: Database, ask: Callable[..., Any]) -> None:
    before = events.events(versioned, limit=1)[0].seq
    assert ask("versions.delete", model="rates", version=1, dry_run=True).message.startswith("version rates@1 would be")
    assert ask("runs.tag", id=run_of(versioned), tags=["a=b"], dry_run=True).message.endswith("would be tagged")
    with pytest.raises(Refused, match="it made version"):
        ask("runs.delete", id=run_of(versioned), dry_run=True)
    assert events.events(versioned, limit=1)[0].seq == before
    assert runs.run(versioned, run_of(versioned)).tags == {}
    assert versions.version(versioned, "rates", 1).deleted_at is None


@pytest.mark.parametrize(
    ("operation", "fields"),
    [("runs.delete", {"id": "ff"}), ("models.tag", {"model": "rate", "tags": ["a=b"]}),
     ("versions.restore", {"model": "rates", "version": 9})],
)  # fmt: skip
def test_what_is_not_there_is_an_unknown_name(ask: Callable[..., Any], operation: str, fields: dict[str, Any]) -> None:
    with pytest.raises(UnknownName):
        ask(operation, **fields)
