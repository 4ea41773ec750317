"""What every handler of the service is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from engine.access import Caller
from engine.deck import Deck
from engine.service.refusals import RefusalLog
from store.rows.frozen import dataclass


def _nothing() -> None:
    """Wake nobody: in process there is no loop."""


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What every handler is given: the deck, who asks, over which transport, and how to wake the daemon's loop."""

    deck: Deck
    caller: Caller
    transport: str = "process"  # socket, process
    wake: Callable[[], None] = _nothing
    refusals: RefusalLog = field(default_factory=RefusalLog)
