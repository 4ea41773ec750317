"""How far each segment has been collected: one small file, replaced by rename."""

from __future__ import annotations

from pathlib import Path

import orjson

from engine.monitoring.layout import replace_durably
from store.storage import writing_to


def read_watermark(folder: Path) -> dict[str, int]:
    """Return segment key -> bytes already in Parquet; empty where nothing was collected, or the file is damaged.

    Damage only makes a segment be collected again, into Parquet files of the same names.
    """
    try:
        found = orjson.loads((folder / "watermark.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return {str(key): int(value) for key, value in found.items()} if isinstance(found, dict) else {}


def write_watermark(folder: Path, offsets: dict[str, int]) -> None:
    """Replace the watermark durably."""
    temporary = folder / "watermark.json.tmp"
    with writing_to(folder):
        temporary.write_bytes(orjson.dumps(offsets, option=orjson.OPT_SORT_KEYS))
        replace_durably(temporary, folder / "watermark.json")
