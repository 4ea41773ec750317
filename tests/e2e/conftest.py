"""A tiny deck of its own for each test file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_bundles import CODE, Made
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


@pytest.fixture(scope="module", name="made")
def bundle_of_a_version(tiny: Tiny) -> Made:
    """The tiny deck trains a version of its own code, and writes it as a file."""
    (tiny.root / "hotel.py").write_text(CODE)
    assert tiny("train", "rates").code == 0
    file = tiny.home / "v1.bundle"
    exported = tiny("bundle", "export", "rates", "1", str(file), "--json").data
    key = tiny("audit", "key", "--json").data[0]["public"]
    assert (exported["of"], exported["signer"]) == ("rates@1", key)
    assert exported["size_bytes"] == file.stat().st_size
    return Made(tiny, file, key)
