"""A container's specification is data: what it says of itself, and what it may not do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.deploy.images.container import ContainerSpec, Limits, Story
from engine.serving.contract import CONTRACT

STORY = Story(
    deck="night shift",
    deck_id="0123456789ab",
    host="dock",
    endpoint="rates",
    model="rates",
    version=7,
    deployment="0193a1b2c3d070007abc8def01234567",
    replica=2,
    release="0193a1b2",
    image="sha256:" + "ab" * 32,
    audit_head="cd" * 32,
)


def test_labels_tell_the_whole_story_and_read_back() -> None:
    labels = STORY.labels()
    assert labels == {
        "modeldeck.kind": "model",
        "modeldeck.deck": "night shift",
        "modeldeck.deck-id": "0123456789ab",
        "modeldeck.host": "dock",
        "modeldeck.endpoint": "rates",
        "modeldeck.model": "rates",
        "modeldeck.version": "7",
        "modeldeck.deployment": "0193a1b2c3d070007abc8def01234567",
        "modeldeck.replica": "2",
        "modeldeck.release": "0193a1b2",
        "modeldeck.image": "sha256:" + "ab" * 32,
        "modeldeck.audit-head": "cd" * 32,
        "modeldeck.contract": str(CONTRACT),
    }
    assert Story.from_labels({**labels, "somebody.else": "x"}) == STORY


@pytest.mark.parametrize("changed", [{"modeldeck.kind": "gateway"}, {"modeldeck.version": "seven"}])
def test_labels_that_are_not_whole_tell_nothing(changed: dict[str, str]) -> None:
    assert Story.from_labels({**STORY.labels(), **changed}) is None
    assert Story.from_labels({"modeldeck.kind": "model"}) is None
    assert Story.from_labels({}) is None


def test_a_container_may_do_nothing_but_serve() -> None:
    arguments = ContainerSpec(STORY, Limits(memory_mb=256, cpus=0.5, processes=32)).arguments()
    assert arguments["user"] == "10001:10001"
    assert arguments["read_only"] is True
    assert arguments["cap_drop"] == ["ALL"]
    assert arguments["security_opt"] == ["no-new-privileges:true"]
    assert arguments["mem_limit"] == arguments["memswap_limit"] == 256 * 1024 * 1024
    assert (arguments["nano_cpus"], arguments["pids_limit"]) == (500_000_000, 32)
    assert set(arguments["tmpfs"]["/tmp"].split(",")) >= {"noexec", "nosuid", "nodev"}
    assert arguments["log_config"]["config"] == {"max-size": "10m", "max-file": "3"}
    assert arguments["restart_policy"] == {"Name": "unless-stopped"}
    assert not {"privileged", "cap_add", "devices", "pid_mode", "environment", "ports"} & set(arguments)
    assert "docker.sock" not in json.dumps(arguments)


def test_a_replica_has_one_name_and_volumes_of_its_own() -> None:
    spec = ContainerSpec(STORY)
    assert spec.name == "modeldeck-night-shift-rates-7-8def01234567-2"
    other = ContainerSpec(replace(STORY, replica=3))
    assert len({spec.name, spec.log_volume, spec.secret_volume, other.name, other.log_volume, other.secret_volume}) == 6
    assert set(spec.arguments()["volumes"]) == {spec.log_volume, spec.secret_volume}


def test_a_port_is_published_only_where_the_host_says() -> None:
    published = ContainerSpec(STORY, network="modeldeck", publish=("127.0.0.1", 18080)).arguments()
    assert published["ports"] == {"8080/tcp": ("127.0.0.1", 18080)}
    assert published["network"] == "modeldeck"
