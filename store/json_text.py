"""Structured values as canonical JSON text: the same value is always the same text."""

from __future__ import annotations

import json
from json.scanner import make_scanner
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
# what the encoder makes anew for every value; the stub knows neither it nor its signs
_encode: Any = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, _ENCODER.default, json.encoder.encode_basestring_ascii, None, ":", ",", True, False, False
)
_DECODER = json.JSONDecoder()
# what the decoder calls, without its look for spaces around a text that has none; the stub takes only itself
_scan = make_scanner(_DECODER)  # type: ignore[arg-type]


def dump(value: Any) -> str:
    """Write JSON with sorted keys and no spaces; a number that JSON does not know is refused with ValueError."""
    return "".join(_encode(value, 0))


def load(text: str) -> Any:
    """Read it back."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end, value = -1, None
    return value if end == len(text) else _DECODER.decode(text)
