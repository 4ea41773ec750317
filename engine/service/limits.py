"""How much one identity may ask at once: a token bucket for reads, one for changes, and a cap on what runs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.service.wire import RETRY_LEAST_S
from store.errors import Busy

MOST_KNOWN = 1024  # identities remembered; one that was quiet long enough has a full bucket again anyway
RETRY_RUNNING_S = 0.25


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, then `per_s` a second."""

    burst: float
    per_s: float


READS = Rate(400, 200)  # a console reads a few times every two seconds, a script a few hundred times a second
CHANGES = Rate(100, 20)
RUNNING = 32  # requests that run together; below the number of the service's threads
RUNNING_EACH = 12


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """Counts what each identity asks. Used from one thread only, the service's loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[tuple[str, Rate], _Bucket] = {}
        self._running: Counter[str] = Counter()

    def admit(self, identity: str, rate: Rate) -> None:
        """Take one token.

        Raises:
            Busy: there is none; the error says when there will be.
        """
        now = self._now()
        bucket = self._buckets.get((identity, rate))
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[identity, rate] = _Bucket(rate.burst, now)
        bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.at) * rate.per_s)
        bucket.at = now
        if bucket.tokens < 1:
            raise too_fast((1 - bucket.tokens) / rate.per_s)
        bucket.tokens -= 1

    @contextmanager
    def running(self, identity: str) -> Iterator[None]:
        """Hold one of the places of what runs together.

        Raises:
            Busy: every place is taken, or every place of this identity.
        """
        if self._running[identity] >= RUNNING_EACH or self._running.total() >= RUNNING:
            raise Busy(
                f"{self._running.total()} requests are under way, {self._running[identity]} of them of {identity}",
                f"ask again in {RETRY_RUNNING_S} s",
                retry_after_s=RETRY_RUNNING_S,
            )
        self._running[identity] += 1
        try:
            yield
        finally:
            self._running[identity] -= 1
            if not self._running[identity]:
                del self._running[identity]

    def _forget(self, now: float) -> None:
        if len(self._buckets) >= MOST_KNOWN:
            full = [key for key, bucket in self._buckets.items() if (now - bucket.at) * key[1].per_s >= key[1].burst]
            for key in full:
                del self._buckets[key]


def too_fast(wait_s: float) -> Busy:
    """Return the error that asks to come again."""
    wait_s = max(RETRY_LEAST_S, round(wait_s, 2))
    return Busy("too many requests a second", f"ask again in {wait_s:g} s", retry_after_s=wait_s)
