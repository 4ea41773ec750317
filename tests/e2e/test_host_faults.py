"""What is wrong with a Docker host though nothing runs there yet: found by the daemon, shown, cleared by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faketime import moved_clock
from tiny_deck import make_tiny

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def test_a_host_whose_clock_is_off_is_said_so_until_it_agrees(tmp_path: Path, engine_url: str) -> None:
    move = moved_clock(tmp_path / "clock")
    (tmp_path / "home").mkdir()
    tiny = make_tiny(tmp_path / "home")
    assert tiny("apply").code == 0
    daemon = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.daemon", "-w", str(tiny.root)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(tiny.home), **move(0)},
        start_new_session=True,
    )
    try:
        tiny.wait(lambda: tiny("daemon", "status", "--json").data["state"] == "running")
        assert tiny("hosts", "add", "near", engine_url, "--port", "18099").code == 0
        assert _clock(tiny("hosts", "check", "near", "--json").data)["verdict"] == "passed"
        move(-3600)  # this machine's goes back: the engine's is ahead
        line = _clock(tiny("hosts", "check", "near", "--json").data)
        assert line["verdict"] == "warning"
        assert float(line["observed"].split()[0]) == pytest.approx(3600, abs=5)  # what the question took is in it
        assert "time service" in line["remedy"]
        told = tiny.wait(lambda: [fault["detail"] for host in _hosts(tiny) for fault in host["faults"]])
        assert re.fullmatch(r"the clock of near is \+360\d s from here: windows go by it", told[0])
        assert f"! {told[0]}, since" in tiny("hosts").out
        move(0)
        tiny.wait(lambda: not [fault for host in _hosts(tiny) for fault in host["faults"]])
        events = tiny("events", "--json", "--limit", "5").data
        assert {"fault.found", "fault.cleared"} <= {event["action"] for event in events}
    finally:
        assert tiny("daemon", "stop", "--all").code == 0
        daemon.wait(60)


def _hosts(tiny: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tiny("hosts", "--json").data
    return found


def _clock(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return next(line for line in lines if line["name"] == "clock")
