"""What the tables of settings files are made of: a strict section, and the types of their values."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from engine.settings.durations import seconds

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


def _known_zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError('not a time zone of this machine; write one such as "UTC" or "Europe/Rome"') from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Duration = Annotated[float, BeforeValidator(seconds)]
Share = Annotated[float, Field(gt=0, le=0.5)]
Column = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=NAME)]


class Section(BaseModel):
    """A table of a settings file: unknown keys are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
