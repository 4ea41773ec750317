"""What an alert rests on, in words: measured against promised, which window, which columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.cells import Span
from console.render.columns import Cell
from console.render.describe import put
from console.render.measures import with_interval
from console.render.sheet import Sheet
from console.render.words import brief, day, number, percent, plural

LABELS = 12
PAIRS = 3  # of inputs that no longer go together, named under their row
NARROW = 72  # below this a table of columns leaves out what is only looked up
# What the lines below tell, and the ids that only `d` and `y` show.
_TOLD = (
    *("window", "windows", "windows_found", "windows_looked", "windows_looked_at", "from_at", "to_at", "rows"),
    *("version", "coverage", "labels", "n", "note", "ratio", "metric", "value", "low", "high", "holdout"),
    *("vanished", "features", "harm", "on", "limit", "breaches", "of", "errors", "refused", "volume", "usual"),
    *("latency_p99_ms", "predictions"),
)


def put_evidence(sheet: Sheet, evidence: dict[str, Any]) -> None:
    """Add the evidence of an alert; what is not known here is added field by field."""
    if not isinstance(evidence.get("window"), str):
        put(sheet, evidence)
        return
    if "value" in evidence and "holdout" in evidence:
        metric = str(evidence.get("metric", ""))
        sheet.pair("Measured", f"{metric} ", (with_interval(evidence), "bad"), label_width=LABELS)
        sheet.pair("Promised", with_interval(evidence["holdout"]), (" on the holdout", "dim"), label_width=LABELS)
    harm = evidence.get("harm")
    if isinstance(harm, dict) and isinstance(harm.get("holdout"), dict):
        said = f"{harm.get('source')} {harm.get('metric')} "
        sheet.pair("Harm", said, (with_interval(harm), "bad"), label_width=LABELS)
        sheet.pair("Promised", with_interval(harm["holdout"]), (" on the holdout", "dim"), label_width=LABELS)
    if isinstance(harm, dict) and harm.get("vanished"):
        sheet.pair("Harm", ("a class that training knew is gone from the outcomes", "bad"), label_width=LABELS)
    for gone in evidence.get("vanished") or ():
        said = f"no outcome {gone.get('class')!s}"
        sheet.pair("Measured", (said, "bad"), f" among {plural(_count(evidence), 'label')}", label_width=LABELS)
        sheet.pair("Promised", f"{percent(gone.get('training_share'))} in training", label_width=LABELS)
    if evidence.get("note"):
        sheet.pair("So", str(evidence["note"]), label_width=LABELS)
    sheet.pair("Window", *_window(evidence), label_width=LABELS)
    found, looked = evidence.get("windows_found"), evidence.get("windows_looked", evidence.get("windows_looked_at"))
    if isinstance(found, int) and found > 1:
        among = f"{found} of {looked}" if isinstance(looked, int) else str(found)
        sheet.pair("Also", f"{among} windows looked at then say so", label_width=LABELS)
    if isinstance(evidence.get("breaches"), int):
        sheet.pair("Counted", f"{evidence['breaches']} of the newest {evidence.get('of')} windows", label_width=LABELS)
    features = evidence.get("features")
    if isinstance(features, list) and features:
        sheet.blank()
        put_features(sheet, features)
    rest = {name: value for name, value in evidence.items() if name not in _TOLD}
    if rest:
        sheet.blank()
        put(sheet, rest)


def _count(evidence: dict[str, Any]) -> int:
    found = evidence.get("labels", evidence.get("n"))
    return found if isinstance(found, int) else 0


def _window(evidence: dict[str, Any]) -> list[Span | str]:
    cells: list[Span | str] = [f"v{evidence.get('version')}, {_day(evidence.get('from_at'))} to "]
    cells.append(_day(evidence.get("to_at")))
    if isinstance(evidence.get("rows"), int):
        cells.append(f": {plural(evidence['rows'], 'row')}")
    if isinstance(evidence.get("coverage"), int | float):
        cells.append((f", {percent(evidence['coverage'])} with outcomes", "dim"))
    return cells


def _day(at: Any) -> str:
    return day(at) if isinstance(at, int) else str(at)[:10]


def put_features(sheet: Sheet, features: Sequence[dict[str, Any]], title: str = "DRIFTED") -> None:
    """Add compared columns, the heaviest first."""
    rows: list[Sequence[Cell]] = [
        (
            (str(one.get("name")), "name"),
            str(one.get("kind") or "-"),
            (brief(one.get("effect")), "warn" if one.get("drifted", True) else ""),
            brief(one.get("threshold")),
            number(one.get("psi")),
            (percent(one.get("importance")), "dim"),
            (str(one.get("test") or "-").replace("_", " "), "dim"),
        )
        for one in features
    ]
    titles = (title, "KIND", "EFFECT", "BEARABLE", "PSI", "MATTERS", "TEST")
    shown = range(len(titles)) if sheet.width >= NARROW else (0, 2, 3, 5)
    right = frozenset(place for place, column in enumerate(shown) if column in (2, 3, 4, 5))
    sheet.table([titles[column] for column in shown], [[row[column] for column in shown] for row in rows], right)
    for one in features:
        for pair in (one.get("pairs") or ())[:PAIRS] if one.get("drifted", True) else ():
            first, second = pair["columns"]
            sheet.paragraph(
                f"{first} with {second}: went together {brief(pair['before'])}, now {brief(pair['now'])}"
                f" ({percent(pair['share'])} of what tells)",
                "dim",
            )
