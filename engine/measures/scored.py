"""Answered rows of a classification by score and label, those of two classes counted into bins. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.metrics import Predicted

PER_OCTAVE = 32  # bins of a score each time it halves, from either end: a calibration is steepest there
OCTAVES = 20
BINS = 2 * PER_OCTAVE * OCTAVES  # rows of one bin and label, whose chance is all but the same, are counted and not kept
BLOCK = 32_768  # rows worked on at once: what they need stays in the cache, and is had before the first is counted
_HALF = BINS // 2
_SHIFT = 23 - (PER_OCTAVE.bit_length() - 1)  # a float32 has 23 bits of fraction
_MIDDLE = int(np.float32(0.5).view(np.int32)) >> _SHIFT


@dataclass(frozen=True, slots=True)
class Scored:
    """Answered rows by score and label, each with how many they are: rows of two classes are counted into bins."""

    classes: tuple[str, ...]
    scores: Any  # (k, classes)
    said: Any  # (k, classes): 1.0 for the class that was labelled
    weights: Any  # (k,)

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return int(self.weights.sum())

    @classmethod
    def of_two(cls, classes: tuple[str, ...], second: Any, is_second: Any) -> Scored:
        """Count rows of two classes; `second` (n,) is the second one's score, `is_second` (n,) whether it was answered.

        Rows without a score are left out.
        """
        tally = ScoreTally()
        tally.add(second, is_second)
        return tally.scored(classes)

    @classmethod
    def of_rows(cls, guess: Predicted) -> Scored:
        """Take predictions of any number of classes."""
        if len(guess.classes) == 2:
            return cls.of_two(guess.classes, guess.scores[:, 1], guess.labels == guess.classes[1])
        said = np.column_stack([guess.labels == name for name in guess.classes]).astype(np.float64)
        return cls(guess.classes, guess.scores, said, np.ones(len(guess)))

    def take(self, rows: Any) -> Scored:
        """Return some of them."""
        return Scored(self.classes, self.scores[rows], self.said[rows], self.weights[rows])


class ScoreTally:
    """Rows of two classes by score and label, counted as they come; rows without a score are left out.

    A bin is the exponent and the first bits of how far a score is from its end. All is worked out in the same few
    arrays, as getting and giving back memory takes longer than the arithmetic.
    """

    __slots__ = ("_bits", "_counts", "_flags", "_keys", "_nearest", "_places", "_sums")

    def __init__(self) -> None:
        self._nearest, self._bits, self._flags = np.empty(BLOCK), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.int8)
        self._places, self._keys = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.intp)
        self._counts, self._sums = np.zeros(2 * BINS), np.zeros(2 * BINS)

    def add(self, second: Any, is_second: Any) -> None:
        """Count rows; `second` (n,) is the second class's score, `is_second` (n,) whether it was answered."""
        for start in range(0, len(second), BLOCK):
            scores = np.asarray(second[start : start + BLOCK], dtype=np.float64)
            answered = np.asarray(is_second[start : start + BLOCK], dtype=bool)
            known = np.isfinite(scores)
            if not known.all():
                scores, answered = scores[known], answered[known]
            self._add(scores, answered)

    def _add(self, scores: Any, answered: Any) -> None:
        rows = slice(len(scores))
        nearest, bits, flags = self._nearest[rows], self._bits[rows], self._flags[rows]
        places, keys = self._places[rows], self._keys[rows]
        np.subtract(1.0, scores, out=nearest)
        bits[:] = np.minimum(nearest, scores, out=nearest)
        steps = bits.view(np.int32)
        steps >>= _SHIFT
        steps -= _MIDDLE - _HALF + 1
        np.maximum(steps, 0, out=steps)  # none is above the middle
        np.greater_equal(scores, 0.5, out=flags.view(bool))
        flags += 2 * answered.view(np.int8)
        places[:] = flags
        places *= _HALF
        places += steps
        keys[:] = places
        self._counts += np.bincount(keys, minlength=2 * BINS)
        self._sums += np.bincount(keys, scores, 2 * BINS)

    def scored(self, classes: tuple[str, ...]) -> Scored:
        """Return what was counted: the bins that hold rows, in order of score, those answered so after the others."""
        rising = np.arange(_HALF)
        upper = 2 * _HALF - 1 - rising  # of scores beyond the middle the distance falls as they rise
        order = np.concatenate([rising, upper, BINS + rising, BINS + upper])
        counts, sums = self._counts[order], self._sums[order]
        there = np.flatnonzero(counts)
        weights = counts[there]
        middle = sums[there] / weights
        said = (there >= BINS).astype(np.float64)
        return Scored(classes, np.column_stack([1 - middle, middle]), np.column_stack([1 - said, said]), weights)
