"""How a version treats the groups of the columns that [fairness] names, on its holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.fairness import by_group, measures_of

if TYPE_CHECKING:
    from engine.training.proof import Proof


def fairness(proof: Proof) -> dict[str, Any] | None:
    """Return column -> what `by_group` tells and whether the column is `personal`; None where none is named.

    Groups of a personal column are numbered by size: their values are never written down.
    """
    columns = proof.settings.fairness.columns
    if not columns:
        return None
    asked = proof.settings.gates.fairness
    measures = measures_of(proof.holdout.task, proof.metric.name, proof.holdout.signature.classes)
    if asked is not None and asked.measure:
        measures = tuple(dict.fromkeys((*measures, asked.measure)))
    found = {}
    for column in columns:
        texts = proof.holdout.compared[column]
        told = by_group(
            proof.holdout.truth,
            proof.guess,
            texts if proof.is_shown(column) else numbered(texts),
            measures,
            min_rows=proof.settings.fairness.min_rows,
            seed=proof.seed,
        )
        found[column] = {"personal": not proof.is_shown(column), **told}
    return found


def numbered(texts: Any) -> Any:
    """Return `group 1` for the largest group and so on, instead of values nobody may see."""
    names, counts = np.unique(texts.astype(str), return_counts=True)
    order = sorted(zip(-counts, names.tolist(), strict=True))
    named = {name: f"group {place}" for place, (_, name) in enumerate(order, 1)}
    return np.array([named[str(text)] for text in texts], dtype=object)
