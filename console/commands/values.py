"""How single values are written in lists and sheets: counts, spans, shares, versions, what a row says in one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.output import Output

if TYPE_CHECKING:
    from engine.operations.serving import Cost, DeploymentDetail
    from store.rows import Event, Release, Window

ID_DIGITS = 32


def count(value: int | float | None) -> str:
    """Return a whole number with its thousands apart; `-` where there is none."""
    return "-" if value is None else f"{value:,.0f}"


def number(value: float | None) -> str:
    """Return a measured value with four significant digits; `-` where there is none."""
    return "-" if value is None else f"{value:.4g}"


def percent(value: float | None) -> str:
    """Return a share of 1 as percent; `-` where there is none."""
    return "-" if value is None else f"{value:.0%}"


def seconds(value: float) -> str:
    """Return a duration in its largest fitting unit: 45s, 12m, 3h, 2d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if value >= size and value % size == 0:
            return f"{value / size:.0f}{unit}"
    return f"{value:g}s"


def took(from_us: int | None, to_us: int | None) -> str:
    """Return how long something took."""
    if from_us is None or to_us is None:
        return "-"
    span = max(0, to_us - from_us) / 1_000_000
    if span < 60:
        return f"{span:.1f}s"
    minutes, rest = divmod(int(span), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def version_or_none(value: int | None) -> str:
    """Return a version as `@7`; `-` where there is none."""
    return "-" if value is None else f"@{value}"


def kilobytes(size: int) -> str:
    """Return a size in kB, or in MB from a thousand on."""
    return f"{size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.1f} kB"


def window_metric(window: Window) -> str:
    """Return the metric that a window is judged by, the one with an interval: `21.3 mae`; else its first.

    An estimate is shown only where nothing was realised, and says that it is one: `est. 0.961 roc_auc`.
    """
    from store.rows import ESTIMATED, FAIRNESS, PLAIN

    told = {name: found for name, found in window.metrics.items() if not name.startswith((FAIRNESS, PLAIN))}
    realised = {name: found for name, found in told.items() if not name.startswith(ESTIMATED)}
    judged = [name for name, measured in realised.items() if measured.get("low") is not None]
    for name in (*judged, *realised):
        return f"{number(realised[name].get('value'))} {name}"
    for name, expected in told.items():
        return f"est. {number(expected.get('value'))} {name.removeprefix(ESTIMATED)}"
    return "-"


def moved(release: Release) -> str:
    """Return what a release changes: `@1 -> @2`."""
    return f"{version_or_none(release.from_version)} -> @{release.to_version}"


def ready(detail: DeploymentDetail) -> str:
    """Return how many replicas answer out of those wanted."""
    answering = sum(1 for replica in detail.replicas if replica.state == "ready")
    return f"{answering}/{detail.deployment.replicas}"


def share(detail: DeploymentDetail) -> str:
    """Return the share of the traffic that the desired route gives this deployment."""
    entries = detail.route.entries if detail.route else ()
    weight = sum(int(each["weight"]) for each in entries if each["deployment_id"] == detail.deployment.id)
    total = sum(int(each["weight"]) for each in entries) or 1
    return f"{100 * weight / total:.0f} %"


def price(cost: Cost) -> str:
    """Return what 1,000 predictions cost; a dash where no price is set, or nothing was predicted."""
    return "-" if cost.price_per_1000 is None else f"{number(cost.price_per_1000)} {cost.currency}"


def subject(event: Event, out: Output) -> str:
    """Return what an event is about, its id cut as in every list."""
    is_id = len(event.subject_id) == ID_DIGITS and event.subject_kind not in ("version", "model")
    return f"{event.subject_kind} {out.short(event.subject_id) if is_id else event.subject_id}"


def said(name: str, value: Any, out: Output) -> str:
    """Return one field's value as a person reads it."""
    if name.endswith("_at") and isinstance(value, int):
        return out.time(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "-"
    if isinstance(value, dict | list | tuple):
        from console.output import json_text
        from store.rows import to_json

        return " ".join(json_text(to_json(value)).split()) if value else "-"
    if value is None or value == "":
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
