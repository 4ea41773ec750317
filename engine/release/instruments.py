"""How a running release looks at the world; each is a function, so that a test may look at something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.release.answers import Answers
from engine.release.judge import Live
from engine.release.work import Instruments, Say

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.release.work import Work
    from engine.settings.model import HostSettings
    from store.rows import Image, Replica, Version

LOOPBACK = "127.0.0.1"


def real_instruments() -> Instruments:
    """Return the instruments that look at the prediction log, the servers, the hosts and the snapshots."""
    from engine.deploy.probe import proof
    from engine.release.gates import evaluate

    return Instruments(
        live=live_rows,
        shadow=shadow_rows,
        agreement=agreement,
        outcomes=outcomes_of,
        latency=golden_latency,
        memory_mb=resident_mb,
        gates=evaluate,
        proof=proof,
        unreachable=unreachable,
        build=built_image,
        ship=shipped_image,
    )


def live_rows(deck: Deck, model: str, deployment_id: str, since_us: int) -> Live:
    """Read what a deployment answered since a time from the prediction log."""
    from engine.monitoring.predictions import live_stats

    return _live(live_stats(deck, model, deployment_id, since_us))


def shadow_rows(deck: Deck, model: str, deployment_id: str, since_us: int) -> Live:
    """Read what a deployment answered to copies of requests since a time."""
    from engine.monitoring.predictions import live_stats

    return _live(live_stats(deck, model, deployment_id, since_us, kind="shadow"))


def _live(seen: dict[str, Any]) -> Live:
    answers = Answers(**seen["answers"])
    return Live(seen["rows"], seen["errors"], tuple(seen["latencies_ms"]), seen["refused"], answers)


def outcomes_of(deck: Deck, model: str, since_us: int, ids: Sequence[str]) -> dict[str, float | str]:
    """Return prediction id -> what really happened, of these ids; empty where nothing was delivered since a time."""
    folder = deck.workspace.outcomes / model
    if not any(path.stat().st_mtime_ns // 1000 >= since_us for path in folder.glob("*.parquet")):
        return {}
    from engine.monitoring.outcomes import current

    found = current(deck, model, ids)
    rows = zip(found["prediction_id"].to_pylist(), found["number"].to_pylist(), found["text"].to_pylist(), strict=True)
    return {name: text if number is None else number for name, number, text in rows}


def agreement(deck: Deck, model: str, champion_id: str, shadow_id: str, since_us: int) -> dict[str, Any]:
    """Compare the answers that callers got with those to the copies of their requests."""
    from engine.monitoring.live import agreement as compared

    return compared(deck, model, champion_id, shadow_id, since_us)


def golden_latency(deck: Deck, version: Version, replica: Replica, repeats: int) -> list[float]:
    """Ask one server its golden requests `repeats` times; returns milliseconds, of a container as seen inside it."""
    from engine.deploy import probe

    golden = json.loads(deck.artifacts.read(version.golden_hash))
    host = _docker_host(deck, _host_of(deck, replica))
    if host is None:
        return list(probe.golden_latency(f"http://{LOOPBACK}:{replica.port}", golden, repeats))
    from engine.deploy.containers.probe import opened

    with opened(deck, host, replica) as link:
        return list(probe.golden_inside(link, golden, repeats))


def resident_mb(deck: Deck, replica: Replica) -> float | None:
    """Return the memory a server holds, in MB; None where the system does not tell."""
    host = _docker_host(deck, _host_of(deck, replica))
    if host is not None:
        from engine.deploy.containers.probe import opened

        with opened(deck, host, replica) as link:
            return link.memory_mb()
    from engine.deploy.memory import resident_mb as held

    return held(replica.pid) if replica.pid is not None else None


def unreachable(deck: Deck, host: str) -> str:
    """Return why a host cannot take a release, empty where it can.

    Raises:
        Unavailable: a Docker host does not answer now.
    """
    from engine.deploy import listening

    there = _docker_host(deck, host)
    if there is None:
        return listening.unreachable(deck, host)
    from engine.deploy.hosts.connection import reached
    from store.errors import ModeldeckError, Unavailable

    try:
        with reached(there) as connection:
            connection.client()
    except Unavailable:
        raise
    except ModeldeckError as error:
        return error.line()
    return ""


def built_image(work: Work, version: Version, host: str, say: Say) -> Image:
    """Return the image of a version for a host, made as far as it is not there."""
    from engine.deploy.hosts.connection import reached
    from engine.deploy.images.build import build_image

    with reached(_declared(work.deck, host)) as connection:
        made = build_image(
            work.deck,
            version,
            work.settings,
            actor=work.release().actor,
            say=say,
            engine=connection.client(),
            fence=work.fence,
        )
    return made.row


def shipped_image(work: Work, digest: str, host: str, say: Say) -> dict[str, Any]:
    """Bring an image to a host; returns what went over the wire."""
    from engine.deploy.hosts.connection import reached
    from engine.deploy.images.build import made_image
    from engine.deploy.images.ship import ship

    workspace = work.deck.workspace
    with reached(_declared(work.deck, host)) as connection:
        shipped = ship(workspace, connection.client(), host, made_image(workspace, digest), say)
    return {"bytes_sent": shipped.bytes_sent, "whole": shipped.whole, "already": shipped.already}


def _host_of(deck: Deck, replica: Replica) -> str:
    from store import deployments

    return deployments.deployment(deck.database, replica.deployment_id).host


def _docker_host(deck: Deck, host: str) -> HostSettings | None:
    """Return a host's settings where it is a Docker host."""
    there = _declared(deck, host)
    return there if there.kind == "docker" else None


def _declared(deck: Deck, host: str) -> HostSettings:
    from engine.deploy.listening import declared

    return declared(deck, host)
