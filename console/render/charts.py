"""What an explanation shows, as bars and curves that a terminal and an SVG both draw. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.render.measures import value_of
from console.render.words import brief, number
from engine.operations.explain import Explanation

MOST = 12  # bars of one chart


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar from zero to `value`; `low` and `high` are its interval, `says` stands beside its label."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars on one scale, and how many are left out."""

    title: str
    note: str
    bars: tuple[Bar, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """The mean over rows at each value of a column; four fifths of the rows lie between `lows` and `highs`."""

    title: str
    note: str
    labels: tuple[str, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    joined: bool = True  # numbers and times; categories have no order


@dataclass(frozen=True, slots=True)
class Series:
    """One line through points (x, y), in the order of x."""

    name: str
    points: tuple[tuple[float, float], ...]
    dotted: bool = False  # what the others are measured against


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines on the same two axes, both of them linear."""

    title: str
    note: str
    series: tuple[Series, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The least and the largest x, the least and the largest y."""
        across = [x for one in self.series for x, _ in one.points]
        up = [y for one in self.series for _, y in one.points]
        return min(across), max(across), min(up), max(up)

    def within(self, one: Series) -> list[tuple[float, float]]:
        """Return a line's points as shares of the box, from its upper left corner."""
        left, right, low, high = self.box
        return [((x - left) / ((right - left) or 1.0), (high - y) / ((high - low) or 1.0)) for x, y in one.points]


Shape = Bars | Curve  # what an explanation shows
Chart = Shape | Lines


def charts_of(found: Explanation) -> list[Shape]:
    """Return the charts of an explanation."""
    if found.kind == "rows":
        return [_of_row(found, told) for told in found.explained]
    if found.kind == "drift":
        bars = [
            Bar(
                one["name"],
                100 * one["change"],
                100 * one["low"],
                100 * one["high"],
                f"{one['before']:.0%} to {one['after']:.0%}",
            )
            for one in found.drift
        ]
        title = f"{found.model}: what v{found.against} looks at more, or less, than v{found.version}"
        note = (
            f"change of its share of all attributions, in % points; {found.rows} rows, 95 % interval over all columns"
        )
        return [_bars(title, note, bars)]
    mean = [Bar(one["name"], one["value"], says=f"{one['share']:.0%}") for one in found.attributions]
    name = f"{found.model}@{found.version}"
    return [
        importance_chart(name, found.metric, found.importance),
        _bars(f"{name}: mean size of attributions", f"in {found.scale}, {found.method}, {found.rows} rows", mean),
        *(_curve(found, one) for one in found.dependence),
    ]


def importance_chart(name: str, metric: str, importance: Sequence[dict[str, Any]]) -> Bars:
    """Return the chart of an importance as an evaluation or an explanation holds it."""
    bars = [
        Bar(str(one.get("name", "")), value_of(one) or 0.0, one.get("low"), one.get("high"))
        for one in importance
        if isinstance(one, dict)
    ]
    bars.sort(key=lambda bar: -bar.value)
    return _bars(f"{name}: importance", f"growth of {metric} when a column is shuffled; 95 % interval", bars)


def fairness_charts(name: str, evaluation: dict[str, Any]) -> list[Bars]:
    """Return a chart of the trained metric per group, for each column that is compared."""
    metric = str(evaluation.get("metric", ""))
    charts = []
    for column, told in (evaluation.get("fairness") or {}).items():
        bars = []
        for group, figures in told["groups"].items():
            seen = figures.get(metric) or {}
            if seen.get("value") is not None:
                few = ", too few" if seen.get("small") else ""
                bars.append(Bar(group, seen["value"], seen["low"], seen["high"], f"{seen['n']} rows{few}"))
        charts.append(_bars(f"{name}: {metric} by {column}", "95 % interval", bars))
    return charts


def _bars(title: str, note: str, bars: Sequence[Bar]) -> Bars:
    return Bars(title, note, tuple(bars[:MOST]), max(0, len(bars) - MOST))


def _of_row(found: Explanation, told: dict[str, Any]) -> Bars:
    bars = []
    for one in told["contributions"]:
        shown = "(personal)" if one["personal"] else said_value(one["value"])
        error = one.get("error")
        low, high = (None, None) if not error else (one["contribution"] - 2 * error, one["contribution"] + 2 * error)
        bars.append(Bar(one["column"], one["contribution"], low, high, shown))
    rest = sum(bar.value for bar in bars[MOST - 1 :])
    if len(bars) > MOST:
        bars = [*bars[: MOST - 1], Bar(f"{len(bars) - MOST + 1} others", rest)]
    which = told["prediction_id"] or f"row {told['row']}"
    moved = told["predicted"] - told["base"]
    sign = "+" if moved >= 0 else "-"
    usual = f"usual {number(told['base'])} {sign} {number(abs(moved))}"
    note = f"{found.scale} {number(told['predicted'])} = {usual}"
    return _bars(f"{found.model}@{found.version}, {which}: {outcome(found, told)}", note, bars)


def outcome(found: Explanation, told: dict[str, Any]) -> str:
    """Say what was predicted, in the words of its record."""
    record = told["prediction"]
    if "label" in record:
        shown = record.get(found.explains, record["score"])
        return f"{record['label']}, {found.explains} {number(shown)}"
    return f"{found.explains} {number(record.get(found.explains))}"


def said_value(value: Any) -> str:
    """Say a value of an input column briefly."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return brief(value) if isinstance(value, float) else str(value).replace("T00:00:00", "")


def _curve(found: Explanation, one: dict[str, Any]) -> Curve:
    points = one["points"]
    return Curve(
        f"{found.model}@{found.version}: {found.explains} by {one['column']}",
        "mean over rows when all have that value; shaded: four fifths of the rows",
        tuple(said_value(point["value"]) for point in points),
        tuple(point["mean"] for point in points),
        tuple(point["low"] for point in points),
        tuple(point["high"] for point in points),
        joined=one["kind"] != "category",
    )
