"""Pausing, resuming and aborting the open release of an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.release.basis import check_basis, rollback_basis
from engine.release.facts import TO_DECIDE, gather_rollback
from engine.release.opening import give_job
from engine.release.routing import return_to_champion
from store import models, releases
from store.database import Write
from store.errors import Refused
from store.rows import Release, Step

if TYPE_CHECKING:
    from engine.deck import Deck

PASSABLE = ("no data", "inconclusive", TO_DECIDE)  # held for a person's word; any other hold is tried again


def pause(deck: Deck, model: str, *, reason: str = "", actor: str, via: str | None = None) -> Release:
    """Hold the running release where it is: traffic stays as it is, its job ends.

    Raises:
        Refused: no release of the model is open.
    """
    with deck.database.write() as tx:
        release = _open_release(tx, model)
        if release.state == "held":
            return release
        detail = f"paused by {actor}" + (f": {reason}" if reason else "")
        releases.set_state(tx, release.id, "held", detail=detail, actor=actor, reason=reason, via=via)
        return releases.release(tx, release.id)


def resume(deck: Deck, model: str, *, reason: str, actor: str, via: str | None = None) -> Release:
    """Let a held release go on, on record: past a step without data, or with answers that differ; again at a step whose
    host did not answer.

    Raises:
        Refused: no reason is given, or no release of the model is held.
    """
    if not reason.strip():
        raise Refused("resuming goes on without the evidence that was asked for", "say why: --reason")
    with deck.database.write() as tx:
        release = _open_release(tx, model)
        if release.state != "held":
            raise Refused(f"the release of {model} is {release.state}, not held", "follow it: modeldeck releases")
        return go_on(tx, release, actor=actor, reason=reason, via=via)


def go_on(tx: Write, release: Release, *, actor: str, reason: str, via: str | None) -> Release:
    """Let a held release go on, inside a transaction of the caller's."""
    for step in releases.steps(tx, release.id):
        if step.state in ("held", "running"):
            _go_past_or_again(tx, step, actor, reason)
    releases.set_state(tx, release.id, "running", actor=actor, reason=reason, via=via)
    return give_job(tx, release, actor=actor, via=via)


def abort(deck: Deck, model: str, *, basis: str = "", reason: str = "", actor: str, via: str | None = None) -> Release:
    """Return the traffic of the open release to the champion, in this transaction; a job finishes the rest.

    Raises:
        Refused: no release of the model is open.
        StaleBasis: the release is not as it was when the person decided.
    """
    with deck.database.write() as tx:
        if basis:
            check_basis(basis, rollback_basis(gather_rollback(tx, model)))
        return abort_in(tx, _open_release(tx, model), reason=reason, actor=actor, via=via)


def abort_in(tx: Write, release: Release, *, reason: str, actor: str, via: str | None) -> Release:
    """Abort an open release inside a transaction of the caller's."""
    generations = return_to_champion(tx, release.endpoint, release.id)
    detail = f"aborted by {actor}" + (f": {reason}" if reason else "")
    releases.set_state(
        tx,
        release.id,
        "aborted",
        verdict="aborted",
        detail=detail,
        evidence={**release.evidence, "cause": "abort", "returned": generations},
        actor=actor,
        reason=reason,
        via=via,
    )
    return give_job(tx, release, actor=actor, via=via)


def _go_past_or_again(tx: Write, step: Step, actor: str, reason: str) -> None:
    if step.state == "held" and step.verdict in PASSABLE:
        observed = {**step.observed, "resumed_by": actor, "resume_reason": reason}
        releases.set_step(tx, step.release_id, step.number, "done", verdict=step.verdict, observed=observed)
        return
    again(tx, step)


def again(tx: Write, step: Step) -> None:
    """Have a step start over after a pause or a silent host, with samples counted from then."""
    releases.set_step(tx, step.release_id, step.number, "pending", observed={})


def _open_release(tx: Write, model: str) -> Release:
    models.model(tx, model)
    release = releases.active(tx, model)
    if release is None:
        raise Refused(f"no release of {model} is open", f"modeldeck releases {model} lists those that were")
    return release
