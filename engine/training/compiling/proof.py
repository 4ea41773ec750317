"""Whether a compiled model answers as the pipeline it was made from does; it is served only if it does.

Asked are the golden requests, the whole holdout, rows with what a request may hold and no holdout does (nulls, unseen
and empty text, numbers as large and small as there are, infinities, times far away), and the estimator alone on tables
with a value below, on and above every threshold of every tree. Numbers must agree within TOLERANCE (relative above 1,
absolute below), labels must be the same, and where the one refuses a row the other must.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.serving.compiled.model import CompiledModel, read
from engine.serving.contract import Column, Signature, code_rows
from engine.serving.frames import records
from engine.serving.predict import PredictError, Predictor
from engine.training.compiling.program import Program
from engine.training.compiling.refusal import NotCompilable

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
AT_ONCE = 5_000  # rows of the holdout compared before the clock is looked at
BASES = 8  # rows of the holdout that edge values are put into
_UNSEEN = "\x00 nobody has seen this \U0001f9ed"
_LARGE = sys.float_info.max
_EDGES: dict[str, tuple[Any, ...]] = {
    "double": (0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, -1e-300, 1e16, -1e16, _LARGE, -_LARGE, math.inf, -math.inf),
    "long": (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)),
    "string": ("", " ", _UNSEEN, "a", "\n\t", "a" * 5000, "ÀÉ ß İ", "None", "nan"),
    "boolean": (True, False),
    "datetime": (datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 2, 29, 12, 30),
                 datetime(1, 1, 1), datetime(9999, 12, 31)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What was asked of both, and the largest difference of two numbers (relative above 1, absolute below)."""

    rows: int
    edges: int
    thresholds: int
    worst: float

    def to_json(self) -> dict[str, Any]:
        """Return what a version keeps of it."""
        return {
            "rows": self.rows,
            "edges": self.edges,
            "thresholds": self.thresholds,
            "worst": self.worst,
            "tolerance": TOLERANCE,
        }


def prove(
    program: Program, predictor: Predictor, frame: pd.DataFrame, golden: Sequence[Mapping[str, Any]], until: float
) -> Equivalence:
    """Return what the proof found; `frame` holds the holdout's inputs, `golden` the golden requests.

    Raises:
        NotCompilable: they differ, and in what; or `until` (of `time.monotonic()`) passed before all was asked.
    """
    compiled = read(program.content)
    signature, also = predictor.signature, predictor.also
    pair = _Pair(predictor, compiled)
    rows = records(frame, signature)
    bases = code_rows(_spread(rows), signature, also)
    edges = _edges(bases, signature)
    pair.compare(edges, "edge inputs")
    for start in range(0, len(rows), AT_ONCE):
        if time.monotonic() > until:
            raise NotCompilable("no time was left to prove it")
        pair.compare(code_rows(rows[start : start + AT_ONCE], signature, also), f"the holdout from row {start + 1}")
    pair.compare(code_rows(golden, signature, also), "the golden requests")
    for number, row in enumerate(golden):  # which is another way through the table and its trees
        pair.compare(predictor.rows.code([row]), f"golden request {number + 1} alone")
    worst = max(pair.worst, _compare_tables(program, compiled, _tables(program, bases, predictor), predictor.task))
    return Equivalence(len(rows) + len(golden), _count(edges), 5 * sum(map(len, program.thresholds.values())), worst)


class _Pair:
    """Both ways to answer, asked the same."""

    def __init__(self, predictor: Predictor, compiled: CompiledModel) -> None:
        told = (predictor.signature, predictor.task, predictor.decision, predictor.also)
        self._long = Predictor(predictor.model, *told)
        self._short = Predictor.from_compiled(compiled, *told)
        self.worst = 0.0

    def compare(self, coded: Mapping[str, Sequence[Any]], what: str) -> None:
        """Compare the answers for coded rows; a row that one refuses, the other must refuse when asked alone.

        Raises:
            NotCompilable: they differ.
        """
        found = _answers(self._short, coded)
        if isinstance(found, PredictError):
            fine = [row for row in range(_count(coded)) if not self._refused_by_both(_alone(coded, row), what, row)]
            coded = {name: [values[row] for row in fine] for name, values in coded.items()}
            found = _answers(self._short, coded)
        wanted = _answers(self._long, coded)
        if isinstance(wanted, PredictError) or isinstance(found, PredictError):
            raise NotCompilable(f"{what}: the pipeline raises where it does not")
        for row, (one, other) in enumerate(zip(wanted, found, strict=True)):
            self._compare_records(one, other, f"{what}, row {row + 1}")

    def _refused_by_both(self, alone: Mapping[str, Sequence[Any]], what: str, row: int) -> bool:
        if not isinstance(_answers(self._short, alone), PredictError):
            return False
        if not isinstance(_answers(self._long, alone), PredictError):
            raise NotCompilable(f"{what}, row {row + 1}: it raises where the pipeline does not")
        return True

    def _compare_records(self, wanted: Mapping[str, Any], found: Mapping[str, Any], where: str) -> None:
        for name, value in wanted.items():
            other = found[name]
            if isinstance(value, list):
                if len(other) != len(value):
                    raise NotCompilable(f"{where}: {name} are of another number")
                for one, twin in zip(value, other, strict=True):
                    self._compare_values(one, twin, f"{where}: {name}")
            else:
                self._compare_values(value, other, f"{where}: {name}")

    def _compare_values(self, value: Any, other: Any, where: str) -> None:
        if isinstance(value, str):
            if other != value:
                raise NotCompilable(f"{where} is another")
            return
        off = abs(other - value) / max(1.0, abs(value)) if other != value else 0.0
        if not off <= TOLERANCE:
            raise NotCompilable(f"{where} differs by {off:.1g}")
        self.worst = max(self.worst, off)


def _answers(predictor: Predictor, coded: Mapping[str, Sequence[Any]]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return predictor.answer(coded)
    except PredictError as error:
        return error


def _alone(coded: Mapping[str, Sequence[Any]], row: int) -> dict[str, list[Any]]:
    return {name: [values[row]] for name, values in coded.items()}


def _count(coded: Mapping[str, Sequence[Any]]) -> int:
    return len(next(iter(coded.values()), ()))


def _spread(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    taken = min(BASES, len(rows))
    return [rows[place * (len(rows) - 1) // max(1, taken - 1)] for place in range(taken)]


def _edges(bases: Mapping[str, Sequence[Any]], signature: Signature) -> dict[str, list[Any]]:
    """Return rows of the holdout with one edge value each, and such with an edge value in every column."""
    count = _count(bases)
    made: dict[str, list[Any]] = {name: [] for name in bases}
    for column in signature.inputs:
        for number, value in enumerate(_values(column)):
            for name, listed in made.items():
                listed.append(value if name == column.name else bases[name][number % count])
    most = max((len(_values(column)) for column in signature.inputs), default=0)
    for number in range(most):
        for column in signature.inputs:
            values = _values(column)
            made[column.name].append(values[number % len(values)])
    return made


def _values(column: Column) -> tuple[Any, ...]:
    return (*((None,) if column.nullable else ()), *_EDGES[column.type])


def _tables(program: Program, bases: Mapping[str, Sequence[Any]], predictor: Predictor) -> Any:
    """Return tables with values beside and on each threshold: row by row through the thresholds of all columns.

    A row tries one threshold of each column at a time, so there are five times as many rows as the column with the
    most thresholds has, over each of the bases in turn.
    """
    if not program.thresholds:
        return np.empty((0, 0))
    from engine.serving.frames import FrameCoder

    base = program.features.transform(FrameCoder(predictor.signature).frame(bases))
    base = base.toarray() if hasattr(base, "toarray") else np.asarray(base, dtype=np.float64)
    most = max(map(len, program.thresholds.values()))
    table = base[np.arange(5 * most) % len(base)].copy()
    for column, splits in program.thresholds.items():
        beside = _beside(splits[np.isfinite(splits)])  # an infinite one only says which way null goes
        if len(beside):
            table[:, column] = beside[np.arange(len(table)) % len(beside)]
    return table


def _beside(splits: Any) -> Any:
    """Return each value and its neighbours, of double and of single precision: some trees compare the latter."""
    single = splits.astype(np.float32)
    ways = (-np.inf, np.inf)
    nearest = [np.nextafter(single, np.float32(way)).astype(np.float64) for way in ways]
    return np.concatenate([splits, *(np.nextafter(splits, way) for way in ways), *nearest])


def _compare_tables(program: Program, compiled: CompiledModel, table: Any, task: str) -> float:
    if not len(table):
        return 0.0
    estimator = program.estimator
    wanted = estimator.predict_proba(table) if task == "classification" else estimator.predict(table)
    found = compiled.answer_table(table)
    off = np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))
    if not float(off.max()) <= TOLERANCE:
        raise NotCompilable(f"values beside the thresholds of its trees: an answer differs by {off.max():.1g}")
    return float(off.max())
