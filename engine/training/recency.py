"""Training on what is recent: a window of the newest rows, and weights that halve with age.

Both leave the holdout as it is, so that versions trained on different windows are measured on the same rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.training.ages import US
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.training.family import Family
    from engine.training.folds import Split

LEAST = 40  # rows that a window must leave, as `dataset.MIN_ROWS`


def within(split: Split, times: Any, window_s: float | None) -> Split:
    """Return the split with those rows of training alone that are at most `window_s` older than the newest of them.

    `times` are µs of all rows, ascending; the newest is that of training, so a longer holdout takes nothing away.

    Raises:
        WorkFailed: too few rows are left.
    """
    if window_s is None:
        return split
    mine = times[split.train]
    kept = split.train[mine >= mine[-1] - round(window_s * US)]
    if len(kept) < LEAST:
        raise WorkFailed(
            f"[train] window leaves {len(kept)} rows before the holdout, at least {LEAST} are needed",
            "take a longer window",
        )
    return replace(split, train=kept)


def passed_to(model: Any, weights: Any, rows: Any) -> dict[str, Any]:
    """Return what `model.fit` is told beside the rows; the mean weight is 1, as penalties count in rows."""
    if weights is None:
        return {}
    mine = weights[rows]
    name = "estimator__sample_weight" if hasattr(model, "named_steps") else "sample_weight"
    return {name: mine / mine.mean()}


def require_weights(candidates: Sequence[Family]) -> None:
    """Look that every candidate takes the weights.

    Raises:
        Refused: one does not; the line names it.
    """
    from sklearn.utils.validation import has_fit_parameter

    for family in candidates:
        if not has_fit_parameter(family.estimator(family.defaults), "sample_weight"):
            raise Refused(
                f"[train] half_life needs an estimator that takes sample weights, and {family.name} does not",
                "take half_life away, or name another estimator",
            )
