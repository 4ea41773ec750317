"""What a promotion, a rollback or an abort will do, step by step. Pure over gathered facts."""

from __future__ import annotations

from dataclasses import replace

from engine.plans import Check, Difference, Plan, PlanStep
from engine.release.facts import EndpointFacts, HostFacts, PromoteFacts, RollbackFacts, warm_of
from engine.release.fairness import fairness_checks
from engine.release.planner import NO_TRAFFIC, Traffic, about, duration, need, need_line
from engine.settings.model import ModelSettings, RolloutStep
from store.rows import Release, Version

RUNNING_GATES = ("latency_", "memory_")  # gates that need a running server
GOLDEN_REPEATS = 200  # golden requests asked at least, before a latency gate says anything
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
        PlanStep("approvals", "approvals: none asked", args={"asked": here.settings.gates.approvals}),
    ]
    for host in here.hosts:
        steps += _arrival(host, to, here)
        if running_gates(here.settings):
            steps.append(_running_gates_step(host, here.settings))
        if host.serving is not None and here.settings.deploy.strategy != "ab":
            if here.settings.deploy.strategy == "shadow":
                steps.append(_shadow_step(host, to, here.settings))
            steps += [_weight_step(host, to, step, here.settings, traffic) for step in here.settings.deploy.rollout]
    divided = [host.name for host in here.hosts if host.serving is not None]
    if divided and here.settings.deploy.strategy == "ab":
        steps.append(_ab_step(divided, to, here.settings, traffic))
    steps.append(
        PlanStep(
            "alias",
            f"champion moves from {_name(champion)} to v{to.number}, and all traffic with it",
            args={"from": champion, "to": to.number, "generation": here.champion_generation},
        )
    )
    steps += _departure(here, keep_warm=True)
    return Plan(
        kind="promote",
        endpoint=here.model,
        from_version=champion,
        to_version=to.number,
        summary=f"{here.model}: {_name(champion)} → v{to.number} on {_hosts(here)}",
        undo=undo_command(here.model),
        steps=tuple(steps),
        differences=differences(rival, to),
        checks=recorded_checks(here.settings, to, rival),
    )


def plan_rollback(facts: RollbackFacts, target: Version, checks: tuple[Check, ...] = ()) -> Plan:
    """Plan going back to `target`: a route change where it is kept warm, else a start without weight steps."""
    here = facts.here
    left = here.champion.number if here.champion else None
    move = f"champion moves from {_name(left)} to v{target.number}, and all traffic with it"
    args = {"from": left, "to": target.number, "generation": here.champion_generation}
    steps: list[PlanStep] = []
    if facts.is_warm:
        for host in here.hosts:
            warm = warm_of(host, target.number)
            title = f"all traffic to v{target.number}, kept warm here"
            steps.append(PlanStep("route", title, host.name, {"deployment_id": warm.id if warm else None}))
    else:
        for host in here.hosts:
            steps += _arrival(host, target, here)
    steps.append(PlanStep("alias", f"{move}; {_name(left)} is marked abandoned", args=args))
    steps += _departure(here, keep_warm=False)
    how = "a route change" if facts.is_warm else f"v{target.number} is not warm and is started first"
    return Plan(
        kind="rollback",
        endpoint=here.model,
        from_version=left,
        to_version=target.number,
        summary=f"{here.model}: {_name(left)} → v{target.number} on {_hosts(here)}: {how}",
        undo=f"modeldeck promote {here.model} {left} --reason …",
        steps=tuple(steps),
        differences=differences(here.champion, target),
        checks=checks,
    )


def plan_abort(here: EndpointFacts, active: Release) -> Plan:
    """Plan returning the traffic of a running release to the champion, nothing more."""
    champion = here.champion.number if here.champion else None
    steps = [PlanStep("route", f"all traffic to {_name(champion)}", host.name) for host in here.hosts]
    steps.append(PlanStep("drain", f"drain v{active.to_version} and stop it"))
    steps.append(PlanStep("record", "record what was seen"))
    return Plan(
        kind="abort",
        endpoint=here.model,
        from_version=active.to_version,
        to_version=champion if champion is not None else active.to_version,
        summary=f"{here.model}: the release of v{active.to_version} is aborted, {_name(champion)} keeps the traffic",
        undo=f"modeldeck promote {here.model} {active.to_version}",
        steps=tuple(steps),
    )


def differences(before: Version | None, after: Version) -> tuple[Difference, ...]:
    """Return what differs between the version left and the version arrived at, most telling first."""
    if before is None:
        return ()
    rows = [
        ("version", f"v{before.number}", f"v{after.number}"),
        *_metric_differences(before, after),
        ("estimator", before.estimator, after.estimator),
        ("snapshot", before.snapshot_id[:19], after.snapshot_id[:19]),
        ("settings revision", str(before.settings_revision), str(after.settings_revision)),
        ("code bundle", before.bundle_hash[:19], after.bundle_hash[:19]),
        ("environment", before.environment_hash[:19], after.environment_hash[:19]),
        ("decision", _decision(before), _decision(after)),
        ("inputs", _inputs(before), _inputs(after)),
    ]
    return tuple(Difference(name, old, new) for name, old, new in rows if old != new)


def _decision(version: Version) -> str:
    """Return the decision rule in words: `true from 0.161 on, by f1`."""
    rule = version.decision
    if not rule:
        return "-"
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


def undo_command(model: str) -> str:
    """Return the command that takes a completed promotion back."""
    return f"modeldeck rollback {model}"


def _gates_title(rival: Version | None, to: Version) -> str:
    if rival is None:
        return "gates: absolute limits, and better than Dummy (there is nothing to compare with)"
    return f"gates on data that neither v{to.number} nor v{rival.number} was trained on"


def _arrival(host: HostFacts, to: Version, here: EndpointFacts) -> list[PlanStep]:
    replicas = here.settings.deploy.replicas
    count = "1 server" if replicas == 1 else f"{replicas} servers"
    beside = f" beside v{host.serving.version}" if host.serving else ""
    if host.kind == "docker":
        carried = [
            PlanStep("build", f"image of v{to.number}: found, or made from the registry", host.name, {"needed": True}),
            PlanStep("ship", "ship what the host lacks of it, layer by layer", host.name, {"needed": True}),
        ]
    else:
        carried = [
            PlanStep("build", f"image: {NOT_NEEDED}", host.name, {"needed": False}),
            PlanStep("ship", f"shipping: {NOT_NEEDED}", host.name, {"needed": False}),
        ]
    return [
        *carried,
        PlanStep("start", f"start {count} of v{to.number}{beside}", host.name, {"replicas": replicas}),
        PlanStep("proof", "warm, and answer the golden requests as recorded, on every server", host.name),
    ]


def _running_gates_step(host: HostFacts, settings: ModelSettings) -> PlanStep:
    names = running_gates(settings)
    title = f"gates {', '.join(names)}: {GOLDEN_REPEATS} golden requests before any live one"
    return PlanStep("limits", title, host.name, {"gates": names, "repeats": GOLDEN_REPEATS})


def _shadow_step(host: HostFacts, to: Version, settings: ModelSettings) -> PlanStep:
    deploy = settings.deploy
    wait = duration(deploy.max_wait_s)
    title = f"copies of the traffic to v{to.number}, answers never returned, until {deploy.min_samples:,} rows"
    args = {"weight": 0, "hold_s": 0.0, "min_samples": deploy.min_samples, "max_wait_s": deploy.max_wait_s}
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
    title = f"A/B: {divided.weight} % of traffic to v{to.number} for {duration(divided.for_s)}{until}{takes}"
    args = {
        "hosts": hosts,
        "weight": divided.weight,
        "for_s": divided.for_s,
        "samples": divided.samples,
        "min_samples": min(deploy.min_samples, divided.samples or deploy.min_samples),
    }
    return PlanStep("ab", f"{title}; then held, for a person to promote or abort", args=args)


def plan_decision(facts: PromoteFacts, active: Release) -> Plan:
    """Plan what is left of an A/B that is decided for the new version: no step of it is asked again."""
    whole = plan_promote(facts)
    left = tuple(step for step in whole.steps if step.kind in ("alias", "drain", "record"))
    summary = f"{facts.here.model}: the A/B is decided for v{active.to_version} on {_hosts(facts.here)}"
    return replace(whole, summary=summary, steps=left, checks=())


def _departure(here: EndpointFacts, *, keep_warm: bool) -> list[PlanStep]:
    steps = []
    if any(host.serving for host in here.hosts):
        left = here.champion.number if here.champion else 0
        what = f"drain v{left} and keep it warm" if keep_warm else f"drain v{left} and stop it"
        steps.append(PlanStep("drain", what, args={"keep_warm": keep_warm}))
    steps.append(PlanStep("record", "record the evidence and the way back"))
    return steps


def _metric_differences(before: Version, after: Version) -> list[tuple[str, str, str]]:
    names = [name for name in after.evaluation.get("holdout", {}) if name in before.evaluation.get("holdout", {})]
    return [(name, _number(recorded_metric(before, name)), _number(recorded_metric(after, name))) for name in names]


def _inputs(version: Version) -> str:
    return ", ".join(str(item.get("name", "")) for item in version.signature.get("inputs", []))


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6g}"


def _name(version: int | None) -> str:
    return "nothing" if version is None else f"v{version}"


def _hosts(here: EndpointFacts) -> str:
    return ", ".join(host.name for host in here.hosts)
