"""Layers that came with bundles: collected once no version needs them, and part of a backup while one does."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.deck import Deck
from engine.deploy.images.base import Base
from engine.deploy.images.below import Below, carried_below, keep_carried
from engine.deploy.images.layers import Entry, Layer, keep, told, write_layer
from engine.deploy.images.places import layer_folder, record_folder
from engine.deploy.images.wheels import SERVING
from engine.keeping.backup import create, size_of
from engine.keeping.gc import Item, collect
from engine.keeping.restore import restore
from engine.settings.retention import RetentionSettings
from engine.workspace import Workspace
from store import blobs, images, versions
from store.clock import FrozenClock

ANNA = "user:anna"
IMAGE = "sha256:" + "7" * 64
PACKAGES = tuple({"name": name, "version": "1", "sha256": "0" * 64, "licence": "MIT"} for name in SERVING)


def silent(_share: float, _text: str) -> None:
    """Say nothing."""


def layer(deck: Deck, text: str) -> Layer:
    return write_layer(layer_folder(deck.workspace), [Entry(f"{text}.txt", text.encode())])


@pytest.fixture
def came(full: Deck) -> tuple[Layer, Layer]:
    """A base and dependencies that came with a bundle, for the environment of rates@1."""
    base, dependencies = layer(full, "base"), layer(full, "dependencies")
    below = Below(
        Base("debian", "3.11.2", (base,), ("PATH=/usr/bin",), {}), "with rates@1", None, dependencies, PACKAGES
    )
    keep_carried(full.workspace, versions.version(full.database, "rates", 1).environment_hash, IMAGE, below)
    return base, dependencies


def looked_at(deck: Deck, *, dry_run: bool = True) -> dict[str, Item]:
    return {item.name: item for item in collect(deck, 0.0, dry_run=dry_run, actor=ANNA)}


def files(deck: Deck) -> set[str]:
    return {path.name for path in (deck.workspace.state / "images").rglob("*") if path.is_file()}


def older(deck: Deck) -> None:
    then = time.time() - 48 * 3600
    for path in deck.workspace.state.rglob("*"):
        if path.name not in ("registry.db", "gate.lock"):
            os.utime(path, (then, then))


def delete(deck: Deck, clock: FrozenClock) -> None:
    with deck.database.write() as tx:
        tx.execute("UPDATE version SET deleted_at = :at", {"at": tx.at})
        tx.execute("UPDATE run SET deleted_at = :at", {"at": tx.at})
    clock.advance(60)


def test_they_stay_while_a_version_is_answered_in_their_environment(full: Deck, came: tuple[Layer, Layer]) -> None:
    older(full)
    found = looked_at(full)
    assert {one.why for one in found.values() if one.kind == "image layer"} == {"images are made of it"}
    [record] = [one for one in found.values() if one.kind == "carried image"]
    assert (record.verdict, record.why) == ("kept", "a version is answered in its environment")


def test_they_go_with_the_last_version_and_others_layers_stay(
    full: Deck, came: tuple[Layer, Layer], clock: FrozenClock
) -> None:
    base, dependencies = came
    other = layer(full, "made here")
    keep(record_folder(full.workspace) / "dependencies-0.json", {"layers": told([other, base])})
    delete(full, clock)
    assert [one.verdict for one in looked_at(full).values() if one.kind == "carried image"] == ["kept"]  # it is young
    older(full)
    before = files(full)
    dry = looked_at(full)
    assert (dry[f"{dependencies.diff_id[7:]}.tar"].verdict, dry[f"{base.diff_id[7:]}.tar"].verdict) == (
        "removed",
        "kept",  # what was made here names it too
    )
    assert files(full) == before
    looked_at(full, dry_run=False)
    assert files(full) == {f"{base.diff_id[7:]}.tar", f"{other.diff_id[7:]}.tar", "dependencies-0.json"}


def test_under_a_hold_of_the_model_they_stay(
    full: Deck, came: tuple[Layer, Layer], clock: FrozenClock, apply_settings_body: Callable[..., object]
) -> None:
    delete(full, clock)
    older(full)
    apply_settings_body(rates={"retention": RetentionSettings(hold="case 7")})
    before = files(full)
    looked_at(full, dry_run=False)
    assert files(full) == before


def test_the_model_layer_of_an_image_goes_with_its_version(full: Deck, clock: FrozenClock) -> None:
    model = layer(full, "the model itself")
    keep(record_folder(full.workspace) / f"image-{IMAGE[7:]}.json", {"layers": told([model])})
    with full.database.write() as tx:
        images.add_image(
            tx,
            model="rates",
            version=1,
            base="b",
            contract=1,
            platform="linux/amd64",
            digest=IMAGE,
            size_bytes=1,
            record_hash="",
            actor=ANNA,
        )
    older(full)
    assert looked_at(full)[f"image-{IMAGE[7:]}.json"].why == "its version is kept"
    delete(full, clock)
    older(full)
    looked_at(full, dry_run=False)
    assert files(full) == set()


def test_a_backup_holds_them_and_a_restored_deck_builds_of_them(
    full: Deck, came: tuple[Layer, Layer], tmp_path: Path, clock: FrozenClock
) -> None:
    gateway = full.workspace.gateway / "gateway-0123456789abcdef"
    gateway.mkdir(parents=True)
    (gateway / "layer.tar").write_bytes(b"haproxy")
    (gateway / "packages.json").write_text(json.dumps({"layer": hashlib.sha256(b"haproxy").hexdigest()}))
    layer(full, "made here, and made again where it is needed")
    assert size_of(full) > sum(one.size for one in came)
    made = create(full, tmp_path / "b")
    assert made.left_out == ()
    restore(tmp_path / "b", tmp_path / "again", clock, actor=ANNA)
    again = Workspace(tmp_path / "again")
    environment = versions.version(full.database, "rates", 1).environment_hash
    below = carried_below(again, environment, (), silent)
    assert below is not None
    assert below.layers == came
    assert (again.gateway / gateway.name / "layer.tar").read_bytes() == b"haproxy"
    assert len(list(layer_folder(again).iterdir())) == 2
    small = create(full, tmp_path / "small", with_layers=False)
    assert small.members == made.members - 5


def test_a_layer_that_is_not_what_came_is_named_and_left_out(
    full: Deck, came: tuple[Layer, Layer], tmp_path: Path, clock: FrozenClock
) -> None:
    file = came[0].file(layer_folder(full.workspace))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    made = create(full, tmp_path / "b")
    assert made.left_out == (f"image layer {came[0].diff_id}",)
    restored = restore(tmp_path / "b", tmp_path / "again", clock, actor=ANNA)
    assert restored.left_out == made.left_out
    assert not (tmp_path / "again" / ".modeldeck" / "images").exists()


def test_what_is_of_no_version_here_is_not_backed_up(full: Deck, came: tuple[Layer, Layer], tmp_path: Path) -> None:
    version = versions.version(full.database, "rates", 1)
    with full.database.write() as tx:
        blobs.mark_erased(tx, [version.environment_hash])
    create(full, tmp_path / "b")
    assert not any(name.startswith("state/images") for name in _names(tmp_path / "b"))


def _names(file: Path) -> list[str]:
    import tarfile

    with tarfile.open(file) as tar:
        return tar.getnames()
