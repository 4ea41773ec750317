"""What a kind of job is given: the deck, its job, its fence, and a way to say how far it is."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine.deck import Deck
from engine.settings.apply import current_settings, require_model, settings_of
from engine.settings.model import ModelSettings
from store.database import Fence
from store.errors import RegistryHeld, StorageUnwritable, WorkFailed
from store.rows import Job

EVERY_S = 0.5
COUNTS_EVERY_S = 2.0  # between two lines of a log that differ in their figures alone
LEAVE_ALONE_S = 15.0  # after a registry that was held: each try may wait 5 s for it, and the work is not to

_FIGURES = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def stamped(seconds: float, text: str) -> str:
    """Return a line of a job's log: how long after the attempt began, as h:mm:ss, then what was said."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}  {text}"


@dataclass(slots=True)
class JobContext:
    """One attempt of a job."""

    deck: Deck
    job: Job
    fence: Fence
    _said: tuple[float, str] = (-1.0, "")
    _said_at: float = field(default=float("-inf"))
    _not_before: float = field(default=float("-inf"))
    _logged: tuple[float, str] = (float("-inf"), "")
    _began: float = field(default_factory=time.monotonic)

    @property
    def args(self) -> dict[str, Any]:
        """The job's own arguments."""
        return self.job.args

    def settings(self) -> tuple[ModelSettings, int]:
        """Return the settings of the job's model, as pinned by the job.

        Raises:
            UnknownName: that revision does not know the model.
        """
        if self.job.model is None:
            raise WorkFailed(f"a job of kind {self.job.kind} needs a model")
        if self.job.settings_revision is None:
            deck, revision = current_settings(self.deck)
        else:
            deck, revision = settings_of(self.deck, self.job.settings_revision), self.job.settings_revision
        require_model(deck, self.job.model)
        return deck.models[self.job.model], revision

    def _log(self, text: str) -> None:
        """Print a line with its time; of lines that only count on, one in a while: hundreds of them hide the others."""
        now, shape = time.monotonic(), _FIGURES.sub("#", text)
        if shape == self._logged[1] and now - self._logged[0] < COUNTS_EVERY_S:
            return
        self._logged = (now, shape)
        with suppress(OSError):
            print(stamped(now - self._began, text), flush=True)  # noqa: T201

    def progress(self, fraction: float, text: str) -> None:
        """Say how far the work is, 0 to 1; a few times a second at most, and not at all while disk or registry are out.

        Raises:
            LeaseLost: a newer attempt runs.
        """
        from store import jobs

        if text != self._said[1]:
            self._log(text)
        elif time.monotonic() - self._said_at < EVERY_S:
            return
        self._said, self._said_at = (fraction, text), time.monotonic()
        if time.monotonic() < self._not_before:
            return
        try:
            with self.deck.database.write(self.fence) as tx:
                jobs.progress(tx, self.fence.job_id, self.fence.attempt, min(max(fraction, 0.0), 1.0), text)
        except (RegistryHeld, StorageUnwritable):
            self._not_before = time.monotonic() + LEAVE_ALONE_S
