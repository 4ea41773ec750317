"""What becomes of firings that are due: jobs in the queue, or skips on record. Each is one or the other, never both.

A firing seen within the schedule's grace goes as if on time; later it is missed, and `catch_up` decides. Where several
are due at once one job stands for all, unless `catch_up` is `all`. A schedule whose last job has not ended skips, or
queues where `overlap` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.settings.work import terms
from store import deployments, job_batch, schedules
from store.database import Write
from store.rows import Schedule, Terms, rfc3339

MOST_CAUGHT_UP = 100  # jobs that a schedule of catch_up `all` makes up for at once, the newest
_LATE = "noticed later than its grace of {0} s; catch_up is skip"
_MERGED = "one job stands for all that were due"
_TOO_MANY = f"only the newest {MOST_CAUGHT_UP} are caught up with"


@dataclass(slots=True)
class Stretch:
    """Firings in a row that one live job made a schedule skip; the first is told at once, the rest at its end."""

    job: str
    untold: int = 0

    def tell(self, tx: Write, row: Schedule) -> None:
        """Record how many came after the first, if any."""
        if self.untold:
            reason = f"job {self.job[:16]} had not ended at any of them"
            schedules.tell_skipped(tx, row, "overlap", self.untold, reason, job=self.job)


@dataclass(frozen=True, slots=True)
class Due:
    """What fell due of one schedule: how often, and the newest times of it, oldest first."""

    row: Schedule
    count: int
    times: tuple[int, ...]


class Firing:
    """Fires schedules within one transaction, under the settings applied now; `close` writes the jobs.

    `stretches` is the memory of who skips over which job, from one transaction to the next.
    """

    def __init__(self, tx: Write, settings: Mapping[str, Any], stretches: dict[str, Stretch]) -> None:
        self._stretches = stretches
        self._tx = tx
        self._settings = settings
        self._terms: dict[str, Terms] = {}
        self._live = job_batch.live_keys(tx)
        self._asks: list[tuple[str, job_batch.Ask]] = []
        self._serving: set[str] | None = None

    def fire(self, due: Due) -> None:
        """Ask for what is due, and record what is passed over."""
        row = due.row
        if due.count == 0 or not self._has_work(row):
            return
        edge = self._tx.at - max(1, row.grace_s) * 1_000_000
        late = due.count - sum(1 for at in due.times if at >= edge)
        if row.catch_up == "all":
            chosen = due.times[-MOST_CAUGHT_UP:]
            self._pass_over(row, "too many", due.count - len(chosen), _TOO_MANY)
        elif row.catch_up == "skip" and late:
            self._pass_over(row, "missed", late, _LATE.format(row.grace_s))
            chosen = due.times[-1:] if due.times[-1] >= edge else ()
            self._pass_over(row, "merged", due.count - late - len(chosen), _MERGED)
        else:
            chosen = due.times[-1:]
            self._pass_over(row, "merged", due.count - 1, _MERGED)
        made = sum(self._ask(row, at, late, alone=len(chosen) == 1) for at in chosen)
        if late and made:
            schedules.caught_up(self._tx, row, late, made)

    def close(self, times: Mapping[str, int | None]) -> int:
        """Write what was asked for and when each schedule fires next, and return how many jobs that is."""
        ids = job_batch.enqueue_many(self._tx, [ask for _, ask in self._asks])
        jobs = {row_id: id for (row_id, _), id in zip(self._asks, ids, strict=True)}
        schedules.fired_many(self._tx, jobs, times)
        schedules.set_next_many(self._tx, {id: at for id, at in times.items() if id not in jobs})
        return len(ids)

    def _has_work(self, row: Schedule) -> bool:
        """A monitor whose model has never served has nothing to look at, nor have tests: not due until it has."""
        if row.kind not in ("monitor", "test"):
            return True
        if self._serving is None:
            self._serving = {endpoint.model for endpoint in deployments.endpoints(self._tx)}
        return row.model in self._serving

    def _pass_over(self, row: Schedule, cause: str, count: int, reason: str, **told: Any) -> None:
        if count > 0:
            schedules.skip(self._tx, row, cause, count, reason, **told)

    def _overlap(self, row: Schedule, job: str, state: str) -> None:
        """Skip over a live job: a schedule of minutes beside a job of hours is two events, not hundreds."""
        stretch = self._stretches.get(row.id)
        if stretch is not None and stretch.job == job:
            schedules.count_skipped(self._tx, row.id, 1)
            stretch.untold += 1
            return
        self._end_stretch(row)
        self._pass_over(row, "overlap", 1, f"job {job[:16]} is still {state}", job=job)
        self._stretches[row.id] = Stretch(job)

    def _end_stretch(self, row: Schedule) -> None:
        stretch = self._stretches.pop(row.id, None)
        if stretch is not None:
            stretch.tell(self._tx, row)

    def _ask(self, row: Schedule, at: int, late: int, *, alone: bool) -> bool:
        """Enqueue the job of one firing; false where the last one has not ended and the schedule skips."""
        key = f"schedule:{row.id}"
        if row.overlap == "queue" or not alone:
            key = f"{key}:{at}"
        live = self._live.get(key)
        if live is not None:
            id, state = live
            self._overlap(row, id, state)
            return False
        self._end_stretch(row)
        if row.kind not in self._terms:
            self._terms[row.kind] = terms(self._settings, row.kind)
        ask = job_batch.Ask(
            kind=row.kind,
            model=row.model,
            args={"due_at": rfc3339(at), **({"missed": late} if late else {})},
            actor=f"schedule:{row.id}",
            settings_revision=row.settings_revision,
            dedupe_key=key,
            terms=self._terms[row.kind],
        )
        self._asks.append((row.id, ask))
        return True
