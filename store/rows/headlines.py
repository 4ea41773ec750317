"""What a list says of a version's evaluation: one measure, that of guessing beside it, and nothing else. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from store.json_text import dump, load


class Headline(NamedTuple):
    """The primary metric on the holdout, its interval, and the same metric of the baseline; None where there is none.

    `guesses` says that the baseline won over every candidate that was tried beside it.
    """

    metric: str | None
    holdout: float | None
    holdout_low: float | None
    holdout_high: float | None
    baseline: float | None
    guesses: bool

    def text(self) -> str:
        """Return it as the JSON that lists carry, which is read where one is shown."""
        return dump(self)


def read_headline(text: str) -> Headline:
    """Read what `Headline.text` wrote."""
    return Headline(*load(text))


def headline(evaluation: Mapping[str, Any]) -> Headline:
    """Return the headline of a version's evaluation; whatever is not as a training writes it counts as absent."""
    metric = evaluation.get("metric")
    if not isinstance(metric, str) or not metric:
        return Headline(None, None, None, None, None, _guesses(evaluation))
    holdout, baseline = evaluation.get("holdout"), evaluation.get("baseline")
    measure = holdout.get(metric) if isinstance(holdout, dict) else None
    low, high = (measure.get("low"), measure.get("high")) if isinstance(measure, dict) else (None, None)
    against = baseline.get(metric) if isinstance(baseline, dict) else None
    return Headline(
        metric, _number(measure), _number(low), _number(high), _number(against), _guesses(evaluation)
    )  # fmt: skip


def headline_of(row: Any) -> Headline:
    """Return the headline of a `Version`, or of a `VersionSummary`, which carries it."""
    text = getattr(row, "headline", None)
    return headline(row.evaluation) if text is None else read_headline(text)


def _number(measure: Any) -> float | None:
    """Return the number of a measure, which is a dict with `value` or a bare number."""
    if measure is None:
        return None
    found: Any = measure.get("value") if isinstance(measure, dict) else measure
    return float(found) if type(found) in (float, int) and math.isfinite(found) else None


def _guesses(evaluation: Mapping[str, Any]) -> bool:
    candidates = evaluation.get("candidates")
    if not isinstance(candidates, list) or len(candidates) < 2 or not isinstance(candidates[0], dict):
        return False
    return bool(candidates[0].get("name") == "dummy")
