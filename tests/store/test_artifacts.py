"""Content is named by its hash, written whole, and never handed out when its bytes have changed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store.artifacts import Artifacts, hash_bytes
from store.blobs import record_blob
from store.database import Database
from store.errors import CorruptArtifact, StorageUnwritable


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def stored(artifacts: Artifacts) -> list[Path]:
    return [path for path in artifacts.root.rglob("*") if path.is_file() and path.name != "gate.lock"]


def test_bytes_and_files_of_the_same_content_are_one_artifact(artifacts: Artifacts, tmp_path: Path) -> None:
    name = artifacts.put_bytes(b"a model")
    source = tmp_path / "model.skops"
    source.write_bytes(b"a model")
    assert artifacts.put_file(source) == name == hash_bytes(b"a model")
    assert artifacts.read(name) == b"a model"
    assert artifacts.path(name).read_bytes() == b"a model"
    assert len(stored(artifacts)) == 1


def test_changed_bytes_are_refused_and_named(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"a model")
    artifacts.path(name).write_bytes(b"a modeL")
    for look in (artifacts.read, artifacts.verify):
        with pytest.raises(CorruptArtifact, match="its bytes do not match") as told:
            look(name)
        assert str(artifacts.path(name)) in told.value.hint


def test_damaged_artifact_is_mended_by_storing_it_again(artifacts: Artifacts) -> None:
    name = artifacts.put_bytes(b"a model")
    artifacts.path(name).write_bytes(b"a modeL")
    artifacts.put_bytes(b"a model")
    artifacts.verify(name)


def test_missing_artifact_and_no_name_are_refused(artifacts: Artifacts) -> None:
    with pytest.raises(CorruptArtifact, match="is missing"):
        artifacts.path(hash_bytes(b"never stored"))
    for wrong in ("sha256:abc", "../../etc/passwd", "sha256:" + "/" * 64):
        with pytest.raises(CorruptArtifact, match="names no artifact"):
            artifacts.path(wrong)


def test_writers_of_the_same_content_do_not_disturb_each_other(artifacts: Artifacts) -> None:
    content = os.urandom(200_000)
    threads = [threading.Thread(target=artifacts.put_bytes, args=(content,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    artifacts.verify(hash_bytes(content))
    assert len(stored(artifacts)) == 1


def test_failing_write_leaves_nothing_behind(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnwritable, match="the disk is full"):
        artifacts.put_bytes(b"too much")
    assert stored(artifacts) == []


FULL_AND_READ_ONLY = """
import os, subprocess, sys
from pathlib import Path
from store import events
from store.artifacts import Artifacts
from store.clock import SystemClock
from store.opening import create_or_upgrade
from store.errors import StorageUnwritable

root = Path(sys.argv[1])
def refused(act, *args):
    try:
        act(*args)
    except StorageUnwritable as error:
        print(error.message.rpartition(": ")[2])
    else:
        print("written")

def note(size):
    with database.write() as tx:
        events.append(tx, actor="user:a", action="note", subject_kind="n", subject_id="1", reason="x" * size)

database = create_or_upgrade(root / "registry.db", SystemClock())
artifacts = Artifacts(root / "artifacts")
note(1)
refused(artifacts.put_bytes, os.urandom(8 << 20))
refused(note, 8 << 20)
note(1)
database.close()
subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
refused(artifacts.put_bytes, b"one")
refused(note, 1)
refused(create_or_upgrade, root / "another" / "registry.db", SystemClock())
subprocess.run(["mount", "-o", "remount,rw", str(root)], check=True)
chain = events.verify(create_or_upgrade(root / "registry.db", SystemClock()))
print(chain.ok, chain.verified)
"""


def test_really_full_and_really_read_only_disk(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=4m none "{tmp_path}"'
    if subprocess.run(["unshare", "-Urm", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a file system of our own")
    run = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", f'{mount} && "$0" -c "$1" "{tmp_path}"', sys.executable, FULL_AND_READ_ONLY],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stderr == ""
    said = run.stdout.splitlines()
    assert said[:3] == ["the disk is full", "the disk is full", "the disk is read-only"]
    assert said[3] == "it is read-only"
    assert said[4:] == ["the disk is read-only", "True 2"]


READ_ONLY_VIEW = """
import subprocess, sys
from pathlib import Path
from store import events
from store.clock import SystemClock
from store.database import open_database
from store.opening import create_or_upgrade
from store.errors import StorageUnwritable

def note(database):
    with database.write() as tx:
        events.append(tx, actor="user:a", action="note", subject_kind="n", subject_id="1")

root, view = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "--bind", root, view], check=True)
subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
writer = create_or_upgrade(root / "registry.db", SystemClock())
for folded in (False, True):
    note(writer)
    if folded:
        writer.close()
    print((root / "registry.db-wal").exists())
    reader = open_database(view / "registry.db", SystemClock())
    print(len(events.events(reader)))
    try:
        note(reader)
    except StorageUnwritable as error:
        print(error.message.rpartition(": ")[2])
    reader.close()
    if not folded:
        note(writer)
"""


def test_registry_on_a_read_only_disk_is_still_read(tmp_path: Path) -> None:
    view = tmp_path / "view"
    view.mkdir()
    tmp_path.joinpath("root").mkdir()
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a file system of our own")
    run = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-c", READ_ONLY_VIEW, str(tmp_path / "root"), str(view)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == ["True", "1", "it is read-only", "False", "3", "it is read-only"]


def test_blob_is_recorded_once(database: Database) -> None:
    with database.write() as tx:
        for _ in range(2):
            record_blob(tx, hash_bytes(b"a model"), 7, "model")
    found = database.rows("SELECT kind, size_bytes, state, replaced_by FROM blob")
    assert [tuple(row) for row in found] == [("model", 7, "present", None)]
