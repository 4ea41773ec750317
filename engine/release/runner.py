"""Carries a release through its steps, from wherever an earlier attempt of it left off."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.deploy.hosts.connection import kept_connections
from engine.release import ab, arrive, carry, rollout
from engine.release.facts import TO_DECIDE
from engine.release.instruments import real_instruments
from engine.release.routing import live, of_release, return_to_champion
from engine.release.settle import settle
from engine.release.switch import switch
from engine.release.tail import finish
from engine.release.work import (
    NO_ANSWER,
    Instruments,
    Overtaken,
    Progress,
    Sleep,
    StepFailed,
    StepHeld,
    Work,
    open_work,
)
from store import releases
from store.database import Fence
from store.errors import Aborted, GateFailed, Held, LeaseLost, ModeldeckError, Unavailable, WorkFailed
from store.rows import Release, Step

if TYPE_CHECKING:
    from engine.deck import Deck

Act = Callable[[Work, Release, Step], dict[str, Any]]

ACTS: dict[str, Act] = {
    "gates": arrive.gates,
    "approvals": arrive.approvals,
    "build": carry.build,
    "ship": carry.ship,
    "start": arrive.start,
    "proof": arrive.proof,
    "limits": arrive.limits,
    "shadow": rollout.weight,
    "weight": rollout.weight,
    "switch": switch,
    "ab": ab.ab,
}


def _quiet(_fraction: float, _text: str) -> None:
    """Tell nobody."""


def run_release(
    deck: Deck,
    release_id: str,
    *,
    fence: Fence | None,
    progress: Progress = _quiet,
    clock_sleep: Sleep = time.sleep,
    instruments: Instruments | None = None,
) -> Release:
    """Run a release until it is completed, held, aborted or failed, and return it as it then stands.

    Run again after a kill it goes on from the recorded steps; run on a release that has ended it finishes what is
    left (drain, stop, record). A refusal by a gate, a hold and an abort are states of the answer, not exceptions:
    see `ending_error`.

    Raises:
        LeaseLost: a newer attempt of the job runs; nothing was written.
        WorkFailed: the champion has moved, but a router has not followed within a minute.
    """
    release = releases.release(deck.database, release_id)
    work = open_work(deck, release, fence, instruments or real_instruments(), progress, clock_sleep)
    if release.state == "pending":
        with deck.database.write(fence) as tx:
            if releases.release(tx, release_id).state == "pending":
                releases.set_state(tx, release_id, "running")
    with kept_connections():
        return _carried(work)


def _carried(work: Work) -> Release:
    if work.release().state == "running":
        try:
            _forward(work)
        except Exception as error:
            if not isinstance(error, LeaseLost):
                with suppress(Exception):  # the fault that is shown is the first one
                    finish(work, work.release())
            raise
    return finish(work, work.release())


def ending_error(release: Release, job_id: str | None = None) -> ModeldeckError | None:
    """Return what a follower of this release exits with: None when it completed (or still runs).

    With `job_id`, the job that carries out a person's abort has done what it was asked for, and so has no error.
    """
    if release.evidence.get("cause") == "abort" and job_id is not None and job_id == release.job_id:
        return None
    told = f"{release.endpoint} v{release.to_version}: {release.detail}" if release.detail else release.endpoint
    if release.state == "held":
        name = release.endpoint
        if release.evidence.get("cause") == NO_ANSWER:
            return Held(told, f"back? modeldeck deployments converge {name}; or return now: modeldeck rollback {name}")
        if release.evidence.get("cause") == TO_DECIDE:
            ways = f"modeldeck promote {name} {release.to_version}, or: modeldeck releases abort {name}"
            return Held(told, f"look: modeldeck releases show {name}; decide: {ways}")
        return Held(told, f"modeldeck releases resume {name} --reason …, or: modeldeck releases abort {name}")
    if release.state == "failed" and release.evidence.get("cause") == "gate":
        return GateFailed(told, _who_keeps_it(release))
    if release.state in ("failed", "aborted"):
        kind = Aborted if release.evidence.get("cause") == "abort" else WorkFailed
        return kind(told, _who_keeps_it(release))
    return None


def _who_keeps_it(release: Release) -> str:
    return "the champion keeps the traffic" if release.from_version is not None else "nothing serves yet"


def _forward(work: Work) -> None:
    steps = work.steps()
    for index, step in enumerate(steps):
        if step.state in ("done", "skipped"):
            continue
        work.progress(index / len(steps), step.title)
        if not _goes_on(work, step):
            return


def _goes_on(work: Work, step: Step) -> bool:
    """Do one step; says whether the next one is to be done. What stops a release is written before it is told."""
    try:
        if step.kind == "alias":
            _become_champion(work, step)
            return False
        _one_step(work, step)
        return True
    except Overtaken:
        return False
    except StepHeld as held:
        with suppress(Overtaken):
            arrive.hold_past(work, work.step(step.number), held)
    except StepFailed as failed:
        _return(work, step, failed)
    except LeaseLost:
        raise
    except Unavailable as error:
        with suppress(Overtaken):
            arrive.hold_past(work, work.step(step.number), StepHeld(error.message, NO_ANSWER))
    except ModeldeckError as error:
        _return(work, step, StepFailed(error.line(), "error"))
    except Exception as error:
        # A fault of ours must not strand the traffic: it goes back first, then the fault is shown whole.
        _return(work, step, StepFailed(f"{type(error).__name__}: {error}", "error"))
        raise
    return False


def _one_step(work: Work, step: Step) -> None:
    if step.host is not None:
        work.check_reached()
    with work.write() as tx:
        releases.set_step(tx, work.release_id, step.number, "running", observed=step.observed)
    observed = ACTS[step.kind](work, work.release(), step)
    verdict = "no data" if step.kind in rollout.JUDGED and not observed.get("new", {}).get("rows") else "passed"
    with work.write() as tx:
        releases.set_step(tx, work.release_id, step.number, "done", verdict=verdict, observed=observed)


def _become_champion(work: Work, step: Step) -> None:
    work.check_reached()
    release = work.release()
    with work.write() as tx:
        kept = step.args.get("arriving", ())  # servers of before, still warm, that get the traffic back
        arriving = [one for one in of_release(tx, release.endpoint, release.id) if one.desired == "serving"]
        arriving += [one for one in live(tx, release.endpoint) if one.id in kept and one.desired != "stopped"]
        settle(tx, release, step, arriving, reverts=release.evidence.get("reverts"))
        releases.set_state(tx, release.id, "completed", verdict="passed")


def _return(work: Work, step: Step, failed: StepFailed) -> None:
    """Give the traffic back to the champion and close the release, in one transaction; not where someone else did."""
    release = work.release()
    evidence = {**release.evidence, "cause": failed.cause, "step": step.number}
    with suppress(Overtaken), work.write() as tx:
        generations = return_to_champion(tx, release.endpoint, release.id)
        observed = {**failed.observed, "detail": failed.detail, "returned": generations}
        releases.set_step(tx, release.id, step.number, "failed", verdict="failed", observed=observed)
        state = "aborted" if failed.cause == "harm" else "failed"
        releases.set_state(tx, release.id, state, verdict="failed", detail=failed.detail, evidence=evidence)
