"""What a card is written from, gathered from the registry in one look."""

from __future__ import annotations

from typing import Any

from engine.governance.passed_over import PassedOver, passed_over
from store import alerts, approvals, behaviour, models, origins, releases, runs, settings, snapshots, versions, watching
from store.database import Reader
from store.origins import Origin
from store.rows import Alert, Approval, BehaviourRun, Model, Release, Run, Snapshot, Version, Window
from store.rows.frozen import dataclass

WINDOWS = 200  # newest windows of the model that are looked at


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image of a version, and how many of its packages name each licence; None where nothing was recorded."""

    digest: str
    base: str
    platform: str
    licences: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything `card_of` reads; `settings` is the model's applied file, empty where it is applied no more."""

    model: Model
    version: Version
    run: Run
    snapshot: Snapshot
    settings: dict[str, Any]
    environment: dict[str, Any]
    approvals: tuple[Approval, ...]
    releases: tuple[Release, ...]
    windows: tuple[Window, ...]
    alerts: tuple[Alert, ...]
    tests: tuple[BehaviourRun, ...] = ()  # the newest of each place
    origin: Origin | None = None
    images: tuple[ImageFacts, ...] = ()  # newest first
    passed_over: tuple[PassedOver, ...] = ()  # gates that its releases went past, oldest first


def gather(
    reader: Reader, version: Version, environment: dict[str, Any], images: tuple[ImageFacts, ...] = ()
) -> CardFacts:
    """Gather what is known of a version; `environment` is what its environment's hash stands for, `images` its images.

    Raises:
        UnknownName: no such model.
    """
    model = version.model
    row = settings.current(reader)
    given = approvals.approvals(reader, model=model, standing_only=False)
    past = releases.releases(reader, endpoint=model, limit=100)
    seen = watching.windows(reader, model, limit=WINDOWS)
    mine = tuple(one for one in given if one.version == version.number)
    moved = tuple(one for one in past if one.to_version == version.number)
    return CardFacts(
        model=models.model(reader, model),
        version=version,
        run=runs.run(reader, version.run_id),
        snapshot=snapshots.snapshot(reader, version.snapshot_id, model),
        settings=row.body["models"].get(model, {}) if row is not None else {},
        environment=environment,
        approvals=mine,
        releases=moved,
        passed_over=passed_over([(one, tuple(releases.steps(reader, one.id))) for one in moved], mine),
        windows=tuple(one for one in seen if one.version == version.number),
        images=images,
        origin=origins.origin_of(reader, model, version.number),
        alerts=tuple(one for one in alerts.alerts(reader, model=model) if _is_about(one, version.number)),
        tests=tuple(behaviour.newest(reader, model, version.number)),
    )


def card_version(reader: Reader, model: str, number: int | None) -> Version:
    """Return the version a card is asked of: without a number the champion, else the newest.

    Raises:
        UnknownName: no such model or version, or the model has none.
    """
    if number is not None:
        return versions.version(reader, model, number)
    champion = models.alias(reader, models.model(reader, model).name, "champion")
    if champion is not None:
        return versions.version(reader, model, champion.version)
    newest = versions.newest(reader, model)
    if newest is None:
        from store.errors import UnknownName

        raise UnknownName(f"{model} has no versions", f"make one: modeldeck train {model}")
    return newest


def _is_about(alert: Alert, number: int) -> bool:
    return alert.evidence.get("version") in (None, number)
