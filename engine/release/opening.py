"""Opens one release with its steps and its job; the caller's transaction has checked that it may."""

from __future__ import annotations

import dataclasses
from typing import Any

from engine.plans import Plan
from engine.settings.work import terms
from store import jobs, releases, settings
from store.database import Write
from store.rows import Release, to_json

JOB_KIND = "release"


def open_with_job(
    tx: Write,
    plan: Plan,
    basis: str,
    settings_revision: int,
    *,
    reason: str,
    actor: str,
    via: str | None,
    evidence: dict[str, Any] | None = None,
) -> Release:
    """Open a release, write its steps, and enqueue the job that runs it.

    Raises:
        Refused: another release of the endpoint is open.
    """
    release = releases.open_release(
        tx,
        endpoint=plan.endpoint,
        kind=plan.kind,
        from_version=plan.from_version,
        to_version=plan.to_version,
        reason=reason,
        basis=basis,
        plan=to_json(dataclasses.asdict(plan)),
        evidence=evidence or {},
        undo={"command": plan.undo},
        settings_revision=settings_revision,
        actor=actor,
        via=via,
    )
    releases.add_steps(tx, release.id, plan.steps)
    return give_job(tx, release, actor=actor, via=via)


def give_job(tx: Write, release: Release, *, actor: str, via: str | None) -> Release:
    """Enqueue a job for a release and make it the one that may work on it."""
    job = jobs.enqueue(
        tx,
        kind=JOB_KIND,
        model=release.endpoint,
        args={"release_id": release.id},
        actor=actor,
        via=via,
        settings_revision=release.settings_revision,
        terms=terms(settings.get(tx, release.settings_revision).body, JOB_KIND),
    )
    return releases.set_job(tx, release.id, job.id)
