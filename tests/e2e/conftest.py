"""A tiny deck of its own for each test file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_deck import Tiny, make_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """One deck for a whole file of tests; everything it started is stopped."""
    made = make_tiny(tmp_path_factory.mktemp("home"))
    yield made
    stopped = made("daemon", "stop", "--all")
    assert stopped.code == 0, stopped


@pytest.fixture(scope="module")
def serving(tiny: Tiny) -> Tiny:
    """The deck with a version that serves."""
    if tiny("models", "--json").data and tiny.champion() is not None:
        return tiny
    trained = tiny("train", "rates", "--json").data["result"]["version"]
    promoted = tiny("promote", "rates", str(trained), "--yes")
    assert promoted.code == 0, promoted
    return tiny
