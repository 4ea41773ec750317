"""What an image was made of, told from the record that was kept when it was built."""

from __future__ import annotations

import json

import pytest

from engine.access import Caller, Role
from engine.service.call import call
from engine.service.context import ServiceContext
from store import images
from store.errors import Refused, UnknownName

RECORD = {
    "base": {"name": "debian", "python": "3.11", "why": "its minor", "contents": "x"},
    "wheels": [
        {"name": "orjson", "version": "3.11", "sha256": "1" * 64},
        {"name": "numpy", "version": "2.4", "sha256": "2" * 64, "licence": "BSD-3-Clause"},
    ],
    "layers": [{"what": "base", "diff_id": "sha256:1", "size_bytes": 7}],
}


def add(stage, digest, record_hash):
    with stage.deck.database.write() as tx:
        images.add_image(
            tx,
            model="rates",
            version=1,
            base="debian",
            contract=1,
            platform="linux/amd64",
            digest=f"sha256:{digest}",
            size_bytes=9,
            record_hash=record_hash,
            actor="user:anna",
        )


def test_it_tells_packages_by_name_with_the_licence_each_names(stage):
    add(stage, "ab01", stage.deck.artifacts.put_bytes(json.dumps(RECORD).encode()))
    add(stage, "cd01", "")
    context = ServiceContext(stage.deck, Caller("user:anna", Role.VIEWER))
    found = call(context, "images.show", {"id": "ab"})
    assert (found.image.version, found.base, found.python) == (1, "debian", "3.11")
    assert [(one.name, one.licence) for one in found.packages] == [("numpy", "BSD-3-Clause"), ("orjson", "unknown")]
    with pytest.raises(Refused, match="nothing was recorded"):
        call(context, "images.show", {"id": "cd"})
    with pytest.raises(UnknownName):
        call(context, "images.show", {"id": "ef"})


def test_it_tells_the_packages_of_the_system_below(stage):
    told = {
        "packages": {"libc6": {"version": "2.36", "sha256": "3" * 64}, "dash": {"version": "0.5", "sha256": "4" * 64}}
    }
    record = {**RECORD, "base": {**RECORD["base"], "contents": told}}
    add(stage, "ab01", stage.deck.artifacts.put_bytes(json.dumps(record).encode()))
    context = ServiceContext(stage.deck, Caller("user:anna", Role.VIEWER))
    found = call(context, "images.show", {"id": "ab"}).base_packages
    assert [(one.name, one.version) for one in found] == [("dash", "0.5"), ("libc6", "2.36")]


def test_the_card_counts_packages_by_licence_and_the_version_lists_its_images(stage):
    context = ServiceContext(stage.deck, Caller("user:anna", Role.VIEWER))
    assert "image" not in environment_of(context)
    add(stage, "ab01", stage.deck.artifacts.put_bytes(json.dumps(RECORD).encode()))
    add(stage, "cd01", "")
    assert environment_of(context)["image"] == [
        "sha256:ab01, linux/amd64 on debian: 2 packages, by licence BSD-3-Clause 1, unknown 1",
        "sha256:cd01, linux/amd64 on debian: its packages are unknown",
    ]
    shown = call(context, "deck.show", {"kind": "version", "id": "rates@1"}).body["images"]
    assert [one["digest"] for one in shown] == ["sha256:ab01", "sha256:cd01"]


def environment_of(context):
    card = call(context, "cards.show", {"model": "rates", "version": 1})
    found = {}
    for fact in next(one for one in card.sections if one.title == "Environment").facts:
        found.setdefault(fact.name, []).append(fact.value)
    return found
