"""What a window says of its parts and its inputs, in few words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.columns import Cell
from console.render.measures import with_interval
from console.render.sheet import Sheet
from console.render.words import brief, count, number, percent, plural
from store.rows import ESTIMATED, FAIRNESS, Window, WindowPart

MOST_PARTS = 6
NARROW = 60
SMALL = "few rows"


def part_name(part: WindowPart) -> str:
    """Return a slice as `column=value`, a host by its name."""
    return f"{part.name}={part.value}" if part.name else part.value


def part_metric(part: WindowPart) -> str:
    """Return the primary metric: realised, else estimated, which says so."""
    for name, one in sorted(part.metrics.items(), key=lambda each: each[0].startswith(ESTIMATED)):
        if one.get("value") is not None:
            said = "est. " if name.startswith(ESTIMATED) else ""
            return f"{said}{number(one['value'])} {name.removeprefix(ESTIMATED)}"
    return "-"


def part_ratio(part: WindowPart) -> str:
    """Return the loss in times what was promised of the part; a part of few rows is not judged."""
    if part.is_small:
        return SMALL
    if part.ratio is None:
        return "-"
    return f"{part.ratio:.2f} x{' worse' if part.is_worse else ''}"


def part_moved(part: WindowPart) -> str:
    """Return how far the answers moved, beside what is bearable."""
    effect = part.answers.get("effect")
    if effect is None or part.is_small:
        return "-"
    sign = " drift" if part.answers.get("drifted") else ""
    return f"{brief(effect)} of {brief(part.answers.get('threshold'))}{sign}"


def wrong_inputs(window: Window) -> str:
    """Return the inputs with more wrong values than is usual: `lead_time nulls 34%`."""
    told = [one for one in window.quality.get("columns", ()) if one["beyond"]]
    return ", ".join(f"{one['name']} {one['fault']} {percent(one['share'])}" for one in told)


def put_parts(sheet: Sheet, title: str, parts: Sequence[WindowPart], more: str) -> None:
    """Add a table of parts, the worst first; `more` is the command that lists them all."""
    if not parts:
        return
    sheet.blank()
    rows: list[Sequence[Cell]] = [
        (
            (part_name(one), "name"),
            count(one.rows),
            (count(one.errors), "bad" if one.errors else ""),
            number(one.latency_p99_ms),
            part_metric(one),
            (part_ratio(one), "bad" if one.is_worse else "dim" if one.is_small else ""),
            (part_moved(one), "warn" if one.answers.get("drifted") and not one.is_small else ""),
        )
        for one in parts[:MOST_PARTS]
    ]
    titles = (title, "ROWS", "ERRORS", "P99 MS", "METRIC", "LOSS", "MOVED")
    hosts = not parts[0].name
    shown = [0, 1, 2, 3, 4, 5] if hosts else [0, 1, 4, 5, 6]
    if sheet.width < NARROW:
        shown = [0, 1, 2, 5] if hosts else [0, 1, 5]
    right = frozenset(place for place, column in enumerate(shown) if column in (1, 2, 3))
    sheet.table([titles[column] for column in shown], [[row[column] for column in shown] for row in rows], right)
    if len(parts) > MOST_PARTS:
        sheet.paragraph(f"and {len(parts) - MOST_PARTS} more: {more}", "dim")


def put_quality(sheet: Sheet, window: Window) -> None:
    """Add what is wrong with the inputs, and how fresh they came."""
    told = window.quality
    if not told:
        return
    wrong = [one for one in told["columns"] if one["beyond"]]
    for place, one in enumerate(wrong[:MOST_PARTS]):
        said = f"! {one['name']}: {one['fault']} in {percent(one['share'])} of rows"
        sheet.pair("" if place else "Values", (said, "warn"), (f", usual {percent(one['usual'])}", "dim"))
    if not wrong:
        sheet.pair("Values", "none wrong that is unusual", (_minor(told["columns"]), "dim"))
    fresh = told["freshness"]
    if fresh["age_s"] is not None:
        sheet.pair("Newest row", age(fresh["age_s"]), (" when it came, by event time", "dim"))
    if told["repeated"]:
        sheet.pair("Left out", f"{plural(told['repeated'], 'row')} whose id was known")


def put_fairness(sheet: Sheet, window: Window) -> None:
    """Add how far groups are apart, from realised outcomes."""
    label = "Groups"
    for name, one in sorted(window.metrics.items()):
        if not name.startswith(FAIRNESS) or name.startswith(f"{FAIRNESS}ratio_"):
            continue
        column = name.removeprefix(FAIRNESS)
        if one.get("value") is None:
            sheet.pair(label, (f"{column}: {one.get('note') or 'not defined'}", "dim"))
        else:
            between = f", {one['lowest']} to {one['highest']}, {count(one['n'])} outcomes"
            sheet.pair(label, f"{one['measure']} of {column} apart by ", with_interval(one), (between, "dim"))
        label = ""


def _minor(columns: Sequence[dict[str, object]]) -> str:
    names = list(dict.fromkeys(str(one["name"]) for one in columns))
    return f"; some wrong values in {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}" if names else ""


def age(seconds: float) -> str:
    """Return an age in its largest fitting unit; what lies ahead of its receipt says so."""
    size = abs(seconds)
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if size >= 2 * length:
            return f"{size / length:.0f} {unit} {'old' if seconds >= 0 else 'ahead'}"
    return f"{size:.0f} s {'old' if seconds >= 0 else 'ahead'}"
