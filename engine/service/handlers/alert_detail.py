"""One alert with what a person asks next: how the figure went, what changed before, what became of it. Light reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from engine.operations.alerts import AlertDetail, Point, Series
from store.database import Reader
from store.rows import ESTIMATED, Alert, Event, Window

POINTS = 60  # newest windows that are shown
READ = 600  # windows of all versions among which they are
CHANGES = 3
LOOKED_AT = 400  # events before it among which they are
CHANGING = ("release.", "alias.", "settings.", "version.", "host", "endpoint.", "policy", "schedule.paused")
WORK = ("release.requested", "release.running")  # on the way to a change
OPENING = ("alert.opened", "alert.reopened", "alert.muted")
OUTCOMES = "outcomes"

Value = Callable[[Window], float | None]


def with_left(reader: Reader, found: Iterable[Alert]) -> list[Alert]:
    """Return alerts, those about a version that no longer serves saying so: what was rolled back hurts nobody now."""
    from store import deployments

    rows = list(found)
    gone = deployments.left(reader) if any("version" in one.evidence for one in rows) else set()
    return [
        replace(one, left_version=version)
        if one.state != "resolved"
        and isinstance(version := one.evidence.get("version"), int)
        and (one.model, version) in gone
        else one
        for one in rows
    ]


def detail_of(reader: Reader, alert: Alert, now: int) -> AlertDetail:
    """Gather what belongs to an alert."""
    from store import events, maintenance, releases

    life = tuple(events.events(reader, limit=50, subject=("alert", alert.id)))
    opened = next((one.seq for one in life if one.action in OPENING), None)
    return AlertDetail(
        with_left(reader, [alert])[0],
        _series(reader, alert),
        _changes(reader, alert, opened),
        life,
        maintenance.active(reader, alert.model, now),
        alert.model is not None
        and (releases.has_way_back(reader, alert.model) or releases.active(reader, alert.model) is not None),
    )


def _changes(reader: Reader, alert: Alert, opened: int | None) -> tuple[Event, ...]:
    """Return who moved which alias, release or settings last before it opened, of its model and of the whole deck."""
    from store import events

    if opened is None:
        return ()
    before = events.events(reader, limit=LOOKED_AT, before_seq=opened, without=("job.", "access.", "run.", "notif"))
    mine = (one for one in before if alert.model is None or one.model in (None, alert.model))
    moved = [one for one in mine if one.action.startswith(CHANGING) and one.action not in WORK]
    # a champion moves with its release, which says more
    return tuple([one for one in moved if not one.subject_id.endswith(":champion")][:CHANGES])


def _series(reader: Reader, alert: Alert) -> Series | None:
    from store import watching

    told = _figure(alert)
    if told is None or alert.model is None:
        return None
    name, unit, limit, promised, value = told
    version = alert.evidence.get("version")
    windows = watching.windows(reader, alert.model, limit=READ)
    if on_of(alert) in ("volume", "no_data"):
        points = _volumes(windows)
    else:
        points = [
            Point(one.from_at, one.to_at, one.rows, value(one), _note(one)) for one in windows if one.version == version
        ]
    return Series(name, unit, limit, promised, tuple(reversed(points[:POINTS])))


def on_of(alert: Alert) -> str:
    """Return what the alert's rule is on; of an alert older than rules, what its key says."""
    return str(alert.evidence.get("on") or alert.key.partition(":")[0])


def _figure(alert: Alert) -> tuple[str, str, float | None, float | None, Value] | None:
    """Return what is drawn: its name and unit, the limit, what was promised, and how a window says it."""
    told, on = alert.evidence, on_of(alert)
    limit = told.get("limit") if isinstance(told.get("limit"), int | float) else None
    if on in ("performance", "estimated", OUTCOMES) and isinstance(told.get("metric"), str):
        metric = told["metric"]
        promised = (told.get("holdout") or {}).get("value")
        key = ESTIMATED + metric if on == "estimated" else metric
        return metric, "", None, promised, lambda one: _number((one.metrics.get(key) or {}).get("value"))
    if on in ("drift", "prediction_drift") and told.get("features"):
        worst = told["features"][0]
        bearable = worst.get("threshold") or 0.0
        name = worst["name"]
        return f"drift of {name}", "", bearable * (limit or 1.0), None, lambda one: _effect(one, name)
    if on == "errors":
        share = None if limit is None else 100 * limit
        return "failed rows", "%", share, None, lambda one: 100 * one.errors / one.rows if one.rows else None
    if on == "data":
        share = None if limit is None else 100 * limit
        return "refused requests", "%", share, None, _refused
    if on == "latency_p99":
        return "p99", "ms", limit, None, lambda one: one.latency_p99_ms
    if on == "freshness":
        return "age", "s", limit, None, lambda one: _number((one.quality.get("freshness") or {}).get("age_s"))
    if on == "quality" and told.get("columns"):
        worst = told["columns"][0]
        name, fault = worst["name"], worst["fault"]
        share = None if limit is None else 100 * (float(worst["usual"]) + limit)
        return f"{name}: {fault}", "%", share, None, lambda one: _fault(one, name, fault)
    if on == "fairness" and isinstance(told.get("gap"), str):
        gap = told["gap"]
        return (
            f"{told['measure']} of {told['column']} apart",
            "",
            _number(told.get("allowed")),
            None,
            lambda one: _number((one.metrics.get(gap) or {}).get("value")),
        )
    if on in ("volume", "no_data"):
        usual = told.get("usual")
        least = limit * usual if limit is not None and isinstance(usual, int | float) else None
        return "rows", "", least, usual if isinstance(usual, int | float) else None, lambda one: float(one.rows)
    return None


def _volumes(windows: list[Window]) -> list[Point]:
    """Return rows of all versions per span, newest first."""
    spans: dict[tuple[int, int], int] = {}
    for one in windows:
        spans[one.from_at, one.to_at] = spans.get((one.from_at, one.to_at), 0) + one.rows
    return [Point(start, end, rows, float(rows)) for (start, end), rows in sorted(spans.items(), reverse=True)]


def _refused(one: Window) -> float | None:
    told = one.metrics.get("refused")
    return 100 * float(told["value"]) if told else (0.0 if one.rows else None)


def _fault(one: Window, name: str, fault: str) -> float | None:
    if not one.quality:
        return None
    told = (each for each in one.quality["columns"] if (each["name"], each["fault"]) == (name, fault))
    return next((100 * float(each["share"]) for each in told), 0.0)


def _effect(one: Window, name: str) -> float | None:
    return next((_number(each.get("effect")) for each in one.features if each.get("name") == name), None)


def _note(one: Window) -> str:
    return "; ".join(str(each.get("why", "")) for each in one.notes)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
