"""Asks for trainings that nobody asked for: looks at what `[retrain] on` names, as often as something changed.

One look asks for at most one training of a model, under the same key as its set times, so that a hundred alarms are one
training. What a damper holds back stays due, is told once by a `schedule.held` event, and goes when the damper ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.deck import Deck
from engine.jobs.retrain_decision import Decision, decide
from engine.jobs.retrain_facts import gather, schedule_of
from engine.settings.retrain import RetrainSettings
from engine.settings.work import terms
from store import jobs, schedules
from store.database import Write

EVERY_S = 5.0  # least time between two looks, by CLOCK_BOOTTIME
AGAIN_S = 60.0  # and the longest, as dampers end without anything being written
MOST_REASON = 300

Held = tuple[tuple[str, ...], tuple[int | None, ...]]


class Retraining:
    """Remembers when it looked, and what it told last of each model."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._looked = float("-inf")
        self._seen: int | None = None
        self._told: dict[str, Held] = {}

    def look(self, settings: Mapping[str, Any]) -> int:
        """Ask for the trainings that are due under these applied settings, and return how many."""
        now = self._deck.clock.boottime()
        if now - self._looked < EVERY_S:
            return 0
        token = self._deck.database.changes()
        if token == self._seen and now - self._looked < AGAIN_S:
            return 0
        self._looked, self._seen = now, token
        asked = 0
        for name, body in settings.get("models", {}).items():
            if body.get("retrain", {}).get("on"):
                asked += self._consider(settings, name, RetrainSettings.from_body(body["retrain"]))
        return asked

    def _consider(self, settings: Mapping[str, Any], model: str, retrain: RetrainSettings) -> bool:
        with self._deck.database.reading() as reader:
            decision = decide(gather(reader, model, retrain, self._deck.clock.now()))
        if not decision.due or (not decision.trains and self._told.get(model) == _key(decision)):
            return False
        with self._deck.database.write() as tx:  # decided again, on what nobody can change meanwhile
            decision = decide(gather(tx, model, retrain, tx.at))
            if decision.trains:
                _ask(tx, settings, decision)
                return True
            if decision.due:
                self._hold(tx, decision)
        return False

    def _hold(self, tx: Write, decision: Decision) -> None:
        """Record that a due training is held back, once as long as the same holds it."""
        key = _key(decision)
        if self._told.get(decision.model) == key:
            return
        row = schedules.schedule(tx, schedule_of(decision.model))
        last = schedules.last_held(tx, row.id)
        if last is None or (tuple(last["held_by"]), tuple(last["until"])) != key:
            body = {"due": [one.name for one in decision.due], "held_by": list(key[0]), "until": list(key[1])}
            schedules.held(tx, row, f"{decision.due[0].name}: {decision.holding[0].told}", body)
        self._told[decision.model] = key


def _key(decision: Decision) -> Held:
    """Return what holds, and until when: whatever else comes to ask meanwhile is held by the same."""
    return tuple(one.name for one in decision.holding), tuple(one.until_at for one in decision.holding)


def _ask(tx: Write, settings: Mapping[str, Any], decision: Decision) -> None:
    row = schedules.schedule(tx, schedule_of(decision.model))
    first = decision.due[0]
    job = jobs.enqueue(
        tx,
        kind="train",
        model=decision.model,
        args={"reason": f"{first.name}: {first.seen}"[:MOST_REASON], "why": decision.why},
        actor=f"trigger:{row.id}",
        settings_revision=row.settings_revision,
        dedupe_key=f"schedule:{row.id}",
        terms=terms(settings, "train"),
    )
    schedules.was_run(tx, row.id, job.id)
