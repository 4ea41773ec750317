"""What the reconciler did, in words: each deed a line of the log, the newest ones remembered."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

log = logging.getLogger("modeldeck")

REMEMBERED = 20


class Deed(NamedTuple):
    """One thing done, and when."""

    at: int
    text: str


class Deeds:
    """Says and remembers; read from other threads."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._newest: deque[Deed] = deque(maxlen=REMEMBERED)

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Say that something was done."""
        log.log(level, "%s", text)
        self._newest.append(Deed(self._now(), text))

    @property
    def last(self) -> Deed | None:
        """The newest deed."""
        return self._newest[-1] if self._newest else None
