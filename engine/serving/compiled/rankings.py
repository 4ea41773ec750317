"""A ranking as arrays: who took what, and what that says of other items. No pandas, no scikit-learn, no SciPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.serving.contract import Coded
from engine.serving.ranks import Answer, by_factors, by_neighbours, listed, user_text, weights

Scores = Callable[[Any, Any], Any]  # of the places taken and what each counts


class Ranking:
    """Lists of items for the users of a column.

    `arrays` holds `taken` and `starts` (what each user took), `shares` (by item), and what `body["scores"]` needs.
    """

    def __init__(self, body: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        self._column: str = body["column"]
        self._is_double: bool = body["double"]  # whole numbers that may be null are doubles to the pipeline
        self._items: list[str] = body["items"]
        self._places = {user: place for place, user in enumerate(body["users"])}
        self._length: int = body["length"]
        self._recency: float = body["recency"]
        self._shares, self._taken, self._starts = arrays["shares"], arrays["taken"], arrays["starts"]
        self._scores = SCORES[body["scores"]](arrays)

    def raw(self, _table: object, coded: Coded, _count: int) -> list[Answer]:
        """Return the best items of each row's user with their scores."""
        known: dict[str, Answer] = {}
        answers = []
        for value in coded[self._column]:
            user = user_text(float(value) if self._is_double and value is not None else value)
            if user not in known:
                known[user] = self._answer(self._places.get(user))
            answers.append(known[user])
        return answers

    def _answer(self, user: int | None) -> Answer:
        taken = self._taken[:0] if user is None else self._taken[self._starts[user] : self._starts[user + 1]]
        scores = self._scores(taken, weights(len(taken), self._recency)) if len(taken) else self._shares
        return listed(self._items, scores, taken, self._length)


def _popular(arrays: Mapping[str, Any]) -> Scores:
    return lambda _taken, _weight: arrays["shares"]


def _neighbours(arrays: Mapping[str, Any]) -> Scores:
    near = (arrays["near_starts"], arrays["near_items"], arrays["near_values"])
    return lambda taken, weight: by_neighbours(*near, taken, weight)


def _factors(arrays: Mapping[str, Any]) -> Scores:
    return lambda taken, weight: by_factors(arrays["vectors"], taken, weight)


SCORES: dict[str, Callable[[Mapping[str, Any]], Scores]] = {
    "popular": _popular,
    "neighbours": _neighbours,
    "factors": _factors,
}
