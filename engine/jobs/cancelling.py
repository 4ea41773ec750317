"""Being told to stop: SIGTERM becomes an exception in the main thread, raised again until it gets to the top.

One raise is not enough. Where Python cannot let an exception pass (`__del__`, a weakref's callback, the release of an
import lock) it prints and drops it, and code of others drops what it catches. The work would go on until it is killed.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

AGAIN_S = 0.2


class Cancelled(BaseException):
    """Someone asked this job to stop; passes every handler of ordinary errors."""


def listen() -> None:
    """Have SIGTERM raise Cancelled in the main thread, again and again until `heard`."""
    signal.signal(signal.SIGTERM, _stop)


def heard() -> None:
    """Raise nothing any more: the work has ended, or the Cancelled has got to the top."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on the timer asks
    signal.signal(signal.SIGALRM, _again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S, AGAIN_S)
    raise Cancelled


def _again(_number: int, _frame: FrameType | None) -> None:
    if not _is_on_its_way():
        raise Cancelled


def _is_on_its_way() -> bool:
    """Tell whether what was interrupted is putting things away because of a Cancelled, which is to be left in peace."""
    error = sys.exception()
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Cancelled):
            return True
        seen.add(id(error))
        error = error.__context__
    return False
