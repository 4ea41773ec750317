"""The act of an A/B: a fixed split on every host for a stated time or sample, and a report that a person decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.release.answers import Answers
from engine.release.arrive import need_deployment
from engine.release.facts import TO_DECIDE
from engine.release.judge import Live, find_harm
from engine.release.looks import Looks
from engine.release.report import report, says
from engine.release.rollout import LOOK_S, Deaths, await_router, tolerated_ms
from engine.release.routing import champion_of, split, with_others
from engine.release.work import SECOND_US, StepFailed, StepHeld, Work
from store import deployments, releases
from store.rows import Deployment, Release, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKS_OF_A_PERIOD = 200  # an A/B of days is not read whole each second

Pairs = list[tuple[Deployment, Deployment]]


def ab(work: Work, release: Release, step: Step) -> dict[str, Any]:
    """Split the traffic on every host, watch for harm, and hold for a person's decision at the end.

    Raises:
        StepFailed: one arm does harm; traffic goes back.
        StepHeld: it is over, with its report; traffic stays split until the person has decided.
    """
    work.check_reached()
    observed = dict(step.observed)
    pairs = [_pair(work, release, host) for host in step.args["hosts"]]
    if "generations" not in observed:
        with work.write() as tx:
            observed["generations"] = {}
            for new, champion in pairs:
                entries = with_others(tx, release.endpoint, new.host, split(champion, new, int(step.args["weight"])))
                made = deployments.set_routes(tx, release.endpoint, new.host, entries, release.id)
                observed["generations"][new.host] = made
            releases.set_step(tx, release.id, step.number, "running", observed=observed)
    for host, generation in observed["generations"].items():
        await_router(work, release.endpoint, host, generation)
    if "since_at" not in observed:
        observed["since_at"] = work.deck.clock.now()
        with work.write() as tx:
            releases.set_step(tx, release.id, step.number, "running", observed=observed)
    return _watch(work, release, step, pairs, observed)


def _pair(work: Work, release: Release, host: str) -> tuple[Deployment, Deployment]:
    champion = champion_of(work.deck.database, release.endpoint, host)
    if champion is None:
        raise StepFailed(f"no champion serves on {host} any more", "error")
    return need_deployment(work, release, host), champion


def _watch(work: Work, release: Release, step: Step, pairs: Pairs, observed: dict[str, Any]) -> dict[str, Any]:
    since = observed["since_at"]
    versions = (work.version(release.to_version), work.version(pairs[0][1].version))
    looks = Looks(work, versions, (since, since), observed)
    deaths = [Deaths(work, new) for new, _ in pairs]
    hold_s, samples, least = float(step.args["for_s"]), step.args["samples"], int(step.args["min_samples"])
    due, told = since, dict(observed)

    def is_over() -> bool:
        nonlocal due, told
        now = work.deck.clock.now()
        elapsed_s = (now - since) / SECOND_US
        if now < due and elapsed_s < hold_s:
            return False
        due = now + int(max(LOOK_S, hold_s / LOOKS_OF_A_PERIOD if samples is None else LOOK_S) * SECOND_US)
        new, champion = (_live(work, release, [pair[at] for pair in pairs], since) for at in (0, 1))
        # rows come home by host and version: the sample is there once both arms have told
        is_full = samples is not None and new.rows >= samples and champion.rows >= least
        is_last = elapsed_s >= hold_s or is_full
        harm = next((found for found in (one.harm() for one in deaths) if found), "")
        harm = harm or find_harm(new, champion, tolerated_ms(work))
        looks.look(new.answers, champion.answers, closing=is_last)
        told = {**observed, "new": new.summary(), "champion": champion.summary(), **looks.records()}
        told["arms"] = report(new, champion, looks.outcomes(new.answers, champion.answers), looks.metric)
        harm = harm or _harm_seen(work, looks)
        told["detail"] = harm or says(
            told["arms"], release.to_version, looks.metric, better_is_more=looks.greater_is_better
        )
        if harm:
            raise StepFailed(f"in the A/B: {harm}", "harm", told)
        with work.write() as tx:
            releases.set_step(tx, release.id, step.number, "running", observed=told)
        share = min(1.0, elapsed_s / hold_s if samples is None else new.rows / samples)
        work.progress((step.number - 1 + share) / len(work.steps()), f"A/B: {new.rows:,} rows of the new version")
        return is_last

    work.wait(is_over, poll_s=LOOK_S)
    enough = min(told["new"]["rows"], told["champion"]["rows"]) >= least
    raise StepHeld(f"the A/B is over: {told['detail']}", TO_DECIDE if enough else "no data", told)


def _harm_seen(work: Work, looks: Looks) -> str:
    """Return what answers and outcomes prove; a difference that is held elsewhere is what a person decides on here."""
    if looks.differs() and work.settings.deploy.judge.then == "hold":
        return ""
    return looks.harm()


def _live(work: Work, release: Release, arm: Sequence[Deployment], since: int) -> Live:
    """Return what all deployments of one arm did, put together."""
    seen = [work.instruments.live(work.deck, release.endpoint, one.id, since) for one in arm]
    names = {name for one in seen for name in one.answers.numbers}
    answers = Answers(
        tuple(name for one in seen for name in one.answers.ids),
        tuple(name for one in seen for name in one.answers.requests),
        {name: tuple(value for one in seen for value in one.answers.numbers.get(name, ())) for name in names},
        tuple(label for one in seen for label in one.answers.labels),
    )
    return Live(
        sum(one.rows for one in seen),
        sum(one.errors for one in seen),
        tuple(ms for one in seen for ms in one.latencies_ms),
        sum(one.refused for one in seen),
        answers,
    )
