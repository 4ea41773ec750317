"""One heap for all threads of the daemon."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h of glibc


def share_one_heap() -> None:
    """Have all threads allocate from one heap.

    glibc gives each of the first threads a heap of its own, and what one has freed no other uses: a twelfth of what a
    daemon weighs. Its threads take turns anyway. It is not asked by an environment variable, as jobs and servers would
    inherit that. Another C library has no such call, and keeps its ways.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
