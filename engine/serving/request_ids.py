"""Request ids: UUIDv7 as 32 hex digits, whose time names the day a prediction is kept under."""

from __future__ import annotations

import time
from random import getrandbits

HEADER = "x-modeldeck-request-id"
CLIENT_HEADER = "x-modeldeck-client-id"
KEY_HEADER = "x-modeldeck-key"
KIND_HEADER = "x-modeldeck-kind"
VERSION_HEADER = "x-modeldeck-version"  # of a request: the version that shall answer; of an answer: the one that did
KINDS = ("live", "shadow", "golden", "direct")

_HEX = frozenset("0123456789abcdef")


def new_request_id() -> str:
    """Return a fresh id."""
    stamp = time.time_ns()
    fraction = (stamp % 1_000_000) * 4096 // 1_000_000
    tail = getrandbits(62)  # unique, not secret: the system's own would cost a call of it for each request
    return f"{(stamp // 1_000_000) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail:032x}"


def is_request_id(text: str) -> bool:
    """Say whether text is an id as `new_request_id` makes them."""
    return len(text) == 32 and text[12] == "7" and _HEX.issuperset(text)
