"""The environment a model was made in and runs in: interpreter, platform and every distribution by its RECORD."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import sys
from importlib import metadata
from typing import Any

_OURSELVES = "modeldeck"  # its own edits are pinned by version and bundle, and an editable RECORD says nothing


@functools.cache
def lock() -> dict[str, Any]:
    """Return `{"interpreter", "platform", "distributions": {name: {"version", "record"}}}` of this interpreter.

    `record` is the sha256 of the distribution's RECORD file, empty where it has none. Cached for the process.
    """
    found: dict[str, dict[str, str]] = {}
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name and name != _OURSELVES and name not in found:
            record = distribution.read_text("RECORD")
            digest = hashlib.sha256(record.encode()).hexdigest() if record else ""
            found[name] = {"version": distribution.version, "record": digest}
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{sys.platform}-{platform.machine()}",
        "distributions": dict(sorted(found.items())),
    }


def lock_bytes(body: dict[str, Any]) -> bytes:
    """Return the canonical bytes of a lock; their sha256 is the environment hash."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def lock_hash(body: dict[str, Any]) -> str:
    """Return `sha256:…` of a lock."""
    return f"sha256:{hashlib.sha256(lock_bytes(body)).hexdigest()}"


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return one line per difference between two locks."""
    lines = [f"{key} {before[key]} -> {after[key]}" for key in ("interpreter", "platform") if before[key] != after[key]]
    first, second = before["distributions"], after["distributions"]
    for name in sorted({*first, *second}):
        if first.get(name) != second.get(name):
            told = [pair["version"] if pair else "absent" for pair in (first.get(name), second.get(name))]
            same = " (files differ)" if told[0] == told[1] else ""
            lines.append(f"{name} {told[0]} -> {told[1]}{same}")
    return lines
