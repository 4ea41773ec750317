"""What of a bundle's image a deck leaves aside is said in one line, with what follows of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.deck import Deck
from engine.deploy.haproxy import image as gateway
from engine.deploy.images.archive import architecture
from engine.deploy.images.places import gateway_folder
from engine.interop.bundle_file import Manifest
from engine.interop.bundle_image import left_aside


def manifest(**carries: Any) -> Manifest:
    told = {"platform": f"linux/{architecture()}", "layers": ["a" * 64], "gateway": gateway.form(), **carries}
    return Manifest({"carries": told, "image": f"sha256:{'b' * 64}"}, (), b"", "c" * 64, "")


@pytest.mark.parametrize(
    ("carries", "said"),
    [
        ({}, ""),
        ({"platform": "linux/s390x"}, "its image is of linux/s390x and left aside: a docker host's is made here"),
        ({"gateway": "0" * 16}, "the gateway's layer is of another list of packages than this modeldeck's: this deck"),
        ({"gateway": ""}, "the gateway's layer was not made there yet: this deck fetches the gateway's packages when"),
    ],
)
def test_it_is_told(deck: Deck, carries: dict[str, Any], said: str) -> None:
    found = left_aside(deck, manifest(**carries))
    assert found.startswith(said)
    assert bool(found) is bool(said)
    assert "\n" not in found


def test_a_gateway_that_is_here_already_is_not_missed(deck: Deck) -> None:
    folder = gateway_folder(deck.workspace) / f"gateway-{gateway.form()}"
    folder.mkdir(parents=True)
    for name in ("layer.tar", "packages.json"):
        (folder / name).write_bytes(b"{}")
    assert left_aside(deck, manifest(gateway="0" * 16)) == ""
