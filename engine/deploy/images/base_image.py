"""Making the base anew and bringing it to a host, ahead of the release that would otherwise wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.deck import Deck
from engine.deploy.images import debian
from engine.deploy.images.archive import Image, architecture
from engine.deploy.images.base import Base, Say
from engine.deploy.images.ship import ship
from store import events
from store.database import Fence

_MADE = 0.7  # of the progress, the rest is the way to the host


@dataclass(frozen=True, slots=True)
class Brought:
    """A base on a host; `new` says that it differs from the one kept before."""

    base: Base
    new: bool
    bytes_sent: int


def bring_base(deck: Deck, engine: Any, host: str, say: Say, *, actor: str, fence: Fence | None = None) -> Brought:
    """Make the Debian base from the packages that are current and load it into a host's engine.

    Raises:
        WorkFailed: it cannot be made, or the engine does not take it.
        Unavailable: the engine does not answer.
    """
    before = debian.newest(deck.workspace)
    base = debian.build(deck.workspace, lambda fraction, text: say(fraction * _MADE, text))
    image = Image(
        base.layers, {"Labels": {"modeldeck.kind": "base", "modeldeck.base": base.label}}, architecture(), _name(base)
    )
    shipped = ship(deck.workspace, engine, host, image, lambda part, text: say(_MADE + part * (1 - _MADE), text))
    new = before is None or before.layers != base.layers
    with deck.database.write(fence) as tx:
        events.append(
            tx,
            actor=actor,
            action="base.built",
            subject_kind="host",
            subject_id=host,
            body={"base": base.label, "image": image.id, "new": new, "bytes_sent": shipped.bytes_sent},
        )
    say(1.0, f"{base.label} is on {host}{'' if new else ', unchanged'}")
    return Brought(base, new, shipped.bytes_sent)


def _name(base: Base) -> str:
    return f"base-{base.name}-{base.python}"
