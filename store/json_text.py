"""Structured values as canonical JSON text: the same value is always the same text."""

from __future__ import annotations

import json
import marshal
from json.scanner import make_scanner
from typing import Any

MOST_SHARED = 512  # bytes of a part that is looked for among those before; longer ones seldom repeat

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


def load_shared(text: str) -> Any:
    """Read it back to be read only: objects in it that are equal are one, which of thousands of models is most."""
    known: dict[bytes, dict[str, Any]] = {}

    def once(found: dict[str, Any]) -> dict[str, Any]:
        key = marshal.dumps(found, 2)  # of 1, 1.0 and true each its own; a later version marks repeated objects, too
        return known.setdefault(key, found) if len(key) <= MOST_SHARED else found

    return json.JSONDecoder(object_hook=once).decode(text)
