"""The one transaction that makes a version champion: alias, routes, deployments, marks and release together."""

from __future__ import annotations

from typing import Any

from engine.release.routing import hand_over, leave
from store import approvals, models, releases, versions
from store.database import Write
from store.rows import Deployment, Release, Step


def settle(
    tx: Write, release: Release, step: Step, arriving: list[Deployment], *, reverts: str | None
) -> dict[str, Any]:
    """Make the release's version champion. Call inside the transaction that has checked everything else.

    Raises:
        AliasConflict: the champion moved since the release was opened; nothing of this transaction may be kept.
    """
    endpoint, to = release.endpoint, release.to_version
    generations = hand_over(tx, endpoint, arriving, release.id)
    for host in step.args.get("leaving", ()):  # last: the others have the traffic already
        generations[host] = leave(tx, endpoint, host, release.id)
    models.set_alias(
        tx,
        endpoint,
        "champion",
        to,
        actor=release.actor,
        reason=release.reason,
        expected_generation=step.args["generation"],
    )
    challenger = next((one for one in models.aliases(tx, endpoint) if one.name == "challenger"), None)
    if challenger is not None and challenger.version == to:
        models.remove_alias(tx, endpoint, "challenger", actor=release.actor, reason=f"v{to} is champion")
    if release.kind == "rollback" and release.from_version not in (None, to):  # the version of a deploy is not at fault
        assert release.from_version is not None
        versions.mark_abandoned(tx, endpoint, release.from_version, actor=release.actor, reason=release.reason)
    elif versions.version(tx, endpoint, to).abandoned_at is not None:
        versions.clear_abandoned(tx, endpoint, to, actor=release.actor, reason=release.reason)
    if reverts is not None:
        releases.mark_reverted(tx, reverts, release.id)
    if "approval" in release.evidence:
        approvals.use(tx, release.evidence["approval"], release.id, actor=release.actor)
    observed = {"generations": generations}
    releases.set_step(tx, release.id, step.number, "done", verdict="passed", observed=observed)
    return observed
