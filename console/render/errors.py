"""How a version errs, on its page: against Dummy and champion, by score or size, by class, and the worst rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.canvas import Canvas
from console.render.cells import Span, line
from console.render.columns import Cell
from console.render.measures import value_of, with_interval
from console.render.sheet import Sheet
from console.render.spark import bar
from console.render.words import count, number

MOST_CLASSES = 6  # a wider table does not fit the page
BAR = 16
ROC_WIDTH, ROC_ROWS = 24, 7
SHADES = " ░▒▓█"


def put_comparisons(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    """Add how much better than Dummy and champion it is on the same rows."""
    against = (("than Dummy", evaluation.get("against_baseline")), ("", evaluation.get("against_champion")))
    for name, found in against:
        if isinstance(found, dict):
            told = name or f"than v{found.get('version', '?')}"
            sheet.pair(told, *_better(found), label_width=12)


def _better(found: dict[str, Any]) -> list[Span]:
    value, low, high = (value_of(found.get(name)) for name in ("value", "low", "high"))
    if value is None:
        return [(f"not comparable: {found.get('note') or 'not defined'}", "dim")]
    metric = str(found.get("metric", ""))
    rows = f"  on {count(found.get('n'))} rows"
    if low is None or high is None:
        return [(f"{number(abs(value))} {'better' if value > 0 else 'worse'} by {metric}", ""), (rows, "dim")]
    between = f" [{number(low)}, {number(high)}]"
    if low > 0:
        return [("better", "ok"), (f" by {number(value)}{between} {metric}", ""), (rows, "dim")]
    if high < 0:
        return [
            ("worse", "bad"),
            (f" by {number(-value)} [{number(-high)}, {number(-low)}] {metric}", ""),
            (rows, "dim"),
        ]
    return [("no clear difference", "warn"), (f": {number(value)}{between} {metric}", ""), (rows, "dim")]


def put_errors(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    """Add the learning curve, calibration, confusion or residuals, and the worst rows."""
    _learning(sheet, evaluation)
    _calibration(sheet, evaluation)
    _roc(sheet, evaluation.get("roc"))
    _confusion(sheet, evaluation.get("confusion"))
    _residuals(sheet, evaluation.get("residuals"))
    _worst(sheet, evaluation.get("errors"))


def _learning(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    found = evaluation.get("learning_curve")
    if not isinstance(found, list) or len(found) < 2:
        return
    metric = str(evaluation.get("metric", ""))
    sheet.heading("Learning curve", f"{metric} on the holdout, fitted on fewer rows; the last on all")
    most = max((abs(value_of(one) or 0.0) for one in found), default=0.0)
    rows: list[Sequence[Cell]] = []
    for one in found:
        drawn = bar(abs(value_of(one) or 0.0) / most if most > 0 else 0.0, BAR)
        rows.append((count(one.get("rows")), (drawn, "spark"), with_interval(one)))
    sheet.table(("ROWS", "", metric.upper()), rows, frozenset({0}))


def _calibration(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    found = evaluation.get("calibration")
    bins = found.get("bins") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not bins:
        return
    is_score = "residuals" not in evaluation
    what = "score, and share that came true" if is_score else "means of answer and truth"
    sheet.heading("Said and seen", f"{what}; off by {number(value_of(found.get('error')))} on average")
    most = max((abs(value_of(one.get("seen")) or 0.0) for one in bins), default=0.0)
    rows: list[Sequence[Cell]] = []
    for one in bins:
        said, seen = value_of(one.get("said")), value_of(one.get("seen"))
        share = abs(seen or 0.0) / most if most > 0 else 0.0
        rows.append((number(said), number(seen), (bar(share, BAR), "spark"), count(one.get("n"))))
    sheet.table(("SAID", "SEEN", "", "ROWS"), rows, frozenset({0, 1, 3}))


def _roc(sheet: Sheet, found: Any) -> None:
    if not isinstance(found, dict) or not found.get("true_positive_rate"):
        return
    sheet.heading("Caught against false alarms", f"ROC; area {number(value_of(found.get('area')))}, by chance 0.5")
    told = found.get("answered") or {}
    alarmed, caught = value_of(told.get("false_positive_rate")), value_of(told.get("true_positive_rate"))
    canvas = Canvas(ROC_WIDTH, ROC_ROWS)
    canvas.line([(0.0, 1.0), (1.0, 0.0)], 0, dotted=True)
    points = zip(found["false_positive_rate"], found["true_positive_rate"], strict=True)
    canvas.line([(x, 1.0 - y) for x, y in points], 1)
    beside = {
        1: f"as it answers: {number(caught)} of the positive caught,",
        2: f"{number(alarmed)} of the others alarmed",
    }
    for row in range(ROC_ROWS):
        label = "1" if row == 0 else "0" if row == ROC_ROWS - 1 else ""
        cells: list[Span] = [(f"{label:>4} ", "dim"), ("┤", "rule"), *canvas.row(row, ("dim", "accent"))]
        sheet.lines.append(line(*cells, (f"  {beside.get(row, '')}", "dim")))


def _confusion(sheet: Sheet, found: Any) -> None:
    if not isinstance(found, dict) or not found.get("labels"):
        return
    labels = [str(label) for label in found["labels"]]
    sheet.heading("Confusion", "rows by true class, columns by the answer, shaded by share")
    if len(labels) > MOST_CLASSES:
        wrong = sorted(
            (
                (counts[at], label, labels[at])
                for label, counts in zip(labels, found["counts"], strict=True)
                for at in range(len(labels))
                if labels[at] != label and counts[at]
            ),
            reverse=True,
        )[:MOST_CLASSES]
        mistaken: list[Sequence[Cell]] = [(true, said, count(amount)) for amount, true, said in wrong]
        sheet.table(("TRUE", "SAID", "ROWS"), mistaken, frozenset({2}))
        return
    rows: list[Sequence[Cell]] = [
        (label, *(_heat(amount, sum(counts), is_right=at == place) for at, amount in enumerate(counts)))
        for place, (label, counts) in enumerate(zip(labels, found["counts"], strict=True))
    ]
    sheet.table(("TRUE", *labels), rows, frozenset(range(1, len(labels) + 1)))


def _heat(amount: int, of: int, *, is_right: bool) -> Cell:
    """Return a count beside a shade of its share of the true class."""
    shade = SHADES[min(len(SHADES) - 1, -(-amount * (len(SHADES) - 1) // of))] if of else SHADES[0]
    return ((f"{count(amount)} ", "" if is_right else "dim"), (shade * 2, "ok" if is_right else "warn"))


def _residuals(sheet: Sheet, found: Any) -> None:
    if not isinstance(found, dict) or not isinstance(found.get("histogram"), dict):
        return
    quantiles = found.get("quantiles") or {}
    middle = f"half within {number(value_of(quantiles.get('0.25')))} to {number(value_of(quantiles.get('0.75')))}"
    sheet.heading("Answer less truth", f"mean {number(value_of(found.get('mean')))}, {middle}")
    edges, counts = found["histogram"].get("edges") or (), found["histogram"].get("counts") or ()
    most = max(counts, default=0)
    rows: list[Sequence[Cell]] = [
        (number(edges[at]), number(edges[at + 1]), (bar(amount / most if most else 0.0, BAR), "spark"), count(amount))
        for at, amount in enumerate(counts)
    ]
    sheet.table(("FROM", "TO", "", "ROWS"), rows, frozenset({0, 1, 3}))


def _worst(sheet: Sheet, found: Any) -> None:
    if not isinstance(found, list) or not found:
        return
    sheet.heading("Where it errs most", "rows of the holdout; personal columns are left out")
    rows: list[Sequence[Cell]] = []
    for one in found:
        inputs = ", ".join(f"{name} {_cell(value)}" for name, value in (one.get("inputs") or {}).items())
        rows.append((_cell(one.get("truth")), _cell(one.get("said")), (inputs, "dim")))
    sheet.table(("TRUTH", "SAID", "INPUTS"), rows, frozenset({0, 1}))


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value).lower()
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    text = str(value)
    return text.replace("T00:00:00Z", "")  # a date
