"""How many predictions each version of a model has answered, and how many of them have an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.deck import Deck

KINDS = ("live", "direct")


def logged(deck: Deck, model: str) -> list[dict[str, Any]]:
    """Return `{"version", "rows", "outcomes", "first", "last"}` of each version that answered, times in microseconds.

    Answered rows count, once for each prediction id: not what was refused or failed, no shadow, no golden.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from engine.monitoring.outcomes import current
    from engine.monitoring.predictions import read_versions

    outcomes = current(deck, model)["prediction_id"].combine_chunks()
    found = []
    for version, table in read_versions(deck, model, kinds=KINDS, columns=["received_at", "status"]).items():
        answered = table.filter(pc.equal(table["status"], 200))
        if len(answered):
            known = pc.sum(pc.is_in(answered["prediction_id"], value_set=pa.array(outcomes))).as_py()
            span = pc.min_max(answered["received_at"]).as_py()
            found.append(
                {
                    "version": version,
                    "rows": len(answered),
                    "outcomes": known or 0,
                    "first": span["min"],
                    "last": span["max"],
                }
            )
    return found
