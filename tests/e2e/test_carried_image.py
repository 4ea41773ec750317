"""A version goes with its image to a Docker host that no network and no package index reaches, and is served there."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apart_deck import without_network
from tiny_deck import MODEL, Tiny, make_tiny

from engine.interop.bundle_file import manifest_of

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(900)]

BUSY_S = 240.0  # to make base, wheels and dependencies where they are not kept from an earlier run
ROW = {"night": "2024-02-01T00:00:00", "rooms": 2, "season": "low"}
DOCKER = MODEL.replace("[deploy]", '[deploy]\nhosts = ["dock"]')


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def on_docker(tiny: Tiny, engine_url: str) -> str:
    """Let a deck have the engine as a host; returns the port of its gateway, which is in the engine's network."""
    port = free_port()
    assert tiny("hosts", "add", "dock", engine_url, "--port", port, timeout=BUSY_S).code == 0
    return port


def answered(port: str) -> dict[str, Any]:
    """Ask a gateway once, as a client does that has the engine's network."""
    link = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    try:
        link.request("POST", "/rates/predict", json.dumps([ROW]))
        told: dict[str, Any] = json.loads(link.getresponse().read())
    finally:
        link.close()
    return told


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, engine_url: str) -> Iterator[Tiny]:
    """A deck with a network whose version serves on the engine; what images are made of is kept between runs."""
    tiny = make_tiny(tmp_path_factory.mktemp("home"))
    on_docker(tiny, engine_url)
    tiny.write_model(DOCKER)
    (tiny.root / ".modeldeck" / "images").symlink_to(request.config.cache.mkdir("images"))
    assert tiny("train", "rates", timeout=BUSY_S).code == 0
    promoted = tiny("promote", "rates", "1", "--yes", timeout=BUSY_S)
    assert promoted.code == 0, promoted
    yield tiny
    assert tiny("daemon", "stop", "--all").code == 0


@pytest.fixture(scope="module")
def carried(maker: Tiny) -> Path:
    """The bundle of the version that serves, named by its alias, with its image."""
    file = maker.home / "v1.bundle"
    dry = maker("bundle", "export", "rates@champion", str(file), "--image", "--dry-run", timeout=BUSY_S).out
    assert dry.startswith(f"would write {file}: rates@1, "), dry
    assert ": image " in dry
    assert not file.exists()
    done = maker("bundle", "export", "rates", "champion", str(file), "--image", timeout=BUSY_S)
    assert done.code == 0, done
    assert "v1.bundle takes " in done.err
    plain = maker("bundle", "export", "rates", "1", str(file.with_name("plain.bundle")), timeout=BUSY_S)
    assert "a docker host that no network reaches needs it too: --image, " in plain.err
    return file


def offline(tmp_path: Path) -> dict[str, str]:
    """Return what leaves a deck no way to fetch anything, whatever network it has."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mmdebstrap", "apt-get", "pip"):
        (tools / name).write_text(f"#!/bin/sh\necho {name} was asked >> {tmp_path}/asked\nexit 100\n")
        (tools / name).chmod(0o755)
    path = f"{tools}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}


def test_a_docker_host_without_a_network_serves_a_version_from_the_layers_that_came_with_it(
    maker: Tiny, carried: Path, engine_url: str, tmp_path: Path
) -> None:
    key = maker("audit", "key", "--json").data[0]["public"]
    with without_network(tmp_path / "apart", offline(tmp_path)) as apart:
        port = on_docker(apart, engine_url)
        take = ("bundle", "import", str(carried), "--key", key, "--with-settings")
        done = apart(*take, timeout=BUSY_S)
        assert done.code == 0, done
        assert done.out.endswith("; a docker host gets its image without a network\n"), done
        assert "taking its image in: " in done.err
        assert apart("bundle", "import", str(carried), timeout=BUSY_S).out.startswith("already imported")
        layers = apart.root / ".modeldeck" / "images" / "layers"
        with carried.open("rb") as file:
            lower = manifest_of(file, carried.name).about["carries"]["layers"]
        damaged = layers / f"{lower[-1]}.tar"
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        broken = apart("promote", "rates", "1", "--yes", timeout=BUSY_S)
        assert broken.code != 0
        assert "is not the one that came with the bundle" in broken.err, broken
        damaged.unlink()
        told = apart("bundle", "import", str(carried), "--dry-run", timeout=BUSY_S).out
        assert told.startswith("would take in the image of rates@1 of tiny, which is rates@1 here: "), told
        again = apart("bundle", "import", str(carried), timeout=BUSY_S).out
        assert again == "imported: rates@1 of tiny is rates@1 here; a docker host gets its image without a network\n"
        saved = apart("backup", "create", str(apart.home / "apart.backup"), timeout=BUSY_S)
        assert (saved.code, "left out" in saved.err) == (0, False), saved
        promoted = apart("promote", "rates", "1", "--yes", timeout=BUSY_S)
        assert promoted.code == 0, promoted
        _is_of_the_layers_that_came(apart, lower)
        assert answered(port)["version"] == 1
        assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
        assert list((layers.parent / "wheels").glob("*")) == []
        assert apart("audit", "verify", "--json").data["ok"] is True
        assert apart("endpoints", "stop", "rates", "--yes").code == 0
        assert apart("daemon", "stop", "--all").code == 0
        shutil.rmtree(apart.root / ".modeldeck")  # the disk is lost
        again = Tiny(apart.home / "again", apart.home, [], apart.environment, apart.prefix)
        again.root.mkdir()
        restored = again("backup", "restore", str(apart.home / "apart.backup"), str(again.root), timeout=BUSY_S)
        assert restored.code == 0, restored
        promoted = again("promote", "rates", "1", "--yes", timeout=BUSY_S)
        assert promoted.code == 0, promoted
        _is_of_the_layers_that_came(again, lower)
        assert answered(port)["version"] == 1
        assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
        assert again("endpoints", "stop", "rates", "--yes").code == 0
        assert again("daemon", "stop", "--all").code == 0


def _is_of_the_layers_that_came(apart: Tiny, lower: list[str]) -> None:
    """Look that the image which serves stands on the bundle's layers and tells this deck's version and packages."""
    [image] = apart("images", "--json").data
    record = json.loads((apart.root / ".modeldeck" / "images" / "records" / _record(image["digest"])).read_text())
    assert [one["diff_id"] for one in record["layers"]][: len(lower)] == [f"sha256:{layer}" for layer in lower]
    assert len(record["layers"]) == len(lower) + 2
    events = [one["action"] for one in apart("events", "--all", "--json").data]
    assert "image.imported" in events


def _record(digest: str) -> str:
    return f"image-{digest.removeprefix('sha256:')}.json"
