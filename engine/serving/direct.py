"""The short way through a fitted pipeline: each part of its column transformer gets just its columns, nothing between.

A ColumnTransformer spends most of a one-row prediction on indexing, checks and bookkeeping that cannot change after
the fit. This calls the same fitted parts on the same values in the same order. It is taken only where the pipeline has
a form known here, and only after it has answered the golden requests exactly as the whole pipeline does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.serving.contract import Column, Signature
from engine.serving.frames import FrameCoder

_Part = tuple[Any, FrameCoder, str | None]  # transformer, frame of its columns, the one column of a Series


class DirectModel:
    """A pipeline of a column transformer, plain steps and an estimator."""

    def __init__(self, parts: Sequence[_Part], is_sparse: bool, steps: Sequence[Any], estimator: Any) -> None:
        self._parts = tuple(parts)
        self._is_sparse = is_sparse
        self._steps = tuple(steps)
        self._estimator = estimator

    def _matrix(self, coded: Mapping[str, Sequence[Any]]) -> Any:
        blocks = []
        for transformer, coder, single in self._parts:
            frame = coder.frame(coded)
            blocks.append(transformer.transform(frame if single is None else frame[single]))
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
        parts.append((transformer, _coder([known[n] for n in names]), _single(wanted)))
    steps = [step for _, step in model.steps[1:-1] if not (isinstance(step, str) or step is None)]
    return DirectModel(parts, bool(columns.sparse_output_), steps, model.steps[-1][1]) if parts else None


def _coder(columns: Sequence[Column]) -> FrameCoder:
    return FrameCoder(Signature(tuple(columns), ()))


def _single(wanted: Any) -> str | None:
    return wanted if isinstance(wanted, str) else None
