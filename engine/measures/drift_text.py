"""Drift of a text column by its vocabulary: which words occur, and how many were never seen before.

The effect is the Jensen-Shannon distance between the two distributions of words. The test asks of each frequent word,
and of unseen ones, in how many texts it occurs, since texts, not words, are what was sampled; Bonferroni over words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift_bins import Codes
from engine.measures.drift_categorical import to_texts
from engine.measures.drift_codes import Band, band_of, count, rounded
from engine.measures.drift_distances import Counts, Floats, jensen_shannon, population_stability

WORDS = 300  # most frequent words told apart
NAMED = 5
CLEAR = 3.0  # standard deviations from which a word is told to rise or fall
MOST_TEXTS = 50_000  # of a longer reference, evenly spread texts
MOST_UNSEEN = 10_000  # new words told apart; of more only their occurrences are counted
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Words:
    """Texts as word codes: text i holds `codes[starts[i]:starts[i + 1]]`; null texts hold none."""

    codes: Codes
    starts: Codes
    texts: int
    nulls: int

    def counts(self, start: int, end: int, bins: int) -> Counts:
        """Count words of texts start to end - 1."""
        return count(self.codes[self.starts[start] : self.starts[end]], bins)

    def texts_with(self, bins: int) -> Counts:
        """Count the texts in which each word occurs at least once."""
        owner = np.repeat(np.arange(self.texts), np.diff(self.starts))
        distinct = np.unique(owner * bins + self.codes)
        return count(distinct % bins, bins)


@dataclass(slots=True)
class TextTally:
    """Texts counted word by word against the vocabulary of a reference, batch by batch."""

    profile: TextProfile
    counts: Counts  # occurrences of each word
    texts_with: Counts  # texts in which each word occurs, and last those that are null
    texts: int = 0
    unseen: Counter[str] = field(default_factory=Counter)

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count more texts."""
        for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
            self._add(_split(to_texts(chunk).to_pylist()))

    def merge(self, other: TextTally) -> None:
        """Add what another tally of the same reference counted."""
        self.counts += other.counts
        self.texts_with += other.texts_with
        self.texts += other.texts
        for word, times in other.unseen.items():
            self._count_unseen(word, times)

    def _add(self, split: list[list[str] | None]) -> None:
        words = _code(split, self.profile.frequent, self.profile.known)
        bins = self.profile.bins
        self.counts += words.counts(0, words.texts, bins)
        self.texts_with += np.append(words.texts_with(bins), words.nulls)
        self.texts += words.texts
        for text in split:
            for word in text or ():
                if word not in self.profile.known:
                    self._count_unseen(word, 1)

    def _count_unseen(self, word: str, times: int) -> None:
        if word in self.unseen or len(self.unseen) < MOST_UNSEEN:
            self.unseen[word] += times


@dataclass(slots=True)
class TextProfile:
    """The vocabulary of a text reference. The last two bins are rarer known words and words never seen."""

    name: str
    frequent: dict[str, int]
    known: frozenset[str]
    counts: Counts
    texts_with: Counts  # and last the texts that are null
    texts: int
    band: Band

    @property
    def bins(self) -> int:
        """Number of word bins."""
        return len(self.frequent) + 2

    def tally(self) -> TextTally:
        """Return an empty sample."""
        return TextTally(self, np.zeros(self.bins, np.int64), np.zeros(self.bins + 1, np.int64))

    def compare(self, current: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
        """Return how a current sample differs; see `engine.measures.drift`."""
        tally = self.tally()
        tally.add(current)
        return self.against(tally)

    def against(self, tally: TextTally) -> dict[str, Any]:
        """Return how a counted sample differs."""
        statistic, p_value, ratio = self._test(tally)
        n, reference = tally.texts, self.texts
        effect = rounded(jensen_shannon(self.counts, tally.counts))
        names = sorted(self.frequent, key=lambda word: ratio[self.frequent[word]])
        return {
            "name": self.name,
            "kind": "text",
            "test": "document frequency",
            "psi": rounded(population_stability(self.counts, tally.counts)),
            "js": effect,
            "statistic": rounded(statistic),
            "p_value": p_value,
            "effect": effect,
            "band": rounded(self.band.high(n)),
            "n": n,
            "n_reference": reference,
            "nulls": rounded(tally.texts_with[-1] / n if n else 0.0),
            "nulls_reference": rounded(self.texts_with[-1] / reference if reference else 0.0),
            "new": {
                "rows": int(tally.counts[-1]),
                "share": rounded(tally.counts[-1] / max(1, int(tally.counts.sum()))),
                "categories": len(tally.unseen),
                "names": sorted(tally.unseen, key=lambda word: (-tally.unseen[word], word))[:NAMED],
            },
            "rising": [word for word in names[::-1][:NAMED] if ratio[self.frequent[word]] > CLEAR],
            "falling": [word for word in names[:NAMED] if ratio[self.frequent[word]] < -CLEAR],
        }

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        rare = self.known - set(self.frequent)
        return {
            "name": self.name,
            "frequent": list(self.frequent),
            "rare": sorted(rare),
            "counts": self.counts.tolist(),
            "texts_with": self.texts_with.tolist(),
            "texts": self.texts,
            "band": self.band.to_state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TextProfile:
        """Return the profile that `to_state` told of."""
        return cls(
            state["name"],
            {word: number for number, word in enumerate(state["frequent"])},
            frozenset((*state["frequent"], *state["rare"])),
            np.array(state["counts"], np.int64),
            np.array(state["texts_with"], np.int64),
            state["texts"],
            Band.from_state(state["band"]),
        )

    def _test(self, tally: TextTally) -> tuple[float, float, Floats]:
        """Return the largest chi-square of any word, its p-value corrected for having looked at all, signed roots."""
        n, m = self.texts, tally.texts
        first, second = self.texts_with, tally.texts_with
        if not n or not m:
            return 0.0, 1.0, np.zeros(len(first))
        share = (first + second) / (n + m)
        variance = share * (1 - share) * (1 / n + 1 / m)
        # Texts with a word in both samples, as many as a normal approximation asks for; the others are not tested.
        tested = (variance > 0) & (share * min(n, m) >= 5) & ((1 - share) * min(n, m) >= 5)
        roots = np.where(tested, (second / m - first / n) / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)
        largest = float(np.max(roots**2, initial=0.0))
        looked_at = max(1, int(tested.sum()))
        return largest, min(1.0, looked_at * math.erfc(math.sqrt(largest / 2))), roots


def profile_text(name: str, reference: pa.Array | pa.ChunkedArray) -> TextProfile:
    """Return the profile of a reference column, whose rows are in time order."""
    texts = to_texts(reference)
    if len(texts) > MOST_TEXTS:
        texts = texts.take(pa.array(np.linspace(0, len(texts) - 1, MOST_TEXTS).astype(np.int64)))
    split = _split(texts.to_pylist())
    seen: dict[str, int] = {}
    for words in split:
        for word in set(words or ()):
            seen[word] = seen.get(word, 0) + 1
    ordered = sorted(seen, key=lambda word: (-seen[word], word))
    frequent = {word: number for number, word in enumerate(ordered[:WORDS])}
    coded = _code(split, frequent, frozenset(seen))
    bins = len(frequent) + 2
    total = coded.counts(0, coded.texts, bins)

    def effect_of(start: int, end: int) -> float:
        chunk = coded.counts(start, end, bins)
        return jensen_shannon(total - chunk, chunk)

    return TextProfile(
        name,
        frequent,
        frozenset(seen),
        total,
        np.append(coded.texts_with(bins), coded.nulls),
        coded.texts,
        band_of(coded.texts, effect_of),
    )


def _split(texts: list[str | None]) -> list[list[str] | None]:
    return [None if text is None else _WORD.findall(text.lower()) for text in texts]


def _code(split: list[list[str] | None], frequent: dict[str, int], known: frozenset[str]) -> Words:
    rare, unseen = len(frequent), len(frequent) + 1
    lengths = np.fromiter((len(words or ()) for words in split), np.int64, len(split))
    codes = np.fromiter(
        (frequent.get(word, rare if word in known else unseen) for words in split for word in words or ()),
        np.int64,
        int(lengths.sum()),
    )
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Words(codes, starts, len(split), sum(words is None for words in split))
