"""Where in a TOML file a key is written: what tomllib does not tell, and a person has to be told."""

from __future__ import annotations

import re


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line on which the key, or else the innermost table above it, is written; None where neither is."""
    table: tuple[str, ...] = ()
    best: tuple[int, int] | None = None  # (keys matched, line)
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        entry = re.match(r"\s*([\w.\"'-]+)\s*=", line)
        if header:
            table = _parts(header.group(1))
            here = table
        elif entry:
            here = (*table, *_parts(entry.group(1)))
        else:
            continue
        if here == keys[: len(here)] and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
