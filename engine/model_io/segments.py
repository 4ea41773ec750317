"""How a snapshot lies on disk: one Parquet file, or a manifest of its segments, each a Parquet file by its hash.

A manifest is canonical JSON: the same segments are the same manifest, and so the same id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from store.errors import CorruptArtifact

if TYPE_CHECKING:
    from store.artifacts import Artifacts

FORMAT = "modeldeck segments 1"
PARQUET = b"PAR1"  # what every Parquet file begins with


def manifest_bytes(segments: list[dict[str, Any]]) -> bytes:
    """Return the manifest of segments `{"hash", "rows", "size_bytes"}`, in the order of their rows."""
    said = {"format": FORMAT, "segments": segments}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def segments_of(artifacts: Artifacts, snapshot_id: str) -> list[dict[str, Any]]:
    """Return the segments of a snapshot, in order; none where it is one Parquet file.

    Raises:
        CorruptArtifact: the snapshot's own bytes are missing or damaged, or no manifest of ours.
    """
    with artifacts.path(snapshot_id).open("rb") as file:
        if file.read(len(PARQUET)) == PARQUET:
            return []
    try:
        said = json.loads(artifacts.read(snapshot_id))
        if said["format"] != FORMAT:
            raise ValueError(said["format"])
        segments: list[dict[str, Any]] = said["segments"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptArtifact(
            f"snapshot {snapshot_id} is neither Parquet nor a manifest that this modeldeck reads",
            "a newer modeldeck may have made it",
        ) from error
    return segments
