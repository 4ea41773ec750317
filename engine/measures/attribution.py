"""How much each input column moved one prediction away from the usual one: Shapley values over the input columns.

The players are the columns a caller sends, not what they are encoded to. The value of a set of columns is the mean
prediction over background rows that take those columns from the explained row (the interventional game of Lundberg
et al., Nature Machine Intelligence 2, 2020). Linear models and trees are solved exactly, whatever else is sampled.
In every case `base + contributions of a row` is the row's prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.attribution_trees import Forest, forest_of, shapley

EXACT_WITHIN = 1e-6  # of the prediction; a model that only looks linear or like trees is further off
SAMPLED_BACKGROUND = 50  # background rows of the sampling explainer: each is used once per order and its reverse
VALUE, LOG_ODDS, PROBABILITY = "value", "log-odds", "probability"


@dataclass(frozen=True, slots=True)
class Attribution:
    """Contributions (n, columns) to the predictions (n,) of n rows, all on one `scale`.

    `scale` is value (regression), log-odds or probability of the explained class. `method` is linear, trees (both
    exact) or sampled; `errors` (n, columns) are the standard errors of a sampled one, None where it is exact.
    """

    columns: tuple[str, ...]
    contributions: Any
    base: float
    predictions: Any
    scale: str
    method: str
    errors: Any = None


def attribute(model: Any, rows: Any, background: Any, *, place: int | None = None, seed: int = 7) -> Attribution:
    """Explain the predictions of `rows` (n, columns) against `background` (m, columns), frames as the model sees them.

    `place` is the explained class by its place in `predict_proba`; None explains `predict`.
    """
    return _exact(model, rows, background, place) or sampled(model, rows, background, place=place, seed=seed)


def sampled(
    model: Any, rows: Any, background: Any, *, place: int | None = None, rounds: int = 2, seed: int = 7
) -> Attribution:
    """Estimate by orders in which columns pass from a background row to the explained one.

    Each of at most 50 background rows is used `rounds` times with a random order and with its reverse, whose errors
    tend to cancel (Mitchell et al., JMLR 23, 2022); one order's steps add up, so all of them do.
    """
    import pandas as pd

    draw = np.random.default_rng(seed)
    if len(background) > SAMPLED_BACKGROUND:
        background = background.iloc[np.sort(draw.permutation(len(background))[:SAMPLED_BACKGROUND])]
    columns = [str(name) for name in background.columns]
    count, size = len(columns), len(background)
    both = pd.concat([background, rows], ignore_index=True)
    orders = np.array([draw.permutation(count) for _ in range(size * rounds)])
    orders = np.concatenate([orders, orders[:, ::-1]])
    behind = np.tile(np.arange(size), rounds * 2)
    position = np.argsort(orders, axis=1)  # when each column passes over
    passed = position[:, None, :] < np.arange(count + 1)[None, :, None]  # (orders, steps, columns)

    values = _answers(model, both, place)
    found, errors = np.empty((len(rows), count)), np.empty((len(rows), count))
    for number in range(len(rows)):
        source = np.where(passed, size + number, behind[:, None, None]).reshape(-1, count)
        mixed = pd.DataFrame({name: both[name].take(source[:, at]).array for at, name in enumerate(both.columns)})
        steps = np.diff(_answers(model, mixed, place).reshape(len(orders), count + 1), axis=1)
        moved = np.take_along_axis(steps, position, axis=1)  # (orders, columns)
        found[number] = moved.mean(axis=0)
        pairs = (moved[: len(moved) // 2] + moved[len(moved) // 2 :]) / 2.0
        errors[number] = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.nan
    scale = VALUE if place is None else PROBABILITY
    return Attribution(tuple(columns), found, float(values[:size].mean()), values[size:], scale, "sampled", errors)


def _answers(model: Any, frame: Any, place: int | None) -> Any:
    found = model.predict(frame) if place is None else model.predict_proba(frame)[:, place]
    return np.asarray(found, dtype=np.float64)


def _exact(model: Any, rows: Any, background: Any, place: int | None) -> Attribution | None:
    """Explain a linear model or trees behind any features that each read one column; None for anything else."""
    transform, estimator = _split(model)
    trees = forest_of(estimator, place)
    coefficients = None if trees is not None else _coefficients(estimator)
    if trees is None and coefficients is None:
        return None
    encoded = Encoded.of(transform, rows, background)
    if encoded is None:
        return None
    scale, margins = _margins(estimator, encoded.seen, place, trees)
    if margins is None:
        return None
    size = len(background)
    if trees is not None:
        dense = encoded.matrix.toarray() if hasattr(encoded.matrix, "toarray") else np.asarray(encoded.matrix)
        found = shapley(trees, dense[size:], dense[:size], encoded.owners, len(encoded.columns))
        found = -found if place == 0 and scale == LOG_ODDS else found
    else:
        assert coefficients is not None
        shares = _shares(encoded, coefficients if place is None or place == 1 else -coefficients)
        found = shares[size:] - shares[:size].mean(axis=0)
    base = float(margins[:size].mean())
    off = np.abs(base + found.sum(axis=1) - margins[size:])
    if not (off <= EXACT_WITHIN * (1.0 + np.abs(margins[size:]))).all():
        return None
    return Attribution(encoded.columns, found, base, margins[size:], scale, "linear" if trees is None else "trees")


def linear_parts(
    model: Any, rows: Any, background: Any, column: str, place: int | None
) -> list[list[tuple[str, float]]]:
    """Return, per row, what the encoded parts of one column (a text's words) contribute, the largest first.

    Only a linear model has such a division; an empty list for any other.
    """
    transform, estimator = _split(model)
    weight = _coefficients(estimator)
    names = _encoded_names(transform)
    encoded = Encoded.of(transform, rows, background) if weight is not None and names is not None else None
    if encoded is None or weight is None or names is None or column not in encoded.columns:
        return []
    mine = np.flatnonzero(encoded.owners == encoded.columns.index(column))
    part = encoded.matrix[:, mine]
    dense = part.toarray() if hasattr(part, "toarray") else np.asarray(part)
    moved = (dense[len(background) :] - dense[: len(background)].mean(axis=0)) * weight[mine]
    moved = moved if place is None or place == 1 else -moved
    found = []
    for row in moved:
        order = np.argsort(-np.abs(row), kind="stable")
        found.append([(names[mine[at]], float(row[at])) for at in order if row[at] != 0.0])
    return found


@dataclass(frozen=True, slots=True)
class Encoded:
    """Background then rows as the estimator sees them, and which input column each encoded one comes from."""

    columns: tuple[str, ...]
    matrix: Any  # (background + rows, features), dense or sparse
    owners: Any  # (features,) place of the input column; -1 where a feature never differs here
    seen: Any  # the same as the estimator is used to being given it

    @classmethod
    def of(cls, transform: Any, rows: Any, background: Any) -> Encoded | None:
        """Find the owners by moving one column at a time to the next row; None where a feature reads two columns.

        A feature of one column that differs between any two rows differs between two neighbours, so nothing is missed.
        """
        import pandas as pd

        both = pd.concat([background, rows], ignore_index=True)
        columns = tuple(str(name) for name in both.columns)
        if transform is None:
            try:
                matrix = both.to_numpy(dtype=np.float64)
            except (TypeError, ValueError):  # the estimator reads text or times by itself
                return None
            return cls(columns, matrix, np.arange(len(columns)), both)
        matrix = transform.transform(both)
        owners = np.full(matrix.shape[1], -1)
        order = np.roll(np.arange(len(both)), 1)
        for place, name in enumerate(both.columns):
            shifted = both.copy()
            shifted[name] = both[name].take(order).array
            changed = _differs(matrix, transform.transform(shifted))
            if (owners[changed] >= 0).any():
                return None
            owners[changed] = place
        return cls(columns, matrix, owners, matrix)


def _differs(first: Any, second: Any) -> Any:
    """Return which columns of two matrices differ anywhere; two gaps (NaN) are alike."""
    if hasattr(first, "toarray"):
        return np.unique((first != second).nonzero()[1])
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return np.flatnonzero(((first != second) & ~(np.isnan(first) & np.isnan(second))).any(axis=0))


def _split(model: Any) -> tuple[Any, Any]:
    """Return what comes before the estimator of a pipeline (None: nothing), and the estimator."""
    steps = getattr(model, "steps", None)
    return (model[:-1], steps[-1][1]) if steps and len(steps) > 1 else (None, steps[-1][1] if steps else model)


def _coefficients(estimator: Any) -> Any:
    found = getattr(estimator, "coef_", None)
    if found is None or not hasattr(estimator, "intercept_"):
        return None
    found = np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)
    return found.ravel() if found.ndim == 1 or found.shape[0] == 1 else None


def _shares(encoded: Encoded, weight: Any) -> Any:
    """Return what each input column adds to a linear prediction: (rows, columns)."""
    found = np.zeros((encoded.matrix.shape[0], len(encoded.columns)))
    for place in range(len(encoded.columns)):
        mine = np.flatnonzero(encoded.owners == place)
        if len(mine):
            found[:, place] = np.asarray(encoded.matrix[:, mine] @ weight[mine]).ravel()
    return found


def _margins(estimator: Any, matrix: Any, place: int | None, trees: Forest | None) -> tuple[str, Any]:
    """Return the scale on which the model is a sum, and its predictions there; None where there is no such scale."""
    if place is None:
        return VALUE, np.asarray(estimator.predict(matrix), dtype=np.float64).ravel()
    if trees is not None and trees.of_probability:
        return PROBABILITY, np.asarray(estimator.predict_proba(matrix)[:, place], dtype=np.float64)
    decide = getattr(estimator, "decision_function", None)
    if decide is None:
        return LOG_ODDS, None
    margins = np.asarray(decide(matrix), dtype=np.float64)
    if margins.ndim != 1:
        return LOG_ODDS, None
    said = np.asarray(estimator.predict_proba(matrix)[:, 1], dtype=np.float64)
    with np.errstate(over="ignore"):
        if not np.allclose(1.0 / (1.0 + np.exp(-margins)), said, atol=1e-9):
            return LOG_ODDS, None
    return LOG_ODDS, margins if place == 1 else -margins


def _encoded_names(transform: Any) -> list[str] | None:
    """Return the names of the encoded columns; those of a text are its words."""
    steps = getattr(transform, "steps", None)
    parts = steps[0][1] if steps and len(steps) == 1 else transform
    if not hasattr(parts, "transformers_") or not hasattr(parts, "output_indices_"):
        return None
    size = max((indices.stop for indices in parts.output_indices_.values()), default=0)
    names = [""] * size
    for name, transformer, _ in parts.transformers_:
        indices = parts.output_indices_[name]
        if indices.stop == indices.start:
            continue
        for one in [transformer, *[step for _, step in reversed(getattr(transformer, "steps", ()))]]:
            try:
                told = [str(each) for each in one.get_feature_names_out()]
            except (AttributeError, ValueError, TypeError):  # a step that does not name what it makes
                continue
            if len(told) == indices.stop - indices.start:
                names[indices] = told
                break
        else:
            return None
    return names
