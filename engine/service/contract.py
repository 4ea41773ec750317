"""One short hash of everything a face and a daemon say to each other, so that two of a version that differ notice.

Product versions are cut now and then; a checkout changes between them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys

from engine.operations.catalog import OPERATIONS
from store.database import SCHEMA as REGISTRY

WIRE = 1  # the form of request, answer and error around what they carry
DIGITS = 8


@functools.cache
def contract() -> str:
    """Return the hash over the registry's schema, every operation, and every field of what they take and give."""
    modules = {kind.__module__ for one in OPERATIONS.values() for kind in (one.request, one.answer)} | {"store.rows"}
    kinds = {
        f"{kind.__module__}.{kind.__qualname__}": [(field.name, str(field.type)) for field in dataclasses.fields(kind)]
        for name in modules
        for kind in vars(sys.modules[name]).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }
    asked = [
        (one.id, one.request.__name__, one.answer.__name__, one.many)
        for one in sorted(OPERATIONS.values(), key=lambda one: one.id)
    ]
    said = repr((REGISTRY, asked, sorted(kinds.items())))
    return f"{WIRE}.{hashlib.sha256(said.encode()).hexdigest()[:DIGITS]}"
