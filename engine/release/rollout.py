"""The act of a weight step: give the share, wait for the router, then judge live rows until they say enough."""

from __future__ import annotations

from typing import Any

from engine.deploy.memory import LACK_OF_MEMORY
from engine.release import judge
from engine.release.arrive import need_deployment
from engine.release.facts import TO_DECIDE
from engine.release.judge import Live, StepNeeds, Verdict
from engine.release.looks import Looks
from engine.release.routing import champion_of, is_applied, shadowed, split, with_others
from engine.release.work import SECOND_US, StepFailed, StepHeld, Work
from store import deployments, releases
from store.rows import Deployment, Release, Step

LOOK_S = 1.0  # between two looks at the prediction log
JUDGED = ("shadow", "weight")  # kinds of steps that wait for rows
ROUTER_WAIT_S = 60.0  # the reconciler hands a new generation to the router within a second or two


def weight(work: Work, release: Release, step: Step) -> dict[str, Any]:
    """Run one weight step, or one of shadow, from where a killed attempt of it left off."""
    assert step.host is not None
    new = need_deployment(work, release, step.host)
    champion = champion_of(work.deck.database, release.endpoint, step.host)
    if champion is None:
        raise StepFailed(f"no champion serves on {step.host} any more", "error")
    share = int(step.args["weight"])
    observed = dict(step.observed)
    if "generation" not in observed:
        with work.write() as tx:
            divided = shadowed(champion, new) if step.kind == "shadow" else split(champion, new, share)
            entries = with_others(tx, release.endpoint, step.host, divided)
            observed["generation"] = deployments.set_routes(tx, release.endpoint, step.host, entries, release.id)
            releases.set_step(tx, release.id, step.number, "running", observed=observed)
    await_router(work, release.endpoint, step.host, observed["generation"])
    if "since_at" not in observed:
        observed["since_at"] = work.deck.clock.now()
        with work.write() as tx:
            releases.set_step(tx, release.id, step.number, "running", observed=observed)
    return _watch(work, release, step, (new, champion), observed)


def await_router(work: Work, endpoint: str, host: str, generation: int) -> None:
    """Wait until a host's router reports a generation.

    Raises:
        StepHeld: it does not; an unreachable host holds the release.
    """
    database = work.deck.database
    if not work.wait(lambda: is_applied(database, endpoint, host, generation), ROUTER_WAIT_S):
        told = f"the router on {host} has not reported generation {generation} for {ROUTER_WAIT_S:.0f} s"
        raise StepHeld(f"{told}; see: modeldeck daemon status", "no answer")


def _watch(
    work: Work, release: Release, step: Step, pair: tuple[Deployment, Deployment], observed: dict[str, Any]
) -> dict[str, Any]:
    needs = StepNeeds(
        min_samples=int(step.args["min_samples"]),
        hold_s=float(step.args["hold_s"]),
        max_wait_s=float(step.args["max_wait_s"]),
        tolerated_ms=tolerated_ms(work),
        concurrent=not _is_full(step),
    )
    silence_accepted = accepted_silence(work)
    since = (observed["since_at"], _control_since(step, observed))
    looks = Looks(work, (work.version(pair[0].version), work.version(pair[1].version)), since, observed)
    deaths = Deaths(work, pair[0])
    recorded = -1
    count = len(work.steps())

    def agreement() -> dict[str, Any]:
        return work.instruments.agreement(work.deck, release.endpoint, pair[1].id, pair[0].id, since[0])

    def look() -> tuple[Verdict, Live, Live]:
        elapsed_s = (work.deck.clock.now() - since[0]) / SECOND_US
        seen_by = work.instruments.shadow if step.kind == "shadow" else work.instruments.live
        new = seen_by(work.deck, release.endpoint, pair[0].id, since[0])
        champion = work.instruments.live(work.deck, release.endpoint, pair[1].id, since[1])
        died = deaths.harm()
        if died:
            return Verdict("failed", died), new, champion
        told = judge.judge(new, champion, elapsed_s, needs, silence_accepted=silence_accepted)
        if step.kind == "shadow" and told.verdict == "passed":
            told = compared(told, agreement(), needs, elapsed_s)
        if told.verdict != "failed":
            looks.look(new.answers, champion.answers, closing=told.verdict == "passed")
            told = with_looks(work, told, looks, elapsed_s >= needs.max_wait_s)
        return told, new, champion

    seen = look()

    def is_decided() -> bool:
        nonlocal seen, recorded
        seen = look()
        if seen[1].rows != recorded and seen[0].verdict == "waiting":
            recorded = seen[1].rows
            _record(work, step, {**observed, **_figures(seen), **looks.records()})
            done = (step.number - 1) / count
            work.progress(done, f"{_where(step)} on {step.host}: {seen[0].detail}")
        return seen[0].verdict != "waiting"

    work.wait(is_decided, poll_s=LOOK_S)
    verdict = seen[0]
    observed = {**observed, **_figures(seen), **looks.records()}
    if step.kind == "shadow":
        observed["answers"] = _with_reasons(work, release, pair, agreement(), since[0])
    if verdict.verdict == "failed":
        raise StepFailed(f"{_where(step)}: {verdict.detail}", "harm", observed)
    if verdict.verdict == "inconclusive":
        raise StepHeld(f"{_where(step)}: {verdict.detail}", "inconclusive", observed)
    if verdict.verdict == "no data" and not (silence_accepted and seen[1].asked == 0):
        raise StepHeld(f"{_where(step)}: {verdict.detail}", "no data", observed)
    if step.args.get("decide"):
        raise StepHeld(f"compared as a shadow: {says(observed['answers'])}", TO_DECIDE, observed)
    return observed


def _with_reasons(
    work: Work, release: Release, pair: tuple[Deployment, Deployment], told: dict[str, Any], since: int
) -> dict[str, Any]:
    """Return what both answered, the largest differences with what each column contributed to them."""
    from engine.training.differences import explained

    numbers = (pair[1].version, pair[0].version)
    return {**told, "largest": explained(work.deck, release.endpoint, numbers, list(told.get("largest", ())), since)}


def says(answers: dict[str, Any]) -> str:
    """Return what a shadow's answers came to, in one line."""
    rows, differ = int(answers["rows"]), int(answers["differ"])
    apart = next(iter(answers["difference"].items()), None)
    told = f"; {apart[0]} {apart[1]['mean']:+.3g} on average, {apart[1]['largest']:+.3g} at most" if apart else ""
    return f"{rows - differ:,} of {rows:,} answers agree{told}"


def compared(told: Verdict, agreement: dict[str, Any], needs: StepNeeds, elapsed_s: float) -> Verdict:
    """Return a shadow's verdict: it passes once its sample is compared, row by row, and not where it merely answered.

    The rows of both versions come home apart, each from its own server.
    """
    rows = int(agreement["rows"])
    if rows >= needs.min_samples:
        return told
    said = f"{rows} of {needs.min_samples} rows answered by both"
    return (
        Verdict("no data", f"{said} after {elapsed_s:.0f} s")
        if elapsed_s >= needs.max_wait_s
        else Verdict("waiting", said)
    )


def tolerated_ms(work: Work) -> float:
    """Return the latency that the settings call quick enough, 0 where they state none."""
    bound = work.settings.gates.limits.get("latency_p99_ms")
    return (bound.max if bound else None) or 0.0


def with_looks(work: Work, told: Verdict, looks: Looks, is_late: bool) -> Verdict:
    """Return the verdict with what answers and outcomes say.

    Harm aborts; answers that differ are held for a person where the settings say so, and go on once one has resumed
    past them. What looks wrong and is not certain keeps a step waiting that would have passed, at most `max_wait`.
    """
    accepted = accepted_difference(work)
    harm = looks.harm()
    if harm and looks.differs():
        if accepted:
            return told
        if work.settings.deploy.judge.then == "hold":
            return Verdict("inconclusive", f"{harm}; is this difference meant?")
    if harm:
        return Verdict("failed", harm)
    doubt = looks.doubt()
    if doubt and told.verdict == "passed" and not accepted:
        return Verdict("inconclusive" if is_late else "waiting", doubt)
    return told


def accepted_difference(work: Work) -> bool:
    """Say whether an approver has resumed this release past answers that differ from the champion's."""
    return any(one.verdict == "inconclusive" and "resumed_by" in one.observed for one in work.steps())


class Deaths:
    """Counts how often the servers of the new version end during a step: the router hides it from callers, not from us.

    One end may be anybody's; the second, or one for lack of memory, is the version's.
    """

    MOST = 1

    def __init__(self, work: Work, deployment: Deployment) -> None:
        self._work, self._deployment = work, deployment
        self._starts: dict[str, set[int]] = {}
        self._restarts: dict[str, tuple[int, int]] = {}  # by the engine itself: when first seen, and now

    def harm(self) -> str:
        """Look once more, and return what is wrong, or nothing."""
        ended, told = 0, ""
        for replica in deployments.replicas(self._work.deck.database, self._deployment.id):
            starts = self._starts.setdefault(replica.id, set())
            starts.add(replica.started_at)
            now = int(replica.proof.get("restarts", 0))
            first, _ = self._restarts.get(replica.id, (now, now))
            self._restarts[replica.id] = (min(first, now), now)
            has_ended = replica.state == "exited"
            ended += len(starts) - 1 + has_ended + max(0, now - first)
            told = replica.detail if has_ended else told
        named = f"servers of v{self._deployment.version}"
        if LACK_OF_MEMORY in told:
            return f"{named}: {told}"
        if ended > self.MOST:
            return f"{named} ended {ended} times" + (f": {told}" if told else "")
        return ""


def _where(step: Step) -> str:
    return "as a shadow" if step.kind == "shadow" else f"at {step.args['weight']} %"


def accepted_silence(work: Work) -> bool:
    """Say whether an approver has resumed this release past a weight step that had no live row at all."""
    return any(one.kind in JUDGED and "resumed_by" in one.observed and _was_silent(one) for one in work.steps())


def _was_silent(step: Step) -> bool:
    seen = step.observed.get("new", {})
    return not seen.get("rows") and not seen.get("refused")


def _control_since(step: Step, observed: dict[str, Any]) -> int:
    # At full weight the champion answers nothing any more: its rows of the time just before are the control.
    before_us = int(float(step.args["max_wait_s"]) * SECOND_US) if _is_full(step) else 0
    return int(observed["since_at"]) - before_us


def _is_full(step: Step) -> bool:
    return step.kind == "weight" and int(step.args["weight"]) >= 100


def _figures(seen: tuple[Verdict, Live, Live]) -> dict[str, Any]:
    return {"new": seen[1].summary(), "champion": seen[2].summary(), "detail": seen[0].detail}


def _record(work: Work, step: Step, observed: dict[str, Any]) -> None:
    with work.write() as tx:
        releases.set_step(tx, work.release_id, step.number, "running", observed=observed)
