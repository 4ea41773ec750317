"""From when on a source is wanted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

SLACK = dt.timedelta(days=2)  # whatever zone a source's times are in, nothing newer is left out


@dataclass(frozen=True, slots=True)
class Since:
    """From when on rows are wanted: a source may give older ones, never leave newer ones out."""

    column: str
    at_us: int

    @property
    def bound(self) -> dt.datetime:
        """A time, without offset and meant as UTC, that is safely before in any zone."""
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=self.at_us) - SLACK

    @property
    def at(self) -> dt.datetime:
        """The time itself, in UTC."""
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=self.at_us)
