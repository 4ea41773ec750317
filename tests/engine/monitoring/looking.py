"""What the tests of a monitor's look share: one look, outcomes, and what it found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.deck import Deck
from engine.monitoring.outcomes import record
from engine.monitoring.verdicts import Finding, Verdict, findings
from engine.monitoring.watch import watch
from engine.serving.tokens import LogKey
from engine.settings.alerts import make_rule
from store.rows import Window, microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")


DAY_US = 86_400_000_000


ANNA = "user:anna"
SECRET = "5e" * 32


def look(deck: Deck, settings: Any, *, day: float = 1, touch: bool = True) -> list[Verdict]:
    """Watch at a time, and end the look as the job does."""
    verdicts = watch(deck, settings, 1, now_us=MIDNIGHT + round(day * DAY_US))
    json.dumps([[one.evidence for one in findings(verdicts)]], allow_nan=False)
    if touch:
        with deck.database.write() as tx:
            at = {"at": MIDNIGHT + round(day * DAY_US) + 1, "name": settings.name}
            tx.execute("UPDATE monitor SET last_run_at = :at WHERE name = :name", at)
    return verdicts


def outcomes(ids: list[str], rows: list[dict[str, Any]], deck: Deck, model: str = "rates") -> None:
    given = [{"prediction_id": one, "value": row["y"]} for one, row in zip(ids, rows, strict=True)]
    record(deck, model, given, "till", ANNA)


def key_of(deck: Deck, id: str = "k1", secret: str = SECRET) -> LogKey:
    """Write the deck's log key, and return it."""
    deck.workspace.keys.mkdir(parents=True, exist_ok=True)
    path = deck.workspace.keys / "log"
    path.write_text(json.dumps({"id": id, "key": secret}))
    return LogKey.read(path)


def on_drift_alone(settings: Any) -> Any:
    """Return the settings with the rule of drift asking for no harm."""
    return replace(settings, alerts={"drift": make_rule("drift", harm=False)})


def feature(window: Window, name: str) -> dict[str, Any]:
    return next(one for one in window.features if one["name"] == name)


def of_kind(found: list[Finding], kind: str) -> list[Finding]:
    return [one for one in found if one.kind == kind]
