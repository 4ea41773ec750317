"""Proofs about a version and its servers, without touching live traffic."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.deck import Deck
from engine.plans import Check
from engine.serving import environment
from engine.settings.model import ModelSettings
from store.errors import CorruptArtifact, WorkFailed
from store.rows import Version

TIMEOUT_S = 10.0


def golden_latency(url: str, golden: Mapping[str, Any], repeats: int) -> list[float]:
    """Ask a server its golden requests, one row a request over one connection; return `repeats` times in ms.

    Raises:
        WorkFailed: the server does not answer, or refuses a golden request.
    """
    bodies = [json.dumps([request]).encode() for request in golden["requests"]]
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=TIMEOUT_S)
    headers = {"Content-Type": "application/json", "X-Modeldeck-Kind": "golden"}
    times: list[float] = []
    try:
        for number in range(repeats):
            begun = time.perf_counter()
            connection.request("POST", f"{place.path}/predict", bodies[number % len(bodies)], headers)
            answer = connection.getresponse()
            content = answer.read()
            times.append((time.perf_counter() - begun) * 1000.0)
            if answer.status != 200:
                raise WorkFailed(
                    f"the server at {url} answered a golden request with {answer.status}: {content[:200]!r}"
                )
    except (OSError, http.client.HTTPException) as error:
        raise WorkFailed(f"the server at {url} does not answer: {error}") from error
    finally:
        connection.close()
    return times


def golden_inside(link: Any, golden: Mapping[str, Any], repeats: int) -> list[float]:
    """Ask a server in a container its golden requests through its link; returns `repeats` times in ms, taken in there.

    Raises:
        WorkFailed: the server refuses a golden request.
        Unavailable: it does not answer.
    """
    bodies = [json.dumps([request]) for request in golden["requests"]]
    headers = {"Content-Type": "application/json", "X-Modeldeck-Kind": "golden"}
    times: list[float] = []
    for number in range(repeats):
        told = link.ask("POST", "/predict", bodies[number % len(bodies)], headers)
        times.append(float(told["ms"]))
        if told["status"] != 200:
            raise WorkFailed(f"a golden request was answered with {told['status']}: {told['body'][:200]!r}")
    return times


def proof(deck: Deck, version: Version, settings: ModelSettings) -> list[Check]:
    """Return what can be shown about a version before it runs: artifact, golden requests, bundle, environment.

    `settings` are the model's; on a process host the environment that counts is this interpreter's.
    """
    checks = [
        _stored(deck, "artifact hash", version.artifact_hash),
        _stored(deck, "golden requests", version.golden_hash),
    ]
    if version.bundle_hash:
        checks.append(_stored(deck, "code bundle", version.bundle_hash))
    checks.append(_environment(deck, version))
    return checks


def _stored(deck: Deck, name: str, content: str) -> Check:
    short = content.removeprefix("sha256:")[:12]
    try:
        deck.artifacts.verify(content)
    except (CorruptArtifact, OSError) as error:
        return Check(name, "failed", getattr(error, "message", str(error)), short)
    return Check(name, "passed", short, short)


def _environment(deck: Deck, version: Version) -> Check:
    running = environment.lock()
    short = version.environment_hash.removeprefix("sha256:")[:12]
    here = environment.lock_hash(running)
    if here == version.environment_hash:
        return Check("environment", "passed", short, short)
    try:
        recorded = json.loads(deck.artifacts.read(version.environment_hash))
        told = environment.differences(recorded, running)
    except (CorruptArtifact, OSError, ValueError, KeyError):
        told = []
    observed = "; ".join(told[:3]) + (f"; {len(told) - 3} more" if len(told) > 3 else "")
    return Check("environment", "failed", observed or here.removeprefix("sha256:")[:12], short)
