"""The worker of a replay: the jobs a deck has queued, each by its own function, one after another in this process.

What a job is told of time comes from the deck's clock. Two things differ from a daemon's worker. A source that holds
all of the years is cut where the replay has come to: a training is told `until` the newest row whose outcome is known.
And no server is started: of a release the gates are asked and the champion moves, its other steps are passed over.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.jobs.context import JobContext
from engine.jobs.kinds import kind_named
from engine.release import abort, arrive
from engine.release.instruments import real_instruments
from engine.release.settle import settle
from engine.release.work import StepFailed, StepHeld, Work, open_work
from store import jobs, releases
from store.errors import GateFailed, Held, ModeldeckError

if TYPE_CHECKING:
    from pathlib import Path

    from engine.deck import Deck
    from store.database import Fence
    from store.rows import Job, Step

OPERATOR = "user:operator"


class Worker:
    """Runs what is queued. `until_us` is set by the replay before each round."""

    def __init__(self, deck: Deck, log: Path) -> None:
        self._deck = deck
        self._log = log
        self.until_us = 0

    def drain(self) -> list[Job]:
        """Run every job that is queued, and those they ask for; returns them as they ended."""
        ended = []
        while waiting := jobs.startable(self._deck.database):
            with self._deck.database.write() as tx:
                job = jobs.claim(tx, waiting[0].id)
            ended.append(self._run(job))
        return ended

    def forget_interrupted(self) -> None:
        """Mark what a killed replay left running as abandoned, and give up a release it left open."""
        with self._deck.database.write() as tx:
            for job in jobs.running(tx):
                jobs.abandon(tx, job.id, "the replay was killed")
        for release in releases.releases(self._deck.database, limit=1):
            if release.ended_at is None:
                abort(self._deck, release.endpoint, reason="the replay was killed", actor=OPERATOR)

    def _run(self, job: Job) -> Job:
        fence, said = jobs.fence(job), io.StringIO()
        state, code, reason, result = "succeeded", 0, "", {}
        try:
            with contextlib.redirect_stdout(said), self._deck.artifacts.claiming():
                result = self._do(job, fence)
        except Held as error:
            code, reason = error.exit_code, error.line()
        except ModeldeckError as error:
            state, code, reason = "failed", error.exit_code, error.line()
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{job.kind} {job.actor} {state} {reason}\n{said.getvalue()}")
        with self._deck.database.write() as tx:
            return jobs.finish(tx, job.id, job.attempt, state, reason=reason, exit_code=code, result=result)

    def _do(self, job: Job, fence: Fence) -> dict[str, Any]:
        if job.kind == "release":
            return release(self._deck, job, fence)
        if job.kind == "train":
            job = replace(job, args={**job.args, "until_us": self.until_us})
        module, _, function = kind_named(job.kind).entry.partition(":")
        result: dict[str, Any] = getattr(importlib.import_module(module), function)(JobContext(self._deck, job, fence))
        return result


def release(deck: Deck, job: Job, fence: Fence) -> dict[str, Any]:
    """Ask a release's gates on stored rows, and where they pass give its version the alias in the real transaction.

    Raises:
        GateFailed: a gate said no; the champion stays.
        Held: a gate has no data; the release waits for a person.
    """
    found = releases.release(deck.database, job.args["release_id"])
    if found.state != "pending":  # an operator gave it up
        return {"release_id": found.id, "state": found.state}
    with deck.database.write(fence) as tx:
        releases.set_state(tx, found.id, "running")
    work = open_work(deck, found, fence, real_instruments(), lambda _share, _text: None, lambda _seconds: None)
    for step in work.steps():
        if step.kind == "gates":
            _gates(work, step)
        elif step.kind == "alias":
            with work.write() as tx:
                settle(tx, work.release(), step, [], reverts=None)
                releases.set_state(tx, found.id, "completed", verdict="passed")
            break
        else:
            with work.write() as tx:
                releases.set_step(tx, found.id, step.number, "skipped")
    return {"release_id": found.id, "state": "completed"}


def _gates(work: Work, step: Step) -> None:
    try:
        observed = arrive.gates(work, work.release(), step)
    except StepHeld as held:
        arrive.hold_past(work, step, held)
        raise Held(held.detail, "") from None
    except StepFailed as failed:
        with work.write() as tx:
            observed = {**failed.observed, "detail": failed.detail}
            releases.set_step(tx, work.release_id, step.number, "failed", verdict="failed", observed=observed)
            evidence = {**work.release().evidence, "cause": failed.cause, "step": step.number}
            releases.set_state(tx, work.release_id, "failed", verdict="failed", detail=failed.detail, evidence=evidence)
        raise GateFailed(failed.detail, "the champion keeps the traffic") from None
    with work.write() as tx:
        releases.set_step(tx, work.release_id, step.number, "done", verdict="passed", observed=observed)
