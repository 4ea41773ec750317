"""What a promotion will do, step by step, and the parts of a plan that others share. Pure over gathered facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.governance.approvals import Standing
from engine.plans import Check, Difference, Plan, PlanStep
from engine.release.facts import EndpointFacts, HostFacts, PromoteFacts
from engine.release.fairness import fairness_checks
from engine.release.known import same_holdout
from engine.release.placing import Placement
from engine.release.planner import NO_TRAFFIC, Traffic, about, need, need_line, short_steps
from engine.settings.durations import written
from engine.settings.model import ModelSettings, RolloutStep
from store.rows import Release, Version

RUNNING_GATES = ("latency_", "memory_")  # gates that need a running server
GOLDEN_REPEATS = 200  # golden requests asked at least, before a latency gate says anything
OTHER_ROWS = "tested on different rows"
NOT_NEEDED = "not needed on a process host"


def plan_promote(facts: PromoteFacts, traffic: Traffic = NO_TRAFFIC) -> Plan:
    """Plan giving `facts.to` the traffic. Without a serving champion there are no weight steps.

    `traffic` is what the endpoint is asked now: it says how long each weight step will take.
    """
    here, to = facts.here, facts.to
    # A champion whose endpoint was stopped is started again: it has no rival, and the alias need not move.
    rival = here.champion if here.champion and here.champion.number != to.number else None
    champion = rival.number if rival else None
    steps = [
        PlanStep("gates", _gates_title(rival, to), args={"version": to.number, "champion": champion}),
        approvals_step(facts.standing, here.settings, emergency=facts.emergency),
    ]
    for host in here.hosts:
        steps += arrival(host, to, here)
        if running_gates(here.settings):
            steps.append(running_gates_step(host, here.settings))
        if host.serving is not None and here.settings.deploy.strategy != "ab":
            if here.settings.deploy.strategy == "shadow" or facts.shadow:
                decides = facts.shadow == "decides" and all(step.kind != "shadow" for step in steps)
                steps.append(_shadow_step(host, to, here.settings, decides=decides))
            steps += [_weight_step(host, to, step, here.settings, traffic) for step in here.settings.deploy.rollout]
    divided = [host.name for host in here.hosts if host.serving is not None]
    if divided and here.settings.deploy.strategy == "ab":
        steps.append(_ab_step(divided, to, here.settings, traffic))
    steps.append(
        PlanStep(
            "alias",
            f"champion moves from {named(champion)} to v{to.number}, and all traffic with it",
            args={"from": champion, "to": to.number, **settled(here)},
        )
    )
    steps += leaving_steps(here)
    steps += departure(here, keep_warm=True)
    return Plan(
        kind="promote",
        endpoint=here.model,
        from_version=champion,
        to_version=to.number,
        summary=f"{here.model}: {named(champion)} → v{to.number} on {hosts_of(here)}",
        undo=undo_command(here.model, champion),
        steps=tuple(steps),
        differences=differences(rival, to),
        checks=recorded_checks(here.settings, to, rival),
        warnings=short_steps(steps),
    )


def approvals_step(found: Standing, settings: ModelSettings, *, emergency: bool = False) -> PlanStep:
    """Plan that the approvals are looked at once more before anything starts."""
    args: dict[str, Any] = {"asked": found.asked, "approval": found.approval.id if found.approval else None}
    if emergency:
        within = written(settings.gates.approvals.second_look_s)
        title = f"approvals: passed over in an emergency; somebody else looks at it within {within}"
        return PlanStep("approvals", title, args={**args, "emergency": True})
    if found.approval is not None:
        names = ", ".join(one.actor.removeprefix("user:") for one in found.approval.granted)
        return PlanStep("approvals", f"approvals: granted by {names}", args=args)
    return PlanStep("approvals", f"approvals: {found.waits or 'none asked'}", args=args)


def differences(before: Version | None, after: Version) -> tuple[Difference, ...]:
    """Return what differs between the version left and the version arrived at, most telling first."""
    if before is None:
        return ()
    measured = _metric_differences(before, after)
    apart = "" if same_holdout(before, after) else OTHER_ROWS
    rows = [
        ("version", f"v{before.number}", f"v{after.number}"),
        *measured,
        ("estimator", before.estimator, after.estimator),
        ("snapshot", before.snapshot_id[:19], after.snapshot_id[:19]),
        ("settings revision", str(before.settings_revision), str(after.settings_revision)),
        ("code bundle", before.bundle_hash[:19], after.bundle_hash[:19]),
        ("environment", before.environment_hash[:19], after.environment_hash[:19]),
        ("decision", _decision(before), _decision(after)),
        ("inputs", _inputs(before), _inputs(after)),
        *_replayed(before, after),
    ]
    noted = dict.fromkeys((name for name, _, _ in measured), apart)
    return tuple(Difference(name, old, new, noted.get(name, "")) for name, old, new in rows if old != new)


def _replayed(before: Version, after: Version) -> list[tuple[str, str, str]]:
    """Return what the replay of logged inputs said, where `after` was compared with this very champion."""
    seen = after.evaluation.get("replay") or {}
    if seen.get("champion") != before.number or "agreement" not in seen:
        return []
    speed, known = seen["latency_ms"], seen["outcomes"]
    rows = [
        ("replayed answers", f"{seen['rows']} logged", f"{seen['agreement']:.1%} agree"),
        ("replayed ms, p50", f"{speed['champion']['p50']:.3g}", f"{speed['challenger']['p50']:.3g}"),
    ]
    if "verdict" in known:
        told = f"{known['verdict']}: {known['metric']} {known['gain']:.4g} a row"
        rows.append(("replayed outcomes", f"{known['n']} known", told))
    return rows


def _decision(version: Version) -> str:
    """Return the decision rule in words: `true from 0.161 on, by f1`; an interval by its narrowest and widest band."""
    rule = version.decision
    if not rule:
        return "-"
    if "interval" in rule:
        found = rule["interval"]
        widths = [high - low for low, high in zip(found["low"], found["high"], strict=True)]
        span = f"{min(widths):.4g}" if len(widths) == 1 else f"{min(widths):.4g} to {max(widths):.4g}"
        return f"an interval of {found['level']:.0%}, {span} wide"
    if not {"positive", "threshold"} <= rule.keys():
        return ", ".join(f"{name} {value}" for name, value in sorted(rule.items()))
    chosen = f", by {rule['chosen_by']}" if rule.get("chosen_by") else ""
    return f"{rule['positive']} from {rule['threshold']:g} on{chosen}"


def recorded_checks(settings: ModelSettings, to: Version, champion: Version | None) -> tuple[Check, ...]:
    """Return the gates as the recorded evaluation already answers them; what must be measured is pending."""
    checks: list[Check] = []
    for name, limit in settings.gates.limits.items():
        if name.startswith(RUNNING_GATES):
            checks.append(Check(name, "pending", "", bound_text(limit.min, limit.max)))
            continue
        if limit.min is not None or limit.max is not None:
            value = recorded_metric(to, name)
            checks.append(bounded(name, value, limit.min, limit.max))
        if limit.vs_champion is not None and champion is not None:
            required = f"at most {limit.vs_champion:g} x the loss of v{champion.number}"
            checks.append(Check(f"{name} vs champion", "pending", "", required))
    checks += fairness_checks(settings, to)
    checks += [Check(f"test {name}", "pending", "", one.kind) for name, one in settings.tests.items()]
    if champion is None:
        metric = str(to.evaluation.get("metric", ""))
        return (*checks, Check(f"{metric} vs Dummy", "pending", "", "better than Dummy"))
    checks += [Check(f"slices of {column}", "pending", "", "no worse than champion") for column in slices(settings)]
    return (*checks, *live_checks(settings, to))


def live_checks(settings: ModelSettings, to: Version) -> list[Check]:
    """Return what live answers will be asked beside errors and latency; how long outcomes take nobody can plan."""
    judge, metric = settings.deploy.judge, str(to.evaluation.get("metric", "") or "metric")
    found: list[Check] = []
    if judge.predictions is not None and settings.task != "ranking":
        required = f"at most {judge.predictions * 100:g} % moved"
        found.append(Check("live answers vs champion", "pending", "", required))
    if judge.metric is not None and settings.task in ("regression", "classification"):
        required = f"at most {judge.metric:g} x, from {judge.labels} outcomes each; not planned"
        found.append(Check(f"live {metric} vs champion", "pending", "", required))
    return found


def bounded(name: str, value: float | None, low: float | None, high: float | None) -> Check:
    """Judge one value against an absolute bound; no value is no data, never passed."""
    required = bound_text(low, high)
    if value is None:
        return Check(name, "no data", "not measured", required)
    fits = (low is None or value >= low) and (high is None or value <= high)
    return Check(name, "passed" if fits else "failed", f"{value:.6g}", required)


def bound_text(low: float | None, high: float | None) -> str:
    """Say a bound in words."""
    parts = [f"at least {low:g}"] if low is not None else []
    return " and ".join([*parts, f"at most {high:g}"] if high is not None else parts) or "measured"


def recorded_metric(version: Version, name: str) -> float | None:
    """Return a metric of the version's recorded holdout evaluation."""
    entry = version.evaluation.get("holdout", {}).get(name)
    value = entry.get("value") if isinstance(entry, dict) else entry
    return float(value) if value is not None else None


def running_gates(settings: ModelSettings) -> list[str]:
    """Return the names of the gates that need a running server."""
    return [name for name in settings.gates.limits if name.startswith(RUNNING_GATES)]


def slices(settings: ModelSettings) -> tuple[str, ...]:
    """Return the columns whose slices are gated."""
    return settings.gates.slices


def undo_command(model: str, champion: int | None) -> str:
    """Return the command that takes a completed promotion back; before the first version nothing served."""
    return f"modeldeck rollback {model}" if champion is not None else f"modeldeck endpoints stop {model}"


def _gates_title(rival: Version | None, to: Version) -> str:
    if rival is None:
        return "gates: absolute limits, and better than Dummy (there is nothing to compare with)"
    return f"gates on data that neither v{to.number} nor v{rival.number} was trained on"


def arrival(host: HostFacts, to: Version, here: EndpointFacts, former: Placement | None = None) -> list[PlanStep]:
    """Plan what brings servers of a version up on a host and proves them; `former` are those to be had again."""
    replicas = former.replicas if former else here.settings.deploy.replicas
    count = "1 server" if replicas == 1 else f"{replicas} servers"
    beside = f" beside v{host.serving.version}" if host.serving else ""
    if host.serving and host.serving.version == to.number:
        beside = " beside those that serve"
    started: dict[str, Any] = {"replicas": replicas}
    needed: dict[str, Any] = {"needed": True}
    if former:
        started["settings_revision"] = former.settings_revision
        needed["image"] = former.image
    if host.kind == "docker":
        made = "found, as it was" if former else "found, or made from the registry"
        carried = [
            PlanStep("build", f"image of v{to.number}: {made}", host.name, needed),
            PlanStep("ship", "ship what the host lacks of it, layer by layer", host.name, {"needed": True}),
        ]
    else:
        carried = [
            PlanStep("build", f"image: {NOT_NEEDED}", host.name, {"needed": False}),
            PlanStep("ship", f"shipping: {NOT_NEEDED}", host.name, {"needed": False}),
        ]
    return [
        *carried,
        PlanStep("start", f"start {count} of v{to.number}{beside}", host.name, started),
        PlanStep("proof", "warm, and answer the golden requests as recorded, on every server", host.name),
    ]


def running_gates_step(host: HostFacts, settings: ModelSettings) -> PlanStep:
    """Plan the gates that need a running server on a host."""
    names = running_gates(settings)
    title = f"gates {', '.join(names)}: {GOLDEN_REPEATS} golden requests before any live one"
    return PlanStep("limits", title, host.name, {"gates": names, "repeats": GOLDEN_REPEATS})


def _shadow_step(host: HostFacts, to: Version, settings: ModelSettings, *, decides: bool) -> PlanStep:
    deploy = settings.deploy
    wait = written(deploy.max_wait_s)
    title = f"copies of the traffic to v{to.number}, answers never returned, until {deploy.min_samples:,} rows"
    args = {"weight": 0, "hold_s": 0.0, "min_samples": deploy.min_samples, "max_wait_s": deploy.max_wait_s}
    if decides:
        title, args = f"{title}, then a person decides", {**args, "decide": True}
    return PlanStep("shadow", f"{title}; held after {wait} without", host.name, args)


def _weight_step(
    host: HostFacts, to: Version, step: RolloutStep, settings: ModelSettings, traffic: Traffic
) -> PlanStep:
    deploy = settings.deploy
    needed = need(
        step.weight,
        step.hold_s,
        deploy.min_samples,
        deploy.detect_errors,
        traffic,
        deploy.judge.predictions,
        deploy.detect_predictions,
    )
    title = need_line(step.weight, to.number, step.hold_s, needed, traffic.rate, deploy.max_wait_s)
    args = {
        "weight": step.weight,
        "hold_s": step.hold_s,
        "min_samples": needed.rows,
        "max_wait_s": deploy.max_wait_s,
        "planned": {
            "harm": needed.harm,
            "moved": needed.moved,
            "takes_s": needed.takes_s,
            "rate": traffic.rate,
            "usual": traffic.error_rate,
        },
    }
    return PlanStep("weight", title, host.name, args)


def _ab_step(hosts: list[str], to: Version, settings: ModelSettings, traffic: Traffic) -> PlanStep:
    divided, deploy = settings.deploy.split, settings.deploy
    until = f", or until {divided.samples:,} rows of it" if divided.samples is not None else ""
    arriving = traffic.rate * divided.weight / 100
    takes = f" (about {about(divided.samples / arriving)})" if divided.samples is not None and arriving else ""
    title = f"A/B: {divided.weight} % of traffic to v{to.number} for {written(divided.for_s)}{until}{takes}"
    args = {
        "hosts": hosts,
        "weight": divided.weight,
        "for_s": divided.for_s,
        "samples": divided.samples,
        "min_samples": min(deploy.min_samples, divided.samples or deploy.min_samples),
    }
    return PlanStep("ab", f"{title}; then held, for a person to promote or abort", args=args)


def plan_decision(facts: PromoteFacts, active: Release) -> Plan:
    """Plan what is left of an A/B or a shadow that is decided for the new version: no step of it is asked again."""
    whole = plan_promote(facts)
    shares = any(step.get("args", {}).get("decide") for step in active.plan.get("steps", ()))
    kinds = ("alias", "leave", "drain", "record", *(("weight",) if shares else ()))
    left = tuple(step for step in whole.steps if step.kind in kinds)
    what = "shadow" if shares else "A/B"
    summary = f"{facts.here.model}: the {what} is decided for v{active.to_version} on {hosts_of(facts.here)}"
    return replace(whole, summary=summary, steps=left, checks=())


def settled(here: EndpointFacts) -> dict[str, Any]:
    """Return what the step that settles a release holds to, beside the versions."""
    leaving = [host.name for host in here.leaving]
    return {"generation": here.champion_generation, **({"leaving": leaving} if leaving else {})}


def leaving_steps(here: EndpointFacts) -> list[PlanStep]:
    """Plan that hosts which the settings name no more are emptied, after all others have the traffic."""
    title = "no longer named: no traffic here any more, drain the servers and stop them"
    return [PlanStep("leave", title, host.name) for host in here.leaving]


def departure(here: EndpointFacts, *, keep_warm: bool, what: str = "") -> list[PlanStep]:
    """Plan what becomes of those that served (`what` says who they are where it is no version), and the record."""
    steps = []
    if any(host.serving for host in here.hosts):
        left = what or f"v{here.champion.number if here.champion else 0}"
        them = "them" if what else "it"
        title = f"drain {left} and keep {them} warm" if keep_warm else f"drain {left} and stop {them}"
        steps.append(PlanStep("drain", title, args={"keep_warm": keep_warm}))
    steps.append(PlanStep("record", "record the evidence and the way back"))
    return steps


def _metric_differences(before: Version, after: Version) -> list[tuple[str, str, str]]:
    names = [name for name in after.evaluation.get("holdout", {}) if name in before.evaluation.get("holdout", {})]
    return [(name, _number(recorded_metric(before, name)), _number(recorded_metric(after, name))) for name in names]


def _inputs(version: Version) -> str:
    return ", ".join(str(item.get("name", "")) for item in version.signature.get("inputs", []))


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6g}"


def named(version: int | None) -> str:
    """Return a version as plans name it."""
    return "nothing" if version is None else f"v{version}"


def hosts_of(here: EndpointFacts) -> str:
    """Return the names of the hosts in the order of the settings."""
    return ", ".join(host.name for host in here.hosts)
