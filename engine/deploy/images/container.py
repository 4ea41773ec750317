"""How a model's container is to be, as data: who it is, by labels, and what it may do. No engine is spoken to here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.deploy.images.contents import LOG, SECRETS
from engine.serving.contract import CONTRACT
from engine.serving.seal import SIGNERS

PORT = 8080
USER = "10001:10001"
KEY_FILE = f"/{SECRETS}/log"
READY_FILE = "/tmp/ready.json"  # noqa: S108 (in the container, a tmpfs of its own)
_PREFIX = "modeldeck."
_MB = 1 << 20
_TMPFS = "size=16m,mode=1777,noexec,nosuid,nodev"
_SAFE = re.compile(r"[^a-zA-Z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Story:
    """What a container tells of itself by labels: enough to be found again, and judged, without a registry.

    `deck_id` tells apart decks of one name; `audit_head` is the hash of the record's newest event when it was made.
    """

    deck: str
    deck_id: str
    host: str
    endpoint: str
    model: str
    version: int
    deployment: str
    replica: int
    release: str
    image: str
    audit_head: str
    contract: int = CONTRACT

    def labels(self) -> dict[str, str]:
        """Return it as labels."""
        told = {f"{_PREFIX}{each.name.replace('_', '-')}": str(getattr(self, each.name)) for each in fields(self)}
        return {f"{_PREFIX}kind": "model", **told}

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Story | None:
        """Return the story of a container's labels, None where they tell none that is whole."""
        if labels.get(f"{_PREFIX}kind") != "model":
            return None
        found: dict[str, Any] = {}
        try:
            for each in fields(cls):
                value = labels[f"{_PREFIX}{each.name.replace('_', '-')}"]
                found[each.name] = int(value) if each.name in ("version", "replica", "contract") else value
        except (KeyError, ValueError):
            return None
        return cls(**found)


def container_name(deck: str, model: str, version: int, deployment: str, replica: int) -> str:
    """Return the name of a replica's container, the same for the same replica of the same deployment."""
    return _SAFE.sub("-", f"modeldeck-{deck}-{model}-{version}-{deployment[-12:]}-{replica}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use."""

    memory_mb: int = 512
    cpus: float = 1.0
    processes: int = 64


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One replica as a container. `publish` is an address and port of the host, for who is not on its network.

    A port is fixed or absent: an engine gives another free one at each restart.
    """

    story: Story
    limits: Limits = field(default_factory=Limits)
    network: str | None = None
    publish: tuple[str, int] | None = None
    signers: tuple[str, ...] = ()  # public keys whose seals the server trusts; one from before seals does not ask

    @property
    def name(self) -> str:
        """Its name on the engine, the same for the same replica of the same deployment."""
        told = self.story
        return container_name(told.deck, told.model, told.version, told.deployment, told.replica)

    @property
    def log_volume(self) -> str:
        """The volume of its prediction log, which stays when the container goes, until it is collected."""
        return f"{self.name}-log"

    @property
    def secret_volume(self) -> str:
        """The volume of its log key, which goes with the container."""
        return f"{self.name}-secret"

    def arguments(self) -> dict[str, Any]:
        """Return what the SDK's `containers.create` takes."""
        labels = self.story.labels()
        arguments: dict[str, Any] = {
            "image": self.story.image,
            "name": self.name,
            "labels": labels,
            "command": [
                *("--deployment", self.story.deployment, "--host", self.story.host, "--key-file", KEY_FILE),
            ],
            "user": USER,
            "read_only": True,
            "tmpfs": {"/tmp": _TMPFS},  # noqa: S108 (in the container, its own)
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": self.limits.memory_mb * _MB,
            "memswap_limit": self.limits.memory_mb * _MB,
            "nano_cpus": int(self.limits.cpus * 1e9),
            "pids_limit": self.limits.processes,
            "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],  # a core would hold rows and the log key
            # after the engine's own restart too; a crash loop is the engine's to slow and the reconciler's to judge
            "restart_policy": {"Name": "unless-stopped"},
            "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
            "volumes": {
                self.log_volume: {"bind": f"/{LOG}", "mode": "rw"},
                self.secret_volume: {"bind": f"/{SECRETS}", "mode": "rw"},
            },
        }
        if self.signers:
            arguments["environment"] = {SIGNERS: ",".join(self.signers)}
        if self.network is not None:
            arguments["network"] = self.network
        if self.publish is not None:
            arguments["ports"] = {f"{PORT}/tcp": self.publish}
        return arguments
