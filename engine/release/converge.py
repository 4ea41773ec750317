"""Brings every host of a model to what the registry says: what differs is shown, asked to be mended, and waited for."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.plans import Plan, PlanStep, Preview
from engine.release.control import again
from engine.release.opening import give_job
from engine.release.work import NO_ANSWER
from engine.settings.work import terms
from store import deployments, faults, jobs, models, releases, settings
from store.database import Reader
from store.errors import Held, Refused, StaleBasis
from store.rows import Fault, Job, Release, rfc3339

if TYPE_CHECKING:
    from engine.deck import Deck

KIND = "converge"
WITHIN_S = 120.0
POLL_S = 0.2


def preview_converge(deck: Deck, model: str) -> Preview:
    """Return what differs on the hosts of a model, and what would be done about it.

    Raises:
        UnknownName: no such model.
        Refused: it has never served.
    """
    reader = deck.database
    plan, standing = _plan(reader, model), faults_of(reader, model)
    already = "" if plan.steps else f"already converged: {model}"
    silent = next((one for one in standing if one.key == faults.CONNECTION), None)
    blocked = f"{_line(silent)}; bring it back first" if silent is not None else ""
    return Preview(plan=plan, basis=_basis(plan), already=already, blocked=blocked)


def submit_converge(
    deck: Deck, model: str, *, basis: str = "", reason: str = "", actor: str, via: str | None = None
) -> Job:
    """Ask the hosts to mend what differs; a release held for a host that is back goes on. Returns the job to follow.

    Raises:
        StaleBasis: what was previewed no longer stands.
        Refused: a host of the model does not answer.
        UnknownName: no such model.
    """
    with deck.database.write() as tx:
        plan = _plan(tx, model)
        if basis and basis != _basis(plan):
            raise StaleBasis("this changed since you looked", "look again, then decide")
        standing = faults_of(tx, model)
        silent = next((one for one in standing if one.key == faults.CONNECTION), None)
        if silent is not None:
            raise Refused(_line(silent), f"bring it back first, or return the others: modeldeck rollback {model}")
        for fault in standing:
            faults.ask(tx, fault, actor=actor, reason=reason, via=via)
        held = _held(tx, model)
        if held is not None:
            for step in releases.steps(tx, held.id):
                if step.state in ("held", "running"):
                    again(tx, step)
            releases.set_state(tx, held.id, "running", actor=actor, reason=reason or "converged", via=via)
            given = give_job(tx, held, actor=actor, via=via)
            assert given.job_id is not None
            return jobs.job(tx, given.job_id)
        current = settings.current(tx)
        assert current is not None
        return jobs.enqueue(
            tx,
            kind=KIND,
            model=model,
            actor=actor,
            via=via,
            settings_revision=current.revision,
            terms=terms(current.body, KIND),
            dedupe_key=f"{KIND}:{model}",
        )


def await_converged(
    deck: Deck, model: str, progress: Callable[[float, str], None], *, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Wait until every host of a model is as the registry says.

    Raises:
        Held: it is not in time; the line says what is left.
    """
    until = deck.clock.boottime() + WITHIN_S
    most = 0
    while True:
        left = differences(deck.database, model)
        if not left:
            return {"model": model, "mended": most}
        most = max(most, len(left))
        progress(1 - len(left) / most, left[0].title)
        if deck.clock.boottime() >= until:
            raise Held(f"{model} is not converged after {WITHIN_S:.0f} s: {left[0].title}", "modeldeck deployments")
        sleep(POLL_S)


def differences(reader: Reader, model: str) -> list[PlanStep]:
    """Return what differs between the registry and the hosts, host by host."""
    standing = faults_of(reader, model)
    steps = [PlanStep("mend", _line(one), one.host, {"key": one.key}) for one in standing]
    for route in deployments.routes(reader):
        if route.endpoint == model and route.applied_generation < route.desired_generation:
            title = f"route: generation {route.applied_generation} serves, {route.desired_generation} is desired"
            steps.append(PlanStep("route", title, route.host, {"generation": route.desired_generation}))
    for one in deployments.deployments(reader, endpoint=model):
        told = {fault.key.split()[0] for fault in standing}
        ready = sum(1 for seen in deployments.replicas(reader, one.id) if seen.state == "ready")
        if one.desired != "stopped" and ready < one.replicas and not any(key.startswith(one.id) for key in told):
            title = f"v{one.version}: {ready} of {one.replicas} servers ready"
            steps.append(PlanStep("start", title, one.host, {"deployment_id": one.id}))
    return steps


def faults_of(reader: Reader, model: str) -> list[Fault]:
    """Return the standing faults of a model and of the hosts it is on."""
    hosts = {one.host for one in deployments.deployments(reader, endpoint=model)}
    return [one for one in faults.standing(reader) if one.model == model or (one.model is None and one.host in hosts)]


def _plan(reader: Reader, model: str) -> Plan:
    models.model(reader, model)
    endpoint = next((one for one in deployments.endpoints(reader) if one.name == model), None)
    if endpoint is None:
        raise Refused(f"{model} has never served", f"modeldeck promote {model} VERSION")
    steps = differences(reader, model)
    held = _held(reader, model)
    if held is not None:
        at = next((one for one in releases.steps(reader, held.id) if one.state == "held"), None)
        where = f" at: {at.title}" if at else ""
        title = f"the release of v{held.to_version} goes on{where}"
        steps.append(PlanStep("resume", title, at.host if at else None, {"release_id": held.id}))
    version = held.to_version if held is not None else endpoint.champion
    return Plan(
        kind=KIND,
        endpoint=model,
        from_version=endpoint.champion,
        to_version=version or 0,
        summary=f"{model}: {_differences(len(steps))} from what the registry says",
        undo="",
        steps=tuple(steps),
    )


def _held(reader: Reader, model: str) -> Release | None:
    active = releases.active(reader, model)
    held = active is not None and active.state == "held" and active.evidence.get("cause") == NO_ANSWER
    return active if held else None


def _differences(count: int) -> str:
    return f"{count} {'difference' if count == 1 else 'differences'}" if count else "no difference"


def _basis(plan: Plan) -> str:
    told = [(one.kind, one.host, one.args) for one in plan.steps if one.kind in ("mend", "resume")]
    return hashlib.sha256(json.dumps([plan.endpoint, plan.to_version, told], sort_keys=True).encode()).hexdigest()


def _line(fault: Fault) -> str:
    return f"{fault.detail}, since {rfc3339(fault.since_at)[:19]}Z"
