"""What a model file says of its data, as frozen sections: where rows come from, what is joined to them. Standard
library only."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """Columns of another source, each row taking what was known at its own time. Durations are seconds."""

    name: str
    source: str
    time_column: str
    on: tuple[str, ...] = ()  # columns equal on both sides
    columns: tuple[str, ...] = ()  # empty: all but time_column and those of `on`
    prefix: str = ""
    max_age_s: float | None = None  # what is older counts as missing
    delay_s: float = 0.0  # a row of the other source is known only so long after its time
    query: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where rows come from and what the columns mean."""

    source: str
    target: str
    time_column: str | None = None
    id_column: str | None = None
    features: tuple[str, ...] = ()  # empty: every column but target
    personal: tuple[str, ...] = ()
    group: str | None = None  # rows of one value are never on both sides of a fold or the holdout
    query: str = ""  # what a database is asked
    secret: str = ""  # where the source's credential lies: env:NAME or file:PATH
    incremental: bool = False  # an ingest reads only what is newer than the snapshot before
    lateness_s: float = 0.0  # and that much of what is older, once more
    joins: tuple[JoinSettings, ...] = ()

    @property
    def aside(self) -> tuple[str, ...]:
        """Return the columns of a source that no model reads: what is predicted, and what names or groups rows."""
        named = (self.target, self.id_column, self.group)
        return tuple(dict.fromkeys(name for name in named if name and name not in self.features))

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> DataSettings:
        """Rebuild from plain JSON values."""
        joins = tuple(
            JoinSettings(**{**join, "on": tuple(join["on"]), "columns": tuple(join["columns"])})
            for join in body.get("joins", ())
        )
        told = {"features": tuple(body["features"]), "personal": tuple(body["personal"]), "joins": joins}
        return cls(**{**body, **told})
