"""Whether a search came to nothing: the baseline that only guesses was the best of its candidates."""

from __future__ import annotations

from typing import Any

DUMMY = "dummy"


def lost_to_guessing(evaluation: dict[str, Any]) -> str:
    """Return the scores of guessing and of who lost to it, "" where another won or nothing else was asked for.

    The candidates of an evaluation have the winner first, each with its `mean` over the folds, None where it has none.
    """
    candidates = evaluation.get("candidates") or []
    if len(candidates) < 2 or candidates[0]["name"] != DUMMY:
        return ""
    guessed, *others = (_score(one.get("mean")) for one in candidates)
    lost = ", ".join(f"{one['name']} {mean}" for one, mean in zip(candidates[1:], others, strict=True))
    return f"{evaluation['metric']} {guessed} by guessing, {lost}"


def _score(mean: Any) -> str:
    return "none" if mean is None else f"{mean:.4g}"
