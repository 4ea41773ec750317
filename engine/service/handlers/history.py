"""Handlers of operations on the past."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.operations.history import AliasHistory, AtRequest, Moment
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from store.clock import read_past
from store.errors import Refused
from store.lookup import unknown
from store.rows import AliasMove, rfc3339


def at(context: ServiceContext, request: AtRequest) -> Moment:
    """Return what had traffic at a past moment."""
    from store import history, models, settings

    with context.deck.database.reading() as reader:
        applied = settings.current(reader)
        zone = str(applied.body["time_zone"]) if applied else "UTC"
        now_us = context.deck.clock.now()
        at_us = _moment(request.time, zone, now_us)
        if at_us > now_us:
            raise Refused(
                f"{request.time} is in the future: {rfc3339(at_us)}", f"it is {_local(now_us, zone)} {zone} now"
            )
        if request.model is not None:
            models.model(reader, request.model)
        serving = history.served_at(reader, at_us, request.model)
        first_us = None if serving else history.first_served(reader, request.model)
    note = "" if serving else _nothing(request.model, at_us, first_us, zone)
    return Moment(at_us, _local(at_us, zone), zone, note, tuple(serving))


def alias_moves(context: ServiceContext, request: AliasHistory) -> list[AliasMove]:
    """Return the moves of a model's aliases, newest first."""
    from store import history, models

    check_limit(request.limit)
    reader = context.deck.database
    models.model(reader, request.model)
    found = history.alias_moves(reader, request.model, request.name, limit=request.limit)
    if not found and request.name is not None:
        known = {move.name for move in history.alias_moves(reader, request.model, limit=1000)}
        raise unknown("alias", request.name, known)
    return found


def _moment(text: str, zone: str, now_us: int) -> int:
    try:
        at_us = read_past(text, zone, now_us)
        _local(at_us, zone)
    except (OverflowError, ValueError):
        raise Refused(f"{text!r} is outside of what a clock shows", "write 2026-01-31T14:00") from None
    return at_us


def _local(at_us: int, zone: str) -> str:
    moment = datetime.fromtimestamp(at_us // 1_000_000, tz=UTC).astimezone(ZoneInfo(zone))
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _nothing(model: str | None, at_us: int, first_us: int | None, zone: str) -> str:
    """Say why nothing served."""
    what = model or "nothing"
    if first_us is None:
        return f"{model} has never served" if model else "nothing has ever served"
    if at_us < first_us:
        return (
            f"{what} did not serve yet: first at {_local(first_us, zone)}"
            if model
            else (f"nothing served yet: first at {_local(first_us, zone)}")
        )
    return f"{model} was stopped" if model else "every endpoint was stopped"
