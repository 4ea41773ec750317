"""What the router knows: weights per endpoint and generation, addresses per deployment; kept in one file."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.deploy.router import OPEN, Guard

_GOLDEN_RATIO = 0.6180339887498949
_STATE = 1


@dataclass(slots=True)
class EndpointRoute:
    """An endpoint's applied route. The place of the next request moves by the golden ratio, which hits every weight
    closely even over few requests and cannot fall in step with a client's own pattern."""

    generation: int
    entries: list[dict[str, Any]]
    shadow: dict[str, Any] | None = None
    place: float = field(default_factory=random.random)

    def next_place(self) -> float:
        """Return the next point in [0, 1)."""
        self.place = (self.place + _GOLDEN_RATIO) % 1.0
        return self.place


class Table:
    """Routes and addresses; every change is on disk before it is acted on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.endpoints: dict[str, EndpointRoute] = {}
        self.replicas: dict[str, list[str]] = {}
        self.draining: set[str] = set()
        self.guards: dict[str, Guard] = {}
        self.port = 0
        self.control = ""  # where the router that wrote this takes its orders

    def load(self) -> None:
        """Read what was kept; an absent file means a fresh router.

        Raises:
            ValueError: the file is damaged or of a later form.
        """
        try:
            body = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        if body.get("state") != _STATE:
            raise ValueError(f"{self._path} is of form {body.get('state')}, this router knows {_STATE}")
        self.port = int(body["port"])
        self.replicas = {name: list(found) for name, found in body["replicas"].items()}
        self.draining = set(body["draining"])
        self.guards = {name: _guard(told) for name, told in body.get("guards", {}).items()}
        for name, route in body["endpoints"].items():
            self.endpoints[name] = EndpointRoute(route["generation"], route["entries"], route.get("shadow"))

    def save(self) -> None:
        """Replace the file, forced to disk."""
        body = {
            "state": _STATE,
            "port": self.port,
            "control": self.control,
            "replicas": self.replicas,
            "draining": sorted(self.draining),
            "guards": {name: _told(guard) for name, guard in self.guards.items()},
            "endpoints": {
                name: {"generation": route.generation, "entries": route.entries, "shadow": route.shadow}
                for name, route in self.endpoints.items()
            },
        }
        fresh = self._path.with_suffix(".tmp")
        with fresh.open("w", encoding="utf-8") as target:
            json.dump(body, target)
            target.flush()
            os.fsync(target.fileno())
        os.replace(fresh, self._path)

    def add(self, deployment: str, replicas: Sequence[str]) -> None:
        """Set a deployment's addresses; none forgets it."""
        if replicas:
            self.replicas[deployment] = list(replicas)
        else:
            self.replicas.pop(deployment, None)
            self.draining.discard(deployment)
        self.save()

    def apply(self, endpoint: str, generation: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take a route of a newer generation (or the same one again)."""
        known = self.endpoints.get(endpoint)
        if known is not None and generation < known.generation:
            return
        kept = sorted((dict(entry) for entry in entries), key=lambda entry: bool(entry["role"] == "champion"))
        self.draining -= {entry["deployment_id"] for entry in kept if entry["weight"] > 0}
        self.endpoints[endpoint] = EndpointRoute(generation, kept, known.shadow if known else None)
        self.save()

    def guard(self, endpoint: str, told: Sequence[Any]) -> None:
        """Say what an endpoint takes and from whom; one with no limit and no keys is forgotten."""
        self.guards[endpoint] = _guard(told)
        if self.guards[endpoint] == OPEN:
            del self.guards[endpoint]
        self.save()

    def order(self, endpoint: EndpointRoute, point: float, version: str | None) -> list[str]:
        """Return deployment ids in the order to try: the one on whose share `point` falls, then the others.

        Deployments that are not the champion lie first on the line, so that their growing share only ever takes
        points over. `version` narrows to deployments of that version, whatever their weight.
        """
        entries = [
            entry
            for entry in endpoint.entries
            if entry["deployment_id"] not in self.draining
            and (entry["weight"] > 0 if version is None else str(entry["version"]) == version)
        ]
        if len(entries) < 2:
            return [entry["deployment_id"] for entry in entries]
        place = point * sum(entry["weight"] for entry in entries)
        chosen = entries[-1]
        for entry in entries:
            place -= entry["weight"]
            if place < 0:
                chosen = entry
                break
        return [chosen["deployment_id"], *(e["deployment_id"] for e in entries if e is not chosen)]


def point_of(key: bytes) -> float:
    """Return the point in [0, 1) on which a key always falls: the same one on every host, whichever router it has."""
    return (int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 11) / 2**53


def _guard(told: Sequence[Any]) -> Guard:
    keys, *limits = told
    return Guard(None if keys is None else frozenset(keys), *(int(limit) for limit in limits))


def _told(guard: Guard) -> list[Any]:
    keys = None if guard.keys is None else sorted(guard.keys)
    return [keys, guard.requests_per_s, guard.at_once, guard.body_bytes]
