"""Golden requests: rows with recorded answers, by which a server proves that it answers as the version did."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.serving.contract import CONTRACT

if TYPE_CHECKING:
    import pandas as pd

    from engine.serving.predict import Predictor

COUNT = 20
TOLERANCE = 1e-6  # relative above 1, absolute below

Predict = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]


def make(predictor: Predictor, frame: pd.DataFrame, count: int = COUNT) -> dict[str, Any]:
    """Record `count` golden requests, evenly spread over the frame's rows, with the predictor's answers.

    Returns `{"contract", "requests": [record…], "answers": [prediction record…]}`.

    Raises:
        ValueError: the frame has no rows.
    """
    from engine.serving.frames import records

    if not len(frame):
        raise ValueError("golden requests need at least one row")
    taken = min(count, len(frame))
    places = [index * (len(frame) - 1) // max(taken - 1, 1) for index in range(taken)]
    requests = records(frame.iloc[places], predictor.signature)
    return {"contract": CONTRACT, "requests": requests, "answers": predictor.predict(requests)}


def check(predict: Predict, golden: Mapping[str, Any], tolerance: float = TOLERANCE) -> tuple[bool, str]:
    """Ask every golden request again and return (all as recorded, one line of what was seen)."""
    try:
        answers = predict(golden["requests"])
    except Exception as error:  # whatever a model raises is the finding
        return False, f"golden requests failed: {error}"
    return compare(answers, golden["answers"], tolerance)


def compare(
    answers: Sequence[Mapping[str, Any]], recorded: Sequence[Mapping[str, Any]], tolerance: float = TOLERANCE
) -> tuple[bool, str]:
    """Compare answers with the recorded ones; other keys of an answer (prediction ids) are not looked at."""
    if len(answers) != len(recorded):
        return False, f"{len(answers)} golden answers, {len(recorded)} recorded"
    worst = 0.0
    wrong: list[int] = []
    first = ""
    for number, (answer, wanted) in enumerate(zip(answers, recorded, strict=True)):
        for name, value in wanted.items():
            off = _distance(answer.get(name), value)
            if off <= tolerance:
                worst = max(worst, off)
                continue
            first = first or f"request {number} column {name!r} is {answer.get(name)!r}, recorded {value!r}"
            wrong.append(number)
            break
    if wrong:
        return False, f"{len(wrong)} of {len(recorded)} golden answers differ: {first}"
    return True, f"{len(recorded)} of {len(recorded)} golden answers as recorded, worst difference {worst:.1g}"


def _distance(found: Any, wanted: Any) -> float:
    if isinstance(wanted, float | int) and not isinstance(wanted, bool):
        if not isinstance(found, float | int) or isinstance(found, bool):
            return math.inf
        return abs(found - wanted) / max(1.0, abs(wanted))
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return max(map(_distance, found, wanted), default=0.0)
    return 0.0 if found == wanted else math.inf
