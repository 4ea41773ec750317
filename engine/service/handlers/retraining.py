"""Handlers of operations on trainings that nobody asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jobs.retrain_decision import Decision, Facts, decide, minute
from engine.jobs.retrain_facts import gather
from engine.jobs.why import told
from engine.operations.common import ModelRequest
from engine.operations.retraining import DamperSeen, TriggerSeen, WhyNot
from engine.service.context import ServiceContext
from engine.settings.retrain import RetrainSettings

if TYPE_CHECKING:
    from store.rows import Job


def why_not(context: ServiceContext, request: ModelRequest) -> WhyNot:
    """Decide as the daemon does, and say what that rests on."""
    from store import models, settings
    from store import retraining as table

    with context.deck.database.reading() as reader:
        model = models.model(reader, request.model).name
        body = settings.applied_body(reader).get("models", {}).get(model, {})
        retrain = RetrainSettings.from_body(body.get("retrain", {}))
        facts = gather(reader, model, retrain, context.deck.clock.now())
        last = table.last_training(reader, model)
    decision = decide(facts)
    nobody_looks = _daemon(context)
    missing = (*nobody_looks, *decision.missing)
    return WhyNot(
        model,
        decision.trains and not nobody_looks,
        _summary(facts, decision, missing, looks=not nobody_looks),
        (*_set_time(facts), *(TriggerSeen(one.name, one.is_due, one.seen, one.asked) for one in decision.triggers)),
        tuple(DamperSeen(one.name, one.holds, one.told, one.until_at) for one in decision.dampers),
        missing,
        facts.schedule.next_at if facts.schedule else None,
        last.id if last else None,
        last.requested_at if last else None,
        _last(last),
    )


def _daemon(context: ServiceContext) -> tuple[str, ...]:
    """Nobody answers over the socket: nobody looks either."""
    return () if context.transport == "socket" else ("a daemon, which does the looking: modeldeck daemon start",)


def _set_time(facts: Facts) -> tuple[TriggerSeen, ...]:
    row = facts.schedule
    if row is None or row.trigger.startswith("on "):
        return ()
    word, _, rest = row.trigger.partition(" ")
    seen = f"next {minute(row.next_at)}" if row.next_at is not None else "no time is known"
    return (TriggerSeen(word, False, "paused" if row.paused_at is not None else seen, rest),)


def _summary(facts: Facts, decision: Decision, missing: tuple[str, ...], *, looks: bool) -> str:
    model, due = facts.model, decision.due
    names = ", ".join(one.name for one in due)
    if due and decision.holding:
        held = " and ".join(
            f"{one.name}{f' until {minute(one.until_at)}' if one.until_at is not None else ''}"
            for one in decision.holding
        )
        return f"{model} is due ({names}) and held by {held}"
    if due and looks:
        return f"{model} is due ({names}) and is asked for at the next look, within seconds"
    if missing:
        return f"{model} does not train by itself: missing is {missing[0]}"
    if facts.schedule is not None and facts.schedule.paused_at is not None:
        return f"{model} does not train by itself: its schedule is paused"
    if not decision.triggers:
        return f"{model} trains at its set times alone"
    return f"{model} does not train: nothing asks for it"


def _last(last: Job | None) -> str:
    return "" if last is None else f"{told(last)}; {last.state}{f': {last.reason}' if last.reason else ''}"
