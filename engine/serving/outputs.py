"""What a model says of rows as prediction records: labels decided, scores named, intervals put around numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.serving.contract import Signature, ranks

Records = list[dict[str, Any]]


class RecordCoder:
    """Makes one prediction record per answer; what does not change from request to request is made once.

    An answer is a number for regression; for classification a list of scores in the order of `signature.classes`; for
    ranking the items and their scores.
    With two classes and `decision = {"threshold": t, "positive": class}` the label is the positive class when its
    score is at least t, else the other; otherwise the class of the largest score. `score` is the score of the label.
    With `decision = {"interval": …}` (see `engine.training.conformal`) a number comes with `low` and `high`.
    """

    def __init__(self, signature: Signature, decision: Mapping[str, Any] | None = None) -> None:
        decision = decision or {}
        self._classes = signature.classes
        self._keys = ("label", "score", *(f"scores.{name}" for name in self._classes))
        self._bounds: Mapping[str, Any] | None = decision.get("interval")
        self._threshold: float | None = None
        self._positive = 0
        self.code: Callable[[Sequence[Any]], Records]
        if ranks(signature):
            self.code = _ranked
        elif not self._classes:
            self.code = self._numbers
        elif len(self._classes) == 2 and decision.get("threshold") is not None:
            self._threshold = decision["threshold"]
            self._positive = self._classes.index(decision.get("positive", self._classes[1]))
            self.code = self._decided
        else:
            self.code = self._largest

    def _numbers(self, answers: Sequence[Any]) -> Records:
        bounds = self._bounds
        return [_between(answer, bounds) if bounds else {"value": answer} for answer in answers]

    def _decided(self, answers: Sequence[Any]) -> Records:
        yes = self._positive
        return self._labelled([yes if scores[yes] >= self._threshold else 1 - yes for scores in answers], answers)

    def _largest(self, answers: Sequence[Any]) -> Records:
        return self._labelled([scores.index(max(scores)) for scores in answers], answers)

    def _labelled(self, places: Sequence[int], answers: Sequence[Any]) -> Records:
        classes, keys = self._classes, self._keys
        if len(classes) == 2:  # written out: of a hundred rows it is felt
            label, score, first, second = keys
            return [
                {label: classes[place], score: scores[place], first: scores[0], second: scores[1]}
                for place, scores in zip(places, answers, strict=True)
            ]
        return [
            dict(zip(keys, (classes[place], scores[place], *scores), strict=True))
            for place, scores in zip(places, answers, strict=True)
        ]


def _ranked(answers: Sequence[Any]) -> Records:
    return [{"items": items, "scores": scores} for items, scores in answers]


def _between(answer: float, bounds: Mapping[str, Any]) -> dict[str, float]:
    """Return value, low and high; what is added to an answer depends on the band it falls into."""
    band = bisect_right(bounds["edges"], answer)
    low, high = answer + bounds["low"][band], answer + bounds["high"][band]
    floor = bounds.get("floor")
    if floor is not None:
        low = max(low, floor)
    return {"value": answer, "low": min(low, answer), "high": max(high, answer)}
