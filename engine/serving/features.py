"""Every transformer of ours, and what stands around another library's classifier.

Class paths and parameter names are permanent: stored models name them. Transformers take the frame that
`engine.serving.frames` makes (text as object with NaN for null, times as datetime64[us] without zone) and answer
float64 arrays or lists of text. Plain numbers, lists and dicts are their only fitted state.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone

from engine.serving.values import DATE_PARTS, DAY_US, SHAPES, date_parts, on_the_circle, text_shape


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Time columns as month, day, weekday, day of year and, where times of day occur, hour.

    `cyclic` gives sine and cosine of each part instead, which a linear model needs. A year is left out on purpose: a
    model is asked about years it has not seen. Null gives NaN (cyclic: 0).
    """

    def __init__(self, cyclic: bool = False) -> None:
        self.cyclic = cyclic

    def fit(self, frame: pd.DataFrame, _target: Any = None) -> DateParts:
        """Learn which columns hold times of day."""
        self.columns_ = [str(name) for name in frame.columns]
        self.timed_ = [bool(np.any(_microseconds(frame[name])[0] % DAY_US)) for name in self.columns_]
        return self

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, parts) float64."""
        made: list[Any] = []
        for name, timed in zip(self.columns_, self.timed_, strict=True):
            for part, values in date_parts(*_microseconds(frame[name]), timed).items():
                made.extend(on_the_circle(part, values) if self.cyclic else (values,))
        return np.column_stack(made) if made else np.empty((len(frame), 0))

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return `column.part` names."""
        suffixes = (".sin", ".cos") if self.cyclic else ("",)
        names = [
            f"{column}.{part}{suffix}"
            for column, timed in zip(self.columns_, self.timed_, strict=True)
            for part in (DATE_PARTS if timed else DATE_PARTS[:-1])
            for suffix in suffixes
        ]
        return np.array(names, dtype=object)


def _microseconds(series: pd.Series) -> tuple[Any, Any]:
    """Return int64 microseconds (null: 0) and the mask of nulls."""
    times = series.to_numpy(dtype="datetime64[us]")
    missing = np.isnat(times)
    return np.where(missing, np.datetime64(0, "us"), times).astype(np.int64), missing


class RareCategories(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Text and yes/no columns as codes: the commonest values from 2 up, rare or new ones 1, null 0.

    At most `max_categories` codes per column, each seen at least `min_count` times.
    """

    def __init__(self, max_categories: int = 60, min_count: int = 5) -> None:
        self.max_categories = max_categories
        self.min_count = min_count

    def fit(self, frame: pd.DataFrame, _target: Any = None) -> RareCategories:
        """Learn the common values of each column, commonest first, ties by name."""
        self.columns_ = [str(name) for name in frame.columns]
        self.codes_ = []
        for name in self.columns_:
            counts = Counter(_texts(frame[name]))
            counts.pop("", None)
            common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: self.max_categories - 2]
            kept = [value for value, count in common if count >= self.min_count]
            self.codes_.append({value: float(code) for code, value in enumerate(kept, 2)})
        return self

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, columns) float64 codes."""
        made = np.empty((len(frame), len(self.columns_)))
        for place, (name, codes) in enumerate(zip(self.columns_, self.codes_, strict=True)):
            made[:, place] = [codes.get(text, 1.0) if text else 0.0 for text in _texts(frame[name])]
        return made

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return the column names."""
        return np.array(self.columns_, dtype=object)


class CategoryFlags(RareCategories):
    """The same codes as one 0/1 column each, for models that need numbers without an order."""

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, sum of codes) float64."""
        codes = super().transform(frame).astype(np.int64)
        # a code picks its row of a unit matrix
        blocks = [np.eye(len(known) + 2)[codes[:, place]] for place, known in enumerate(self.codes_)]
        return np.hstack(blocks) if blocks else np.empty((len(frame), 0))

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return `column=value` names."""
        names = [
            f"{column}={value}"
            for column, codes in zip(self.columns_, self.codes_, strict=True)
            for value in ("(null)", "(other)", *codes)
        ]
        return np.array(names, dtype=object)


def _texts(series: pd.Series) -> list[str]:
    """Return values as text, null as empty."""
    return ["" if value is None or value != value else str(value) for value in series.tolist()]  # noqa: PLR0124  NaN


class TextColumn(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One text column as a list of text, null as empty: what a vectorizer reads."""

    def fit(self, _frame: Any, _target: Any = None) -> TextColumn:
        """Nothing to learn."""
        self.fitted_ = True
        return self

    def transform(self, frame: Any) -> list[str]:
        """Return one text per row."""
        return _texts(frame.iloc[:, 0] if isinstance(frame, pd.DataFrame) else frame)


class TextShape(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """How text is written, not what it says: lengths, shares of capitals and digits, links, @, #, !, ?, quotes."""

    def fit(self, frame: pd.DataFrame, _target: Any = None) -> TextShape:
        """Learn the column names."""
        self.columns_ = [str(name) for name in frame.columns]
        return self

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, 10 per column) float64."""
        blocks = [np.array([text_shape(text) for text in _texts(frame[name])]) for name in self.columns_]
        return np.hstack(blocks) if blocks and len(frame) else np.empty((len(frame), len(SHAPES) * len(self.columns_)))

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return `column.shape` names."""
        return np.array([f"{name}.{shape}" for name in self.columns_ for shape in SHAPES], dtype=object)


class DenseArray(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A sparse matrix as a dense one, for models that read nothing else."""

    def fit(self, _matrix: Any, _target: Any = None) -> DenseArray:
        """Nothing to learn."""
        self.fitted_ = True
        return self

    def transform(self, matrix: Any) -> Any:
        """Return the same numbers, dense."""
        return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


class NumberColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numeric columns as float64; with `scale`, null becomes the median and columns are centred to unit spread."""

    def __init__(self, scale: bool = False) -> None:
        self.scale = scale

    def fit(self, frame: pd.DataFrame, _target: Any = None) -> NumberColumns:
        """Learn median, mean and spread of each column."""
        self.columns_ = [str(name) for name in frame.columns]
        values = _numbers(frame, self.columns_)
        seen = [column[~np.isnan(column)] for column in values.T]
        self.medians_ = [float(np.median(column)) if column.size else 0.0 for column in seen]
        self.means_ = [float(column.mean()) if column.size else 0.0 for column in seen]
        self.spreads_ = [(float(column.std()) if column.size else 0.0) or 1.0 for column in seen]
        return self

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, columns) float64."""
        values = _numbers(frame, self.columns_)
        if not self.scale:
            return values
        filled = np.where(np.isnan(values), self.medians_, values)
        return (filled - self.means_) / self.spreads_

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return the column names."""
        return np.array(self.columns_, dtype=object)


def _numbers(frame: pd.DataFrame, columns: list[str]) -> Any:
    return np.column_stack([frame[name].to_numpy(dtype=np.float64) for name in columns])


class CodedClasses(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that wants its classes as 0, 1, 2, ..., such as XGBoost's, answering in their own names."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, table: Any, target: Any, sample_weight: Any = None) -> CodedClasses:
        """Fit the classifier on the numbers of the classes, in the order of their names."""
        self.classes_, codes = np.unique(target, return_inverse=True)
        weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(table, codes, **weighted)
        return self

    def predict_proba(self, table: Any) -> Any:
        """Return (rows, classes) scores, in the order of `classes_`."""
        return self.estimator_.predict_proba(table)

    def predict(self, table: Any) -> Any:
        """Return the class of each row."""
        return self.classes_[np.asarray(self.estimator_.predict(table), dtype=np.int64)]
