"""Training goes on while the registry or the disk takes nothing: what is to be written waits, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from store.errors import ModeldeckError, RegistryHeld, StorageUnwritable

OUTAGE = (RegistryHeld, StorageUnwritable)
PATIENCE_S = 300.0  # how long a training that has nothing else to do waits for registry or disk
LOOK_EVERY_S = 1.0
LEAVE_ALONE_S = 15.0  # between two tries of a training that has work to do: each may wait 5 s for a held registry

Done = TypeVar("Done")


def patiently(
    act: Callable[[], Done],
    say: Callable[[str], None],
    outage: tuple[type[ModeldeckError], ...] = OUTAGE,
    patience_s: float = PATIENCE_S,
) -> Done:
    """Act, again and again while the registry is held or the disk full, and return what came of it.

    Raises:
        RegistryHeld, StorageUnwritable: still so after all that patience.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except outage as error:
            if time.monotonic() >= until:
                raise
            say(f"waits: {error.message}")
            time.sleep(LOOK_EVERY_S)


class Waiting:
    """Acts to be done in order; one that an outage stops is kept, and those after it wait behind it.

    While an outage lasts an added act is tried only now and then, so that the work which adds them goes on.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._acts: deque[Callable[[], None]] = deque()
        self._now = now
        self._not_before = now()

    def add(self, act: Callable[[], None]) -> None:
        """Do it now where nothing waits and nothing stops it, else later."""
        self._acts.append(act)
        if self._now() < self._not_before:
            return
        try:
            self.catch_up()
        except OUTAGE:
            self._not_before = self._now() + LEAVE_ALONE_S

    def catch_up(self) -> None:
        """Do what waits.

        Raises:
            RegistryHeld, StorageUnwritable: the outage lasts; what was not done still waits.
        """
        while self._acts:
            self._acts[0]()
            self._acts.popleft()
