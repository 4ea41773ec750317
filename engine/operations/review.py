"""Operations of a human review: which predictions to look at, and the verdict on one."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import Done
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Predictions of a model that a person should look at."""

    model: str = argument("the model's name")
    by: str = argument(
        "what is looked at first: score, the highest; threshold, the nearest to it; random",
        flag="--by",
        default="score",
    )
    budget: int | None = argument(
        "percent of the predictions that there is time for; the gates' budget where not said, else 5",
        flag="--budget",
        default=None,
    )
    days: int | None = argument("only predictions of the last so many days", flag="--days", default=None)
    limit: int = argument("at most this many rows", flag="--limit", default=20)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One prediction without an outcome. `score` is that of the positive class; personal values of `row` are masked."""

    prediction_id: str
    version: int
    received_at: int
    label: str
    score: float
    threshold: float
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """What a budget of `budget` predictions, of `answered`, is spent on: `reviewed` have an outcome, `rows` wait."""

    model: str
    by: str
    answered: int
    budget: int
    reviewed: int
    rows: tuple[ReviewRow, ...]


@dataclass(frozen=True, slots=True)
class VerdictRequest:
    """What a person says of one prediction: it becomes the prediction's outcome."""

    model: str = argument("the model's name")
    prediction_id: str = argument("as the queue, the answer and the log name it", metavar="PREDICTION_ID")
    value: str = argument("the class that is right", metavar="CLASS")
    reason: str = argument("why, kept on record", flag="--reason", default="")


_HANDLERS = "engine.service.handlers.review"

OPERATIONS = (
    Operation(
        "data.review",
        ("data", "review"),
        "predictions that a person should look at",
        ReviewRequest,
        ReviewQueue,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:queue",
        personal="masked",
    ),
    Operation(
        "data.verdict",
        ("data", "verdict"),
        "say what is right of one prediction",
        VerdictRequest,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:verdict",
    ),
)
