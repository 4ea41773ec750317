"""Two versions on the same rows: those of the newer snapshot that neither training has fitted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.release.facts import applied_settings
from store import blobs, origins, snapshots
from store.rows import Version

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.measures.metrics import Predicted
    from engine.settings.model import ModelSettings

DISTINCT_NUMBERS = 12  # a column of more different numbers is cut into bands
BANDS = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """Truth and both predictions of n rows; `groups` maps a gated column to its n values as text."""

    truth: Any
    new: Predicted
    champion: Predicted
    groups: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth)


def compare(deck: Deck, settings: ModelSettings, new: Version, champion: Version) -> Compared | None:
    """Let both versions predict the rows that neither was trained on; None where there is no such row.

    Raises:
        CorruptArtifact: a model or the snapshot does not match its hash.
    """
    table = unseen_rows(deck, settings, new, champion)
    if table is None or not table.num_rows:
        return None
    import pyarrow as pa

    from engine.model_io.load import score_version
    from engine.training.dataset import truth_of
    from engine.training.interactions import questions

    table = _answerable(_answerable(table, new), champion)
    if table is None:
        return None
    if settings.task == "ranking":
        table, truth = questions(table, settings.data)
    else:
        truth, known = truth_of(table, settings.data.target, settings.task)
        table = table.filter(pa.array(known))
    mine, theirs = _as_of(deck, settings, table, new, champion)
    return Compared(
        truth=truth,
        new=score_version(deck, new, table, mine),
        champion=score_version(deck, champion, table, theirs),
        groups={name: _groups(table.column(name)) for name in settings.gates.slices if name in table.column_names},
    )


def _as_of(deck: Deck, settings: ModelSettings, table: Any, *both: Version) -> list[int | None]:
    """Return as of when each version of a forecast is asked, None for other tasks.

    What a version remembers ages with it. So the one with the newer memory is asked as of the first row, and the other
    as of so much earlier as its memory is older: as they would be asked if both served from now on.
    """
    from engine.model_io.rows import times_us, zone_of

    name = settings.data.time_column
    if settings.task != "forecasting" or name is None or not table.num_rows:
        return [None] * len(both)
    begin = int(times_us(table.column(name), zone_of(deck.database, both[0].settings_revision)).min())
    ends = [snapshots.snapshot(deck.database, one.snapshot_id, one.model).to_at or 0 for one in both]
    return [begin - (max(ends) - end) for end in ends]


def unseen_rows(deck: Deck, settings: ModelSettings, new: Version, champion: Version) -> Any:
    """Return the rows (Arrow) of the newer snapshot that neither training has fitted on, or None.

    With a time column those are the rows later than both cut-offs. Without one only a holdout that both versions
    kept from the same snapshot is known to be unseen. A ranking keeps the last of each user: see `_last_of_users`.
    """
    import pyarrow as pa

    from engine.model_io.rows import read_snapshot, times_us, zone_of

    data = settings.data
    first = snapshots.snapshot(deck.database, new.snapshot_id, new.model)
    second = snapshots.snapshot(deck.database, champion.snapshot_id, champion.model)
    newer = max((first, second), key=lambda one: (one.to_at or 0, one.created_at))
    if not deck.artifacts.place(blobs.current(deck.database, newer.id)).is_file() and _is_imported(deck, new, champion):
        return None  # its rows lie in the deck it was made in
    owner = new if newer.id == new.snapshot_id else champion
    table = read_snapshot(deck, newer.id)
    if any(name not in table.column_names for name in (data.target, data.time_column) if name):
        return None
    zone = zone_of(deck.database, owner.settings_revision)
    if data.time_column is None:
        return _shared_holdout(deck, table, new, champion, zone)
    if new.cutoff_at is None or champion.cutoff_at is None:
        return None
    if settings.task == "ranking":
        return _last_of_users(deck, table, owner, champion if owner is new else new, zone)
    times = times_us(table.column(data.time_column), zone)
    return table.filter(pa.array(times > max(new.cutoff_at, champion.cutoff_at)))


def _is_imported(deck: Deck, *both: Version) -> bool:
    return any(origins.origin_of(deck.database, one.model, one.number) is not None for one in both)


def _last_of_users(deck: Deck, table: Any, owner: Version, other: Version, zone: str) -> Any:
    """Return the owner's holdout, the last of each user, as far as it is later than the other's training.

    Of one snapshot, divided alike by both, all of the holdout.
    """
    import numpy as np
    import pyarrow as pa

    from engine.model_io.rows import times_us
    from engine.training.interactions import block_numbers, texts, user_column

    settings, told = (applied_settings(deck.database, one.model, one.settings_revision)[0] for one in (owner, other))
    users, items = texts(table.column(user_column(settings.data))), texts(table.column(settings.data.target))
    known = np.flatnonzero(items != "")
    numbers = block_numbers(users[known], share=settings.train.holdout, folds=settings.train.folds)
    last = np.zeros(table.num_rows, dtype=bool)
    last[known] = numbers == settings.train.folds + 1
    if owner.snapshot_id == other.snapshot_id:
        if (settings.train.holdout, settings.data) != (told.train.holdout, told.data):
            return None
    else:
        last &= times_us(table.column(str(settings.data.time_column)), zone) > other.cutoff_at
    return table.filter(pa.array(last))


def _shared_holdout(deck: Deck, table: Any, new: Version, champion: Version, zone: str) -> Any:
    import pyarrow as pa

    from engine.training.dataset import prepare, truth_of
    from engine.training.folds import split_holdout

    stated = [applied_settings(deck.database, one.model, one.settings_revision)[0] for one in (new, champion)]
    kept = {(one.train.seed, one.train.holdout, one.data.target) for one in stated}
    if new.snapshot_id != champion.snapshot_id or len(kept) > 1:
        return None
    settings = stated[0]
    _, known = truth_of(table, settings.data.target, settings.task)
    split = split_holdout(prepare(table, settings, zone), settings.train.holdout, settings.train.seed)
    return table.filter(pa.array(known)).take(split.holdout)


def _answerable(table: Any, version: Version) -> Any:
    """Keep the rows that fit a version's signature; None where the table lacks one of its columns."""
    if table is None:
        return None
    import pyarrow.compute as pc

    for column in version.signature.get("inputs", ()):
        if column["name"] not in table.column_names:
            return None
        if not column.get("nullable") and table.column(column["name"]).null_count:
            table = table.filter(pc.is_valid(table.column(column["name"])))
    return table


def _groups(column: Any) -> Any:
    """Return the slice of each row as text; a number of many values is cut into four bands of equal size."""
    import numpy as np

    values = column.to_pylist()
    present = [value for value in values if value is not None]
    is_number = bool(present) and all(isinstance(value, int | float) for value in present)
    if is_number and len(set(present)) > DISTINCT_NUMBERS:
        edges = np.unique(np.quantile(present, np.linspace(0, 1, BANDS + 1)))
        places = [-1 if one is None else int(np.searchsorted(edges[1:-1], one, side="right")) for one in values]
        texts = ["missing" if at < 0 else f"{edges[at]:g}..{edges[at + 1]:g}" for at in places]
    else:
        texts = ["missing" if value is None else str(value) for value in values]
    return np.array(texts, dtype=object)
