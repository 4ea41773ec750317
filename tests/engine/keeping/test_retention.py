"""Retention removes what was kept for as long as the settings say, and nothing that is held, looked at or in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.jobs.keeping import RetentionClock
from engine.keeping.gc import collect
from engine.keeping.retention import look, run
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings, MonitorSettings
from engine.settings.retention import RetentionSettings
from engine.settings.retention_schema import ModelRetentionTable, RetentionTable
from store import access_log, events, jobs, releases, settings, versions
from store.clock import FrozenClock
from store.ids import earliest_id
from store.rows import PersonalRead, Version

ANNA = "user:anna"
DAY = 86_400
DAY_US = DAY * 1_000_000
PLAIN = ModelSettings("rates", "regression", DataSettings(source="rows.csv", target="y", time_column="at"))


@pytest.fixture
def apply(deck: Deck) -> Callable[..., None]:
    """Return a function that applies retention of the deck, and of its model `rates`."""

    def put(shared: RetentionSettings | None = None, mine: RetentionSettings | None = None, **more: Any) -> None:
        model = replace(PLAIN, retention=mine or RetentionSettings(), **more)
        stated = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": model})
        with deck.database.write() as tx:
            settings.apply(tx, replace(stated, retention=shared or RetentionSettings()).to_body(), ANNA, "a test")

    return put


@pytest.fixture
def kept(deck: Deck) -> dict[str, list[Path]]:
    """Ten days of log, attributions, outcomes and access log, the last of them today."""
    made: dict[str, list[Path]] = {"predictions": [], "attributions": [], "outcomes": [], "access log": []}
    for back in range(9, -1, -1):
        at = deck.clock.now() - back * DAY_US
        day = access_log.day_of(at)
        folders = {
            "predictions": deck.workspace.predictions / "parquet" / "rates" / "1" / day,
            "attributions": deck.workspace.predictions / "attributions" / "rates" / "1" / day,
        }
        for kind, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "0-a.parquet").write_bytes(b"12345")
            made[kind].append(folder)
        delivery = deck.workspace.outcomes / "rates" / f"{earliest_id(at)}.parquet"
        delivery.parent.mkdir(parents=True, exist_ok=True)
        delivery.write_bytes(b"123")
        made["outcomes"].append(delivery)
        row = PersonalRead(at, ANNA, None, "process", "data.show", "rates", "", ("guest",), "masked")
        access_log.append(deck.workspace.access_log, row)
        made["access log"].append(deck.workspace.access_log / f"{day}.jsonl")
    return made


def left(kept: dict[str, list[Path]]) -> dict[str, int]:
    return {kind: sum(path.exists() for path in paths) for kind, paths in kept.items()}


def removed(deck: Deck) -> list[dict[str, Any]]:
    return [one.body for one in events.events(deck.database) if one.action == "retention.removed"]


def test_nothing_goes_where_no_file_says_so(
    deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]]
) -> None:
    apply()
    assert not any(one.due for one in run(deck, actor=ANNA))
    assert left(kept) == dict.fromkeys(kept, 10)
    assert removed(deck) == []


def test_each_kind_goes_by_its_own_time_and_is_on_record(
    deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]]
) -> None:
    apply(RetentionSettings(predictions_s=5 * DAY, outcomes_s=7 * DAY, access_log_s=3 * DAY))
    told = {(one.model, one.kind): len(one.due) for one in look(deck)}
    assert left(kept) == dict.fromkeys(kept, 10)  # a look removes nothing
    run(deck, actor=ANNA)
    assert left(kept) == {"predictions": 6, "attributions": 6, "outcomes": 8, "access log": 4}
    assert told == {
        ("rates", "predictions"): 4,
        ("rates", "attributions"): 4,
        ("rates", "outcomes"): 2,
        ("", "access log"): 6,
        ("", "unneeded"): 0,
    }
    assert [body["rates predictions"] for body in removed(deck)] == [{"files": 4, "bytes": 20}]
    run(deck, actor=ANNA)
    assert len(removed(deck)) == 1  # nothing more was due, and nothing more is told


def test_a_model_has_the_last_word(deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]]) -> None:
    apply(RetentionSettings(predictions_s=2 * DAY, outcomes_s=DAY), RetentionSettings(predictions_s=8 * DAY))
    run(deck, actor=ANNA)
    assert left(kept) == {"predictions": 9, "attributions": 9, "outcomes": 2, "access log": 10}


def test_what_windows_look_at_stays_whatever_is_said(
    deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]]
) -> None:
    apply(RetentionSettings(predictions_s=DAY), monitor=MonitorSettings(window_s=6 * DAY))
    run(deck, actor=ANNA)
    assert left(kept)["predictions"] == 8


@pytest.mark.parametrize("whose", ["deck", "model"])
def test_under_a_hold_nothing_goes(
    deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]], whose: str
) -> None:
    said, hold = RetentionSettings(predictions_s=DAY, outcomes_s=DAY), RetentionSettings(hold="case 7")
    if whose == "deck":
        apply(replace(said, hold="case 7", access_log_s=DAY))
    else:
        apply(said, hold)
    assert {one.held for one in look(deck) if one.model} == {"hold: case 7"}
    run(deck, actor=ANNA)
    assert left(kept) == dict.fromkeys(kept, 10)


def test_while_a_release_runs_its_models_log_stays(
    full: Deck, add_version: Callable[[str], Version], apply: Callable[..., None], kept: dict[str, list[Path]]
) -> None:
    add_version("two")
    apply(RetentionSettings(predictions_s=DAY))
    with full.database.write() as tx:
        tx.execute("INSERT INTO endpoint (name, model, created_at) VALUES ('rates', 'rates', 1)", {})
        opened = releases.open_release(
            tx, endpoint="rates", kind="promote", from_version=1, to_version=2, settings_revision=1, actor=ANNA
        )
    run(full, actor=ANNA)
    assert left(kept)["predictions"] == 10
    assert f"release {opened.id[:12]} is pending" in {one.held for one in look(full)}


def test_a_kill_leaves_what_the_next_time_removes(
    deck: Deck, apply: Callable[..., None], kept: dict[str, list[Path]]
) -> None:
    apply(RetentionSettings(predictions_s=5 * DAY))

    class Killed(Exception):
        pass

    def reached(name: str) -> None:
        if name == "removed":
            raise Killed

    with pytest.raises(Killed):
        run(deck, actor=ANNA, reached=reached)
    assert left(kept)["predictions"] == 9
    run(deck, actor=ANNA)
    assert left(kept)["predictions"] == 6


def test_it_is_asked_for_once_a_day(deck: Deck, apply: Callable[..., None], clock: FrozenClock) -> None:
    apply()
    asks = RetentionClock(deck)
    assert asks.look() is False
    clock.advance(61)
    apply(RetentionSettings(predictions_s=5 * DAY))
    assert asks.look() is True
    made = jobs.jobs(deck.database)
    assert [(one.kind, one.actor) for one in made] == [("retention", "policy:retention")]
    for _ in range(3):
        clock.advance(3_600)
        assert asks.look() is False
    with deck.database.write() as tx:
        tx.execute("UPDATE job SET state = 'succeeded'", {})
    clock.advance(DAY)
    assert asks.look() is True


def test_what_no_file_says_leaves_a_revision_as_it_was() -> None:
    stated = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": PLAIN})
    assert "retention" not in stated.to_body()
    assert "retention" not in stated.to_body()["models"]["rates"]
    said = RetentionSettings(predictions_s=5.0 * DAY, hold="case 7")
    body = replace(stated, retention=said, models={"rates": replace(PLAIN, retention=said)}).to_body()
    again = DeckSettings.from_body(body)
    assert (again.retention, again.models["rates"].retention) == (said, said)


@pytest.mark.parametrize(
    ("table", "said", "word"),
    [
        (RetentionTable, {"predictions": "5s"}, "a day at least"),
        (RetentionTable, {"predictions": 5}, "unit"),
        (ModelRetentionTable, {"access_log": "5d"}, "Extra inputs"),
        (RetentionTable, {"hold": "x" * 300}, "at most 200"),
    ],
)
def test_what_cannot_be_meant_is_refused(table: Any, said: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        table.model_validate(said)


@pytest.mark.parametrize("whose", ["deck", "model"])
def test_under_a_hold_garbage_stays_whoever_collects_it(
    full: Deck, add_version: Callable[[str], Version], apply: Callable[..., None], age: Callable[..., None], whose: str
) -> None:
    held = versions.version(full.database, "rates", 1)
    add_version("two")
    with full.database.write() as tx:
        tx.execute("UPDATE version SET deleted_at = 1 WHERE number = 1", {})
        tx.execute("UPDATE run SET deleted_at = 1", {})
        tx.execute("UPDATE job SET ended_at = 1", {})
    age()
    hold = RetentionSettings(hold="case 7")
    apply(hold) if whose == "deck" else apply(None, hold)
    found = {item.name: item for item in collect(full, 0, dry_run=False, actor=ANNA)}
    why = "hold: case 7" if whose == "deck" else "rates@1 was deleted, but a hold stands on rates"
    assert (found[held.artifact_hash].verdict, found[held.artifact_hash].why) == ("kept", why)
    assert full.artifacts.path(held.snapshot_id).is_file()
    if whose == "deck":
        assert {item.verdict for item in found.values()} == {"kept"}
    answer = call(ServiceContext(full, Caller(ANNA, Role.ADMIN)), "deck.gc", {"grace": "0s", "dry_run": True})
    assert answer.hold == ("hold: case 7" if whose == "deck" else "hold of rates: case 7")
    apply(None)
    collect(full, 0, dry_run=False, actor=ANNA)
    assert not full.artifacts.place(held.artifact_hash).exists()
