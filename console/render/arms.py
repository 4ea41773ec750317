"""The two arms of an A/B side by side, each figure with its difference. Pure."""

from __future__ import annotations

from typing import Any

from console.render.cells import Line
from console.render.sheet import Sheet
from console.render.words import brief, count
from store.rows import Step

Arm = dict[str, Any]
MOST = 6  # outputs and classes that are shown


def arm_lines(step: Step, told: dict[str, Any], width: int) -> list[Line]:
    """Return the report of an A/B as a table: what, new version, champion, the difference with its 95 % interval."""
    new, champion, apart = told["new"], told["champion"], told["difference"]
    weight = int(step.args.get("weight") or 0)
    rows = [
        ("rows", count(new["rows"]), count(champion["rows"]), ""),
        ("errors", _share(new, "errors"), _share(champion, "errors"), _apart(apart.get("errors"), percent=True)),
        ("p50 ms", _number(new["latency_p50_ms"]), _number(champion["latency_p50_ms"]), ""),
        ("p99 ms", _number(new["latency_p99_ms"]), _number(champion["latency_p99_ms"]), ""),
    ]
    rows += [
        (f"mean {name}", _mean(new, name), _mean(champion, name), _apart(apart.get(name))) for name in _names(told)
    ]
    for label in _labels(told):
        shown = _apart(apart[f"share of {label}"], percent=True)
        rows.append((label, _label(new, label), _label(champion, label), shown))
    metric = (new.get("metric") or champion.get("metric") or {}).get("name")
    if metric:
        rows.append((metric, _metric(new), _metric(champion), _apart(apart.get(metric))))
    else:
        rows.append(("outcomes", "none", "none", ""))
    sheet = Sheet(width)
    titles = ("", f"new, {weight} %", f"champion, {100 - weight} %", "difference (95 %)")
    sheet.table(titles, rows, frozenset((1, 2)))
    return sheet.lines


def _names(told: dict[str, Any]) -> list[str]:
    return sorted(told["new"]["numbers"].keys() & told["champion"]["numbers"].keys())[:MOST]


def _labels(told: dict[str, Any]) -> list[str]:
    return [label for label in told["new"]["labels"] if f"share of {label}" in told["difference"]][:MOST]


def _share(arm: Arm, name: str) -> str:
    part, whole = int(arm[name]), int(arm["rows"])
    return f"{count(part)} ({100 * part / whole:.2g} %)" if whole else count(part)


def _label(arm: Arm, label: str) -> str:
    whole = sum(arm["labels"].values())
    return f"{100 * arm['labels'].get(label, 0) / whole:.1f} %" if whole else "-"


def _mean(arm: Arm, name: str) -> str:
    return brief(arm["numbers"][name]["mean"])


def _metric(arm: Arm) -> str:
    told = arm.get("metric")
    return f"{_number(told['value'])} of {count(told['labels'])}" if told else "none"


def _number(value: float | None) -> str:
    return "-" if value is None else brief(value)


def _apart(told: dict[str, float] | None, *, percent: bool = False) -> str:
    if not told:
        return ""
    times, unit = (100.0, " %") if percent else (1.0, "")
    low, high = told["low"] * times, told["high"] * times
    return f"{told['difference'] * times:+.3g}{unit} ({low:.3g} to {high:.3g})"
