"""The act of a switch: a host's traffic goes to new servers of the version that serves already, all at once."""

from __future__ import annotations

from typing import Any

from engine.release.arrive import need_deployment
from engine.release.rollout import LOOK_S, Deaths, await_router
from engine.release.routing import champion_of, entry, split, with_others
from engine.release.work import StepFailed, Work
from store import deployments, releases
from store.rows import Release, Step


def switch(work: Work, release: Release, step: Step) -> dict[str, Any]:
    """Give a host's traffic to what this release started there, and see that it bears it.

    There are no shares: the version is the same, and its golden answers are proven. What may be wrong is what the
    settings changed, such as too little memory, and that shows in servers that end. What served before runs on as it
    is, so that an abort is a change of route.
    """
    assert step.host is not None
    new = need_deployment(work, release, step.host)
    observed = dict(step.observed)
    if "generation" not in observed:
        with work.write() as tx:
            before = champion_of(tx, release.endpoint, step.host)
            shares = split(before, new, 100) if before is not None else [entry(new, 100, "challenger")]
            entries = with_others(tx, release.endpoint, step.host, shares)
            observed["generation"] = deployments.set_routes(tx, release.endpoint, step.host, entries, release.id)
            releases.set_step(tx, release.id, step.number, "running", observed=observed)
    await_router(work, release.endpoint, step.host, observed["generation"])
    deaths = Deaths(work, new)
    harm = ""

    def is_harmed() -> bool:
        nonlocal harm
        harm = deaths.harm()
        return bool(harm)

    if work.wait(is_harmed, float(step.args["hold_s"]), poll_s=LOOK_S):
        raise StepFailed(f"on {step.host}: {harm}", "harm", observed)
    return observed
