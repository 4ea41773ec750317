"""Answers put beside what really happened, as the metrics take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.measures.metrics import Predicted
from engine.release.realised import Labelled

if TYPE_CHECKING:
    from engine.release.answers import Answers
    from store.rows import Version


def labelled(answers: Answers, version: Version, known: Mapping[str, float | str]) -> Labelled:
    """Return the answered rows whose outcome is known, by prediction id."""
    at = [number for number, name in enumerate(answers.ids) if name in known]
    classes = tuple(version.signature.get("classes") or ())
    requests = tuple(answers.requests[number] for number in at)
    happened = [known[answers.ids[number]] for number in at]
    if not classes:
        values = np.array(answers.numbers.get("value", ()), dtype=np.float64)
        return Labelled(
            np.array(happened, dtype=np.float64), Predicted(values=values[at] if at else values[:0]), requests
        )
    scores = np.column_stack([np.array(answers.numbers[f"scores.{name}"])[at] for name in classes]) if at else None
    guess = Predicted(
        labels=np.array([answers.labels[number] for number in at], dtype=object),
        scores=np.zeros((0, len(classes))) if scores is None else scores,
        classes=classes,
    )
    return Labelled(np.array([str(one) for one in happened], dtype=object), guess, requests)
