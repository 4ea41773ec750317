"""Which predictions a person should look at: answered, not labelled yet, and worth the time that reviewers have.

A budget is a share of all predictions of a span. By score it is spent on those that the model holds to be positive
most, by threshold on those it is least sure of, at random on any: only the last tells how good all answers are.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from engine.monitoring.columns import FEATURES
from engine.monitoring.outcomes import joined
from engine.settings.apply import current_settings, require_model
from store.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Version

WAYS = ("score", "threshold", "random")
USUAL_PERCENT = 5
MASKED = "***"
_GATED = re.compile(r"precision_at_([1-9][0-9]?)_percent")


def queue(deck: Deck, model: str, way: str, percent: int | None, since_us: int | None, limit: int) -> dict[str, Any]:
    """Return what is to be reviewed, the most worthwhile first: `{"answered", "budget", "reviewed", "rows"}`.

    `percent` is the budget, else that of the model's gate on the precision at a budget, else 5. Of the budget's rows
    those with an outcome are counted as reviewed and left out. A row is `{"prediction_id", "version", "received_at",
    "label", "score", "threshold", "row"}`: `score` that of the positive class, `row` what was asked, values of
    personal columns masked.

    Raises:
        UnknownName: there is no such model. Refused: it has no two classes, or the way or budget is none.
    """
    from store import versions

    settings, _ = current_settings(deck)
    require_model(settings, model)
    known = {one.number: one for one in versions.versions(deck.database, model)}
    positive = _positive(model, known)
    table = joined(deck, model, since_us)
    share = check(way, percent or budget_of(settings.models[model]))
    rows = [_entry(row, known, positive, settings.models[model]) for row in table.to_pylist()]
    rows.sort(key=_ORDER[way])
    first = rows[: max(1, round(share / 100 * len(rows)))] if rows else []
    waiting = [row for row in first if row.pop("outcome") is None]
    return {
        "answered": len(rows),
        "budget": len(first),
        "reviewed": len(first) - len(waiting),
        "rows": waiting[:limit],
    }


def check(way: str, percent: int) -> int:
    """Return the budget.

    Raises:
        Refused: the way is none of those there are, or the budget no share.
    """
    if way not in WAYS:
        raise Refused(f"predictions are not reviewed by {way!r}", f"by {', '.join(WAYS)}")
    if not 1 <= percent <= 100:
        raise Refused(f"a budget of {percent} % is none", "1 to 100, such as --budget 5")
    return percent


def budget_of(settings: ModelSettings) -> int:
    """Return the budget in percent that the gates measure precision at, the smallest; 5 where they name none."""
    said = [int(found[1]) for name in settings.gates.limits if (found := _GATED.fullmatch(name))]
    return min(said, default=USUAL_PERCENT)


def _positive(model: str, known: Mapping[int, Version]) -> str:
    for version in known.values():
        classes = version.signature.get("classes") or ()
        if len(classes) == 2:
            return str(list(classes)[1])
    raise Refused(f"{model} has no predictions to review", "only a classification of two classes, once trained, has")


def _entry(row: dict[str, Any], known: Mapping[int, Version], positive: str, settings: ModelSettings) -> dict[str, Any]:
    version = known.get(row["version"])
    threshold = version.decision.get("threshold", 0.5) if version else 0.5
    asked = {
        name.removeprefix(FEATURES): value
        for name, value in row.items()
        if name.startswith(FEATURES) and value is not None
    }
    return {
        "prediction_id": row["prediction_id"],
        "version": row["version"],
        "received_at": row["received_at"],
        "label": row["outputs.label"],
        "score": row[f"outputs.scores.{positive}"],
        "threshold": threshold,
        "row": {name: MASKED if name in settings.data.personal else value for name, value in asked.items()},
        "outcome": row["outcome.text"],
    }


_ORDER: dict[str, Callable[[dict[str, Any]], Any]] = {
    "score": lambda row: (-row["score"], row["prediction_id"]),
    "threshold": lambda row: (abs(row["score"] - row["threshold"]), row["prediction_id"]),
    "random": lambda row: hashlib.blake2b(row["prediction_id"].encode()).digest(),
}
