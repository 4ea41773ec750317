"""Files put into the workspace of the deck, and its sources read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from engine.data.bundle import extract_bundle, make_bundle
from engine.data.snapshot import ingest
from engine.data.sources import read_source
from engine.deck import Deck
from engine.settings.model import DataSettings, ModelSettings
from store.errors import ModeldeckError
from store.rows import SettingsRevision, Snapshot


@pytest.fixture
def says() -> Callable[[str], Callable[[ModeldeckError], bool]]:
    """Return a check of a pattern against the one line a person is shown: `pytest.raises(Refused, check=says("…"))`."""

    def check_for(told: str) -> Callable[[ModeldeckError], bool]:
        def check(error: ModeldeckError) -> bool:
            assert re.search(told, error.line()), error.line()
            return "\n" not in error.line()

        return check

    return check_for


@pytest.fixture
def write(deck: Deck) -> Callable[[str, str | bytes], Path]:
    """Return a function that puts a file into the workspace."""

    def put(name: str, content: str | bytes) -> Path:
        place = deck.workspace.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    return put


@pytest.fixture
def read(deck: Deck) -> Callable[..., pa.Table]:
    """Return a function that reads a source of the workspace, its code from a bundle made now."""

    def rows(source: str, **more: Any) -> pa.Table:
        bundle = extract_bundle(deck, make_bundle(deck.workspace, deck.artifacts))
        return read_source(source, bundle, deck.workspace, **more)

    return rows


@pytest.fixture
def take(deck: Deck, apply_settings_body: Callable[..., SettingsRevision]) -> Callable[..., Snapshot]:
    """Return a function that takes a snapshot: `take("rows.csv", time_column="at", until_us=…)`; the target is `y`."""
    revision = apply_settings_body("rates").revision

    def snapshot(source: str, until_us: int | None = None, whole: bool = False, **data: Any) -> Snapshot:
        settings = ModelSettings("rates", "regression", DataSettings(**{"source": source, "target": "y", **data}))
        return ingest(deck, settings, revision, until_us=until_us, whole=whole, actor="user:anna")

    return snapshot
