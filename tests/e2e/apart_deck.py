"""A deck of another person, and one whose every process sees no network but its own loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_deck import Tiny


def fresh(home: Path, prefix: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> Tiny:
    """Make an empty deck under a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    root = home / "deck"
    told = environment or {}
    assert Tiny(home, home, [], told, prefix)("init", str(root)).code == 0
    return Tiny(root, home, [], told, prefix)


@contextmanager
def without_network(home: Path, environment: dict[str, str] | None = None) -> Iterator[Tiny]:
    """Give an empty deck in a network namespace that nothing leads into or out of; its servers end with it."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip")):
        pytest.skip("only root may take a network away, with unshare, nsenter and ip")
    holds = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 1800"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holds.stdout is not None
        if holds.stdout.readline().strip() != "up":
            pytest.skip("this machine takes no network away")
        inside = ("nsenter", "--target", str(holds.pid), "--net")
        routes = subprocess.run([*inside, "ip", "route"], capture_output=True, text=True, check=True).stdout
        assert routes == ""
        apart = fresh(home, inside, environment)
        yield apart
        assert apart("daemon", "stop", "--all").code == 0
    finally:
        holds.kill()
        holds.communicate()
