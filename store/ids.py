"""Public ids: UUIDv7 as 32 hex digits, ascending within a process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.clock import Clock

SHORT = 12

_TIME_AND_FRACTION_MASK = (1 << 60) - 1
_lock = threading.Lock()


def new_id(clock: Clock) -> str:
    """Return a UUIDv7: 48 bits of milliseconds, 12 bits of their fraction (RFC 9562, method 3), 62 random bits.

    Ids made with one clock always ascend, also where the clock stands still or steps back.
    """
    now_us = clock.now()
    stamp = ((now_us // 1000) << 12) | (now_us % 1000) * 4096 // 1000
    with _lock:
        if stamp <= clock.last_stamp:
            stamp = clock.last_stamp + 1
        clock.last_stamp = stamp = stamp & _TIME_AND_FRACTION_MASK
    random_bits = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | random_bits
    return f"{value:032x}"


def earliest_id(at_us: int) -> str:
    """Return what no id that is made at or after a moment (microseconds UTC) comes before."""
    return f"{max(at_us, 0) // 1000:012x}"


def short(id: str) -> str:
    """Return the first digits of an id, as lists show it; a unique prefix is accepted everywhere."""
    return id[:SHORT]
