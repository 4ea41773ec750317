"""Counts the last day's traffic per model from collected predictions, reading each file once, for the pulse to show.

What each file holds is kept beside the sums, so that the next process to count reads only new files.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.deck import Deck
from engine.monitoring.layout import parts
from engine.service.traffic import traffic_file

DAY_US = 86_400_000_000
SLICE_US = 300_000_000  # what leaves the day leaves it in slices of five minutes
SERVER_FAILED = 500


@dataclass(slots=True)
class _Counts:
    """What one file holds, per slice of time."""

    rows: Counter[int] = field(default_factory=Counter)
    errors: Counter[int] = field(default_factory=Counter)


class Traffic:
    """Keeps the counts of every file of the last day, and writes their sum."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._kept = deck.workspace.predictions / "traffic-files.json"
        self._files = _kept(self._kept)

    def count(self) -> None:
        """Read what is new, forget what is old, and write the sums where they changed."""
        since = self._deck.clock.now() - DAY_US
        root = self._deck.workspace.predictions / "parquet"
        models = sorted(folder.name for folder in root.iterdir()) if root.is_dir() else []
        files: dict[str, _Counts] = {}
        said: dict[str, dict[str, int]] = {}
        for model in models:
            total = _Counts()
            for path in (path for paths in parts(self._deck.workspace, model, since, None).values() for path in paths):
                name = path.relative_to(root).as_posix()
                counts = self._files.get(name) or _read(path)
                if counts is not None:
                    files[name] = counts
                    total.rows.update(counts.rows)
                    total.errors.update(counts.errors)
            first = since // SLICE_US
            said[model] = {"rows": _since(total.rows, first), "errors": _since(total.errors, first)}
        _write(self._kept, {name: [counts.rows, counts.errors] for name, counts in files.items()})
        _write(traffic_file(self._deck.workspace), said)
        self._files = files


def _write(path: Path, said: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(said, sort_keys=True), encoding="ascii")
    temporary.replace(path)


def _kept(path: Path) -> dict[str, _Counts]:
    try:
        said = json.loads(path.read_text(encoding="ascii"))
        return {name: _Counts(*(_counter(counts) for counts in both)) for name, both in said.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # absent, or of another form: every file is read again


def _counter(counts: dict[str, int]) -> Counter[int]:
    return Counter({int(slot): int(count) for slot, count in counts.items()})


def _since(counts: Counter[int], first: int) -> int:
    return sum(count for slot, count in counts.items() if slot >= first)


def _read(path: Path) -> _Counts | None:
    """Count a file's live rows; None where it was merged into another meanwhile."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["kind", "received_at", "status"])
    except FileNotFoundError:
        return None
    counts = _Counts()
    kinds, times, codes = (table.column(name).to_pylist() for name in ("kind", "received_at", "status"))
    for kind, at, status in zip(kinds, times, codes, strict=True):
        if kind == "live":
            counts.rows[at // SLICE_US] += 1
            counts.errors[at // SLICE_US] += status >= SERVER_FAILED
    return counts
