"""Drift of one window: every input and the answers against the version's reference, ranked by what it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from engine.measures import drift
from engine.monitoring.importance import importance_of
from engine.monitoring.reference import Reference
from engine.monitoring.watched import PREDICTION, best_items, prediction_column, ranks
from engine.settings.alerts import IMPORTANCE

if TYPE_CHECKING:
    from engine.monitoring.window_rows import WindowRows
    from engine.settings.model import MonitorSettings
    from store.rows import Version


def compare_window(
    found: WindowRows, reference: Reference, version: Version, watch: MonitorSettings
) -> list[dict[str, Any]]:
    """Return one judged comparison per input column, of the predictions, and of how inputs go together, heaviest first.

    Each entry has `importance` (share of the version's, None where unknown), `weight` (importance times effect over
    threshold) and `matters`.
    """
    compared = [_one(found, column["name"], reference) for column in version.signature.get("inputs", ())]
    compared.append(_predictions(found.rows, reference, version))
    if reference.joint is not None and found.sampled is not None:
        compared.append(reference.joint.compare(found.sampled, len(found.rows)))
    return _ranked(drift.judge(compared, watch.min_effect, watch.fdr), version)


def _one(found: WindowRows, name: str, reference: Reference) -> dict[str, Any]:
    if name in reference.left_out:
        kind, note = reference.left_out[name]
        return drift.unavailable(name, kind, note, len(found.rows))
    profile, tally = reference.profiles.get(name), found.tallies.get(name)
    if profile is None or tally is None:
        return drift.unavailable(name, "unknown", "unavailable: the log does not hold it", len(found.rows))
    if name in reference.tokens_of and not tally.counts.sum():
        return drift.unavailable(name, "categorical", "unavailable: logged under another key")
    return drift.against(profile, tally)


def _predictions(table: pa.Table, reference: Reference, version: Version) -> dict[str, Any]:
    column = prediction_column(version)
    if reference.prediction is None or column not in table.column_names:
        return drift.unavailable(PREDICTION, "prediction", reference.prediction_note or "unavailable", len(table))
    return reference.prediction.compare(best_items(table[column]) if ranks(version) else table[column])


def _ranked(judged: list[dict[str, Any]], version: Version) -> list[dict[str, Any]]:
    shares = importance_of(version)
    ranked = []
    for one in judged:
        importance = _share(one, shares)
        size = one["effect"] / one["threshold"] if one["effect"] is not None and one["threshold"] else 0.0
        ranked.append(
            {
                **one,
                "importance": importance,
                "weight": round(size * (1.0 if importance is None else importance), 6),
                "matters": importance is None or importance >= IMPORTANCE,
            }
        )
    return sorted(ranked, key=lambda one: (not one["drifted"], -one["weight"], -(one["effect"] or 0.0)))


def _share(one: dict[str, Any], shares: dict[str, float]) -> float | None:
    """Return the share of the importance that a comparison is about; None where the version has none."""
    if one["name"] == PREDICTION:
        return 1.0
    if not shares:
        return None
    pairs = one.get("pairs") or ()
    names = pairs[0]["columns"] if pairs else [one["name"]]
    return round(sum(shares.get(name, 0.0) for name in names), 6)
