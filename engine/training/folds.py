"""Where training ends and proof begins: a holdout of the newest rows, expanding folds before it.

Where the settings name a group column, rows of one group are never both fitted on and measured on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.training.dataset import Dataset
from store.errors import Refused
from store.rows import rfc3339

MIN_BLOCK = 10  # rows of the smallest part of a fold


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to fit on and rows, all later, to measure on; both are indices."""

    train: Any
    test: Any


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the rows that may be fitted on, in time order, and of the holdout."""

    train: Any
    holdout: Any


def split_holdout(dataset: Dataset, share: float, seed: int) -> Split:
    """Keep the newest `share` of rows from every fit; rows of one moment stay together. Without times, a random share.

    Without times whole groups are drawn. With times, rows before the holdout whose group is in it are left out.

    Raises:
        Refused: the times or the groups do not allow it.
    """
    split = _split(dataset, share, seed)
    train = _apart(dataset, split.train, split.holdout, "the holdout")
    return Split(train, split.holdout)


def _split(dataset: Dataset, share: float, seed: int) -> Split:
    count = len(dataset)
    if dataset.times is None and dataset.groups is not None:
        draw = np.random.default_rng(seed)
        parts = _parts_of_groups(dataset, np.arange(count), max(2, round(1 / share)), draw, "the holdout")
        return Split(np.sort(np.concatenate(parts[1:])), parts[0])
    if dataset.blocks is not None:  # the last of each user
        last = dataset.blocks.max()
        return Split(np.flatnonzero(dataset.blocks < last), np.flatnonzero(dataset.blocks == last))
    if dataset.forecast is not None:  # as far ahead as is asked
        cut = int(np.searchsorted(dataset.times, dataset.times[-1] - dataset.forecast.horizon_us, side="right"))
        if min(cut, count - cut) < MIN_BLOCK:
            raise Refused(f"{count} rows hold too little before the last horizon", "take a longer span")
        return Split(np.arange(cut), np.arange(cut, count))
    if dataset.times is None:
        order = np.random.default_rng(seed).permutation(count)
        cut = count - max(MIN_BLOCK, round(count * share))
        return Split(np.sort(order[:cut]), np.sort(order[cut:]))
    cut = _moment_before(dataset.times, count - max(MIN_BLOCK, round(count * share)))
    if cut < MIN_BLOCK:
        raise Refused(
            "the rows have too few different times to keep a holdout", "take a longer span, or a finer time column"
        )
    return Split(np.arange(cut), np.arange(cut, count))


def expanding_folds(dataset: Dataset, rows: Any, count: int, seed: int) -> list[Fold]:
    """Return folds that each fit on everything before their test rows. Without times, shuffled folds, or of groups.

    Raises:
        Refused: too few rows, moments or groups for that many folds.
    """
    if dataset.blocks is not None:
        blocks = dataset.blocks[rows]
        return [Fold(rows[blocks < number], rows[blocks == number]) for number in range(1, count + 1)]
    if dataset.times is None:
        draw = np.random.default_rng(seed + 1)
        if dataset.groups is None:
            parts = np.array_split(draw.permutation(rows), count)
        else:
            parts = _parts_of_groups(dataset, rows, count, draw, f"{count} folds")
        return [
            Fold(np.sort(np.concatenate([part for other, part in enumerate(parts) if other != place])), np.sort(test))
            for place, test in enumerate(parts)
        ]
    times = dataset.times[rows]
    cuts = [_moment_before(times, round(len(rows) * place / (count + 1))) for place in range(1, count + 1)]
    edges = [*cuts, len(rows)]
    if dataset.forecast is not None:
        return _rolling(rows, times, cuts, dataset.forecast.horizon_us)
    sizes = [cuts[0], *np.diff(edges)]
    if min(sizes) < MIN_BLOCK:
        raise Refused(
            f"{len(rows)} rows do not divide into {count} folds by time",
            "set fewer [train] folds, or take a longer span",
        )
    return [
        Fold(_apart(dataset, rows[:cut], rows[cut:end], f"the test part of fold {number}"), rows[cut:end])
        for number, (cut, end) in enumerate(zip(cuts, edges[1:], strict=True), 1)
    ]


def _rolling(rows: Any, times: Any, cuts: list[int], horizon_us: int) -> list[Fold]:
    """Return folds that each fit on all before an origin and measure the horizon after it (rolling origins)."""
    found = []
    for cut in cuts:
        end = int(np.searchsorted(times, times[cut] + horizon_us, side="left"))
        if min(cut, end - cut) < MIN_BLOCK:
            raise Refused(f"{len(rows)} rows do not divide into {len(cuts)} origins", "take a longer span")
        found.append(Fold(rows[:cut], rows[cut:end]))
    return found


def _parts_of_groups(dataset: Dataset, rows: Any, count: int, draw: Any, what: str) -> list[Any]:
    """Divide rows into parts of about the same size without cutting a group: the largest group first."""
    groups = dataset.groups[rows]
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) < count:
        raise Refused(
            f"the group column holds {len(names)} different values, too few for {what}",
            "set fewer [train] folds, or take [data] group away",
        )
    order = draw.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(count)
    part_of = np.empty(len(names), dtype=np.int64)
    for place in order:
        part_of[place] = int(np.argmin(filled))
        filled[part_of[place]] += sizes[place]
    parts = part_of[np.searchsorted(names, groups)]
    return [np.sort(rows[parts == part]) for part in range(count)]


def _apart(dataset: Dataset, train: Any, test: Any, what: str) -> Any:
    """Return the rows to fit on whose group is not among the rows to measure on."""
    if dataset.groups is None:
        return train
    kept = train[~np.isin(dataset.groups[train], dataset.groups[test])]
    if len(kept) < MIN_BLOCK:
        raise Refused(
            f"only {len(kept)} rows to fit on belong to a group that is not in {what}",
            "name another [data] group, or take it away",
        )
    return kept


def _moment_before(times: Any, place: int) -> int:
    """Return the first place of the moment that `place` falls into, so that no moment is on both sides."""
    return int(np.searchsorted(times, times[min(place, len(times) - 1)], side="left"))


def check_classes(dataset: Dataset, split: Split, folds: list[Fold]) -> None:
    """Refuse a classification whose folds or holdout lack a class.

    Of more than two classes each part needs two, and the rows before the holdout all: a model cannot answer others.

    Raises:
        Refused: naming the part, its span and the class it lacks.
    """
    if dataset.task != "classification":
        return
    parts = [("the holdout", split.holdout)]
    for number, fold in enumerate(folds, 1):
        parts += [(f"fold {number} (training part)", fold.train), (f"fold {number} (test part)", fold.test)]
    unseen = sorted(set(dataset.signature.classes) - set(dataset.truth[split.train].tolist()))
    if unseen and len(dataset.signature.classes) > 2:
        raise Refused(
            f"class {unseen[0]!r} occurs in the holdout{_span(dataset, split.holdout)} only, so no model can learn it",
            "train with --until an earlier time, set another holdout, or leave the class out",
        )
    for name, rows in parts:
        there = set(dataset.truth[rows].tolist())
        needed = set(dataset.signature.classes) if len(dataset.signature.classes) == 2 else there
        missing = sorted(needed - there)
        if missing or len(there) < 2:
            span = _span(dataset, rows)
            lacks = f"no row of class {missing[0]!r}" if missing else "one class only"
            raise Refused(
                f"{name}{span} holds {lacks} among {len(rows)} rows, so nothing can be learned or measured there",
                "train with --until an earlier time, or set fewer [train] folds or another holdout",
            )


def _span(dataset: Dataset, rows: Any) -> str:
    if dataset.times is None:
        return ""
    times = dataset.times[rows]
    return f", {rfc3339(int(times.min()))[:10]} to {rfc3339(int(times.max()))[:10]},"
