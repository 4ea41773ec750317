"""Do columns still go together as they did, where none of them moved by itself? A domain classifier tells old from new.

Each sample is centred and scaled by itself, numbers by their rank, so that what a column alone has become tells
nothing; what is left are products of pairs. A logistic regression on those that differ most is fitted on one half of
both samples and orders the other half: where it does no better than chance, nothing has moved (Lopez-Paz and Oquab,
Revisiting classifier two-sample tests, 2017). Its area under the curve has the standard error of DeLong (1988). What
is bearable is read from the reference: pieces of it in time, as long as the window, against the rest of it, told apart
in the same way.

It sees pairs that go together along a line or a rise, and no more: not three columns where no two of them changed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from engine.measures.drift_codes import Band, band_of, rounded

ROWS = 3_000  # of the reference, and of a window
FEWEST = 200  # rows of either, below which nothing is said
MOST_COLUMNS = 20
MOST_CATEGORIES = 8  # of a column told apart, the most frequent ones
MOST_PRODUCTS = 40  # that the classifier is given
RIDGE = 100.0  # draws each coefficient towards none
STEPS = 12  # of Newton's method
PIECES = 16  # of the reference in time
SMALLEST_PIECE = 128  # rows: the largest power of two below FEWEST
CLIPPED = 5.0  # standard deviations beyond which a product tells no more
TOLD = 5  # pairs that are named
JOINT = "joint"


@dataclass(frozen=True, slots=True)
class Joint:
    """Rows of the reference, evenly drawn in time: bins of their columns, as the columns' profiles have them."""

    names: tuple[str, ...]
    numeric: tuple[bool, ...]  # whether the bins of a column are in order
    codes: Any  # (n, columns) int16, in time order; 0 is null
    band: Band  # effect of pieces of the whole reference, by their rows

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        told = {"names": list(self.names), "numeric": list(self.numeric), "band": self.band.to_state()}
        return {**told, "codes": self.codes.ravel().tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Joint:
        """Return what `to_state` told of."""
        codes = np.array(state["codes"], np.int16).reshape(-1, len(state["names"]))
        return cls(tuple(state["names"]), tuple(state["numeric"]), codes, Band.from_state(state["band"]))

    def compare(self, codes: Any, rows: int) -> dict[str, Any]:
        """Return how `codes`, bins (n, columns) drawn from a window of `rows`, differ; see `engine.measures.drift`.

        The effect is how much better than chance old and new are told apart, 0 to 1 (twice the area, less one).
        `pairs` are those that tell most: `{"columns", "before", "now", "share"}`, where before and now are how
        strongly they went together (-1 to 1; of categories the strongest of theirs).
        """
        told: dict[str, Any] = {"name": JOINT, "kind": "joint", "test": "domain classifier", "psi": None, "js": None}
        counted = {"n": len(codes), "n_reference": len(self.codes), "band": rounded(self.band.high(rows))}
        if min(len(codes), len(self.codes)) < FEWEST or len(self.names) < 2:
            why = f"fewer than {FEWEST} rows" if len(self.names) > 1 else "fewer than two columns can be compared"
            return {**told, **counted, "statistic": None, "p_value": None, "effect": None, "note": why}
        found = _classified(self.codes, codes, self.numeric)
        return {
            **told,
            **counted,
            "statistic": rounded(found.area),
            "p_value": found.p_value,
            "effect": rounded(_effect(found.area)),
            "pairs": [{**one, "columns": [self.names[place] for place in one["columns"]]} for one in found.pairs],
        }


@dataclass(frozen=True, slots=True)
class _Found:
    area: float
    p_value: float
    pairs: list[dict[str, Any]]


def joint_of(names: Sequence[str], numeric: Sequence[bool], rows: int, codes_of: Callable[[Any], Any]) -> Joint:
    """Return the reference of so many rows in time order.

    `codes_of` returns bins (n, columns) of the rows at (n,) places, which are in order.
    """
    drawn = evenly(0, rows)
    kept = codes_of(drawn).astype(np.int16)

    def effect_of(start: int, end: int) -> float:
        outside = (drawn < start) | (drawn >= end)
        return _effect(_classified(kept[outside], codes_of(evenly(start, end)), numeric).area)

    told = len(names) > 1 and len(kept) >= FEWEST
    return Joint(tuple(names), tuple(numeric), kept, band_of(rows if told else 0, effect_of, SMALLEST_PIECE, PIECES))


def evenly(start: int, end: int) -> Any:
    """Return (n,) places of rows `start` to `end` - 1: of more than ROWS as many, evenly spread."""
    return np.linspace(start, end - 1, min(ROWS, end - start)).astype(np.int64)


def _effect(area: float) -> float:
    return max(0.0, 2 * area - 1)


def _classified(old: Any, new: Any, numeric: Sequence[bool]) -> _Found:
    frequent = [None if is_number else _frequent(old[:, place]) for place, is_number in enumerate(numeric)]
    owners, before = _numbers(old, frequent)
    _, now = _numbers(new, frequent)
    draw = np.random.default_rng(7)
    first, second = (draw.permutation(len(each)) % 2 == 0 for each in (before, now))
    pairs = _chosen(before[first], now[second], owners)
    if not len(pairs):
        return _Found(0.5, 1.0, [])
    left, right = (np.clip(each[:, pairs[:, 0]] * each[:, pairs[:, 1]], -CLIPPED, CLIPPED) for each in (before, now))
    fitted = np.vstack([left[first], right[second]])
    middle, spread = fitted.mean(axis=0), fitted.std(axis=0) + 1e-9
    is_new = np.repeat([0.0, 1.0], [int(first.sum()), int(second.sum())])
    weights = _fit((fitted - middle) / spread, is_new)
    shown = [((each - middle) / spread) @ weights for each in (left[~first], right[~second])]
    area, error = _area(*shown)
    p_value = NormalDist().cdf((0.5 - area) / error) if error > 0 else float(area <= 0.5)
    moved = weights * (right[~second].mean(axis=0) - left[~first].mean(axis=0)) / spread
    return _Found(area, p_value, _told(pairs, owners, moved, before, now))


def _frequent(codes: Any) -> Any:
    """Return the most frequent bins of a category; of two values one tells all."""
    values, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return values[order][: min(MOST_CATEGORIES, max(1, len(values) - 1))]


def _numbers(codes: Any, frequent: Sequence[Any]) -> tuple[Any, Any]:
    """Return (numbers,) whose column each number is, and (n, numbers), each with mean 0 and deviation 1 or 0."""
    owners, columns = [], []
    for place, values in enumerate(frequent):
        mine = codes[:, place]
        if values is None:
            owners.append(place)
            columns.append(_ranks(mine))
        else:
            owners += [place] * len(values)
            columns += [(mine == value).astype(np.float64) for value in values]
    whole = np.column_stack(columns)
    whole -= whole.mean(axis=0)
    spread = whole.std(axis=0)
    return np.array(owners), whole / np.where(spread > 0, spread, 1.0)


def _ranks(codes: Any) -> Any:
    """Return (n,) the share of rows below each row, ties in their middle; null lies in the middle of all."""
    known = codes != 0
    counts = np.bincount(codes[known], minlength=int(codes.max(initial=0)) + 1)
    middle = np.cumsum(counts) - counts / 2
    return np.where(known, middle[codes] / max(1, int(known.sum())), 0.5)


def _chosen(before: Any, now: Any, owners: Any) -> Any:
    """Return (pairs, 2): the products of numbers of two columns whose means differ most for how they scatter."""
    first, second = np.triu_indices(len(owners), 1)
    apart = owners[first] != owners[second]
    first, second = first[apart], second[apart]
    difference, scatter = np.zeros(len(first)), np.full(len(first), 1e-9)
    for sign, each in ((-1.0, before), (1.0, now)):
        mean = (each.T @ each / len(each))[first, second]
        square = ((each**2).T @ (each**2) / len(each))[first, second]
        difference += sign * mean
        scatter += np.maximum(square - mean**2, 0.0) / len(each)
    order = np.argsort(-np.abs(difference) / np.sqrt(scatter), kind="stable")[:MOST_PRODUCTS]
    return np.column_stack([first[order], second[order]])


def _fit(rows: Any, is_new: Any) -> Any:
    """Return (numbers,) weights of a ridge logistic regression, by Newton's method; its level is left out."""
    design = np.column_stack([np.ones(len(rows)), rows])
    weights, penalty = np.zeros(design.shape[1]), np.full(design.shape[1], RIDGE)
    penalty[0] = 1e-6
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curve = design.T @ (design * np.maximum(likely * (1 - likely), 1e-6)[:, None]) + np.diag(penalty)
        step = np.linalg.solve(curve, design.T @ (is_new - likely) - penalty * weights)
        weights += step
        if np.abs(step).max() < 1e-4:
            break
    return weights[1:]


def _area(old: Any, new: Any) -> tuple[float, float]:
    """Return the area under the curve and its standard error (DeLong, DeLong and Clarke-Pearson, 1988)."""
    both = _places(np.concatenate([old, new]))
    above = (both[len(old) :] - _places(new)) / len(old)
    below = 1 - (both[: len(old)] - _places(old)) / len(new)
    return float(above.mean()), float(np.sqrt(above.var(ddof=1) / len(new) + below.var(ddof=1) / len(old)))


def _places(values: Any) -> Any:
    """Return (n,) ranks from 1 on, ties in their middle."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _told(pairs: Any, owners: Any, moved: Any, before: Any, now: Any) -> list[dict[str, Any]]:
    share: dict[tuple[int, int], float] = defaultdict(float)
    strongest: dict[tuple[int, int], tuple[float, float, float]] = {}
    for (first, second), size in zip(pairs.tolist(), np.maximum(moved, 0.0).tolist(), strict=True):
        columns = (int(owners[first]), int(owners[second]))
        share[columns] += size
        went = [float((each[:, first] * each[:, second]).mean()) for each in (before, now)]
        apart = abs(went[1] - went[0])
        if apart >= strongest.get(columns, (-1.0,))[0]:
            strongest[columns] = (apart, went[0], went[1])
    total = sum(share.values()) or 1.0
    found = sorted(share, key=lambda columns: (-share[columns], columns))
    return [
        {
            "columns": list(columns),
            "before": rounded(strongest[columns][1]),
            "now": rounded(strongest[columns][2]),
            "share": rounded(share[columns] / total),
        }
        for columns in itertools.islice(found, TOLD)
        if share[columns] > 0
    ]


@dataclass(slots=True)
class Sampled:
    """A bounded sample of rows, the same whatever the order and the batches they come in: those of the least keys."""

    columns: int
    keys: Any = None
    codes: Any = None

    def wanted(self, keys: Any) -> Any:
        """Return which of the rows of these keys may be of the sample: only they need to be coded."""
        if self.keys is None or len(self.keys) < ROWS:
            return np.ones(len(keys), bool)
        return keys < self.keys[-1]

    def add(self, keys: Any, codes: Any) -> None:
        """Add rows: (n,) keys and (n, columns) bins."""
        if self.keys is not None:
            keys, codes = np.concatenate([self.keys, keys]), np.concatenate([self.codes, codes])
        kept = np.argsort(keys, kind="stable")[:ROWS]
        self.keys, self.codes = keys[kept], codes[kept]


def keys_of(*numbers: Any) -> Any:
    """Return (n,) uint64: whole numbers of each row mixed into one as good as drawn (splitmix64, Steele 2014)."""
    mixed = np.zeros(len(numbers[0]), np.uint64)
    with np.errstate(over="ignore"):
        for each in numbers:
            mixed = (mixed ^ each.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    return mixed
