"""One deck from processes that have another HOME, or none: cron, `sudo -E` and units find the daemon that runs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_deck import Said, Tiny, make_tiny

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture(name="tiny")
def tiny_deck() -> Iterator[Tiny]:
    """A deck with a version, whose daemon runs under the home it was made in."""
    with tempfile.TemporaryDirectory(prefix="md") as home:
        made = make_tiny(Path(home))
        made.write_model()
        assert made("train", "rates").code == 0
        yield made
        assert made("daemon", "stop", "--all").code == 0


def without_home(tiny: Tiny, *words: str) -> Said:
    """Run a command as cron may: with a path and nothing else."""
    return tiny(*words, env={"PATH": os.environ["PATH"]})


def test_running_daemon_is_found_whatever_home_says(tiny: Tiny, tmp_path: Path) -> None:
    here = tiny("daemon", "status", "--json").data
    assert here["socket"].startswith(str(tiny.home))
    elsewhere = replace(tiny, home=tmp_path)
    for said in (elsewhere("daemon", "status", "--json"), without_home(tiny, "daemon", "status", "--json")):
        assert {name: said.data[name] for name in ("state", "pid", "socket")} == {
            "state": "running",
            "pid": here["pid"],
            "socket": here["socket"],
        }
    assert elsewhere("daemon", "start").out.startswith("already")
    assert [one["state"] for one in without_home(tiny, "jobs", "--json").data] == ["succeeded"]
    assert elsewhere("promote", "rates", "1", "--yes").code == 0
    assert not list(tmp_path.rglob("sock"))


def test_daemon_restarted_under_another_home_keeps_router_and_servers(tiny: Tiny, tmp_path: Path) -> None:
    assert tiny("promote", "rates", "1", "--yes").code == 0
    before = json.loads((tiny.root / ".modeldeck" / "run" / "router.json").read_text())
    elsewhere = replace(tiny, home=tmp_path)
    assert elsewhere("daemon", "restart").code == 0
    assert not elsewhere("daemon", "status", "--json").data["socket"].startswith(str(tiny.home))
    assert tiny("daemon", "status", "--json").data["state"] == "running"
    # the same router takes the orders of the new daemon: it starts the next version and moves the traffic
    assert tiny("train", "rates").code == 0
    assert tiny("endpoints", "stop", "rates", "--yes").code == 0
    assert elsewhere("promote", "rates", "2", "--yes").code == 0
    after = json.loads((tiny.root / ".modeldeck" / "run" / "router.json").read_text())
    assert (after["control"], after["port"]) == (before["control"], before["port"])
    assert "2 predictions by rates@2" in tiny("predict", "rates", str(tiny.asked(2))).err


def test_socket_of_another_owner_is_refused_wherever_the_lock_says_it_is(tiny: Tiny, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    here = tiny("daemon", "status", "--json").data
    folder = Path(here["socket"]).parent
    os.chown(folder, 65534, -1)
    try:
        refused = replace(tiny, home=tmp_path)("jobs")
        assert "not the deck owner's private folder" in refused.refusal(2)
    finally:
        os.chown(folder, os.geteuid(), -1)
