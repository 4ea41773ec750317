"""How long what is kept is kept. Nothing goes unless a file says so."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Of a deck, or of one model, which has the last word where it says something; durations in seconds, None for ever.

    `hold` is why nothing may go at present: a text, empty where nothing holds.
    """

    predictions_s: float | None = None  # the prediction log and its attributions
    outcomes_s: float | None = None
    access_log_s: float | None = None  # of a deck only
    unneeded_s: float | None = None  # of a deck only: content that nothing needs, files of jobs that ended, as `gc`
    hold: str = ""

    @property
    def is_said(self) -> bool:
        """Whether anything is to go some time."""
        return any(one is not None for name, one in asdict(self).items() if name != "hold")

    def to_body(self) -> dict[str, Any]:
        """Return what is said, as plain JSON values."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


def said(body: dict[str, Any], retention: RetentionSettings) -> dict[str, Any]:
    """Return a settings body with what is said of retention; where nothing is, it is the body that it always was."""
    del body["retention"]
    return {**body, "retention": retention.to_body()} if retention != RetentionSettings() else body
