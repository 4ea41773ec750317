"""What would be done, and the basis on which it holds. Reads only, in well under two seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.governance.approvals import Standing
from engine.plans import Check, Preview
from engine.release.basis import promote_basis, rollback_basis
from engine.release.facts import (
    PromoteFacts,
    RollbackFacts,
    applied_settings,
    gather_promote,
    gather_rollback,
    ready_replicas,
)
from engine.release.known import known_of
from engine.release.plan import NOT_NEEDED, plan_decision, plan_promote
from engine.release.plan_back import plan_abort, plan_rollback
from engine.release.planner import Traffic, traffic_of
from store.json_rows import rfc3339
from store.rows import Release, Version

if TYPE_CHECKING:
    from engine.deck import Deck


def preview_promote(
    deck: Deck,
    model: str,
    version: int | None = None,
    reason: str = "",
    *,
    emergency: bool = False,
    shadow: str = "",
) -> Preview:
    """Return the plan of a promotion; without `version` it is the challenger's. `shadow` is as PromoteFacts has it.

    Raises:
        UnknownName: no such model or version.
        Refused: no version is named and there is no challenger, or no settings are applied.
    """
    facts = gather_promote(deck.database, model, version, reason, emergency=emergency, shadow=shadow)
    decided, here = facts.decides, facts.here
    plan = plan_promote(facts, traffic_now(deck, model)) if decided is None else plan_decision(facts, decided)
    return Preview(
        plan=replace(plan, known=known_of(deck.database, here.champion, facts.to)),
        basis=promote_basis(facts),
        already=promote_already(facts),
        blocked=promote_blocked(facts) or promote_waits(facts),
        awaits=not promote_blocked(facts) and bool(promote_waits(facts)),
    )


def preview_rollback(deck: Deck, model: str) -> Preview:
    """Return the plan of a rollback with its proof; with a release running, the plan of its abort.

    Raises:
        UnknownName: no such model.
        Refused: there is nothing to go back to.
    """
    facts = gather_rollback(deck.database, model)
    active = facts.here.active
    if active is not None:
        return Preview(plan=plan_abort(facts.here, active), basis=rollback_basis(facts))
    target = rollback_target(facts)
    plan = plan_rollback(facts, target, proof(deck, facts, target))
    plan = replace(plan, known=known_of(deck.database, facts.here.champion, target))
    return Preview(plan=plan, basis=rollback_basis(facts))


def traffic_now(deck: Deck, model: str) -> Traffic:
    """Return what the endpoint is asked now, from its log; call it outside a transaction."""
    from engine.monitoring.recent import recent_traffic

    seen = recent_traffic(deck.workspace, model, deck.clock.now())
    return traffic_of(seen.rows, seen.errors, seen.seconds)


def promote_already(facts: PromoteFacts) -> str:
    """Return a line where the version serves already, else nothing."""
    here = facts.here
    if here.active is None and here.serves and here.champion is not None and here.champion.number == facts.to.number:
        return f"already champion: {here.model} v{facts.to.number}"
    return ""


def promote_blocked(facts: PromoteFacts) -> str:
    """Return why this promotion cannot be submitted, else nothing."""
    here, to = facts.here, facts.to
    if facts.decides is not None:
        return ""
    if here.active is not None:
        return running_line(here.active)
    if to.abandoned_at is not None and not facts.reason.strip():
        return f"v{to.number} is marked abandoned and needs a reason to serve again (--reason; in the console e)"
    if facts.emergency and not facts.standing.asked:
        return f"{here.model} asks for no approvals: promote it without --emergency"
    if facts.emergency and facts.standing.approval is not None:
        return f"{here.model}@{to.number} is approved already: promote it without --emergency"
    if facts.emergency and not facts.reason.strip():
        return "an emergency needs a reason (--reason)"
    return ""


def promote_waits(facts: PromoteFacts) -> str:
    """Return what people have yet to say, else nothing."""
    return "" if facts.decides is not None or facts.emergency else waits_line(facts.standing)


def waits_line(found: Standing) -> str:
    """Say why a release has to wait for people and what to do, else nothing."""
    return f"{found.waits}; {found.hint}" if found.waits else ""


def rollback_target(facts: RollbackFacts) -> Version:
    """Return the version to go back to.

    Raises:
        Refused: there is none.
    """
    if facts.to is None:
        raise nothing_to_go_back_to(facts)
    return facts.to


def nothing_to_go_back_to(facts: RollbackFacts) -> Exception:
    """Return the refusal that says why there is no way back."""
    from store.errors import Refused

    here = facts.here
    if here.champion is None:
        return Refused(f"{here.model} has never served: nothing to go back to", "give a version the traffic: promote")
    why = "no former champion is left that is not marked abandoned" if facts.reverts else "every release is reverted"
    way = f"name the version that should serve: modeldeck promote {here.model} VERSION --reason …"
    return Refused(
        f"{here.model} v{here.champion.number} serves and there is nothing to go back to: {why}",
        way if facts.others else f"it is the only version; another: modeldeck train {here.model}",
    )


def running_line(release: Release) -> str:
    """Say which release is in the way, and the ways out."""
    model = release.endpoint
    who = release.actor.removeprefix("user:")
    what = f"the {release.kind} of v{release.to_version} ({release.id[:12]})"
    doing = f"{who} asked for {what} at {rfc3339(release.requested_at)[:16]}Z"
    ways = f"modeldeck releases resume {model} --reason … or " if release.state == "held" else ""
    look = f"look first: modeldeck releases show {model}"
    said = f"a release of {model} is open: {doing}, it is {release.state}"
    return f"{said}; {look}; then {ways}modeldeck releases abort {model}"


def proof(deck: Deck, facts: RollbackFacts, target: Version) -> tuple[Check, ...]:
    """Return what shows that the target can serve: its bytes, its environment, the golden answers of warm servers."""
    from engine.deploy.probe import proof as version_proof

    body, _ = applied_settings(deck.database, facts.here.model)
    checks = version_proof(deck, target, body)
    for host in facts.here.hosts:
        if facts.stays(host):
            checks.append(Check(f"servers on {host.name}", "passed", "were left as they are", "as before"))
            continue
        warm = facts.warm_on(host)
        if host.kind == "docker":
            seen = f"runs on {host.name}" if warm else "made and shipped first"
            checks.append(Check(f"image on {host.name}", "passed" if warm else "pending", seen, "present"))
        else:
            checks.append(Check("image", "passed", NOT_NEEDED, "present"))
        ready = ready_replicas(deck.database, warm) if warm else ()
        if warm is None:
            checks.append(Check(f"golden answers on {host.name}", "pending", "not warm: started first", "as recorded"))
        elif host.silent is not None:
            told = "does not answer: goes back when it returns"
            checks.append(Check(f"golden answers on {host.name}", "no data", told, "as recorded"))
        else:
            seen = f"{len(ready)} of {warm.replicas} servers ready"
            verdict = "passed" if len(ready) >= warm.replicas else "failed"
            checks.append(Check(f"golden answers on {host.name}", verdict, seen, "as recorded"))
    return tuple(checks)
