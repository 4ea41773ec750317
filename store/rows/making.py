"""Making frozen rows by the thousand. Standard library only."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, make_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def maker(kind: type[T]) -> Callable[..., T]:
    """Return a function that makes a row of every one of its fields by place, three times as fast as its own class.

    A frozen class sets each field by a call. A twin with the same slots sets them plainly, and then is told its class.
    """
    names = [(field.name, Any) for field in fields(kind)]  # type: ignore[arg-type]  # every row is a dataclass
    twin: Any = make_dataclass(kind.__name__, names, slots=True, eq=False, repr=False)

    def make(*values: Any) -> T:
        made = twin(*values)
        made.__class__ = kind
        return made  # type: ignore[no-any-return]

    return make


@contextmanager
def making_many() -> Iterator[None]:
    """Keep Python from looking for circles while thousands of rows are made: it would look at each time and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not gc.get_freeze_count():
                # straight to the oldest: what holds no circles is not looked at now for having been made
                gc.freeze()
                gc.unfreeze()
            gc.enable()
