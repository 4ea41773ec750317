"""How much each input of a version weighs in its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.rows import Version


def importance_of(version: Version) -> dict[str, float]:
    """Return each feature's share of the importance; empty where the version has none."""
    grown = {one["name"]: max(0.0, float(one["value"])) for one in version.evaluation.get("importance") or ()}
    total = sum(grown.values())
    return {name: round(value / total, 6) for name, value in grown.items()} if total else {}
