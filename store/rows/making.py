"""Making frozen rows by the thousand. Standard library only."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, make_dataclass
from functools import cache
from itertools import starmap
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def maker(kind: type[T]) -> Callable[..., T]:
    """Return a function that makes a row of every one of its fields by place, three times as fast as its own class.

    A frozen class sets each field by a call. A twin with the same slots sets them plainly, and then is told its class.
    """
    twin = _twin(kind)  # type: ignore[arg-type]  # a class is a key like any

    def make(*values: Any) -> T:
        made = twin(*values)
        made.__class__ = kind
        return made  # type: ignore[no-any-return]

    return make


@cache
def _twin(kind: Any) -> Any:
    names = [(field.name, Any) for field in fields(kind)]
    return make_dataclass(kind.__name__, names, slots=True, eq=False, repr=False)


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


def all_of(kind: type[T], rows: Iterable[tuple[Any, ...]]) -> list[T]:
    """Make thousands of rows of all their fields by place."""
    if kind.__bases__ != (object,) or hasattr(kind, "__post_init__"):
        return list(starmap(kind, rows))  # laid out, or made, in a way of its own
    with making_many():
        made = list(starmap(_twin(kind), rows))  # type: ignore[arg-type]
        for one in made:
            one.__class__ = kind
    return made
