"""Columns that explain the target by themselves: most often the answer in another guise, known only afterwards."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.training.dataset import Dataset

EXPLAINED = 0.98
MOST_ROWS = 4_000
LARGEST = 1e100  # its square is still a number
TASKS = ("classification", "regression")


@dataclass(frozen=True, slots=True)
class Leak:
    """One column, and which share of the target it explains on rows that it was not fitted on."""

    name: str
    explained: float

    def told(self) -> str:
        """Say it in one line."""
        return f"column {self.name!r} explains {self.explained:.1%} of the target by itself"


def leaks(dataset: Dataset, rows: Any, *, seconds: float, seed: int) -> tuple[list[Leak], list[str]]:
    """Return the columns that explain at least 98 % of the target each, and those that were not looked at.

    Of numbers that is R² of a tree or a line, of classes the share of the commonest class's errors that go (Goodman
    and Kruskal's lambda), both fitted on one half of at most 4,000 of `rows` and measured on the other. It ends when
    `seconds` are over, which loading the libraries is not counted in.
    """
    if dataset.task not in TASKS:
        return [], []
    import sklearn.tree  # noqa: F401 (half a second, before the clock starts)

    until = time.monotonic() + seconds
    order = np.random.default_rng(seed).permutation(rows)[:MOST_ROWS]
    here, there = order[::2], order[1::2]
    found: list[Leak] = []
    names = list(dataset.frame.columns)
    for place, name in enumerate(names):
        if time.monotonic() > until:
            return _ordered(found), [str(name) for name in names[place:]]
        share = _explained(dataset, str(name), here, there)
        if share >= EXPLAINED:
            found.append(Leak(str(name), round(share, 4)))
    return _ordered(found), []


def _ordered(found: list[Leak]) -> list[Leak]:
    return sorted(found, key=lambda leak: -leak.explained)


def _explained(dataset: Dataset, name: str, here: Any, there: Any) -> float:
    truth, told = dataset.truth[there], dataset.truth[here]
    numeric = name in (*dataset.kinds.numbers, *dataset.kinds.times)
    if dataset.task == "regression":
        spread = float(np.sum((truth - truth.mean()) ** 2))
        if spread <= 0.0:
            return 0.0
        guesses = (
            _numeric(dataset, name, here, there) if numeric else [_by_value(dataset, name, here, there, told.mean())]
        )
        return 1.0 - min(float(np.sum((truth - guess) ** 2)) for guess in guesses) / spread
    values, counts = np.unique(told, return_counts=True)
    commonest = values[counts.argmax()]
    errors = int(np.sum(truth != commonest))
    if not errors:
        return 0.0
    guesses = _numeric(dataset, name, here, there) if numeric else [_by_value(dataset, name, here, there, commonest)]
    return 1.0 - min(int(np.sum(truth != guess)) for guess in guesses) / errors


def _numeric(dataset: Dataset, name: str, here: Any, there: Any) -> list[Any]:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = dataset.frame[name].iloc[np.concatenate([here, there])]
    if values.dtype.kind == "M":
        column = values.to_numpy().astype("datetime64[us]").astype(np.float64)
    else:
        column = values.to_numpy(dtype=np.float64, na_value=np.nan)
    ranks = np.searchsorted(np.unique(column[np.isfinite(column)]), column).astype(np.float64)  # trees count in floats
    ranks[~np.isfinite(column)] = np.nan
    fit, test = ranks[: len(here)].reshape(-1, 1), ranks[len(here) :].reshape(-1, 1)
    told = dataset.truth[here]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dataset.task == "classification":
            return [DecisionTreeClassifier(random_state=0).fit(fit, told).predict(test)]
        guesses = [DecisionTreeRegressor(random_state=0).fit(fit, told).predict(test)]
        if np.isfinite(column).all() and np.abs(column).max() < LARGEST:
            guesses.append(_on_line(column[: len(here)], told, column[len(here) :]))
        return guesses


def _on_line(column: Any, truth: Any, asked: Any) -> Any:
    """Return what the line of least squares through (column, truth), each (n,), says where it is `asked`."""
    scale = float(np.abs(column).max()) or 1.0  # squares of what is large or small would be no numbers
    off = (column - column.mean()) / scale
    spread = float(off @ off)
    slope = float(off @ (truth - truth.mean())) / spread if spread > 0.0 else 0.0
    return truth.mean() + slope * ((asked - column.mean()) / scale)


def _by_value(dataset: Dataset, name: str, here: Any, there: Any, otherwise: Any) -> Any:
    import pandas as pd

    values = dataset.frame[name].astype(object).where(dataset.frame[name].notna(), None)
    told = pd.DataFrame({"value": values.iloc[here].to_numpy(), "truth": dataset.truth[here]})
    groups = told.groupby("value", dropna=False)["truth"]
    if dataset.task == "regression":
        by_value = groups.mean().to_dict()
    else:
        by_value = groups.agg(lambda truths: truths.value_counts().index[0]).to_dict()
    missing = next((guess for value, guess in by_value.items() if pd.isna(value)), otherwise)
    return np.array(
        [missing if value is None else by_value.get(value, otherwise) for value in values.iloc[there].tolist()]
    )
