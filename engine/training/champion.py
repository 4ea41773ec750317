"""A new version beside the champion on the same rows, none of which either was fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.intervals import paired
from engine.model_io.load import score_version
from store import snapshots, versions
from store.errors import ModeldeckError

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.measures.metrics import Metric, Predicted
    from engine.training.dataset import Dataset

MIN_ROWS = 20


def against_champion(
    deck: Deck, model: str, holdout: Dataset, guess: Predicted, metric: Metric, seed: int
) -> dict[str, Any] | None:
    """Return the paired interval of how much smaller the loss is than the champion's; None without a champion.

    Only rows later than what the champion was fitted on count. A forecast is asked as of so long before the holdout as
    its memory is older than the new version's will be: as if both served from now on.
    `{"version", "metric", "value", "low", "high", "n", "note"}`: without such rows, or where the champion reads other
    columns, value is None and note says why.
    """
    champion = versions.named(deck.database, model, "champion")
    if champion is None:
        return None
    none = {"version": champion.number, "metric": metric.name, "value": None, "low": None, "high": None, "n": 0}
    if holdout.times is None or champion.cutoff_at is None:
        return {**none, "note": "without times no row is known to be new to both"}
    rows = np.flatnonzero(holdout.times > champion.cutoff_at)
    if len(rows) < MIN_ROWS:
        return {**none, "n": len(rows), "note": f"{len(rows)} rows of the holdout are new to the champion"}
    unseen = holdout.take(rows)
    known = snapshots.snapshot(deck.database, champion.snapshot_id, model).to_at or 0
    as_of = int(holdout.times.min() - max(0, holdout.times.max() - known))
    try:
        theirs = score_version(deck, champion, unseen.frame, as_of)
    except (ModeldeckError, KeyError) as error:
        return {**none, "note": " ".join(str(error).split())}
    return {"version": champion.number, **paired(metric.name, unseen.truth, guess.take(rows), theirs, seed=seed)}
