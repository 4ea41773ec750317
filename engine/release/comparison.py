"""Two versions on the same rows: those of the newer snapshot that are later than both trainings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from store import snapshots
from store.rows import Version

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.measures.metrics import Predicted
    from engine.settings.model import ModelSettings


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
    table = later_rows(deck, settings, new, champion)
    if table is None or not len(table):
        return None
    from engine.model_io.load import score_version, truth_of

    return Compared(
        truth=truth_of(table, settings),
        new=score_version(deck, new, table),
        champion=score_version(deck, champion, table),
        groups={name: _texts(table.column(name)) for name in settings.gates.slices if name in table.column_names},
    )


def later_rows(deck: Deck, settings: ModelSettings, new: Version, champion: Version) -> Any:
    """Return the rows (Arrow) of the newer snapshot later than both cut-offs and with a truth; None without times."""
    if new.cutoff_at is None or champion.cutoff_at is None or settings.data.time_column is None:
        return None  # without times nobody can say which rows a training has not seen
    import pyarrow as pa
    import pyarrow.compute as pc

    from engine.model_io.rows import read_snapshot, times_us, zone_of

    first = snapshots.snapshot(deck.database, new.snapshot_id, new.model)
    second = snapshots.snapshot(deck.database, champion.snapshot_id, champion.model)
    newer = max((first, second), key=lambda one: (one.to_at or 0, one.created_at))
    owner = new if newer.id == new.snapshot_id else champion
    table = read_snapshot(deck, newer.id)
    if settings.data.time_column not in table.column_names or settings.data.target not in table.column_names:
        return None
    times = times_us(table.column(settings.data.time_column), zone_of(deck.database, owner.settings_revision))
    later = pa.array(times > max(new.cutoff_at, champion.cutoff_at))
    return table.filter(pc.and_(later, pc.is_valid(table.column(settings.data.target))))


def _texts(column: Any) -> Any:
    import numpy as np

    return np.array(["missing" if value is None else str(value) for value in column.to_pylist()], dtype=object)
