"""The watch over the watch: a monitor or a host of which nothing was seen for too long raises an alert of its own."""

from __future__ import annotations

from dataclasses import dataclass

from engine.deck import Deck
from store import alerts, deployments, faults, jobs, schedules, watching
from store.database import Reader, Write
from store.rows import Fault, Monitor

KIND = "silent"
ACTOR = "trigger:deadman"
LOOKS = 3  # that a monitor may miss in a row
LEAST_S = 120.0
HOST_S = 120.0  # a host is asked every few seconds
EVERY_S = 5.0
COOLDOWN_S = 900.0  # one that comes and goes is told once in so long


def key_of(monitor: str) -> str:
    """Return the key of the alert about a monitor that does not look."""
    return f"{KIND}:monitor:{monitor}"


def host_key(host: str) -> str:
    """Return the key of the alert about a host that does not answer."""
    return f"{KIND}:host:{host}"


@dataclass(slots=True)
class _Seen:
    """The newest sign of life, and the boot-time seconds at which it was first seen here."""

    sign: int | None
    since: float


class DeadMan:
    """Measures by CLOCK_BOOTTIME since it first saw the newest sign of life, so that no clock change sets it off."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._seen: dict[str, _Seen] = {}
        self._raised: set[str] = set()
        self._looked = float("-inf")

    def look(self) -> list[str]:
        """Raise the alerts that are due and end those that are over; return what is newly silent, by its key."""
        now = self._deck.clock.boottime()
        if now - self._looked < EVERY_S:
            return []
        self._looked = now
        watched = {key_of(one.name): one for one in self._watched(self._deck.database)}
        lost = {host_key(one.host): one for one in faults.standing(self._deck.database) if one.key == faults.CONNECTION}
        self._seen = {key: one for key, one in self._seen.items() if key in watched or key in lost}
        silent = {key for key, one in watched.items() if self._is_silent(key, one.last_run_at, now, _bearable(one))}
        silent |= {key for key, one in lost.items() if self._is_silent(key, one.since_at, now, HOST_S)}
        over = self._over(self._deck.database, watched.keys() | lost.keys())
        new = silent - self._raised
        self._raised = silent
        if new or over:
            with self._deck.database.write() as tx:
                for key in sorted(new):
                    for_s = now - self._seen[key].since
                    self._monitor(tx, watched[key], for_s) if key in watched else self._host(tx, lost[key], for_s)
                for id, why in over.items():
                    alerts.resolve(tx, id, ACTOR, reason=why)
        return sorted(new)

    def _watched(self, reader: Reader) -> list[Monitor]:
        """Return the monitors that should be looking: not paused, over a model that serves."""
        on = {row.model for row in schedules.schedules(reader) if row.kind == "monitor" and row.paused_at is None}
        serving = {one.model for one in deployments.endpoints(reader) if one.stopped_at is None}
        return [one for one in watching.monitors(reader) if one.model in on & serving]

    def _is_silent(self, key: str, sign: int | None, now: float, bearable_s: float) -> bool:
        seen = self._seen.get(key)
        if seen is None or seen.sign != sign:
            self._seen[key] = _Seen(sign, now)
            return False
        return now - seen.since > bearable_s

    def _over(self, reader: Reader, kept: set[str]) -> dict[str, str]:
        """Return id -> why of the alerts about what answers again, or is not to be heard any more."""
        found = {}
        for one in alerts.alerts(reader):
            if one.kind == KIND and one.key not in kept:
                found[one.id] = "it answers again" if one.host else "it is paused, or its model serves no more"
        return found

    def _monitor(self, tx: Write, monitor: Monitor, for_s: float) -> None:
        newest = next((job for job in jobs.jobs(tx, 20, model=monitor.model) if job.kind == "monitor"), None)
        why = f": its last job is {newest.state}{f', {newest.reason}' * bool(newest.reason)}" if newest else ""
        alerts.raise_alert(
            tx,
            model=monitor.model,
            kind=KIND,
            key=key_of(monitor.name),
            severity="critical",
            title=f"the monitor has not looked for {for_s / 60:.0f} min{why}",
            evidence={"last_run_at": monitor.last_run_at, "job_id": newest.id if newest else None},
            actor=ACTOR,
            cooldown_s=COOLDOWN_S,
        )

    def _host(self, tx: Write, fault: Fault, for_s: float) -> None:
        serving = sorted({one.endpoint for one in deployments.deployments(tx) if one.host == fault.host})
        models = f", {len(serving)} model{'s' * (len(serving) != 1)} there: {', '.join(serving)}" if serving else ""
        alerts.raise_alert(
            tx,
            model=None,
            host=fault.host,
            kind=KIND,
            key=host_key(fault.host),
            severity="critical",
            title=f"host {fault.host} has not answered for {for_s / 60:.0f} min{models}",
            evidence={"fault": fault.detail, "since_at": fault.since_at, "models": serving},
            actor=ACTOR,
            cooldown_s=COOLDOWN_S,
        )


def _bearable(monitor: Monitor) -> float:
    return max(LOOKS * monitor.every_s, LEAST_S)
