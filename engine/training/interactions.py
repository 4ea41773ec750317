"""Who took what, when: interactions as questions and answers of a ranking, one row per user and block of time.

Of each user the last interactions are the holdout's block, those before them the folds', the rest block 0. A row's
truth is the tuple of items its user took in the block, oldest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.serving.contract import class_text
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.model import DataSettings

LAST = 10  # interactions of one user that a block holds at most


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows of questions: the first interaction of each (for its user), items, newest time (µs or None), block."""

    first: Any
    truth: Any
    times: Any
    numbers: Any


def user_column(data: DataSettings) -> str:
    """Return the column that names the user.

    Raises:
        Refused: the settings name none, or several.
    """
    if len(data.features) != 1:
        raise Refused(
            "a ranking is asked about one column, the user",
            f'write features = ["user"] beside target = "{data.target}"',
        )
    return data.features[0]


def texts(column: pa.ChunkedArray) -> Any:
    """Return values as text (object), null as empty."""
    values = column.to_pylist()
    return np.array(["" if value is None else class_text(value) for value in values], dtype=object)


def divide(users: Any, items: Any, times: Any, *, share: float, folds: int) -> Blocks:
    """Divide interactions in time order into rows of one user and block each, ordered by block, then by time.

    The holdout's block is number `folds + 1`. A block holds `share` of a user's interactions, at least 1, at most 10.
    """
    numbers = block_numbers(users, share=share, folds=folds)
    rows: dict[tuple[int, str], list[int]] = {}
    for place, (user, number) in enumerate(zip(users.tolist(), numbers.tolist(), strict=True)):
        rows.setdefault((number, user), []).append(place)
    ordered = sorted(rows.items(), key=lambda pair: (pair[0][0], pair[1][-1]))
    truth = np.empty(len(ordered), dtype=object)
    for row, (_, places) in enumerate(ordered):
        truth[row] = tuple(items[place] for place in places)
    last = np.array([places[-1] for _, places in ordered], dtype=np.int64)
    return Blocks(
        first=np.array([places[0] for _, places in ordered], dtype=np.int64),
        truth=truth,
        times=None if times is None else times[last],
        numbers=np.array([number for (number, _), _ in ordered], dtype=np.int64),
    )


def block_numbers(users: Any, *, share: float, folds: int) -> Any:
    """Return the block of each interaction, in time order: 0, the folds' 1 to n, the holdout's n + 1."""
    _, codes, counts = np.unique(users.astype(str), return_inverse=True, return_counts=True)
    size = np.clip(np.rint(counts * share), 1, LAST).astype(np.int64)
    left = counts.copy()
    numbers = np.empty(len(users), dtype=np.int64)
    for place, code in enumerate(codes.tolist()):
        left[code] -= 1  # interactions of this user that come later
        numbers[place] = max(0, folds + 1 - left[code] // size[code])
    return numbers


def questions(table: pa.Table, data: DataSettings) -> tuple[pa.Table, Any]:
    """Return one row per user of interactions, and the tuple of items that each took."""
    import pyarrow as pa

    users, items = texts(table.column(user_column(data))), texts(table.column(data.target))
    rows: dict[str, list[int]] = {}
    for place in np.flatnonzero(items != "").tolist():
        rows.setdefault(users[place], []).append(place)
    truth = np.empty(len(rows), dtype=object)
    for row, places in enumerate(rows.values()):
        truth[row] = tuple(items[places])
    return table.take(pa.array([places[0] for places in rows.values()], pa.int64())), truth
