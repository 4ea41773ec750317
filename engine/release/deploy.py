"""Brings a champion to the applied settings: new servers of the same version, host by host, and a way back.

DESIGN 8: a deploy is a release like a promotion, of the version that serves already. Nothing is judged against a rival;
what must hold is the proof (golden requests), the gates that need a running server, and that the new servers stay up.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.governance.keeping import keep_card
from engine.plans import Difference, Plan, PlanStep, Preview
from engine.release.basis import deploy_basis
from engine.release.deploy_facts import DeployFacts, gather_deploy
from engine.release.facts import PAST_RELEASES
from engine.release.history import made_champion
from engine.release.opening import open_with_job
from engine.release.placing import placement_of
from engine.release.plan import (
    approvals_step,
    arrival,
    departure,
    hosts_of,
    leaving_steps,
    running_gates,
    running_gates_step,
)
from engine.release.preview import running_line, waits_line
from engine.release.submit import approved_by, with_card
from engine.settings.started import differing
from store import deployments, images, releases
from store.errors import Held, Refused, StaleBasis
from store.rows import Release, to_json

if TYPE_CHECKING:
    from engine.deck import Deck

WATCHED_S = 10.0  # how long new servers are watched under traffic before the next host


def preview_deploy(deck: Deck, model: str) -> Preview:
    """Return the plan that brings the champion to the applied settings.

    Raises:
        UnknownName: no such model.
        Refused: nothing of it serves, or it serves on a host that the deck does not know any more.
    """
    facts = gather_deploy(deck.database, model, outdated_images(deck, model))
    running, waits = blocked(facts), waits_line(facts.standing)
    return Preview(
        plan_deploy(facts), deploy_basis(facts), already(facts), running or waits, not running and bool(waits)
    )


def submit_deploy(
    deck: Deck, model: str, *, basis: str = "", reason: str = "", actor: str, via: str | None = None
) -> Release:
    """Open a deploy and enqueue its job; where nothing differs nothing is written, and the last release is returned.

    Raises:
        StaleBasis: what was previewed no longer stands.
        Refused: a release is open already, or nothing of the model serves.
        Held: people have yet to say yes.
        UnknownName: no such model.
    """
    outdated = outdated_images(deck, model)
    card = keep_card(deck, gather_deploy(deck.database, model, outdated).champion)
    with deck.database.write() as tx:
        facts = gather_deploy(tx, model, outdated)
        if blocked(facts):
            raise Refused(blocked(facts))
        if already(facts):
            past = releases.releases(tx, endpoint=model, limit=PAST_RELEASES)
            serving = made_champion(past, facts.champion.number)
            if serving is None:
                raise Refused(already(facts))
            return serving
        if facts.standing.waits:
            raise Held(facts.standing.waits, facts.standing.hint)
        if basis and basis != deploy_basis(facts):
            raise StaleBasis("this changed since you looked", "look again, then decide")
        hosts = (*facts.here.hosts, *facts.here.leaving)
        former = [placement_of(host.serving) for host in hosts if host.serving is not None]
        return open_with_job(
            tx,
            plan_deploy(facts),
            deploy_basis(facts),
            facts.here.settings_revision,
            reason=reason,
            actor=actor,
            via=via,
            evidence={"former": to_json(former), **approved_by(facts.standing), **with_card(tx, card)},
        )


def outdated_images(deck: Deck, model: str) -> dict[str, tuple[Difference, ...]]:
    """Return the images in use that would be others if made now: by the server inside, or by a base made anew since."""
    from engine.deploy.images import debian
    from engine.deploy.images.contents import server_layer

    live = deployments.deployments(deck.database, endpoint=model)
    used = {one.image for one in live if one.image is not None and one.desired == "serving"}
    if not used:
        return {}
    ours, base, found = server_layer(deck.workspace).diff_id, debian.newest(deck.workspace), {}
    for id in used:
        row = images.image(deck.database, id)
        record = json.loads(deck.artifacts.read(row.record_hash))
        inside = next((each["diff_id"] for each in record["layers"] if each["what"] == "server"), ours)
        differs = [Difference("server", "of another modeldeck", "of this one")] if inside != ours else []
        if base is not None and row.base != base.label and row.base.partition(" ")[0] == base.name:
            differs.append(Difference("base", row.base, base.label))
        if differs:
            found[id] = tuple(differs)
    return found


def plan_deploy(facts: DeployFacts) -> Plan:
    """Plan it host by host: start beside what serves, prove, switch; at the end the hosts no longer named. Pure."""
    here, to = facts.here, facts.champion
    steps: list[PlanStep] = [approvals_step(facts.standing, here.settings)] if facts.standing.asked else []
    for host in facts.changing:
        steps += arrival(host, to, here)
        if running_gates(here.settings):
            steps.append(running_gates_step(host, here.settings))
        title = f"all traffic here to the new servers, watched for {WATCHED_S:.0f} s"
        steps.append(PlanStep("switch", title, host.name, {"hold_s": WATCHED_S}))
    leaving = [host.name for host in here.leaving]
    args = {"from": to.number, "to": to.number, "generation": here.champion_generation, "leaving": leaving}
    steps.append(PlanStep("alias", f"v{to.number} stays champion, under settings {here.settings_revision}", args=args))
    steps += leaving_steps(here)
    steps += departure(here, keep_warm=True, what="the former servers")
    return Plan(
        kind="deploy",
        endpoint=here.model,
        from_version=to.number,
        to_version=to.number,
        summary=f"{here.model}: v{to.number} under settings {here.settings_revision} on {hosts_of(here)}",
        undo=f"modeldeck rollback {here.model}",
        steps=tuple(steps),
        differences=differences(facts),
    )


def differences(facts: DeployFacts) -> tuple[Difference, ...]:
    """Return in what the applied settings differ from what serves: hosts first, then each setting once. Pure."""
    here = facts.here
    served = [host.name for host in (*here.hosts, *here.leaving) if host.serving is not None]
    named = [host.name for host in here.hosts]
    found = [Difference("deploy.hosts", ", ".join(served), ", ".join(named))] if set(served) != set(named) else []
    for host in here.hosts:
        if host.serving is None:
            continue
        if host.serving.version != facts.champion.number:
            found.append(Difference(f"version on {host.name}", f"v{host.serving.version}", f"v{facts.champion.number}"))
        found += [one for one in differing(facts.before[host.name], facts.now) if one not in found]
        outdated = facts.outdated.get(host.serving.image or "", ())
        found += [replace(one, name=f"{one.name} on {host.name}") for one in outdated]
    return tuple(found)


def already(facts: DeployFacts) -> str:
    """Return a line where everything runs as the settings say, else nothing."""
    here = facts.here
    if here.active is None and not facts.changing and not here.leaving:
        return f"already deployed: {here.model} v{facts.champion.number} runs as the settings say"
    return ""


def blocked(facts: DeployFacts) -> str:
    """Return why this deploy cannot be submitted, else nothing."""
    return running_line(facts.here.active) if facts.here.active is not None else ""
