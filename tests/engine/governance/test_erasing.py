"""An erasure removes a person's rows from every place, proves it, and can be killed anywhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from stays_deck import GUESTS, NOW, Stays, stays

from engine.data.snapshot import ingest
from engine.governance.erasing.derived import derived, snapshots_of, undecided
from engine.governance.erasing.run import look, run
from engine.keeping.backup import create
from engine.keeping.gc import KEPT
from engine.keeping.gc import collect as collect_garbage
from engine.model_io import sealing
from engine.model_io.persons import Persons, key_of, parsed, tokens_of
from engine.model_io.rows import read_snapshot
from engine.monitoring.collect import collect
from engine.monitoring.predictions import read
from engine.serving.seal import broken
from engine.training.reproducing import reproduce
from store import blobs, erasures, events, quality, seals, snapshots, versions
from store.errors import Refused, WorkFailed

ANNA = "user:anna"
KINDS = {"golden", "snapshot", "quarantine", "outcomes", "attributions", "predictions"}


def guests_of(deck: Stays) -> set[str]:
    newest = snapshots.present(deck.deck.database, "rates")[0]
    return set(read_snapshot(deck.deck, newest.id)["guest"].to_pylist())


@pytest.mark.parametrize("personal", [(), ("guest", "card")], ids=["plain", "tokens"])
def test_a_persons_rows_go_everywhere_and_everybody_elses_stay(
    make_stays: Callable[..., Stays], personal: tuple[str, ...]
) -> None:
    made = make_stays(personal)
    rows = [row for row in stays(40) if row["nights"] > 0]
    ids = made.ask(rows)
    theirs = {one for one, row in zip(ids, rows, strict=True) if row["guest"] == "Zoltan"}
    token = key_of(made.deck).token("guest", "Zoltan") or ""
    assert {place.kind for place in look(made.deck, made.sought("guest=Zoltan"))} >= KINDS - {"golden"}
    done = run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    assert (done.state, done.columns) == ("done", ("guest",))
    assert not look(made.deck, made.sought("guest=Zoltan"))
    assert made.bytes_with("Zoltan", token) == []
    assert guests_of(made) == set(GUESTS) - {"Zoltan"}
    left = read(made.deck, "rates")
    assert set(left["prediction_id"].to_pylist()) == set(ids) - theirs
    counted: dict[str, int] = {}
    for item in erasures.items(made.deck.database, done.id):
        assert item.state == "erased", item
        counted[item.kind] = counted.get(item.kind, 0) + item.rows
    assert counted["predictions"] == counted["outcomes"] == counted["attributions"] == len(theirs)
    assert counted["snapshot"] + counted["quarantine"] == sum(row["guest"] == "Zoltan" for row in stays())


def test_ids_and_seals_survive_the_bytes(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    version, deck = made.versions[0], made.deck
    before = seals.seal_of(deck.database, "rates", 1)
    done = run(deck, made.begin("guest=Zoltan"), actor=ANNA)
    old = snapshots.snapshot(deck.database, version.snapshot_id)
    new = blobs.current(deck.database, old.id)
    assert new != old.id
    assert not deck.artifacts.place(old.id).exists()
    assert {row["hash"] for row in blobs.present(deck.database)} >= {new}
    assert old.id not in {row["hash"] for row in blobs.present(deck.database)}
    after = versions.version(deck.database, "rates", 1)
    assert (after.snapshot_id, after.artifact_hash) == (version.snapshot_id, version.artifact_hash)
    assert after.golden_hash != version.golden_hash
    golden = json.loads(deck.artifacts.read(after.golden_hash))
    assert golden["requests"]
    assert "Zoltan" not in {request["guest"] for request in golden["requests"]}
    seal = sealing.checked(deck, after)
    assert before is not None
    assert (seal.statement["erasure"], seal.statement["golden"]) == (done.id, after.golden_hash.removeprefix("sha256:"))
    assert {**seal.statement, "golden": before.statement["golden"]} == {**before.statement, "erasure": done.id}
    assert broken(sealing.as_json(seal), "rates@1", seals.signers(deck.database)) == ""
    told = next(one for one in events.events(deck.database) if one.action == "version.resealed")
    assert (told.body["signature_was"], told.body["erasure"]) == (before.signature, done.id)
    assert events.verify(deck.database).ok


def test_the_registry_never_holds_the_value(make_stays: Callable[..., Stays]) -> None:
    made = make_stays(("guest", "card"))
    run(made.deck, made.begin("guest=Zoltan", "card=7300411000"), actor=ANNA)
    dumped = "\n".join(
        str(tuple(row))
        for table in made.deck.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        for row in made.deck.database.rows(f"SELECT * FROM {table['name']}")
    )
    assert "Zoltan" not in dumped
    assert "7300411000" not in dumped


def test_the_source_still_has_them_and_no_ingest_lets_them_in(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    stands = snapshots.present(made.deck.database, "rates")[0]
    again = ingest(made.deck, made.settings, made.apply(), actor=ANNA)
    assert again.id == stands.id  # what is left is what an ingest without them gives
    with made.deck.database.write() as tx:
        erasures.lift(tx, erasures.standing(tx)[0].id, reason="came back", actor=ANNA)
    made.deck.clock.advance(1)  # type: ignore[attr-defined]
    back = ingest(made.deck, made.settings, made.apply(), actor=ANNA)
    assert back.id == made.versions[0].snapshot_id
    assert guests_of(made) == set(GUESTS)
    assert made.deck.artifacts.read(blobs.current(made.deck.database, back.id))


def test_an_erasure_asked_for_during_an_ingest_is_heeded_by_it(
    make_stays: Callable[..., Stays], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_stays(trained=False)
    revision = made.apply()
    from engine.data import snapshot

    real, begun = snapshot.segments.store, []

    def store(*words: object) -> object:
        if not begun:
            begun.append(made.begin("guest=Zoltan"))
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot.segments, "store", store)
    ingest(made.deck, made.settings, revision, actor=ANNA)
    assert guests_of(made) == set(GUESTS) - {"Zoltan"}
    assert made.bytes_with("Zoltan") == []  # what had been put before is taken back


def test_a_training_that_read_the_rows_makes_no_version_of_them(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    asked: list[str] = []

    def erase(share: float, _text: str) -> None:
        if share > 0.1 and not asked:
            asked.append(made.begin("guest=Zoltan"))
            run(made.deck, asked[0], actor=ANNA)

    with pytest.raises(WorkFailed, match=r"rows of a person were erased from snapshot .* while a model was fitted"):
        made.train(progress=erase, unless_same=False)
    assert [one.number for one in versions.versions(made.deck.database, "rates")] == [1]
    assert made.train().number == 2
    assert {one.version for one in derived(made.deck.database, {made.versions[0].snapshot_id})} == {1}


def test_an_erased_snapshot_is_told_apart_from_a_damaged_one(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    version, deck = made.versions[0], made.deck
    run(deck, made.begin("guest=Zoltan"), actor=ANNA)
    with pytest.raises(Refused, match="cannot be reproduced: rows of a person were erased"):
        reproduce(deck, version, lambda _share, _text: None)
    kept = {item.name: item for item in collect_garbage(deck, 0, dry_run=True, actor=ANNA)}
    stands = blobs.current(deck.database, version.snapshot_id)
    assert kept[stands].verdict == KEPT
    assert version.snapshot_id not in kept
    saved = create(deck, deck.workspace.root / "saved.tar", with_keys=False)
    assert saved.left_out == ()
    deck.artifacts.place(stands).unlink()
    with pytest.raises(WorkFailed, match="is missing"):
        read_snapshot(deck, version.snapshot_id)


def test_an_erasure_of_somebody_in_a_damaged_deck_says_so_and_stays_open(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    place = made.deck.artifacts.place(made.versions[0].snapshot_id)
    whole = place.read_bytes()
    place.write_bytes(whole[:-9] + b"123456789")
    asked = made.begin("guest=Zoltan")
    with pytest.raises(WorkFailed, match="not everything can be looked through"):
        run(made.deck, asked, actor=ANNA)
    assert erasures.erasure(made.deck.database, asked).state == "running"
    place.write_bytes(whole)
    assert run(made.deck, asked, actor=ANNA).state == "done"


def test_all_rows_of_a_model_may_be_one_persons(make_stays: Callable[..., Stays]) -> None:
    made = make_stays(trained=False)
    made.write([{**row, "guest": "Zoltan"} for row in stays()])
    taken = ingest(made.deck, made.settings, made.apply(), actor=ANNA)
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    assert read_snapshot(made.deck, taken.id).num_rows == 0
    assert quality.batches(made.deck.database, "rates", open_only=True) == []
    with pytest.raises(WorkFailed, match="every row of rates is of a person who was erased"):
        ingest(made.deck, made.settings, made.apply(), actor=ANNA)


def test_golden_requests_that_are_all_one_persons_are_asked_anew(make_stays: Callable[..., Stays]) -> None:
    made = make_stays(trained=False)
    rows = stays()
    made.write([{**row, "guest": "Zoltan" if number > 200 else "Oda"} for number, row in enumerate(rows)])
    version = made.train()
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    after = versions.version(made.deck.database, "rates", version.number)
    golden = json.loads(made.deck.artifacts.read(after.golden_hash))
    assert {request["guest"] for request in golden["requests"]} == {"Oda"}
    assert len(golden["answers"]) == len(golden["requests"]) > 1
    from engine.model_io.load import load_version
    from engine.serving.golden import check

    assert check(load_version(made.deck, after).predict, golden)[0]


def test_golden_requests_are_the_persons_by_the_rest_of_a_row_that_is_nobody_elses(
    make_stays: Callable[..., Stays],
) -> None:
    made = make_stays(trained=False, personal=("guest",))
    made.write([{**row, "card": 1_000 + number} for number, row in enumerate(stays())])  # each row is like no other
    version = made.train()
    before = json.loads(made.deck.artifacts.read(version.golden_hash))["requests"]
    assert not {request["guest"] for request in before} & set(GUESTS)
    theirs = [one for one in before if (one["card"] - 1_000) % len(GUESTS) == 0]
    assert 0 < len(theirs) < len(before)
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    after = versions.version(made.deck.database, "rates", 1)
    assert json.loads(made.deck.artifacts.read(after.golden_hash))["requests"] == [
        one for one in before if one not in theirs
    ]


def test_lines_that_come_again_from_a_host_are_not_kept(make_stays: Callable[..., Stays]) -> None:
    made = make_stays(("guest",))
    rows = stays(20)
    made.ask(rows)
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    made.log(rows, at=NOW - 60_000_000, name="again.jsonl")
    later = made.log([rows[0]], at=NOW + 1, name="later.jsonl")
    collect(made.deck)
    found = read(made.deck, "rates")
    token = key_of(made.deck).token("guest", "Zoltan")
    assert (
        found.filter([one == token for one in found["features.guest"].to_pylist()])["prediction_id"].to_pylist()
        == later
    )


def test_a_request_of_several_peoples_rows_keeps_the_others(make_stays: Callable[..., Stays]) -> None:
    made = make_stays(("guest",))
    ids = made.log(stays(20), at=NOW - 60_000_000, at_once=10)
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    collect(made.deck)
    token = key_of(made.deck).token("guest", "Zoltan") or ""
    assert made.bytes_with(token) == []
    theirs = [one for one, row in zip(ids, stays(20), strict=True) if row["guest"] == "Zoltan"]
    assert 0 < len(theirs) < 20
    assert read(made.deck, "rates")["prediction_id"].to_pylist() == [one for one in ids if one not in theirs]


def test_erasing_while_a_server_still_writes_waits_for_its_segment(
    make_stays: Callable[..., Stays], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_stays(("guest",))
    made.log(stays(20), at=NOW - 9, name="growing.open")
    (made.deck.workspace.segments / "r1" / "mirrored").touch()  # another host's: only who mirrors closes it
    from engine.governance.erasing import run as running

    def close(_seconds: float) -> None:
        growing = made.deck.workspace.segments / "r1" / "growing.open"
        growing.rename(growing.with_suffix(".jsonl"))

    monkeypatch.setattr(running.time, "sleep", close)
    asked = made.begin("guest=Zoltan")
    run(made.deck, asked, actor=ANNA)
    kinds = {item.kind: item.rows for item in erasures.items(made.deck.database, asked)}
    assert kinds["predictions"] == 4
    assert made.bytes_with(key_of(made.deck).token("guest", "Zoltan") or "") == []


def test_what_was_derived_is_told_until_it_is_decided(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    done = run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    reader = made.deck.database
    found = derived(reader, snapshots_of(reader, erasures.items(reader, done.id)))
    assert [(one.model, one.version, one.how) for one in found] == [("rates", 1, "trained on rows of this person")]
    assert undecided(reader, "rates") == [done.id]
    with made.deck.database.write() as tx:
        erasures.decide(
            tx, done.id, model="rates", decision="accept", reason="public", actor=ANNA, via=None, job_id=None
        )
    assert undecided(reader, "rates") == []
    second = run(made.deck, made.begin("guest=Oda"), actor=ANNA)
    found = derived(reader, snapshots_of(reader, erasures.items(reader, second.id)))
    assert [one.version for one in found] == [1]  # by way of what the first erasure left of its snapshot


POINTS = ("swept", "found", "golden", "snapshot", "quarantine", "logs")


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_after_any_step_is_gone_on_from(make_stays: Callable[..., Stays], point: str) -> None:
    made = make_stays()
    made.ask(stays(40))
    asked = made.begin("guest=Zoltan")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom engine.deck import open_deck\n"
        "from engine.workspace import Workspace\nfrom engine.governance.erasing.run import run\n"
        "def reached(name):\n    if name == sys.argv[3]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run(open_deck(Workspace(Path(sys.argv[1]))), sys.argv[2], actor='user:anna', reached=reached)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(made.deck.workspace.root), asked, point], capture_output=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert erasures.erasure(made.deck.database, asked).state == "running"
    newest = snapshots.present(made.deck.database, "rates")[0]
    assert read_snapshot(made.deck, newest.id).num_rows  # whatever point it was, what there is can be read
    assert sealing.checked(made.deck, versions.version(made.deck.database, "rates", 1))
    done = run(made.deck, asked, actor=ANNA)
    assert done.state == "done"
    assert made.bytes_with("Zoltan") == []
    counted: dict[str, int] = {}
    for item in erasures.items(made.deck.database, asked):
        assert item.state == "erased"
        counted[item.kind] = counted.get(item.kind, 0) + item.rows
    assert counted["snapshot"] + counted["quarantine"] == sum(row["guest"] == "Zoltan" for row in stays())
    assert counted["predictions"] == counted["outcomes"] == counted["attributions"] == 8


def test_under_another_log_key_nobody_is_taken_for_erased(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    (made.deck.workspace.keys / "log").unlink()
    with pytest.raises(WorkFailed, match=r"whom erasure .* is about cannot be told"):
        ingest(made.deck, made.settings, made.apply(), actor=ANNA)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no person is named"),
        (["Zoltan"], "word 1 names no person"),
        (["guest="], "word 1 names no person"),
        (["gue\x1bst=Zoltan"], "word 1 names no column"),
        (["guest=a", "guest=b"], "'guest' is named twice"),
        (["guest=" + "a" * 2000], "longer than 1000 characters"),
        (["guest=\udcff"], "is no text"),
    ],
)
def test_words_that_name_nobody_are_refused_without_their_value(words: list[str], said: str) -> None:
    with pytest.raises(Refused) as caught:
        parsed(words)
    assert said in caught.value.message
    assert caught.value.line().isprintable()
    assert "Zoltan" not in caught.value.line()


@pytest.mark.parametrize(
    ("typed", "value", "same"),
    [
        ("31", 31, True),
        ("31", "31", True),
        ("31", 31.0, True),
        ("31", 310, False),
        ("031", 31, False),  # text: number 31 is somebody else
        ("9007199254740993", 9007199254740992, False),
        ("31.5", 31.5, True),
        ("true", True, True),
        ("1", True, False),
        ("\x1b[31m\x00", "\x1b[31m\x00", True),  # whatever a name holds, it can be erased
        ("Oda", ["Jens", "Oda"], True),
    ],
)
def test_a_value_is_sought_as_what_it_may_be(
    make_stays: Callable[..., Stays], typed: str, value: object, same: bool
) -> None:
    key = key_of(make_stays(trained=False).deck)
    people = Persons(key, [tokens_of(key, {"guest": typed})])
    assert people.holds("guest", value) is same
