"""Finds one logged prediction by its id. No feature and no output is in what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.deck import Deck

SLACK_US = 86_400_000_000  # between the clock that made the id and the one that logged it
KINDS = ("live", "shadow", "golden", "direct")
COLUMNS = (
    *("prediction_id", "request_id", "client_id", "endpoint", "version", "deployment"),
    *("host", "kind", "received_at", "latency_us", "status"),
)


def find(deck: Deck, prediction_id: str) -> dict[str, Any] | None:
    """Return what is logged of a prediction, with its outcome where one came; None where no log knows it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from engine.monitoring.layout import minted_at
    from engine.monitoring.outcomes import current
    from engine.monitoring.predictions import read
    from store import models

    at = minted_at(prediction_id)
    span = (None, None) if at is None else (at - SLACK_US, at + SLACK_US)
    for model in models.models(deck.database):
        table = read(deck, model.name, *span, kinds=KINDS, columns=COLUMNS)
        found = table.filter(pc.equal(table["prediction_id"], pa.scalar(prediction_id)))
        for row in found.to_pylist()[:1]:
            outcomes = current(deck, model.name, [prediction_id]).to_pylist()
            return {**{name: row.get(name) for name in COLUMNS}, "outcome": outcomes[0] if outcomes else None}
    return None


def find_inputs(deck: Deck, model: str, prediction_id: str) -> dict[str, Any] | None:
    """Return the logged input columns of a model's prediction; None where no log knows it.

    `{"version", "status", "key_id", "features": {column: value}}`; a personal column holds its token where `key_id`
    is not None.
    """
    import pyarrow.compute as pc

    from engine.monitoring.columns import FEATURES
    from engine.monitoring.layout import minted_at
    from engine.monitoring.predictions import read_versions

    at = minted_at(prediction_id)
    span = (None, None) if at is None else (at - SLACK_US, at + SLACK_US)
    for version, table in read_versions(deck, model, *span, kinds=KINDS).items():
        for row in table.filter(pc.equal(table["prediction_id"], prediction_id)).to_pylist()[:1]:
            features = {name.removeprefix(FEATURES): row[name] for name in row if name.startswith(FEATURES)}
            return {"version": version, "status": row["status"], "key_id": row["key_id"], "features": features}
    return None
