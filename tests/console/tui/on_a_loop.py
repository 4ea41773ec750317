"""Runs a test that drives the console on an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine."""

    @wraps(test)
    def started(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return started
