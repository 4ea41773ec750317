"""A backup holds one moment of a deck that works on, and a restore puts nothing in place that it has not proved."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.deck import Deck, open_deck
from engine.keeping import backup
from engine.keeping.archive import Damaged
from engine.keeping.gc import collect
from engine.keeping.restore import restore
from engine.workspace import Workspace
from store import events, jobs, notifying, runs, settings, versions
from store.clock import FrozenClock
from store.errors import Refused, Unavailable

ANNA = "user:anna"


@pytest.fixture
def file(full: Deck, tmp_path: Path) -> Path:
    backup.create(full, tmp_path / "deck.backup")
    return tmp_path / "deck.backup"


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rewritten(file: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]) -> Path:
    """Copy a backup with its members changed."""
    target = file.with_name("changed.backup")
    with tarfile.open(file) as source, tarfile.open(target, "w") as made:
        for entry in source:
            content = source.extractfile(entry)
            assert content
            for new, text in change(entry, content.read()):
                new.size = len(text)
                made.addfile(new, io.BytesIO(text))
    return target


def test_a_restored_deck_is_the_deck_of_that_moment(full: Deck, file: Path, tmp_path: Path) -> None:
    head = events.verify(full.database)
    made = restore(file, tmp_path / "again", full.clock, actor=ANNA)
    assert (made.deck, made.events, made.replaced, made.left_out) == ("test", head.verified, "", ())
    again = open_deck(Workspace((tmp_path / "again").resolve()), full.clock)
    chain = events.verify(again.database)
    assert chain.ok
    assert events.event(again.database, head.verified).hash == head.head  # type: ignore[union-attr]
    version = versions.version(again.database, "rates", 1)
    for hash in (version.artifact_hash, version.golden_hash, version.bundle_hash, version.snapshot_id):
        again.artifacts.verify(hash)
    put = files_of(tmp_path / "again")
    assert {"deck.toml", "models/rates.toml", "hotel/load.py", ".modeldeck/outcomes/rates/b.parquet"} <= put
    assert ".modeldeck/predictions/segments/r1/0.open" in put
    assert not any("keys" in name or "restoring" in name for name in put)
    again.database.close()


def test_a_job_that_ran_then_is_abandoned_and_its_process_is_not_taken_for_ours(
    full: Deck, file: Path, tmp_path: Path
) -> None:
    restore(file, tmp_path / "again", full.clock, actor=ANNA)
    again = open_deck(Workspace((tmp_path / "again").resolve()), full.clock)
    [job] = jobs.jobs(again.database)
    assert (job.state, job.reason) == ("abandoned", "it ran when the backup of 2026-03-01T12:00:00Z was made")
    assert jobs.running(full.database)
    assert events.events(again.database, limit=1)[0].action == "backup.restored"
    again.database.close()


def test_what_waited_to_be_told_is_left_to_the_original(full: Deck, tmp_path: Path) -> None:
    with full.database.write() as tx:
        for event in events.after(tx, 0, 2):
            notifying.put(tx, event, notifying.Telling("hook", "webhook", event.action, "info", "it happened"))
        first, _ = notifying.notifications(tx)[::-1]
        notifying.delivered(tx, first.id, 200, "")
    backup.create(full, tmp_path / "waiting")
    restore(tmp_path / "waiting", tmp_path / "again", full.clock, actor=ANNA)
    again = open_deck(Workspace((tmp_path / "again").resolve()), full.clock)
    assert [one.state for one in notifying.notifications(again.database)][::-1] == ["delivered", "cancelled"]
    assert notifying.waiting_targets(full.database) == ["hook"]
    seq, revision = notifying.cursor(again.database)
    untold = events.after(again.database, seq, 10)
    assert [event.action for event in untold] == ["backup.restored"]
    assert revision == settings.newest(again.database)
    again.database.close()


def test_two_backups_of_one_moment_are_the_same_bytes(full: Deck, file: Path, tmp_path: Path) -> None:
    assert backup.create(full, tmp_path / "second").left_out == ()
    assert (tmp_path / "second").read_bytes() == file.read_bytes()


def test_the_key_is_in_it_only_when_asked_for(full: Deck, tmp_path: Path) -> None:
    assert backup.create(full, tmp_path / "secret", with_keys=True).keys
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    restore(tmp_path / "secret", tmp_path / "again", full.clock, actor=ANNA)
    assert (tmp_path / "again" / ".modeldeck" / "keys" / "log").read_text() == '{"id": "0", "key": "00"}'


def test_a_backup_while_others_write_holds_only_whole_changes(full: Deck, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with full.database.write() as tx:
                run = runs.start_run(tx, model="rates", actor=ANNA, name=str(number))
                runs.log_points(tx, run.id, [("mae", step, 0, 1.0) for step in range(50)])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backup.create(full, tmp_path / f"{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        restore(tmp_path / f"{number}", tmp_path / f"deck{number}", full.clock, actor=ANNA)
        again = open_deck(Workspace((tmp_path / f"deck{number}").resolve()), full.clock)
        assert events.verify(again.database).ok
        for run in runs.runs(again.database, limit=100):
            if run.name.isdigit():
                assert len(runs.metric_history(again.database, run.id, "mae")) == 50
        again.database.close()


def test_nothing_is_collected_while_a_backup_is_made(full: Deck, tmp_path: Path, age: Callable[..., None]) -> None:
    orphan = full.artifacts.put_bytes(b"an orphan")
    age()
    verdicts: list[tuple[str, str]] = []

    def look(_: int) -> None:
        if not verdicts:
            found = collect(full, 0, dry_run=True, actor=ANNA)
            verdicts.extend((item.verdict, item.why) for item in found if item.name == orphan)

    backup.create(full, tmp_path / "a", tell=look)
    assert verdicts == [("kept", "a backup is being made")]
    assert [i.verdict for i in collect(full, 0, dry_run=True, actor=ANNA) if i.name == orphan] == ["removed"]


def test_a_damaged_artifact_is_left_out_and_named(full: Deck, tmp_path: Path) -> None:
    version = versions.version(full.database, "rates", 1)
    full.artifacts.path(version.artifact_hash).write_bytes(b"flipped")
    full.artifacts.path(version.golden_hash).unlink()
    made = backup.create(full, tmp_path / "a")
    assert set(made.left_out) == {version.artifact_hash, version.golden_hash}
    assert set(restore(tmp_path / "a", tmp_path / "b", full.clock, actor=ANNA).left_out) == set(made.left_out)


@pytest.mark.parametrize("target", ["there", "no/folder", "deck/.modeldeck/x"])
def test_a_target_that_cannot_be_is_refused(full: Deck, tmp_path: Path, target: str) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Refused):
        backup.create(full, tmp_path / target)
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize("offset", [0.1, 0.4, 0.7, 0.95])
def test_a_flipped_bit_anywhere_is_found_before_anything_is_put(
    full: Deck, file: Path, tmp_path: Path, offset: float
) -> None:
    content = bytearray(file.read_bytes())
    content[int(len(content) * offset)] ^= 4
    file.write_bytes(content)
    with pytest.raises(Damaged, match=str(file)):
        restore(file, tmp_path / "again", full.clock, actor=ANNA)
    assert files_of(tmp_path / "again") == set()


def test_a_broken_member_is_named(full: Deck, file: Path, tmp_path: Path) -> None:
    changed = rewritten(file, lambda e, c: [(e, c.replace(b"outcomes", b"0utcomes") if "b.parquet" in e.name else c)])
    with pytest.raises(Damaged, match=r"state/outcomes/rates/b\.parquet does not match its hash"):
        restore(changed, tmp_path / "again", full.clock, actor=ANNA)


def test_a_missing_an_added_and_a_doubled_member_are_named(full: Deck, file: Path, tmp_path: Path) -> None:
    for change, told in (
        (lambda e, c: [] if "b.parquet" in e.name else [(e, c)], "b.parquet is missing"),
        (lambda e, c: [(e, c), (e, c)] if "b.parquet" in e.name else [(e, c)], "is there twice"),
        (
            lambda e, c: [(tarfile.TarInfo("state/more"), b"x"), (e, c)] if "b.parquet" in e.name else [(e, c)],
            "state/more is not in its manifest.json",
        ),
    ):
        with pytest.raises(Damaged, match=told):
            restore(rewritten(file, change), tmp_path / "again", full.clock, actor=ANNA)
        assert files_of(tmp_path / "again") == set()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_backup_that_was_cut_off_is_refused(full: Deck, file: Path, tmp_path: Path, share: float) -> None:
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(Damaged):
        restore(file, tmp_path / "again", full.clock, actor=ANNA)
    assert files_of(tmp_path / "again") == set()


@pytest.mark.parametrize("name", ["state/../../out", "/etc/out", "state//x", "elsewhere/x", "state", "state/a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(full: Deck, file: Path, tmp_path: Path, name: str) -> None:
    hostile = rewritten(
        file, lambda e, c: [(tarfile.TarInfo(name), b"x"), (e, c)] if "deck.toml" in e.name else [(e, c)]
    )
    with pytest.raises(Damaged, match="leads out of the backup"):
        restore(hostile, tmp_path / "again", full.clock, actor=ANNA)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_link_is_refused(full: Deck, file: Path, tmp_path: Path, kind: bytes) -> None:
    link = tarfile.TarInfo("state/link")
    link.type, link.linkname = kind, "/etc/passwd"
    hostile = rewritten(file, lambda e, c: [(link, b""), (e, c)] if "deck.toml" in e.name else [(e, c)])
    with pytest.raises(Damaged, match="is not a plain file"):
        restore(hostile, tmp_path / "again", full.clock, actor=ANNA)


def test_a_newer_schema_is_refused(full: Deck, tmp_path: Path) -> None:
    full.database.close()
    with sqlite3.connect(full.workspace.registry) as registry:
        registry.execute("UPDATE alembic_version SET version_num = '0099'")
    backup.create(full, tmp_path / "a")
    with pytest.raises(Unavailable, match="this one knows up to"):
        restore(tmp_path / "a", tmp_path / "again", full.clock, actor=ANNA)
    assert files_of(tmp_path / "again") == set()


def test_a_folder_with_something_else_in_it_is_left_alone(full: Deck, file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear anna")
    with pytest.raises(Refused, match="is not empty and is no deck"):
        restore(file, tmp_path / "mine", full.clock, actor=ANNA)
    assert files_of(tmp_path / "mine") == {"letter"}


def test_a_deck_is_replaced_only_when_named_and_lies_aside_afterwards(
    full: Deck, file: Path, clock: FrozenClock
) -> None:
    root = full.workspace.root
    (root / "rows.csv").write_text("a,b\n")
    (root / "models" / "rates.toml").write_text("[model]\n# newer\n")
    for wrong in ("", "tost"):
        with pytest.raises(Refused) as refused:
            restore(file, root, clock, actor=ANNA, confirmed=wrong)
        assert refused.value.hint.endswith("--confirm test")
    full.database.close()
    made = restore(file, root, clock, actor=ANNA, confirmed="test")
    assert (root / "models" / "rates.toml").read_text() == "[model]\n"
    assert (root / "rows.csv").exists()
    assert (full.workspace.keys / "log").exists()
    aside = Path(made.replaced)
    assert (aside / "state" / "registry.db").exists()
    assert (aside / "workspace" / "models" / "rates.toml").read_text() == "[model]\n# newer\n"
