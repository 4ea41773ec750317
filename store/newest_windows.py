"""The newest window of every monitor, in one read."""

from __future__ import annotations

from store.database import Reader
from store.rows import Window
from store.watching import window_of

_NEWEST = (
    'SELECT w.* FROM monitor m JOIN "window" w ON w.id = ('
    'SELECT v.id FROM "window" v WHERE v.model = m.model AND v.latest = 1{more}'
    " ORDER BY v.to_at DESC, v.version DESC, v.revision DESC LIMIT 1) WHERE m.removed_at IS NULL"
)


def newest_windows(reader: Reader, *, with_outcomes: bool = False) -> dict[str, Window]:
    """Return the newest window by model; `with_outcomes` the newest in which outcomes have come."""
    more = " AND v.coverage > 0" if with_outcomes else ""
    return {row["model"]: window_of(row) for row in reader.rows(_NEWEST.format(more=more))}
