"""What [fairness] and its gate may say, as pydantic models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.settings.model import FairnessLimit, FairnessSettings
from engine.settings.sections import Column, Section


class FairnessTable(Section):
    """[fairness]: the columns whose groups a version is compared over."""

    columns: Annotated[list[Column], Field(min_length=1)]
    min_rows: Annotated[int, Field(ge=10)] = FairnessSettings().min_rows

    def section(self) -> FairnessSettings:
        """Return the frozen section."""
        return FairnessSettings(tuple(self.columns), self.min_rows)


class FairnessLimitTable(Section):
    """[gates] fairness: how far the groups of any such column may be apart."""

    measure: str = ""
    max_difference: Annotated[float, Field(ge=0)] | None = None
    min_ratio: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FairnessLimitTable:
        if self.max_difference is None and self.min_ratio is None:
            raise ValueError("give max_difference, min_ratio or both")
        return self

    def section(self) -> FairnessLimit:
        """Return the frozen section."""
        return FairnessLimit(**self.model_dump())
