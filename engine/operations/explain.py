"""The operation that says why a version predicts what it predicts."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """A version over all; or its predictions of `rows`, or of one on the log; or it beside another version."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    against: int | None = argument("another version, to compare with", default=None)
    rows: tuple[dict[str, Any], ...] = ()
    prediction: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moves the predictions of a version, by input column. `kind` is version, rows or drift.

    `explains` is the output column, `scale` its unit here (value, log-odds, probability), `method` linear or trees
    (exact) or sampled. `base` is the mean over `background` rows it was trained on: `base` and the contributions of a
    row add up to its `predicted`. Values of personal columns are None, everywhere.
    """

    model: str
    version: int
    against: int | None
    kind: str
    explains: str
    scale: str
    method: str
    base: float | None
    background: int
    rows: int
    metric: str = ""
    importance: tuple[dict[str, Any], ...] = ()  # name, value, low, high: growth of the metric's loss
    attributions: tuple[dict[str, Any], ...] = ()  # name, value (mean size), share of all
    dependence: tuple[dict[str, Any], ...] = ()  # column, kind, points (value, mean, low, high), curves
    explained: tuple[dict[str, Any], ...] = ()  # row, prediction, base, predicted, contributions, parts
    drift: tuple[dict[str, Any], ...] = ()  # name, before, after, change, low, high: shares
    kept_at: int | None = None  # when it was computed, of one that was kept beside the log
    ignored: tuple[str, ...] = ()  # columns of the given rows that no model reads, such as the target


OPERATIONS = (
    Operation(
        "versions.explain",
        (),
        "why a version predicts what it predicts",
        ExplainRequest,
        Explanation,
        Role.OPERATOR,
        Danger.READ,
        "engine.service.handlers.explain:explain",
        command_line=False,
        takes_rows=True,
        personal="attributed",
    ),
)
