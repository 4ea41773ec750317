"""The wall clock of what a test starts, moved while it runs: by libfaketime, read from a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def moved_clock(place: Path) -> Callable[[int], dict[str, str]]:
    """Return a function that moves the wall clock by seconds, and returns the environment of those who see it.

    Only the wall clock moves, as it does where an operator or NTP sets it: not CLOCK_BOOTTIME, not CLOCK_MONOTONIC.
    `place` is the file that says how far. Without libfaketime the test is skipped, or fails where it is required.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        told = "libfaketime is not here: apt-get install faketime"
        pytest.fail(told) if os.environ.get("MODELDECK_TEST_CLOCK") == "required" else pytest.skip(told)

    def move(seconds: int) -> dict[str, str]:
        place.with_suffix(".new").write_text(f"{seconds:+d}")
        place.with_suffix(".new").replace(place)
        return {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(place),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    return move
