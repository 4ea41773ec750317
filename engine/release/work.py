"""One release being worked on: its steps, its fenced writes, its waiting, and whether it is still ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.release.facts import applied_settings
from engine.settings.model import ModelSettings
from store import faults, releases, versions
from store.database import Fence, Write
from store.rows import Release, Step, Version, rfc3339

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.plans import Check
    from engine.release.judge import Live
    from store.rows import Image, Replica

POLL_S = 0.1
NO_ANSWER = "no answer"  # the verdict of a step whose host does not answer: it is tried again, never gone past
SECOND_US = 1_000_000

Progress = Callable[[float, str], None]
Sleep = Callable[[float], None]

Say = Callable[[float, str], None]


class Overtaken(Exception):
    """The release was aborted, paused, or taken over by another job: this one stops without a trace."""


class StepHeld(Exception):
    """The step has no data or is for a person, or its host does not answer: traffic stays as it is."""

    def __init__(self, detail: str, verdict: str = "no data", observed: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.verdict = verdict  # "no data" and "inconclusive" may be resumed past, "no answer" is tried again
        self.observed = observed or {}


class StepFailed(Exception):
    """The step said no: traffic returns to the champion. `cause` is gate, harm or error."""

    def __init__(self, detail: str, cause: str, observed: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cause = cause
        self.observed = observed or {}


@dataclass(frozen=True, slots=True)
class Instruments:
    """`live(deck, model, deployment_id, since_us)` and `shadow(…)` of copies, `agreement(deck, model, champion_id,
    shadow_id, since_us)` of their answers, `outcomes(deck, model, since_us, ids)` by prediction id,
    `latency(deck, version, replica, repeats)` in ms, `memory_mb(deck, replica)`,
    `gates(deck, settings, new, champion)`, `proof(deck, version, settings)`,
    `unreachable(deck, host)`: why the host's router cannot listen, empty where it can,
    `build(work, version, host, say)` and `ship(work, digest, host, say)` of an image."""

    live: Callable[[Deck, str, str, int], Live]
    shadow: Callable[[Deck, str, str, int], Live]
    agreement: Callable[[Deck, str, str, str, int], dict[str, Any]]
    outcomes: Callable[[Deck, str, int, Sequence[str]], dict[str, float | str]]
    latency: Callable[[Deck, Version, Replica, int], list[float]]
    memory_mb: Callable[[Deck, Replica], float | None]
    gates: Callable[[Deck, ModelSettings, Version, Version | None], list[Check]]
    proof: Callable[[Deck, Version, ModelSettings], list[Check]]
    unreachable: Callable[[Deck, str], str]
    build: Callable[[Work, Version, str, Say], Image]
    ship: Callable[[Work, str, str, Say], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Work:
    """What every act of the runner is given. `job_id` is None only where no job is behind the work."""

    deck: Deck
    release_id: str
    fence: Fence | None
    settings: ModelSettings
    instruments: Instruments
    progress: Progress
    sleep: Sleep

    def release(self) -> Release:
        """Read the release as it stands."""
        return releases.release(self.deck.database, self.release_id)

    def steps(self) -> list[Step]:
        """Read the steps as they stand."""
        return list(releases.steps(self.deck.database, self.release_id))

    def step(self, number: int) -> Step:
        """Read one step as it stands."""
        return next(one for one in self.steps() if one.number == number)

    def version(self, number: int) -> Version:
        """Read a version of the model being released."""
        return versions.version(self.deck.database, self.release().endpoint, number)

    def check_ours(self, release: Release) -> None:
        """Stop where the release no longer runs, or runs under another job.

        Raises:
            Overtaken: it does not.
        """
        if release.state != "running" or (self.fence is not None and release.job_id != self.fence.job_id):
            raise Overtaken(release.state)

    def check_reached(self) -> None:
        """Hold where a host of the model does not answer: a fleet must not be split by going on without it.

        Raises:
            StepHeld: one does not.
        """
        for host in self.settings.deploy.hosts:
            fault = faults.silent(self.deck.database, host)
            if fault is not None:
                since = rfc3339(fault.since_at)[11:19]
                raise StepHeld(f"{host} has not answered since {since} UTC ({fault.detail})", NO_ANSWER)

    @contextmanager
    def write(self) -> Iterator[Write]:
        """Open a fenced transaction in which the release is known to be ours.

        Raises:
            Overtaken: the release is not ours any more; nothing is written.
            LeaseLost: a newer attempt of the job exists.
        """
        with self.deck.database.write(self.fence) as tx:
            self.check_ours(releases.release(tx, self.release_id))
            yield tx

    def wait(self, is_so: Callable[[], bool], for_s: float | None = None, *, poll_s: float = POLL_S) -> bool:
        """Wait until a condition holds, at most `for_s` seconds where given; returns whether it did in time.

        Raises:
            Overtaken: the release stopped being ours meanwhile.
            StepHeld: a host of the model does not answer.
        """
        until = None if for_s is None else self.deck.clock.now() + int(for_s * SECOND_US)
        while True:
            self.check_ours(self.release())
            self.check_reached()
            if is_so():
                return True
            if until is not None and self.deck.clock.now() >= until:
                return False
            self.sleep(poll_s)


def open_work(
    deck: Deck, release: Release, fence: Fence | None, instruments: Instruments, progress: Progress, sleep: Sleep
) -> Work:
    """Make the work of a release, under the settings revision that it pins."""
    settings, _ = applied_settings(deck.database, release.endpoint, release.settings_revision)
    return Work(deck, release.id, fence, settings, instruments, progress, sleep)
