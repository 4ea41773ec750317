"""Lets go once a day of what the settings no longer keep, as a job on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.deck import Deck
from engine.jobs.context import JobContext
from engine.settings.retention import RetentionSettings
from engine.settings.work import terms
from store import jobs, settings
from store.database import Reader

EVERY_US = 86_400_000_000
LOOK_S = 60.0
ACTOR = "policy:retention"


def retain(context: JobContext) -> dict[str, Any]:
    """Let go of what is due."""
    from engine.keeping.retention import run

    found = run(context.deck, actor=context.job.actor)
    due = [one for one in found if one.due]
    return {"removed": sum(len(one.due) for one in due), "bytes": sum(one.due_bytes for one in due)}


class RetentionClock:
    """Asks for the job a day after the last one, where any file says that something goes some time."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._looked = float("-inf")

    def look(self) -> bool:
        """Ask where it is time; returns whether it was."""
        now = self._deck.clock.boottime()
        if now - self._looked < LOOK_S:
            return False
        self._looked = now
        body, revision = settings.applied_body(self._deck.database), settings.newest(self._deck.database)
        if not revision or not _is_said(body) or not self._is_due(self._deck.database):
            return False
        with self._deck.database.write() as tx:
            jobs.enqueue(
                tx,
                kind="retention",
                actor=ACTOR,
                terms=terms(body, "retention"),
                settings_revision=revision,
                dedupe_key="retention",
            )
        return True

    def _is_due(self, reader: Reader) -> bool:
        row = reader.row("SELECT max(requested_at) AS at FROM job WHERE kind = 'retention'")
        return row is None or row["at"] is None or self._deck.clock.now() - row["at"] >= EVERY_US


def _is_said(body: Mapping[str, Any]) -> bool:
    said = [body.get("retention", {}), *(model.get("retention", {}) for model in body["models"].values())]
    return any(RetentionSettings(**one).is_said for one in said)
