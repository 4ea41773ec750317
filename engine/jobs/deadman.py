"""The watch over the watch: a monitor that has not looked for too long raises an alert, resolved by its next look."""

from __future__ import annotations

from engine.deck import Deck
from store import alerts, deployments, jobs, schedules, watching
from store.database import Reader
from store.rows import Monitor

KIND = "silent"
LOOKS = 3  # that a monitor may miss in a row
LEAST_S = 120.0
EVERY_S = 5.0


def key_of(monitor: str) -> str:
    """Return the key of the alert about a monitor that does not look."""
    return f"{KIND}:monitor:{monitor}"


class DeadMan:
    """Measures by CLOCK_BOOTTIME since it first saw a monitor's newest look, so that no clock change sets it off."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._seen: dict[str, tuple[int | None, float]] = {}
        self._raised: set[str] = set()
        self._looked = float("-inf")

    def look(self) -> list[str]:
        """Raise the alerts that are due, and return the monitors they are about."""
        now = self._deck.clock.boottime()
        if now - self._looked < EVERY_S:
            return []
        self._looked = now
        silent = [one for one in self._watched(self._deck.database) if self._is_silent(one, now)]
        new = [one for one in silent if one.name not in self._raised]
        self._raised = {one.name for one in silent}
        if new:
            self._tell(new)
        return [one.name for one in new]

    def _watched(self, reader: Reader) -> list[Monitor]:
        """Return the monitors that should be looking: not paused, over a model that serves."""
        on = {row.model for row in schedules.schedules(reader) if row.kind == "monitor" and row.paused_at is None}
        serving = {one.model for one in deployments.endpoints(reader) if one.stopped_at is None}
        watched = [one for one in watching.monitors(reader) if one.model in on & serving]
        self._seen = {one.name: self._seen[one.name] for one in watched if one.name in self._seen}
        return watched

    def _is_silent(self, monitor: Monitor, now: float) -> bool:
        last, since = self._seen.get(monitor.name, (-1, now))
        if last != monitor.last_run_at:
            self._seen[monitor.name] = (monitor.last_run_at, now)
            return False
        return now - since > max(LOOKS * monitor.every_s, LEAST_S)

    def _tell(self, silent: list[Monitor]) -> None:
        now = self._deck.clock.boottime()
        with self._deck.database.write() as tx:
            for monitor in silent:
                minutes = (now - self._seen[monitor.name][1]) / 60
                newest = next((job for job in jobs.jobs(tx, 20, model=monitor.model) if job.kind == "monitor"), None)
                why = f": its last job is {newest.state}{f', {newest.reason}' * bool(newest.reason)}" if newest else ""
                alerts.raise_alert(
                    tx,
                    model=monitor.model,
                    kind=KIND,
                    key=key_of(monitor.name),
                    severity="critical",
                    title=f"the monitor has not looked for {minutes:.0f} min{why}",
                    evidence={"last_run_at": monitor.last_run_at, "job_id": newest.id if newest else None},
                    actor="trigger:deadman",
                )
