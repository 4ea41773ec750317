"""Structured values as canonical JSON text: the same value is always the same text."""

from __future__ import annotations

import json
from typing import Any


def dump(value: Any) -> str:
    """Write JSON with sorted keys and no spaces; a number that JSON does not know is refused with ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def load(text: str) -> Any:
    """Read it back."""
    return json.loads(text)
