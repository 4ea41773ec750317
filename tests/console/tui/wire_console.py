"""The console on the sample deck under a pseudo-terminal, over a link as good or bad as a test wants it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wire import Link

PROGRAM = str(Path(__file__).parent / "sample_console.py")
OVER_SSH = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}


@contextlib.contextmanager
def linked(**told: Any) -> Iterator[Link]:
    """Open a console behind a link, at its first screen."""
    link = Link([sys.executable, PROGRAM], OVER_SSH, **told)
    try:
        link.until("Way back")
        yield link
    finally:
        link.close()
