"""The short way through a fitted pipeline: each part of its column transformer gets just its columns, nothing between.

A ColumnTransformer spends most of a one-row prediction on indexing, checks and bookkeeping that cannot change after
the fit. This calls the same fitted parts on the same values in the same order. It is taken only where the pipeline has
a form known here, and only after it has answered the golden requests exactly as the whole pipeline does. Scalers and
imputers of scikit-learn over numbers get a plain array: they would make one of the frame first of all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.serving.contract import Column, Signature
from engine.serving.frames import FrameCoder

_PLAIN = frozenset({"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "SimpleImputer"})


class _Framed:
    """A transformer that gets a frame, or one column of it as a Series."""

    def __init__(self, transformer: Any, columns: Sequence[Column], single: str | None) -> None:
        self._transformer = transformer
        self._coder = FrameCoder(Signature(tuple(columns), ()))
        self._single = single

    def block(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        """Return its columns of the table."""
        frame = self._coder.frame(coded)
        return self._transformer.transform(frame if self._single is None else frame[self._single])


class _Plain:
    """A transformer of numbers that gets the array which a frame of them would be made into."""

    def __init__(self, transformer: Any, columns: Sequence[Column]) -> None:
        self._transformer = _nameless(transformer)
        self._names = [column.name for column in columns]
        whole = all(column.type == "long" and not column.nullable for column in columns)
        self._dtype = np.int64 if whole else np.float64

    def block(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        """Return its columns of the table."""
        return self._transformer.transform(np.array([coded[name] for name in self._names], dtype=self._dtype).T)


_Part = _Framed | _Plain


class DirectModel:
    """A pipeline of a column transformer, plain steps and an estimator."""

    def __init__(self, parts: Sequence[_Part], is_sparse: bool, steps: Sequence[Any], estimator: Any) -> None:
        self._parts = tuple(parts)
        self._is_sparse = is_sparse
        self._steps = tuple(steps)
        self._estimator = estimator

    def _matrix(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        blocks = [part.block(coded) for part in self._parts]
        if self._is_sparse:
            from scipy.sparse import hstack

            matrix = hstack(blocks).tocsr()
        elif len(blocks) == 1:
            matrix = np.asarray(blocks[0])
        else:
            matrix = np.hstack(blocks)
        for step in self._steps:
            matrix = step.transform(matrix)
        return matrix

    def predict(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        """Return what the pipeline's `predict` does."""
        return self._estimator.predict(self._matrix(coded))

    def predict_proba(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        """Return what the pipeline's `predict_proba` does."""
        return self._estimator.predict_proba(self._matrix(coded))


def direct(model: Any, signature: Signature) -> DirectModel | None:
    """Return the short way through a fitted model, None where its form is not one known here."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if type(model) is not Pipeline or len(model.steps) < 2 or type(model.steps[0][1]) is not ColumnTransformer:
        return None
    columns: Any = model.steps[0][1]
    if columns.transformer_weights or getattr(columns, "_sklearn_output_config", None):
        return None
    known = {column.name: column for column in signature.inputs}
    parts: list[_Part] = []
    for _, transformer, wanted in columns.transformers_:
        if isinstance(transformer, str):
            if transformer == "drop":
                continue
            return None
        names = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(names, list) or not names or not all(name in known for name in names):
            return None
        parts.append(_part(transformer, [known[name] for name in names], wanted))
    steps = [step for _, step in model.steps[1:-1] if not (isinstance(step, str) or step is None)]
    return DirectModel(parts, bool(columns.sparse_output_), steps, model.steps[-1][1]) if parts else None


def _part(transformer: Any, columns: Sequence[Column], wanted: Any) -> _Part:
    single = wanted if isinstance(wanted, str) else None
    if single is None and all(column.type in ("double", "long") for column in columns) and _is_plain(transformer):
        return _Plain(transformer, columns)
    return _Framed(transformer, columns, single)


def _is_plain(transformer: Any) -> bool:
    from sklearn.pipeline import Pipeline

    if type(transformer) is Pipeline:
        return all(_is_plain(step) for _, step in transformer.steps)
    kind = type(transformer)
    return kind.__module__.startswith("sklearn.") and kind.__name__ in _PLAIN


def _nameless(transformer: Any) -> Any:
    """Return the fitted transformer without the names it was fitted with: it looks for them, and warns of an array."""
    made = copy.copy(transformer)
    made.__dict__.pop("feature_names_in_", None)
    if "steps" in made.__dict__:
        made.steps = [(name, _nameless(step)) for name, step in made.steps]
    return made
