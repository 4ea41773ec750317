"""How a running release looks at the world; each is a function, so that a test may look at something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.release.judge import Live

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.plans import Check
    from engine.settings.model import ModelSettings
    from store.rows import Replica, Version

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Instruments:
    """`live(deck, model, deployment_id, since_us)`, `latency(deck, version, replica, repeats)` in ms,
    `memory_mb(replica)`, `gates(deck, settings, new, champion)`, `proof(deck, version, settings)`,
    `unreachable(deck, host)`: why the host's router cannot listen, empty where it can."""

    live: Callable[[Deck, str, str, int], Live]
    latency: Callable[[Deck, Version, Replica, int], list[float]]
    memory_mb: Callable[[Replica], float | None]
    gates: Callable[[Deck, ModelSettings, Version, Version | None], list[Check]]
    proof: Callable[[Deck, Version, ModelSettings], list[Check]]
    unreachable: Callable[[Deck, str], str]


def real_instruments() -> Instruments:
    """Return the instruments that look at the prediction log, the servers and the snapshots."""
    from engine.deploy.listening import unreachable
    from engine.deploy.probe import proof
    from engine.release.gates import evaluate

    return Instruments(
        live=live_rows,
        latency=golden_latency,
        memory_mb=resident_mb,
        gates=evaluate,
        proof=proof,
        unreachable=unreachable,
    )


def live_rows(deck: Deck, model: str, deployment_id: str, since_us: int) -> Live:
    """Read what a deployment answered since a time from the prediction log."""
    from engine.monitoring.predictions import live_stats

    seen = live_stats(deck, model, deployment_id, since_us)
    return Live(seen["rows"], seen["errors"], tuple(seen["latencies_ms"]), seen["refused"])


def golden_latency(deck: Deck, version: Version, replica: Replica, repeats: int) -> list[float]:
    """Ask one server its golden requests `repeats` times; returns milliseconds."""
    from engine.deploy import probe

    golden = json.loads(deck.artifacts.read(version.golden_hash))
    return list(probe.golden_latency(f"http://{LOOPBACK}:{replica.port}", golden, repeats))


def resident_mb(replica: Replica) -> float | None:
    """Return the memory a server process holds, in MB; None where the system does not tell."""
    try:
        with open(f"/proc/{replica.pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024.0
    except OSError:
        return None
    return None
