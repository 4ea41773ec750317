"""What is known of two versions beyond their own holdouts: the same rows, and live traffic, each in its time.

A holdout is of the version's own snapshot. Figures of two holdouts are of different rows unless `same_holdout` says
otherwise, and then which of them is greater tells of the rows as much as of the versions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.plans import Known
from store.database import Reader
from store.rows import ESTIMATED, Version, Window

READ = 600  # newest windows of a model among which both versions' are looked for
NO_LIVE = "not judged yet, for want of outcomes or an estimate of {} traffic"
UNJUDGED = "no data"  # a window's verdict where its rows are too few


def same_holdout(first: Version, second: Version) -> bool:
    """Say whether both versions were tested on the same rows: one snapshot, of which both kept the same part."""
    if first.snapshot_id != second.snapshot_id:
        return False
    kept = [tuple(one.evaluation.get(name) for name in ("from_at", "to_at", "rows")) for one in (first, second)]
    # Without a time column the part is drawn by the settings' seed; a derived version keeps its parent's.
    derived = first.number == second.derived_from or second.number == first.derived_from
    drawn_alike = first.cutoff_at is not None or first.settings_revision == second.settings_revision or derived
    return kept[0] == kept[1] and drawn_alike


def known_of(reader: Reader, before: Version | None, after: Version) -> tuple[Known, ...]:
    """Return what is known of the version left and the version arrived at; empty where nothing is left."""
    from store import watching

    if before is None or before.number == after.number:
        return ()
    windows = watching.windows(reader, after.model, limit=READ)
    live = [(one, _live(one, windows)) for one in (before, after)]
    if not any(told for _, told in live):
        return (*_on_the_same_rows(before, after), Known("live", NO_LIVE.format("either's")))
    return (
        *_on_the_same_rows(before, after),
        *(Known(f"v{one.number} live", told or NO_LIVE.format("its")) for one, told in live),
    )


def _on_the_same_rows(before: Version, after: Version) -> tuple[Known, ...]:
    """Return how the newer did against the older when it was trained, on rows that neither had seen."""
    for newer, older in ((after, before), (before, after)):
        found: dict[str, Any] = newer.evaluation.get("against_champion") or {}
        value, low, high = (found.get(name) for name in ("value", "low", "high"))
        if found.get("version") != older.number or value is None:
            continue
        clear = low is None or high is None or low > 0 or high < 0
        compared = f"v{newer.number} {'better' if value > 0 else 'worse'} than v{older.number}"
        said = compared if clear else f"no clear difference of v{newer.number} from v{older.number}"
        between = "" if low is None or high is None else f" [{low:.4g}, {high:.4g}]"
        gain = f"{found.get('metric', '')} gains {value:.4g}{between}"
        rows = f"{found.get('n', 0):,} rows that neither was trained on"
        return (Known("same rows", f"{said}: {gain}; {rows}"),)
    return ()


def _live(version: Version, windows: list[Window]) -> str:
    """Return a version's newest judged figure on its own traffic, else estimated, with its time; or nothing."""
    metric = str(version.evaluation.get("metric", ""))
    mine = [one for one in windows if one.version == version.number and one.verdict != UNJUDGED]
    for name, how in ((metric, "realised"), (ESTIMATED + metric, "estimated")):
        for one in mine:
            found = one.metrics.get(name) or {}
            if isinstance(found.get("value"), int | float):
                on = f"{int(found.get('n') or one.rows):,} {'outcomes' if how == 'realised' else 'rows'}"
                promised = (version.evaluation.get("holdout", {}).get(metric) or {}).get("value")
                said = f", promised {promised:.4g}" if isinstance(promised, int | float) else ""
                span = f"{_day(one.from_at)} to {_day(one.to_at)}"
                return f"{metric} {found['value']:.4g} {how}{said}; {on}, {span}: {one.verdict}"
    return ""


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).date().isoformat()
