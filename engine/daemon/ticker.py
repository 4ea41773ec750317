"""A part of the daemon that acts again and again in a thread of its own, soon after it is woken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("modeldeck")

SLOWEST_S = 10.0


class Ticker:
    """Calls `act` until stopped: after `busy_s` while it returns True, else after `idle_s` or at once when woken.

    What `act` raises is logged and tried again, ever more slowly: one part in trouble must not stop the others.
    """

    def __init__(self, name: str, act: Callable[[], bool], *, idle_s: float, busy_s: float) -> None:
        self.name = name
        self._act = act
        self._idle_s = idle_s
        self._busy_s = busy_s
        self._woken = threading.Event()
        self._stopping = False
        self._failures = 0
        self._last_failure = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Act now rather than later."""
        self._woken.set()

    def stop(self, within_s: float = 10.0) -> None:
        """Finish the act that runs, and act no more."""
        self._stopping = True
        self._woken.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause = self._once()
            if not self._stopping:
                self._woken.wait(pause)

    def _once(self) -> float:
        started = time.monotonic()
        try:
            changed = self._act()
        except Exception as error:
            self._failures += 1
            pause = min(SLOWEST_S, self._idle_s * (1 << self._failures))
            said = f"{type(error).__name__}: {error}"
            # The same trouble again and again is one entry of the log, not thousands.
            log.error("%s failed: %s", self.name, said, exc_info=said != self._last_failure)
            self._last_failure = said
            time.sleep(0 if self._stopping else min(pause, 0.2))  # a wake-up may shorten the rest, never all of it
            return pause
        if self._failures:
            log.warning("%s works again after %d failures", self.name, self._failures)
            self._failures, self._last_failure = 0, ""
        took = time.monotonic() - started
        interval: float = self._busy_s if changed else self._idle_s
        return interval - took if took < interval else 0.0
