"""Acts before any live request: gates, servers started beside the champion, their proof, and gates on them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from engine.plans import Check
from engine.release.carry import image_for
from engine.release.facts import TO_DECIDE, ready_replicas
from engine.release.plan import bounded
from engine.release.routing import champion_of, of_release
from engine.release.sequential import quantile
from engine.release.work import StepFailed, StepHeld, Work
from store import approvals as given
from store import deployments, releases
from store.rows import Deployment, Release, Replica, Step

START_WAIT_S = 120.0  # from asking for servers until each answers its golden requests
STARTS = 3  # a server that ended this often will not come up the next time
Observed = dict[str, Any]


def gates(work: Work, release: Release, step: Step) -> Observed:
    """Ask the gates that need no running server."""
    champion = step.args.get("champion")
    checks = work.instruments.gates(
        work.deck,
        work.settings,
        work.version(release.to_version),
        work.version(champion) if champion is not None else None,
    )
    return pass_or_stop(checks)


def approvals(work: Work, _release: Release, step: Step) -> Observed:
    """Look at the approval once more: whoever granted it may have taken that back since the release was opened."""
    observed: Observed = {"asked": step.args.get("asked", 0)}
    if not observed["asked"] or step.args.get("emergency"):
        return {**observed, "emergency": bool(step.args.get("emergency"))}
    found = given.approval(work.deck.database, step.args["approval"])
    observed |= {"approval": found.id, "granted": [one.actor for one in found.granted]}
    if found.state != "granted":
        told = f"the approval is {found.state} {found.detail}".rstrip()
        raise StepFailed(f"{told}: {len(found.granted)} of {found.asked} granted", "gate", observed)
    return observed


def start(work: Work, release: Release, step: Step) -> Observed:
    """Prove what is stored of the new version and that the host's port is ours, then ask the host for servers.

    The reconciler brings them up.
    """
    assert step.host is not None
    stored = work.instruments.proof(work.deck, work.version(release.to_version), work.settings)
    observed = {"checks": [dataclasses.asdict(check) for check in stored]}
    broken = [check for check in stored if check.verdict == "failed" and _forbids(work, check, release, step.host)]
    if broken:
        raise StepFailed("; ".join(_line(check) for check in broken), "error", observed)
    unheard = work.instruments.unreachable(work.deck, step.host)
    if unheard:
        raise StepFailed(unheard, "error", observed)
    mine = deployment_on(work, release, step.host)
    if mine is None:
        with work.write() as tx:
            mine = deployments.add_deployment(
                tx,
                endpoint=release.endpoint,
                host=step.host,
                version=release.to_version,
                role="challenger",
                weight=0,
                replicas=int(step.args.get("replicas", work.settings.deploy.replicas)),
                settings_revision=int(step.args.get("settings_revision", release.settings_revision)),
                release_id=release.id,
                image=image_for(work, step.host),
            )
    return {**observed, "deployment_id": mine.id}


def proof(work: Work, release: Release, step: Step) -> Observed:
    """Wait until every server has answered its golden requests as recorded; a server is ready only then."""
    assert step.host is not None
    mine = need_deployment(work, release, step.host)
    database = work.deck.database

    ended: dict[tuple[str, int], str] = {}  # (server, which of its starts) of every one that came to nothing, and why

    def is_settled() -> bool:
        seen = _newest(work, mine)
        for one in seen:
            ended.update(_ends(one))
        ready = len(ready_replicas(database, mine)) >= mine.replicas
        return ready or bool(_disproved(seen)) or len(ended) >= STARTS

    in_time = work.wait(is_settled, START_WAIT_S)
    seen = _newest(work, mine)
    wrong = _disproved(seen)
    if wrong:
        raise StepFailed(f"golden requests on {step.host}: {wrong}", "gate")
    if not in_time and not seen:
        raise StepHeld(f"{step.host} has started nothing for {START_WAIT_S:.0f} s; see: modeldeck doctor", "no answer")
    if not in_time or len(ended) >= STARTS:
        last = next(reversed(ended.values()), "")  # a server that is being started again says only that
        told = last or next((one.detail for one in seen if one.detail), "it says nothing")
        raise StepFailed(f"v{mine.version} did not become ready on {step.host}: {told}", "error")
    ready = ready_replicas(database, mine)
    return {"deployment_id": mine.id, "ready": len(ready), "proof": [one.proof for one in ready]}


def limits(work: Work, release: Release, step: Step) -> Observed:
    """Ask the gates that need a running server, by repeated golden requests on each of its replicas."""
    assert step.host is not None
    mine = need_deployment(work, release, step.host)
    champion = champion_of(work.deck.database, release.endpoint, step.host)
    repeats = int(step.args["repeats"])
    latencies = _latencies(work, mine, repeats)
    control: list[float] | None = None
    checks: list[Check] = []
    for name in step.args["gates"]:
        limit = work.settings.gates.limits[name]
        value = _value(work, name, mine, latencies)
        if limit.min is not None or limit.max is not None:
            checks.append(bounded(name, value, limit.min, limit.max))
        if limit.vs_champion is not None and champion is not None:
            control = _latencies(work, champion, repeats) if control is None else control
            usual = _value(work, name, champion, control)
            high = usual * limit.vs_champion if usual is not None else None
            required = f"at most {limit.vs_champion:g} x v{champion.version}"
            check = bounded(f"{name} vs champion", value if high is not None else None, None, high)
            checks.append(dataclasses.replace(check, required=required))
    return {**pass_or_stop(checks), "golden_requests": len(latencies)}


def pass_or_stop(checks: list[Check]) -> Observed:
    """Return the checks for the record where all passed.

    Raises:
        StepFailed: a check failed.
        StepHeld: none failed, but one had no data.
    """
    observed = {"checks": [dataclasses.asdict(check) for check in checks]}
    failed = [check for check in checks if check.verdict == "failed"]
    if failed:
        raise StepFailed("; ".join(_line(check) for check in failed), "gate", observed)
    silent = [check for check in checks if check.verdict != "passed"]
    if silent:
        raise StepHeld("; ".join(_line(check) for check in silent), "no data", observed)
    return observed


def deployment_on(work: Work, release: Release, host: str) -> Deployment | None:
    """Return what this release has started on a host."""
    mine = of_release(work.deck.database, release.endpoint, release.id)
    return next((one for one in mine if one.host == host and one.desired != "stopped"), None)


def need_deployment(work: Work, release: Release, host: str) -> Deployment:
    """Return what this release has started on a host.

    Raises:
        StepFailed: someone has ended it meanwhile.
    """
    mine = deployment_on(work, release, host)
    if mine is None:
        raise StepFailed(f"the servers of v{release.to_version} on {host} were ended by someone else", "error")
    return mine


def _forbids(work: Work, check: Check, release: Release, host: str) -> bool:
    # An image brings its own environment; on the way back a changed one is told, not fatal: the golden answers decide.
    told_only = release.kind == "rollback" or image_for(work, host) is not None
    return not told_only or check.name != "environment"


def _newest(work: Work, deployment: Deployment) -> list[Replica]:
    return list(deployments.replicas(work.deck.database, deployment.id))


def _ends(replica: Replica) -> dict[tuple[str, int], str]:
    """Return how a server's starts ended; one that is loading again tells it too: nobody may have seen it down."""
    if replica.proof.get("ends"):
        return {(replica.id, number): replica.proof["ended"] for number in range(replica.proof["ends"])}
    return {(replica.id, replica.started_at): replica.detail} if replica.state == "exited" else {}


def _disproved(replicas: list[Replica]) -> str:
    """Return what a server says whose golden answers are not the recorded ones."""
    for replica in replicas:
        if replica.state == "unready" and "golden" in replica.detail and "not asked yet" not in replica.detail:
            return replica.detail
    return ""


def _latencies(work: Work, deployment: Deployment, repeats: int) -> list[float]:
    replicas = ready_replicas(work.deck.database, deployment)
    version = work.version(deployment.version)
    return [ms for replica in replicas for ms in work.instruments.latency(work.deck, version, replica, repeats)]


def _value(work: Work, name: str, deployment: Deployment, latencies: list[float]) -> float | None:
    percent = re.fullmatch(r"latency_p(\d+)_ms", name)
    if percent and latencies:
        return quantile(latencies, int(percent.group(1)) / 100.0)
    if name == "memory_mb":
        seen = [work.instruments.memory_mb(work.deck, one) for one in ready_replicas(work.deck.database, deployment)]
        known = [one for one in seen if one is not None]
        return max(known) if known and len(known) == len(seen) else None
    return None


def _line(check: Check) -> str:
    return f"{check.name}: {check.observed or 'no data'}, asked {check.required}"


def hold_past(work: Work, step: Step, held: StepHeld) -> None:
    """Write that a release is held at a step; traffic stays as it is."""
    with work.write() as tx:
        observed = {**step.observed, **held.observed, "detail": held.detail}
        releases.set_step(tx, work.release_id, step.number, "held", verdict=held.verdict, observed=observed)
        evidence = {**releases.release(tx, work.release_id).evidence, "cause": held.verdict}
        verdict = held.verdict if held.verdict in ("inconclusive", TO_DECIDE) else "no data"
        releases.set_state(tx, work.release_id, "held", verdict=verdict, detail=held.detail, evidence=evidence)
