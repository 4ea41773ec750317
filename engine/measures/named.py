"""The names of the metrics, and what each is computed of: what settings are checked by, without numpy."""

from __future__ import annotations

import difflib
import re

from store.errors import Refused

BUDGET = re.compile(r"precision_at_([1-9][0-9]?)_percent")  # of the rows that people have time to review, 1 to 99

NEEDS = {  # value, interval, label, scores or items, in the order of every table
    "mae": "value",
    "rmse": "value",
    "median_error": "value",
    "r2": "value",
    "interval_coverage": "interval",
    "interval_width": "interval",
    "log_loss": "scores",
    "brier": "scores",
    "roc_auc": "scores",
    "average_precision": "scores",
    "accuracy": "label",
    "balanced_accuracy": "label",
    "f1": "label",
    "precision": "label",
    "recall": "label",
    "ndcg_at_10": "items",
    "recall_at_10": "items",
}


def needs(name: str, task: str | None = None) -> str:
    """Return what a metric is computed of.

    Raises:
        Refused: no such metric, or it is not one of the task; the closest name is told.
    """
    found = NEEDS.get(name) or ("scores" if BUDGET.fullmatch(name) else None)
    if found is not None and (task is None or fits(found, task)):
        return found
    fitting = [one for one, of in NEEDS.items() if task is None or fits(of, task)]
    close = difflib.get_close_matches(name, fitting, n=1)
    told = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(fitting)}"
    raise Refused(f"there is no {task + ' ' if task else ''}metric {name!r}", told)


def task_of(needed: str) -> str:
    """Return the task that has what a metric is computed of."""
    return {"value": "regression", "interval": "regression", "items": "ranking"}.get(needed, "classification")


def fits(needed: str, task: str) -> bool:
    """Say whether a metric measures a task: a forecast is measured as a regression is."""
    return task_of(needed) == ("regression" if task == "forecasting" else task)
