"""The jobs that look at a model's traffic: the newest, turning what is found into alerts, and that of times gone by."""

from __future__ import annotations

import time
from typing import Any

from engine.jobs.context import JobContext
from engine.jobs.reactions import end, react

LOOK_S = 0.5


def watch(context: JobContext) -> dict[str, Any]:
    """Compute the windows that are due, raise alerts for their findings, and do what policy lets an alert do."""
    from engine.monitoring.light import without_pandas

    without_pandas()
    from engine.jobs import attributing, deadman, drop, policy
    from engine.monitoring.verdicts import ends, findings
    from engine.monitoring.watch import watch as look
    from store import alerts, watching

    settings, revision = context.settings()
    verdicts = look(
        context.deck,
        settings,
        revision,
        now_us=context.deck.clock.now(),
        fence=context.fence,
        progress=context.progress,
    )
    found, actor = findings(verdicts), f"trigger:monitor:{settings.name}"
    raised = react(context.deck, found, actor, context.fence)
    over = end(context.deck, settings, ends(verdicts), actor, context.fence)
    with context.deck.database.write(context.fence) as tx:
        watching.touch_monitor(tx, settings.name, context.job.id)
        missed = alerts.standing(tx, deadman.key_of(settings.name))
        if missed is not None:
            alerts.resolve(tx, missed.id, actor, reason="it looks again")
    attributing.ask(context, settings, revision, verdicts)
    taken = policy.heed(context.deck, settings, [alerts.alert(context.deck.database, one) for one in raised])
    if taken is None:
        taken = drop.heed_drop(context.deck, settings, [one.window for one in verdicts], context.fence)
    acted = {"policy": {"release": taken.id, "kind": taken.kind, "state": taken.state}} if taken else {}
    return {"windows": len(verdicts), "findings": len(found), "alerts": raised, "resolved": over, **acted}


def rewatch(context: JobContext) -> dict[str, Any]:
    """Compute the windows of a span of time again: kept to be looked at, nobody is woken and nothing is done.

    Paused, it waits before the next windows; killed, its next attempt begins anew, and what does not change leaves no
    trace.
    """
    from engine.monitoring.light import without_pandas

    without_pandas()
    from engine.monitoring.watch import watch as look
    from store import pausing

    settings, revision = context.settings()
    said = (0.0, "no window computed")

    def progress(fraction: float, text: str) -> None:
        nonlocal said
        said = (fraction, text)
        context.progress(fraction, text)

    def pace() -> None:
        while pausing.is_paused(context.deck.database, context.job.id):
            context.progress(said[0], f"paused: {said[1]}")
            time.sleep(LOOK_S)

    verdicts = look(
        context.deck,
        settings,
        revision,
        now_us=context.deck.clock.now(),
        span=(context.args["from_us"], context.args["to_us"]),
        fence=context.fence,
        progress=progress,
        pace=pace,
    )
    return {"windows": len(verdicts)}
