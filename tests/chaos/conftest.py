"""What the tests of faults share: a seed that is printed, a count that can be changed, a report, and a tiny deck.

`MODELDECK_CHAOS_SEED` repeats a run, `MODELDECK_CHAOS_KILLS` sets how many kill points there are (200),
`MODELDECK_CHAOS_REPORT` names a file that collects what each test counted; `python tests/chaos/report.py` prints it.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))
sys.path.insert(0, str(Path(__file__).parent))

from counts import Report
from tiny_deck import Tiny, make_tiny


@pytest.fixture
def seed() -> int:
    """The seed of this run."""
    return int(os.environ.get("MODELDECK_CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.fixture
def dice(seed: int) -> random.Random:
    """What decides where faults strike."""
    return random.Random(seed)


@pytest.fixture
def report(request: pytest.FixtureRequest, seed: int) -> Iterator[Report]:
    """What this test counts."""
    made = Report(request.node.name, seed)
    yield made
    made.tell()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    """A deck of its own for each test; everything it started is stopped."""
    (tmp_path / "home").mkdir()
    made = make_tiny(tmp_path / "home")
    yield made
    stopped = made("daemon", "stop", "--all")
    assert stopped.code == 0, stopped


@pytest.fixture
def until() -> Callable[..., Any]:
    """Return a function that waits on a condition and returns its first true answer."""

    def wait(holds: Callable[[], Any], within_s: float, what: str) -> Any:
        deadline = time.monotonic() + within_s
        while not (found := holds()):
            assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
            time.sleep(0.05)
        return found

    return wait
