"""Weighted words of one text, as scikit-learn's vectorizers count them with their own analyzer "word"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Any

import numpy as np


class Words:
    """Counts of the words and word groups of a vocabulary, weighted and brought to length 1 as the vectorizer does.

    Source of the weighting: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._column: str = body["column"]
        self._find = re.compile(body["pattern"]).findall
        self._lower: bool = body["lowercase"]
        self._stop = frozenset(body["stop"])
        self._least, self._most = body["groups"]
        self._places: dict[str, int] = {word: place for place, word in enumerate(body["vocabulary"])}
        self._idf: list[float] | None = body["idf"]
        self._sublinear: bool = body["sublinear"]
        self._binary: bool = body["binary"]
        self._norm: str | None = body["norm"]
        self.width = len(self._places)

    def fill(self, coded: Mapping[str, Sequence[Any]], out: Any) -> None:
        """Write the weight of each word of the vocabulary."""
        out[:] = 0.0
        for row, text in enumerate(coded[self._column]):
            places, weights = self.weights("" if text is None else str(text))
            if places:
                out[row, places] = weights

    def score(self, coded: Mapping[str, Sequence[Any]], factors: Any) -> Any:
        """Return (rows, targets): the weighted words times (width, targets) factors, without the zeros between."""
        made = np.zeros((len(coded[self._column]), factors.shape[1]))
        for row, text in enumerate(coded[self._column]):
            places, weights = self.weights("" if text is None else str(text))
            if places:
                made[row] = np.array(weights) @ factors[places]
        return made

    def weights(self, text: str) -> tuple[list[int], list[float]]:
        """Return the places of a text's words in the vocabulary, and their weights."""
        get = self._places.get
        counts = Counter(place for word in self._words(text) if (place := get(word)) is not None)
        places = sorted(counts)
        found = [1.0 if self._binary else float(counts[place]) for place in places]
        if self._sublinear:
            found = [log(count) + 1.0 for count in found]
        if self._idf is not None:
            found = [count * self._idf[place] for count, place in zip(found, places, strict=True)]
        if self._norm and found:
            length = sqrt(sum(value * value for value in found)) if self._norm == "l2" else sum(map(abs, found))
            found = [value / length for value in found] if length else found
        return places, found

    def _words(self, text: str) -> list[str]:
        single: list[str] = self._find(text.lower() if self._lower else text)
        if self._stop:
            single = [word for word in single if word not in self._stop]
        if self._most == 1:
            return single
        made = list(single) if self._least == 1 else []
        for size in range(max(2, self._least), min(self._most, len(single)) + 1):
            made += [" ".join(single[start : start + size]) for start in range(len(single) - size + 1)]
        return made
