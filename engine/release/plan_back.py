"""What a rollback or an abort will do, step by step. Pure over gathered facts."""

from __future__ import annotations

from engine.plans import Check, Plan, PlanStep
from engine.release.facts import EndpointFacts, RollbackFacts
from engine.release.plan import arrival, departure, differences, hosts_of, leaving_steps, named, settled
from store.rows import Release, Version


def plan_rollback(facts: RollbackFacts, target: Version, checks: tuple[Check, ...] = ()) -> Plan:
    """Plan going back to `target`: a route change where it is kept warm, else a start without weight steps."""
    if facts.former:
        return _plan_return(facts, target, checks)
    here = facts.here
    left = here.champion.number if here.champion else None
    move = f"champion moves from {named(left)} to v{target.number}, and all traffic with it"
    args = {"from": left, "to": target.number, **settled(here)}
    steps: list[PlanStep] = []
    if facts.is_warm:
        for host in here.hosts:
            warm = facts.warm_on(host)
            title = f"all traffic to v{target.number}, kept warm here"
            steps.append(PlanStep("route", title, host.name, {"deployment_id": warm.id if warm else None}))
    else:
        for host in here.hosts:
            steps += arrival(host, target, here)
    steps.append(PlanStep("alias", f"{move}; {named(left)} is marked abandoned", args=args))
    steps += leaving_steps(here)
    steps += departure(here, keep_warm=False)
    how = "a route change" if facts.is_warm else f"v{target.number} is not warm and is started first"
    return Plan(
        kind="rollback",
        endpoint=here.model,
        from_version=left,
        to_version=target.number,
        summary=f"{here.model}: {named(left)} → v{target.number} on {hosts_of(here)}: {how}",
        undo=f"modeldeck promote {here.model} {left} --reason …",
        steps=tuple(steps),
        differences=differences(here.champion, target),
        checks=checks,
    )


def _plan_return(facts: RollbackFacts, target: Version, checks: tuple[Check, ...]) -> Plan:
    """Plan taking a deploy back: the same version, on the servers, under the settings and on the hosts of before."""
    here, steps = facts.here, list[PlanStep]()
    arriving: list[str] = []
    for host in here.hosts:
        warm = facts.warm_on(host)
        if facts.stays(host):
            continue
        if warm is not None:
            arriving.append(warm.id)
            title = "all traffic here to the former servers, kept warm"
            steps.append(PlanStep("route", title, host.name, {"deployment_id": warm.id}))
        else:
            former = next(one for one in facts.former if one.host == host.name)
            steps += arrival(host, target, here, former)
    if not facts.is_warm:  # nothing moves before the last one is proven, then all at once
        steps = [step for step in steps if step.kind != "route"]
    args = {"from": target.number, "to": target.number, "arriving": arriving, **settled(here)}
    title = f"v{target.number} stays champion, as it was before the deploy"
    steps.append(PlanStep("alias", title, args=args))
    steps += leaving_steps(here)
    steps += departure(here, keep_warm=False, what="the servers of the deploy")
    how = "a route change" if facts.is_warm else "what is not warm any more is started first"
    return Plan(
        kind="rollback",
        endpoint=here.model,
        from_version=target.number,
        to_version=target.number,
        summary=f"{here.model}: v{target.number} as it was before the deploy, on {hosts_of(here)}: {how}",
        undo=f"modeldeck deploy {here.model}",
        steps=tuple(steps),
        checks=checks,
    )


def plan_abort(here: EndpointFacts, active: Release) -> Plan:
    """Plan returning the traffic of a running release to the champion, nothing more."""
    champion = here.champion.number if here.champion else None
    same = champion == active.to_version
    who = f"the servers that {named(champion)} had before" if same else named(champion)
    what = "the new servers" if same else f"v{active.to_version}"
    told = f"the release of v{active.to_version} is aborted, {who} keeps the traffic"
    if same:
        told = f"the {active.kind} of v{active.to_version} is aborted, {who} keep the traffic"
    steps = [PlanStep("route", f"all traffic to {who}", host.name) for host in here.hosts]
    steps.append(PlanStep("drain", f"drain {what} and stop {'them' if same else 'it'}"))
    steps.append(PlanStep("record", "record what was seen"))
    return Plan(
        kind="abort",
        endpoint=here.model,
        from_version=active.to_version,
        to_version=champion if champion is not None else active.to_version,
        summary=f"{here.model}: {told}",
        undo=f"modeldeck deploy {here.model}" if same else f"modeldeck promote {here.model} {active.to_version}",
        steps=tuple(steps),
    )
