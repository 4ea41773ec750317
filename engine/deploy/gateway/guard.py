"""Who may ask an endpoint, and how much of it. `haproxy/inside/guard.lua` says the same in the same words."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from engine.deploy.router import Guard

Refused = tuple[int, str, str]  # status, code, message
NEEDS_KEY: Refused = (401, "no_key", "endpoints here need keys: send one as the header Authorization: Bearer KEY")


@dataclass(slots=True)
class _Bucket:
    """What is left of this second's requests."""

    left: float
    seen: float


class Guards:
    """Refuses requests. `of` is kept up to date by the table it belongs to."""

    def __init__(self, of: Mapping[str, Guard]) -> None:
        self._of = of
        self._buckets: dict[str, _Bucket] = {}

    def refusal(self, name: str, authorization: bytes, size: int, under_way: int) -> Refused | None:
        """Return why a request to an endpoint is refused, None where it may pass. `size` is its body's, in bytes."""
        guard = self._of.get(name)
        if guard is None:
            return None
        if guard.keys is not None:
            digest = _digest(authorization)
            if digest is None:
                return 401, "no_key", f"{name} needs a key: send it as the header Authorization: Bearer KEY"
            if digest not in guard.keys:
                return 401, "wrong_key", f"this is no key of {name}, or it was revoked"
        if guard.requests_per_s and not self._passes(name, guard.requests_per_s):
            return 429, "too_many", f"{name} takes {guard.requests_per_s} requests a second, send fewer or later"
        if guard.at_once and under_way >= guard.at_once:
            return 429, "too_many", f"{name} takes {guard.at_once} requests at once, send fewer or later"
        if guard.body_bytes and size > guard.body_bytes:
            return 413, "too_large", f"{name} takes {guard.body_bytes} bytes at once, send fewer rows"
        return None

    def is_hidden(self, authorization: bytes) -> bool:
        """Say whether what tells of all endpoints is refused: any needs a key, and this is a key of none."""
        closed = [guard.keys for guard in self._of.values() if guard.keys is not None]
        if not closed:
            return False
        digest = _digest(authorization)
        return not any(digest in keys for keys in closed)

    def _passes(self, name: str, per_s: int) -> bool:
        """Say whether one more may pass: a bucket that holds what one second allows."""
        now = time.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(per_s, now))
        bucket.left = min(per_s, bucket.left + (now - bucket.seen) * per_s)
        bucket.seen = now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True


def _digest(authorization: bytes) -> str | None:
    words = authorization.split()
    if len(words) != 2 or words[0].lower() != b"bearer":
        return None
    return hashlib.sha256(words[1]).hexdigest()
