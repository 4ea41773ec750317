"""What a model file says of a forecast. Standard library only."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """What tells series apart, how far ahead is asked, and after how long the pattern comes again (seconds)."""

    series: tuple[str, ...] = ()
    horizon_s: float = DAY_S
    season_s: float = 7 * DAY_S
    time_zone: str = ""  # whose clocks the pattern follows; "": times as they stand

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> ForecastSettings:
        """Rebuild from plain JSON."""
        return cls(**{**body, "series": tuple(body.get("series", ()))})
