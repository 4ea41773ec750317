"""Garbage collection removes what nothing needs, keeps everything else, says why, and survives a kill at any point."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.deck import Deck
from engine.keeping.gc import Item, collect
from store import blobs, events, jobs, models, notifying, releases, runs, versions
from store.clock import FrozenClock
from store.database import Write
from store.rows import Version

ANNA = "user:anna"
DAY = 86_400


def looked_at(deck: Deck, grace_days: float = 30, *, dry_run: bool = True) -> dict[str, Item]:
    return {item.name: item for item in collect(deck, grace_days * DAY, dry_run=dry_run, actor=ANNA)}


def delete(deck: Deck, number: int) -> None:
    with deck.database.write() as tx:
        tx.execute("UPDATE version SET deleted_at = :at WHERE number = :number", {"at": tx.at, "number": number})
        tx.execute("UPDATE run SET deleted_at = :at", {"at": tx.at})


@pytest.fixture
def two(
    full: Deck, add_version: Callable[[str], Version], age: Callable[..., None], clock: FrozenClock
) -> list[Version]:
    """Two versions whose content is old; the first is deleted."""
    clock.advance(1)
    found = [versions.version(full.database, "rates", 1), add_version("two")]
    age()
    delete(full, 1)
    return found


def test_a_version_that_is_there_keeps_its_content(full: Deck, age: Callable[..., None]) -> None:
    age()
    version = versions.version(full.database, "rates", 1)
    item = looked_at(full, 0)[version.artifact_hash]
    assert (item.verdict, item.why, item.kind) == ("kept", "version rates@1", "model")


def test_a_deleted_version_goes_when_its_grace_is_over(full: Deck, two: list[Version], clock: FrozenClock) -> None:
    clock.advance(29 * DAY)
    assert looked_at(full)[two[0].artifact_hash].why == "rates@1 was deleted, its grace is not over"
    clock.advance(2 * DAY)
    before = looked_at(full)
    went = [hash for hash in before if hash.startswith("sha256:") and before[hash].verdict == "removed"]
    assert set(went) == {
        two[0].artifact_hash,
        two[0].golden_hash,
        two[0].bundle_hash,
        two[0].environment_hash,
        two[0].snapshot_id,
    }
    assert full.artifacts.read(two[0].artifact_hash)  # a dry run removes nothing
    after = looked_at(full, dry_run=False)
    assert {name: (item.verdict, item.why) for name, item in after.items()} == {
        name: (item.verdict, item.why) for name, item in before.items()
    }
    row = full.database.row("SELECT * FROM blob WHERE hash = :hash", {"hash": two[0].artifact_hash})
    assert row
    assert (row["state"], row["erased_at"], row["size_bytes"], row["kind"]) == ("erased", clock.now(), 10, "model")
    assert not full.artifacts.place(two[0].artifact_hash).exists()
    assert full.artifacts.read(two[1].artifact_hash)
    [event] = [e for e in events.events(full.database) if e.action == "gc.removed"]
    assert event.body["kinds"]["model"] == 1
    assert versions.version(full.database, "rates", 1).artifact_hash == two[0].artifact_hash
    assert not set(looked_at(full, dry_run=False)) & set(went)


def alias(tx: Write) -> str:
    models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
    return "alias champion of rates@1"


def deployment(tx: Write) -> str:
    made = _deploy(tx)
    return f"deployment {made[:12]} on local"


def release(tx: Write) -> str:
    _deploy(tx)
    opened = releases.open_release(
        tx, endpoint="rates", kind="promote", from_version=1, to_version=2, settings_revision=1, actor=ANNA
    )
    tx.execute("UPDATE deployment SET ended_at = :at", {"at": tx.at})
    return f"release {opened.id[:12]} pending"


def _deploy(tx: Write) -> str:
    tx.execute(
        "INSERT INTO endpoint (name, model, created_at) VALUES ('rates', 'rates', :at) ON CONFLICT DO NOTHING",
        {"at": tx.at},
    )
    tx.execute(
        "INSERT INTO deployment (id, endpoint, host, model, version, role, desired, weight, replicas, generation,"
        " settings_revision, created_at) VALUES ('0123456789abcdef', 'rates', 'local', 'rates', 1, 'warm', 'warm', 0,"
        " 1, 1, 1, :at)",
        {"at": tx.at},
    )
    return "0123456789abcdef"


@pytest.mark.parametrize("hold", [alias, deployment, release])
def test_what_an_alias_a_deployment_or_a_release_needs_stays(
    full: Deck,
    two: list[Version],
    clock: FrozenClock,
    hold: Callable[[Write], str],
) -> None:
    with full.database.write() as tx:
        why = hold(tx)
    clock.advance(400 * DAY)
    item = looked_at(full, dry_run=False)[two[0].artifact_hash]
    assert (item.verdict, item.why) == ("kept", why)
    assert full.artifacts.read(two[0].snapshot_id)


def test_young_and_claimed_content_stays_and_an_orphan_goes(full: Deck, age: Callable[..., None]) -> None:
    old = full.artifacts.put_bytes(b"old")
    with full.artifacts.claiming():
        claimed = full.artifacts.put_bytes(b"claimed")
        age()
        young = full.artifacts.put_bytes(b"young")
        found = looked_at(full, 0, dry_run=False)
    assert found[old].verdict == "removed"
    assert (found[claimed].verdict, found[claimed].why) == ("kept", "claimed by a running job")
    assert found[young].verdict == "kept"
    age()
    assert looked_at(full, 0)[claimed].verdict == "removed"


def test_content_put_again_is_young_again_and_back_on_record(full: Deck, age: Callable[..., None]) -> None:
    hash = full.artifacts.put_bytes(b"again")
    with full.database.write() as tx:
        blobs.record_blob(tx, hash, 5, "model")
    age()
    full.artifacts.put_bytes(b"again")
    assert looked_at(full, 0)[hash].verdict == "kept"
    age()
    assert looked_at(full, 0, dry_run=False)[hash].verdict == "removed"
    full.artifacts.put_bytes(b"again")
    with full.database.write() as tx:
        blobs.record_blob(tx, hash, 5, "model")
    assert hash in {row["hash"] for row in blobs.present(full.database)}


def test_a_dead_process_claims_nothing(full: Deck, age: Callable[..., None]) -> None:
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom store.artifacts import Artifacts\n"
        "a = Artifacts(Path(sys.argv[1]))\n"
        "with a.claiming():\n print(a.put_bytes(b'dead'), flush=True)\n os.kill(os.getpid(), signal.SIGKILL)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(full.artifacts.root)], capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL
    age()
    assert looked_at(full, 0)[ran.stdout.strip()].verdict == "removed"


def test_a_kill_after_any_step_is_finished_by_the_next_collection(full: Deck, age: Callable[..., None]) -> None:
    orphans = [full.artifacts.put_bytes(f"orphan {number}".encode()) for number in range(3)]
    with full.database.write() as tx:
        for hash in orphans:
            blobs.record_blob(tx, hash, 8, "model")
    age()

    class Killed(BaseException):
        pass

    def kill_at(step: str) -> Callable[[str], None]:
        def reached(name: str) -> None:
            if name == step:
                raise Killed

        return reached

    for step, left in (("recorded", 3), ("removed", 2)):
        with pytest.raises(Killed):
            collect(full, 0, dry_run=False, actor=ANNA, reached=kill_at(step))
        assert sum(full.artifacts.place(hash).exists() for hash in orphans) == left
        assert not {row["hash"] for row in blobs.present(full.database)} & set(orphans)
    found = looked_at(full, 0, dry_run=False)
    assert {found[hash].verdict for hash in orphans if hash in found} == {"removed"}
    assert not any(full.artifacts.place(hash).exists() for hash in orphans)
    assert events.verify(full.database).ok


def test_what_work_left_behind_goes_when_it_is_over(full: Deck, clock: FrozenClock, age: Callable[..., None]) -> None:
    workspace = full.workspace
    [running] = jobs.running(full.database)
    with full.database.write() as tx:
        ended = jobs.claim(tx, jobs.enqueue(tx, kind="ingest", model="rates", actor=ANNA).id)
        jobs.finish(tx, ended.id, 1, "succeeded")
        _deploy(tx)
        unknown = runs.start_run(tx, model="rates", actor=ANNA).id
        runs.finish_run(tx, unknown, "finished")
    made = [
        workspace.logs / "jobs" / f"{ended.id}.log",
        workspace.logs / "jobs" / f"{running.id}.log",
        workspace.jobs / f"{ended.id}-1" / "scratch",
        workspace.jobs / f"{running.id}-1" / "scratch",
        workspace.serving / "rates@1-0123456789ab" / "model.skops",
        workspace.serving / "rates@7-0123456789ab" / "model.skops",
        workspace.artifacts / "incoming" / "tmpabc",
        workspace.spool / f"{unknown}.jsonl",
    ]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    age(31 * 24)
    assert {name for name, item in looked_at(full).items() if item.verdict == "removed" and "sha256" not in name} >= {
        "rates@7-0123456789ab",
        "tmpabc",
    }
    clock.advance(31 * DAY)
    looked_at(full, dry_run=False)
    left = {
        path.parent.name if path.name in ("scratch", "model.skops") else path.name for path in made if path.exists()
    }
    assert left == {f"{running.id}.log", f"{running.id}-1", "rates@1-0123456789ab"}


def test_nothing_to_remove_leaves_no_event(full: Deck) -> None:
    before = events.verify(full.database).verified
    assert not [item for item in looked_at(full, dry_run=False).values() if item.verdict == "removed"]
    assert events.verify(full.database).verified == before


@pytest.mark.chaos
def test_trainings_beside_a_collection_lose_nothing(full: Deck) -> None:
    """Writers put old content again and register it, while collections without a grace go on."""
    code = (
        "import sys, os\nfrom pathlib import Path\nfrom store import blobs\nfrom store.artifacts import Artifacts\n"
        "from store.clock import SystemClock\nfrom store.database import open_database\n"
        "root = Path(sys.argv[1]); a = Artifacts(root / 'artifacts')\n"
        "db = open_database(root / 'registry.db', SystemClock())\n"
        "for n in range(150):\n"
        "    with a.claiming():\n"
        "        hash = a.put_bytes(f'{sys.argv[2]} {n % 5}'.encode())\n"
        "        os.utime(a.place(hash), (0, 0))\n"
        "        with db.write() as tx:\n            blobs.record_blob(tx, hash, 3, 'model')\n"
        "        assert a.read(hash)\n"
        "print('done')\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(full.workspace.state), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    collected = removed = 0
    while any(writer.poll() is None for writer in writers):
        removed += sum(i.verdict == "removed" for i in looked_at(full, 0, dry_run=False).values())
        collected += 1
    assert [writer.communicate()[0] for writer in writers] == ["done\n", "done\n"]
    print(f"{collected} collections removed {removed} things beside 300 writes")  # noqa: T201
    for row in blobs.present(full.database):
        assert Path(full.artifacts.path(row["hash"])).exists()


def test_a_killed_collection_process_leaves_a_deck_that_the_next_one_cleans(
    full: Deck, age: Callable[..., None]
) -> None:
    orphans = [full.artifacts.put_bytes(f"orphan {number}".encode()) for number in range(20)]
    age()
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom engine.deck import open_deck\n"
        "from engine.workspace import Workspace\nfrom engine.keeping.gc import collect\n"
        "seen = []\n"
        "def reached(name):\n    seen.append(name)\n    if len(seen) == 8: os.kill(os.getpid(), signal.SIGKILL)\n"
        "collect(open_deck(Workspace(Path(sys.argv[1]))), 0, dry_run=False, actor='user:anna', reached=reached)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(full.workspace.root)], capture_output=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    left = sum(full.artifacts.place(hash).exists() for hash in orphans)
    assert 0 < left < 20
    looked_at(full, 0, dry_run=False)
    assert not any(full.artifacts.place(hash).exists() for hash in orphans)


def test_deliveries_go_when_their_grace_is_over(full: Deck, clock: FrozenClock) -> None:
    with full.database.write() as tx:
        told = notifying.put_test(tx, "hook", "webhook", "a test", tx.at)
        notifying.end_test(tx, told, "", 200, "")
        waits = notifying.put_test(tx, "hook", "webhook", "another", tx.at)
    clock.advance(29 * DAY)
    assert "1 notifications" not in looked_at(full)
    clock.advance(2 * DAY)
    assert looked_at(full)["1 notifications"].verdict == "removed"
    assert len(notifying.notifications(full.database)) == 2
    registry = full.workspace.registry
    looked_at(full, dry_run=False)
    assert registry.exists()
    assert [one.id for one in notifying.notifications(full.database)] == [waits.id]
