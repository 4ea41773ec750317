"""The past: where aliases stood and who moved them, what served at a moment and by whose hand."""

from __future__ import annotations

from typing import Any

from store import events
from store.database import Reader
from store.json_text import load
from store.rows import AliasMove, Event, Served

_SERVED = (
    "SELECT e.model, h.endpoint, h.host, h.version, h.image, h.weight, h.role, h.generation, h.deployment_id"
    " FROM endpoint e CROSS JOIN route_history h"
    " WHERE h.endpoint = e.name AND h.from_at <= :at AND (h.to_at IS NULL OR h.to_at > :at) AND h.weight > 0"
)
_SPANS = (  # of one deployment, whatever its share was
    "SELECT h.generation, h.from_at, h.to_at, h.release_id, r.kind AS release_kind, r.actor, r.reason"
    " FROM route_history h LEFT JOIN release r ON r.id = h.release_id"
    " WHERE h.endpoint = :endpoint AND h.host = :host AND h.deployment_id = :deployment_id AND h.weight > 0"
    " ORDER BY h.from_at"
)


def alias_moves(reader: Reader, model: str, name: str | None = None, *, limit: int = 100) -> list[AliasMove]:
    """Return the moves of a model's aliases, newest first: what the record tells of each, removed ones too."""
    names = [name] if name is not None else _aliases(reader, model)
    moves = [move for one in names for move in events.events(reader, subject=("alias", f"{model}:{one}"), limit=limit)]
    moves.sort(key=lambda move: move.seq, reverse=True)
    return [_move(model, move) for move in moves[:limit]]


def _aliases(reader: Reader, model: str) -> list[str]:
    return [name for (name,) in reader.tuples("SELECT name FROM alias WHERE model = :model", {"model": model})]


def _move(model: str, told: Event) -> AliasMove:
    name, body = told.subject_id[len(model) + 1 :], told.body
    return AliasMove(model, name, body["generation"], body["from"], body["to"], told.actor, told.reason, told.at)


def served_at(reader: Reader, at_us: int, model: str | None = None) -> list[Served]:
    """Return what had traffic at a moment, by endpoint and host, the most of it first."""
    one = "AND e.model = :model" if model is not None else ""
    found = reader.rows(
        f"{_SERVED} {one} ORDER BY h.endpoint, h.host, h.weight DESC, h.version", {"at": at_us, "model": model}
    )
    return [_served(reader, dict(row), at_us) for row in found]


def first_served(reader: Reader, model: str | None = None) -> int | None:
    """Return when something first had traffic, None where nothing ever had."""
    one = "AND e.model = :model" if model is not None else ""
    row = reader.row(
        "SELECT min(h.from_at) AS at FROM endpoint e CROSS JOIN route_history h"
        f" WHERE h.endpoint = e.name AND h.weight > 0 {one}",
        {"model": model},
    )
    return row["at"] if row else None


def _served(reader: Reader, values: dict[str, Any], at_us: int) -> Served:
    """Say since when without a break, and by whose hand: an aborted promotion brought nothing that stood before it."""
    deployment = {name: values[name] for name in ("endpoint", "host", "deployment_id")}
    del values["deployment_id"]
    spans = reader.rows(_SPANS, deployment)
    first = last = next(number for number, one in enumerate(spans) if one["to_at"] is None or one["to_at"] > at_us)
    while first and spans[first - 1]["to_at"] == spans[first]["from_at"]:
        first -= 1
    while last + 1 < len(spans) and spans[last]["to_at"] == spans[last + 1]["from_at"]:
        last += 1
    begun = spans[first]
    actor = begun["actor"] or _hand(reader, values["endpoint"], values["host"], begun["generation"])
    return Served(
        **values,
        since_at=begun["from_at"],
        until_at=spans[last]["to_at"],
        release_id=begun["release_id"],
        release_kind=begun["release_kind"] or "",
        actor=actor,
        reason=begun["reason"] or "",
    )


def _hand(reader: Reader, endpoint: str, host: str, generation: int) -> str:
    """Return who desired a route that no release did."""
    found = reader.rows(
        "SELECT seq, actor, body FROM event_by_subject WHERE subject_kind = 'route' AND subject_id = :place"
        " AND action = 'route.desired' ORDER BY seq DESC",
        {"place": f"{endpoint}:{host}"},
    )
    return next((str(row["actor"]) for row in found if load(row["body"]).get("generation") == generation), "")
