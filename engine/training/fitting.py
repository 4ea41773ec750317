"""A candidate fitted on some rows, here or in a process of its own that is ended when its time is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.dataset import Dataset
from engine.training.family import Family, Params
from engine.training.recency import passed_to
from engine.training.trial import one_quiet_thread
from engine.training.warm import Base, go_on, names_made
from store.errors import WorkFailed


def refit(dataset: Dataset, rows: Any, family: Family, params: Params, until: float, base: Base | None = None) -> Any:
    """Return a candidate fitted on all rows it may see; `until` is of `time.monotonic()`. With a base it begins there.

    Raises:
        WorkFailed: it did not end in time, raised, or died.
    """
    return in_time(lambda: fit(dataset, rows, family, params, base), until, family.name)


def in_time(work: Callable[[], Any], until: float, name: str) -> Any:
    """Return what work in a process of its own comes to; `until` is of `time.monotonic()`.

    Raises:
        WorkFailed: it did not end in time, raised, or died.
    """
    try:
        return apart(work, until)
    except Overdue:
        raise WorkFailed(
            f"fitting {name} on all rows did not end within the time budget", "give it more time, or take fewer rows"
        ) from None
    except (Lost, Raised) as error:
        raise WorkFailed(f"fitting {name} on all rows failed: {error}", "correct it, or name another") from None


def fit(dataset: Dataset, rows: Any, family: Family, params: Params, base: Base | None = None) -> Any:
    """Return a candidate fitted on some rows: its features and it as one pipeline, or it alone."""
    from sklearn.pipeline import Pipeline

    features, estimator = family.features(dataset.kinds), family.estimator(params)
    model = estimator if features is None else Pipeline([("features", features), ("estimator", estimator)])
    frame, truth = dataset.frame.iloc[rows], dataset.truth[rows]
    with one_quiet_thread():
        if base is None:
            return model.fit(frame, truth, **passed_to(model, dataset.weights, rows))
        told = passed_to(estimator, dataset.weights, rows)
        if features is None:
            return go_on(estimator, base, None, frame, truth, told)
        table = features.fit_transform(frame, truth)
        going = go_on(estimator, base, names_made(features), table, truth, told)
        return Pipeline([("features", features), ("estimator", going)])
