"""How many predictions each version of a model has answered, and how many of them have an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.deck import Deck

KINDS = ("live", "direct")
TESTS = "modeldeck:tests:"  # a client id that begins so is of a run of behaviour tests: what follows is its job


def logged(deck: Deck, model: str) -> list[dict[str, Any]]:
    """Return `{"version", "rows", "outcomes", "first", "last"}` of each version that answered, times in microseconds.

    Answered rows count, once for each prediction id: not what was refused or failed, no shadow, no golden, and nothing
    that behaviour tests asked.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from engine.monitoring.outcomes import current
    from engine.monitoring.predictions import read_versions

    outcomes = current(deck, model)["prediction_id"].combine_chunks()
    found = []
    for version, table in read_versions(
        deck, model, kinds=KINDS, columns=["received_at", "status", "kind", "client_id"]
    ).items():
        of_tests = pc.and_(
            pc.equal(table["kind"], "direct"), pc.starts_with(pc.fill_null(table["client_id"], ""), TESTS)
        )
        answered = table.filter(pc.and_(pc.equal(table["status"], 200), pc.invert(of_tests)))
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
