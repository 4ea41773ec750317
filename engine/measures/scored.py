"""Answered rows of a classification by score and label, those of two classes counted into bins. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.metrics import Predicted

PER_OCTAVE = 32  # bins of a score each time it halves, from either end: a calibration is steepest there
OCTAVES = 20
BINS = 2 * PER_OCTAVE * OCTAVES  # rows of one bin and label, whose chance is all but the same, are counted and not kept
BLOCK = 65_536  # rows worked on at once: what they need stays in the cache


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
        counts, sums = _counted(second, is_second)
        there = np.flatnonzero(counts)
        weights = counts[there]
        middle = sums[there] / weights
        said = (there >= BINS).astype(np.float64)
        return cls(classes, np.column_stack([1 - middle, middle]), np.column_stack([1 - said, said]), weights)

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


def _counted(second: Any, is_second: Any) -> tuple[Any, Any]:
    """Return (2 * BINS,) how many rows lie in each bin, and the sum of their scores; those answered in the second half.

    Bins are in order of score: exponent and first bits of how far it is from its end. Everything is worked out in the
    same few arrays, as getting and giving back memory takes longer than the arithmetic.
    """
    half, size = BINS // 2, min(BLOCK, len(second))
    shift = 23 - (PER_OCTAVE.bit_length() - 1)  # a float32 has 23 bits of fraction
    middle = int(np.float32(0.5).view(np.int32)) >> shift
    nearest, bits, flags = np.empty(size), np.empty(size, np.float32), np.empty(size, np.int8)
    keys, offsets = np.empty(size, np.intp), np.empty(size, np.intp)
    counts, sums = np.zeros(4 * half), np.zeros(4 * half)
    for start in range(0, len(second), BLOCK):
        scores = np.asarray(second[start : start + BLOCK], dtype=np.float64)
        answered = np.asarray(is_second[start : start + BLOCK], dtype=bool)
        known = np.isfinite(scores)
        if not known.all():
            scores, answered = scores[known], answered[known]
        rows = slice(len(scores))
        np.subtract(1.0, scores, out=nearest[rows])
        bits[rows] = np.minimum(nearest[rows], scores, out=nearest[rows])
        steps = bits[rows].view(np.int32)
        steps >>= shift
        np.clip(np.subtract(steps, middle - half + 1, out=keys[rows]), 0, half - 1, out=keys[rows])
        np.greater_equal(scores, 0.5, out=flags[rows].view(bool))
        flags[rows] += 2 * answered.view(np.int8)
        keys[rows] += np.multiply(flags[rows], half, out=offsets[rows], dtype=np.intp)
        counts += np.bincount(keys[rows], minlength=4 * half)
        sums += np.bincount(keys[rows], scores, 4 * half)
    rising = np.arange(half)
    upper = half + half - 1 - rising  # of scores beyond the middle the distance falls as they rise
    order = np.concatenate([rising, upper, BINS + rising, BINS + upper])
    return counts[order], sums[order]
