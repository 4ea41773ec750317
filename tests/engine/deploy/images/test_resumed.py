"""A link that is cut while an image is shipped: what is there stays there, and only the rest is sent."""

from __future__ import annotations

import gc
import secrets
from pathlib import Path
from typing import Any

import pytest

from engine.deploy.hosts.connection import DockerHost
from engine.deploy.images.archive import Image, archive_size, chain_ids
from engine.deploy.images.layers import Entry, write_layer
from engine.deploy.images.ship import chains_there, ship
from engine.settings.model import HostSettings
from engine.workspace import Workspace
from store.errors import Unavailable

# the SDK leaves the socket of a connection that was cut to the garbage collector
pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

LARGE = 3_000_000


def test_a_cut_transfer_goes_on_at_the_layer_it_was_cut_in(tmp_path: Path, second_engine: Any) -> None:
    workspace = Workspace(tmp_path)
    layers = tuple(
        write_layer(workspace.images / "layers", [Entry(name, secrets.token_bytes(size))])
        for name, size in (("base", LARGE), ("libraries", 4 * LARGE), ("server", 2000), ("model", 2000))
    )
    image = Image(layers, {}, "amd64", f"test-{secrets.token_hex(4)}")
    chain = chain_ids([layer.diff_id for layer in layers])
    said: list[str] = []

    def say(share: float, text: str) -> None:
        said.append(text)
        if "layer 2 of 2" in text and share > 0.3 and not second_engine.is_cut:
            second_engine.cut()

    told = {"address": second_engine.address, "identity": str(second_engine.identity)}
    settings = HostSettings("far", "docker", port=8080, host_key=second_engine.host_key, **told)
    with DockerHost(settings) as far:
        try:
            with pytest.raises(Unavailable, match="host far does not answer"):
                ship(workspace, far.client(), "far", image, say)
        finally:
            second_engine.mend()
        engine = far.client()
        assert set(chain) & chains_there(engine) == {chain[0]}
        before = second_engine.received_bytes()
        said.clear()
        shipped = ship(workspace, engine, "far", image, lambda _, text: said.append(text))
        received = second_engine.received_bytes() - before
        # the layer that was cut goes again as a whole, what lies below it does not
        rest = archive_size(image, chain[:1])
        assert rest <= shipped.bytes_sent < rest + 50_000
        assert rest < received < rest + LARGE
        assert said[0] == "sending 12.0 MB to far, large layer 2 of 2"
        assert engine.images.get(image.tag).id == image.id == shipped.id
        assert [tag for one in engine.images.list() for tag in one.tags if ":part-" in tag] == []
        assert ship(workspace, engine, "far", image, say).already
        engine.images.remove(image.tag)
    gc.collect()  # what the SDK left of the cut connection, while it is expected
