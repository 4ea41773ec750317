"""Finds one logged prediction by its id: `python -P -m engine.monitoring.find -w DIR ID` prints it as JSON.

A process of its own, so that whoever asks never loads Arrow. No feature and no output is in what it prints.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
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


def main() -> int:
    """Print what is found, or null."""
    from engine.deck import open_deck
    from engine.workspace import Workspace

    parser = argparse.ArgumentParser(prog="engine.monitoring.find")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    parser.add_argument("prediction_id")
    said = parser.parse_args()
    deck = open_deck(Workspace(said.workspace))
    try:
        sys.stdout.write(json.dumps(find(deck, said.prediction_id)))
    finally:
        deck.database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
