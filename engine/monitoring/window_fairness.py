"""How far groups are apart in a window, from realised outcomes: what the gate of a release asks, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_codes import rounded
from engine.measures.fairness import by_group
from engine.monitoring.losses import primary_metric
from engine.monitoring.performance import guess_of, truth_of
from engine.monitoring.window_rows import SLICE
from store.rows import FAIRNESS

if TYPE_CHECKING:
    from engine.monitoring.reference import Reference
    from engine.settings.model import ModelSettings
    from store.rows import Version

RATIO = f"{FAIRNESS}ratio_"


def fairness_of(
    with_outcomes: pa.Table, settings: ModelSettings, version: Version, reference: Reference
) -> dict[str, dict[str, Any]]:
    """Return per column of `[fairness]` how far its groups are apart, `fairness_COLUMN` and `fairness_ratio_COLUMN`.

    Each is `{"value", "low", "high", "n", "note", "measure", "lowest", "highest", "judged"}`: the largest difference,
    or the smallest ratio, over pairs of groups with enough outcomes; value None with a note where nothing is judged.
    Answered rows have their outcomes joined. Empty without such columns or without outcomes.
    """
    classes = tuple(version.signature.get("classes") or ())
    column = "outcome.text" if classes else "outcome.number"
    labelled = with_outcomes.filter(pc.is_valid(with_outcomes[column]))
    if not settings.fairness.columns or not len(labelled):
        return {}
    asked = settings.gates.fairness
    measure = (asked.measure if asked is not None else "") or primary_metric(settings, version)
    truth, guess = truth_of(labelled, classes), guess_of(labelled, classes)
    found: dict[str, dict[str, Any]] = {}
    for name in settings.fairness.columns:
        slicing = reference.slicings.get(name)
        if slicing is None or SLICE + name not in labelled.column_names:
            gap: dict[str, Any] = {"note": "unavailable: the log does not hold the column"}
        else:
            codes = np.asarray(labelled[SLICE + name].cast(pa.int64()).combine_chunks(), dtype=np.int64)
            groups = np.array(slicing.groups, dtype=object)[codes]
            told = by_group(truth, guess, groups, (measure,), min_rows=settings.fairness.min_rows)
            gap = told["gaps"][measure]
        found[FAIRNESS + name] = _entry(gap, "difference", measure, len(labelled))
        found[RATIO + name] = _entry(gap, "ratio", measure, len(labelled))
    return found


def _entry(gap: dict[str, Any], which: str, measure: str, n: int) -> dict[str, Any]:
    seen = gap.get(which) or {}
    told = {edge: rounded(seen.get(edge)) for edge in ("value", "low", "high")}
    about = {"lowest": gap.get("lowest", ""), "highest": gap.get("highest", ""), "judged": gap.get("judged", 0)}
    return {**told, "n": n, "note": str(gap.get("note") or ""), "measure": measure, **about}
