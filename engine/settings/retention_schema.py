"""[retention] of deck.toml and of model files, as a person writes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from engine.settings.retention import RetentionSettings
from engine.settings.sections import Duration, Section

DAY_S = 86_400.0


def _at_least_a_day(seconds: float) -> float:
    if seconds < DAY_S:
        raise ValueError("keep it for a day at least: 1d")
    return seconds


Kept = Annotated[Duration, AfterValidator(_at_least_a_day)]


class ModelRetentionTable(Section):
    """[retention] of a model file."""

    predictions: Kept | None = None
    outcomes: Kept | None = None
    hold: Annotated[str, Field(max_length=200)] = ""

    def section(self) -> RetentionSettings:
        """Return the frozen section."""
        return RetentionSettings(predictions_s=self.predictions, outcomes_s=self.outcomes, hold=self.hold.strip())


class RetentionTable(ModelRetentionTable):
    """[retention] of deck.toml."""

    access_log: Kept | None = None
    unneeded: Kept | None = None

    def section(self) -> RetentionSettings:
        """Return the frozen section."""
        return RetentionSettings(self.predictions, self.outcomes, self.access_log, self.unneeded, self.hold.strip())
