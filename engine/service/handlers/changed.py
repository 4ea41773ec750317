"""What changed last of a model, and what has been its champion since when: what the first screen says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.operations.changes import words
from store import events, releases
from store.database import Reader
from store.rows import Alias, Event, RouteSpan

ROUTINE = ("job.", "access.", "route.", "outcomes.", "snapshot.", "run.started", "release.running")  # work went on
KEPT_GOING = (  # nobody's doing
    *("schedule.skipped", "schedule.held", "schedule.caught_up"),
    *("tests.", "notification.", "gc.", "retention."),
)
HOUSEKEEPING = (*ROUTINE, *KEPT_GOING)
SAID_OR_SEEN = ("alert.", "fault.", "comment.", "watch.", "incident.", "data.checked", "data.quarantined")
REVISIONS = 50  # settings revisions looked through for the one that changed a model


def settings_changes(reader: Reader) -> dict[str, Event]:
    """Return the newest settings event that added or changed each model, by the model's name."""
    found: dict[str, Event] = {}
    for event in events.of_kind(reader, "settings", "settings.applied", REVISIONS):
        for name in (*event.body.get("added", ()), *event.body.get("changed", ())):
            found.setdefault(name, event)
    return found


def newest_change(reader: Reader, model: str, applied: Mapping[str, Event]) -> Event | None:
    """Return what was last done to a model, its versions, traffic, schedules or settings; not what was said of it."""
    own = next(iter(events.events(reader, limit=1, model=model, without=(*HOUSEKEEPING, *SAID_OR_SEEN))), None)
    candidates = [event for event in (own, applied.get(model)) if event is not None]
    return max(candidates, key=lambda event: event.seq, default=None)


def change_words(event: Event) -> str:
    """Return the change in words; settings by their revision, which is how they are looked up."""
    return f"settings {event.subject_id} applied" if event.subject_kind == "settings" else words(event)


def change_reason(reader: Reader, event: Event) -> str:
    """Return why: the change's own reason, or that of the release it ends."""
    if event.reason or event.subject_kind != "release":
        return event.reason
    return releases.release(reader, event.subject_id).reason


def serving_since(spans: Iterable[RouteSpan], endpoint: str, version: int | None, alias: Alias | None) -> int | None:
    """Return since when a version is the champion and has had traffic without a break, in microseconds UTC.

    A release that takes a share of the traffic and gives it back does not begin it anew, nor does a move between hosts;
    an endpoint that was stopped does. `spans` come newest first. Without a route it is the alias's last move.
    """
    if alias is None or version is None:
        return None
    began: int | None = None
    for span in spans:
        if span.endpoint != endpoint or span.version != version or not span.weight:
            continue
        if span.to_at is None or (began is not None and span.to_at >= began):
            began = span.from_at if began is None else min(began, span.from_at)
        elif began is not None:
            break
    return alias.moved_at if began is None else max(began, alias.moved_at)
