"""Backups and garbage collection through the real command line, while the daemon runs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e


def test_a_backup_of_a_serving_deck_serves_elsewhere(serving: Tiny, tmp_path: Path) -> None:
    file, again = tmp_path / "deck.backup", tmp_path / "again"
    made = serving("backup", "create", str(file), "--json").data
    assert made["left_out"] == []
    newest = json.loads(serving("events", "--limit", "1", "--json").out)[0]
    assert (newest["action"], newest["body"]["sha256"]) == ("backup.created", made["sha256"])
    restored = serving("backup", "restore", str(file), str(again), "--json").data
    assert restored["events"] == made["events"]
    assert serving("-w", str(again), "audit", "verify", "--deep", "--json").data["ok"]
    assert "is there already" in serving("backup", "create", str(file)).refusal(2)


def test_a_running_deck_is_not_replaced(serving: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "deck.backup"
    assert serving("backup", "create", str(file)).code == 0
    told = serving("backup", "restore", str(file), str(serving.root), "--confirm", "tiny").refusal(2)
    assert "daemon" in told
    assert "runs: stop it with its servers first" in told
    serving.intact()


def test_servers_that_outlive_the_daemon_are_not_left_behind_and_the_port_and_the_keys_stay(
    serving: Tiny, tmp_path: Path
) -> None:
    file, state = tmp_path / "deck.backup", serving.root / ".modeldeck"
    assert serving("backup", "create", str(file)).code == 0
    port = json.loads((state / "run" / "router.json").read_text())["port"]
    signed = (state / "keys" / "deck").read_bytes()
    assert serving("daemon", "stop").code == 0
    told = serving("backup", "restore", str(file), str(serving.root), "--confirm", "tiny").refusal(2)
    assert f"1 server and the router of {serving.root} still run: stop what serves first" in told
    for ready in (state / "run").glob("*.json"):  # a router alone would keep its port from the next one
        if ready.name != "router.json":
            os.kill(json.loads(ready.read_text())["pid"], signal.SIGKILL)
    told = serving("backup", "restore", str(file), str(serving.root), "--confirm", "tiny").refusal(2)
    assert f"the router of {serving.root} still runs: stop what serves first" in told
    assert serving("daemon", "stop", "--all").code == 0
    restored = serving("backup", "restore", str(file), str(serving.root), "--confirm", "tiny")
    assert restored.code == 0
    assert "the backup holds no keys: the keys that were here are kept" in restored.err
    assert (state / "keys" / "deck").read_bytes() == signed
    assert serving("daemon", "start").code == 0
    serving.intact()
    assert json.loads((state / "run" / "router.json").read_text())["port"] == port
    assert serving("audit", "export", str(tmp_path / "evidence")).code == 0


def test_gc_keeps_what_serves_and_says_why(serving: Tiny) -> None:
    said = serving("gc", "--dry-run", "--grace", "0s", "--json").data
    models = [item for item in said["items"] if item["kind"] == "model"]
    assert [(item["verdict"], item["why"].startswith("alias champion")) for item in models] == [("kept", True)]
    assert serving("gc", "--json").data["dry_run"] is False
    assert "no duration" in serving("gc", "--grace", "soon").refusal(2)
    serving.intact()
