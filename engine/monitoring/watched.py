"""Which of a version's outputs is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from store.rows import Version

PREDICTION = "prediction"


def positive_class(version: Version) -> str | None:
    """Return the class whose score is watched: the decision's, else the second of two, else None."""
    classes = version.signature.get("classes") or []
    return version.decision.get("positive") or (classes[1] if len(classes) == 2 else None)


def ranks(version: Version) -> bool:
    """Say whether a version answers ranked lists."""
    return any(one["name"] == "items" for one in version.signature.get("outputs", ()))


def best_items(listed: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the first item of each list, which is watched in place of the whole list."""
    return pc.list_element(listed.filter(pc.greater(pc.list_value_length(listed), 0)), 0)


def prediction_column(version: Version) -> str:
    """Return the output column whose distribution is watched: value, score of the positive class, or listed items."""
    if ranks(version):
        return "outputs.items"
    if not version.signature.get("classes"):
        return "outputs.value"
    positive = positive_class(version)
    return f"outputs.scores.{positive}" if positive else "outputs.label"
