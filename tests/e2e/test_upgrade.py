"""Old and new beside each other: a daemon, a command, a registry, a job from before the upgrade, a line for each."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import WITHIN_S, Said, Tiny, make_tiny

import store.upgrade
from engine.jobs.processes import started_mark
from engine.jobs.report import Report, attempt_folder, write_report
from engine.product import VERSION
from engine.settings.apply import load
from engine.workspace import Workspace
from store import events
from store.clock import SystemClock
from store.database import SCHEMA, Database, schema_of
from store.ids import new_id
from store.json_text import dump

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

OLD = "0.0.9"
AS_OLD = f"import engine.product; engine.product.VERSION = {OLD!r}; "
WITHOUT_ACCESS = (
    "from engine.operations.catalog import OPERATIONS; del OPERATIONS['access.show']; "
    "from engine.service import contract; contract.sources = lambda of=contract.sources: "
    "(name for name in of() if name != 'engine/operations/access.py'); "
)
LINE = "daemon runs {0}, this is {1}: modeldeck daemon restart"


APPLIED = (
    "INSERT INTO settings_revision (revision, hash, body, actor, reason, applied_at)"
    " VALUES (1, :hash, :body, 'user:anna', 'old', :at)",
    "INSERT INTO host (name, kind, address, settings_revision, added_at) VALUES ('local', 'process', '', 1, :at)",
    "INSERT INTO model (name, task, owner, description, settings_revision, created_at)"
    " VALUES ('rates', 'regression', 'pricing', '', 1, :at)",
    "INSERT INTO experiment (name, model, created_at) VALUES ('rates', 'rates', :at)",
    "INSERT INTO monitor (name, model, every_s, window_s, by, lateness_s, settings_revision)"
    " VALUES ('rates', 'rates', 3600, 432000, 'event', 0, 1)",
    "INSERT INTO schedule (id, model, kind, trigger, catch_up, grace_s, settings_revision)"
    " VALUES ('monitor:rates', 'rates', 'monitor', 'interval 3600', 'skip', 60, 1)",
)


@pytest.fixture(name="tiny")
def tiny_workspace() -> Iterator[Tiny]:
    """A workspace without a registry; whatever daemon a test leaves is stopped."""
    home = Path(tempfile.mkdtemp(prefix="md"))
    made = make_tiny(home)
    yield made
    made("daemon", "stop", "--all")
    shutil.rmtree(home)


def python(tiny: Tiny, code: str, *words: str) -> subprocess.Popen[str]:
    """Run Python on the deck with the deck's home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tiny.root,
        env={**environment, "HOME": str(tiny.home)},
    )


def old_command(tiny: Tiny, *words: str) -> Said:
    """Run one line of an older command."""
    ran = python(tiny, AS_OLD + "import sys; from console.main import main; sys.exit(main())", *words)
    out, err = ran.communicate(timeout=WITHIN_S)
    return Said(" ".join(words), ran.returncode, out, err)


@pytest.fixture(name="old_daemon")
def daemon_of_an_older_version(tiny: Tiny) -> Iterator[subprocess.Popen[str]]:
    """An older daemon runs, which does not know every operation of today."""
    assert tiny("apply").code == 0
    code = AS_OLD + WITHOUT_ACCESS + "import sys; from engine.daemon.__main__ import main; sys.exit(main())"
    process = python(tiny, code, "-w", str(tiny.root))
    tiny.wait(lambda: tiny("daemon", "status", "--json").data["state"] == "running")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_new_command_and_old_daemon(tiny: Tiny, old_daemon: subprocess.Popen[str]) -> None:
    status = tiny("daemon", "status", "--json").data
    assert (status["product"], status["pid"]) == (OLD, old_daemon.pid)
    for words in ("models", "access", "train rates", "promote rates 1 --yes", "jobs"):
        assert tiny(*words.split()).refusal(4) == LINE.format(OLD, VERSION), words
    restarted = tiny("daemon", "restart", "--json").data["daemon"]
    assert (restarted["product"], restarted["state"]) == (VERSION, "running")
    assert restarted["pid"] != old_daemon.pid
    assert old_daemon.wait(WITHIN_S) == 0
    assert tiny("access").code == 0
    actions = [event["action"] for event in tiny("events", "--json", "--all").data]
    assert actions == ["settings.applied"] * len(actions)


def test_old_command_and_new_daemon(tiny: Tiny) -> None:
    assert tiny("apply").code == 0
    assert tiny("daemon", "start").code == 0
    before = tiny("events", "--json", "--all").data
    for words in ("models", "train rates", "apply"):
        assert old_command(tiny, *words.split()).refusal(4) == LINE.format(VERSION, OLD), words
    assert tiny("events", "--json", "--all").data == before


def test_daemon_of_the_same_version_and_an_earlier_contract(tiny: Tiny) -> None:
    assert tiny("apply").code == 0
    code = WITHOUT_ACCESS + "import sys; from engine.daemon.__main__ import main; sys.exit(main())"
    process = python(tiny, code, "-w", str(tiny.root))
    try:
        tiny.wait(lambda: tiny("daemon", "status", "--json").data["state"] == "running")
        for words in ("access", "models", "train rates"):
            told = tiny(*words.split()).refusal(4)
            daemon, face = re.fullmatch(
                re.escape(LINE).replace(r"\{0\}", "(.*)").replace(r"\{1\}", "(.*)"), told
            ).groups()  # type: ignore[union-attr]
            assert daemon != face
            assert {daemon[:15], face[:15]} == {f"{VERSION} (contract"[:15]}
        assert tiny("daemon", "restart").code == 0
        assert tiny("access").code == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class OldDeck:
    """A deck as schema 1 left it: settings applied, and jobs as an older daemon queued and ran them."""

    def __init__(self, tiny: Tiny) -> None:
        self.tiny = tiny
        self.workspace = Workspace(tiny.root.resolve())
        self.workspace.state.mkdir(mode=0o700)
        self.workspace.registry.touch(mode=0o600)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.upgrade, "SCHEMA", 1)
            store.upgrade.migrate(self.workspace.registry)
        assert self.schema == 1
        self.database = Database(self.workspace.registry, SystemClock())
        self._apply()

    def _apply(self) -> None:
        """Apply the settings as schema 1 held them."""
        text = dump(load(self.workspace).to_body())
        row = {"body": text, "hash": hashlib.sha256(text.encode()).hexdigest(), "at": SystemClock().now()}
        with self.database.write() as tx:
            for statement in APPLIED:
                tx.execute(statement, row)
            events.append(
                tx, actor="user:anna", action="settings.applied", subject_kind="settings", subject_id="1", reason="old"
            )

    @property
    def schema(self) -> int | None:
        return schema_of(self.workspace.registry)

    def backups(self) -> list[Path]:
        return sorted(self.workspace.state.glob("registry.db.*.backup"))

    def job(self, kind: str, args: dict[str, Any], **changed: Any) -> str:
        """Put a job into the table as schema 1 has it, with its event, and return its id."""
        row = {
            "id": new_id(SystemClock()),
            "kind": kind,
            "model": "rates",
            "args": json.dumps(args),
            "state": "queued",
            "reason": "",
            "actor": "user:anna",
            "settings_revision": 1,
            "attempt": 0,
            "progress_text": "",
            "result": "{}",
            "requested_at": SystemClock().now(),
            **changed,
        }
        columns = ", ".join(row)
        with self.database.write() as tx:
            tx.execute(f"INSERT INTO job ({columns}) VALUES ({', '.join(f':{name}' for name in row)})", row)
            events.append(
                tx, actor="user:anna", action="job.requested", subject_kind="job", subject_id=row["id"], model="rates"
            )
        return str(row["id"])

    def rows(self, path: Path, table: str) -> list[tuple[Any, ...]]:
        """Return the columns that schema 1 has of a table, in a registry or a backup."""
        columns = {
            "event": "seq, at, actor, action, subject_id, body, previous_hash, hash",
            "job": "id, kind, model, args, actor, requested_at",
            "settings_revision": "revision, hash, body, actor, applied_at",
            "model": "name",
        }[table]
        connection = sqlite3.connect(path)
        try:
            return connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
        finally:
            connection.close()

    def snapshot(self, path: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that has to be intact."""
        return {
            table: self.rows(path or self.workspace.registry, table)
            for table in ("event", "job", "settings_revision", "model")
        }


@pytest.fixture(name="old")
def deck_of_schema_1(tiny: Tiny) -> Iterator[OldDeck]:
    """The deck."""
    made = OldDeck(tiny)
    yield made
    made.database.close()


def test_reads_of_an_old_registry_change_nothing_and_say_how_to_upgrade(old: OldDeck) -> None:
    before = old.snapshot()
    for words in ("models", "events", "pulse", "jobs"):
        assert old.tiny(*words.split()).refusal(4) == (
            f"the registry {old.workspace.registry} has schema 1, this modeldeck needs {SCHEMA}: "
            "modeldeck daemon restart upgrades it"
        )
    assert (old.schema, old.backups(), old.snapshot()) == (1, [], before)


def test_owners_change_upgrades_with_a_backup_first_and_keeps_every_row(old: OldDeck) -> None:
    old.job("train", {})
    before = old.snapshot()
    old.database.close()
    assert old.tiny("apply", "--json").data["already"] is True
    assert old.schema == SCHEMA
    [backup] = old.backups()
    assert schema_of(backup) == 1
    assert backup.stat().st_mode & 0o077 == 0
    assert old.snapshot(backup) == old.snapshot() == before
    old.tiny.intact()


def test_daemon_start_upgrades_and_ends_what_it_cannot_run_with_a_line(old: OldDeck) -> None:
    unknown = old.job("transmogrify", {"how": "gently"})
    strange = old.job("train", {"from_another_time": [1, {"a": None}], "estimator": 7})
    ordinary = old.job("ingest", {})
    before = old.snapshot()
    old.database.close()
    assert old.tiny("daemon", "start").code == 0
    assert old.schema == SCHEMA
    [backup] = old.backups()
    assert old.snapshot(backup) == before
    pid = old.tiny("daemon", "status", "--json").data["pid"]
    assert "sqlalchemy" not in Path(f"/proc/{pid}/maps").read_text()  # what upgraded it is gone

    def ended() -> dict[str, dict[str, Any]] | None:
        found = {job["id"]: job for job in old.tiny("jobs", "--json").data}
        return found if all(job["ended_at"] for job in found.values()) else None

    jobs = old.tiny.wait(ended)
    assert set(jobs) == {unknown, strange, ordinary}
    assert jobs[unknown]["state"] == "failed"
    assert jobs[unknown]["reason"].startswith("no kind of job named 'transmogrify'")
    assert jobs[ordinary]["state"] == "succeeded", jobs[ordinary]
    assert jobs[strange]["state"] in ("failed", "succeeded")
    assert "Traceback" not in jobs[strange]["reason"]
    assert "\n" not in jobs[strange]["reason"]
    assert old.rows(old.workspace.registry, "event")[: len(before["event"])] == before["event"]
    old.tiny.intact()


def test_job_that_runs_across_the_upgrade_is_adopted_and_ended_by_its_report(old: OldDeck) -> None:
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        running = old.job(
            "train",
            {},
            state="running",
            attempt=1,
            pid=process.pid,
            pid_started=started_mark(process.pid),
            started_at=SystemClock().now(),
        )
        old.database.close()
        assert old.tiny("daemon", "start").code == 0
        found = old.tiny("show", "job", running, "--json").data["body"]
        assert (found["state"], found["attempt"], found["pid"]) == ("running", 1, process.pid)
        folder = attempt_folder(old.workspace, running, 1)
        folder.mkdir(parents=True)
        write_report(folder, Report("failed", 1, "the source raised"))
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        ended = old.tiny.wait(
            lambda: next((job for job in old.tiny("jobs", "--json").data if job["ended_at"] is not None), None)
        )
        assert (ended["id"], ended["state"], ended["reason"]) == (running, "failed", "the source raised")
        old.tiny.intact()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_registry_of_a_newer_modeldeck_is_refused_by_everything(tiny: Tiny) -> None:
    assert tiny("apply").code == 0
    registry = Workspace(tiny.root.resolve()).registry
    connection = sqlite3.connect(registry)
    connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.commit()
    connection.close()
    told = f"the registry {registry} has schema 99, this modeldeck knows up to {SCHEMA}: install the newer modeldeck"
    for words in ("models", "apply", "daemon start", "train rates"):
        assert told in tiny(*words.split()).refusal(4), words
    assert schema_of(registry) == 99
    assert sorted(each.name for each in registry.parent.glob("*.backup")) == []
    assert tiny("daemon", "status", "--json").data["state"] == "stopped"
