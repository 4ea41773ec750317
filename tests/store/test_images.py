"""Images are written once each, with their event, and what they were made of is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import events, images
from store.database import Database
from store.errors import Refused, UnknownName
from store.needs import needs
from store.rows import Version

Register = Callable[..., Version]
RECORD = "sha256:" + "ee" * 32


def fields(digits: str, version: int = 1) -> dict[str, Any]:
    return {
        "model": "rates",
        "version": version,
        "base": "debian-bookworm python 3.11.2 ae6fb14d2a9f",
        "contract": 1,
        "platform": "linux/amd64",
        "digest": f"sha256:{digits}",
        "size_bytes": 312_000_000,
        "record_hash": RECORD,
        "actor": "user:anna",
    }


def test_an_image_is_recorded_once_with_its_event(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        made, new = images.add_image(tx, **fields("ab01"))
        again, twice = images.add_image(tx, **fields("ab01"))
    assert (new, twice, again) == (True, False, made)
    assert (made.id, made.digest, made.version, made.record_hash) == ("sha256:ab01", "sha256:ab01", 1, RECORD)
    told = [event for event in events.events(database) if event.action == "image.built"]
    assert [(event.subject_kind, event.subject_id, event.model) for event in told] == [
        ("image", "sha256:ab01", "rates")
    ]
    assert needs(database, 0)[RECORD] == "an image of rates@1"


def test_images_are_found_by_model_and_by_the_beginning_of_their_hash(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        register(tx)
        first, _ = images.add_image(tx, **fields("ab01"))
        tx.clock.advance(1)  # type: ignore[attr-defined]
    with database.write() as tx:
        second, _ = images.add_image(tx, **fields("ac02", version=2))
    assert images.images(database) == [second, first]
    assert images.images(database, "posts") == []
    assert images.image(database, "ab") == images.image(database, "sha256:ab01") == first
    with pytest.raises(Refused, match="several images begin with"):
        images.image(database, "a")
    with pytest.raises(UnknownName, match="no image"):
        images.image(database, "ff")
