"""How a version errs, on a page of eighty columns."""

from __future__ import annotations

from typing import Any

from console.render.cells import plain
from console.render.errors import put_comparisons, put_errors
from console.render.sheet import Sheet

BINS = [{"said": 0.1 * place, "seen": 0.08 * place, "n": 120} for place in range(1, 11)]
REGRESSION: dict[str, Any] = {
    "against_baseline": {"metric": "mae", "value": 24.3, "low": 22.0, "high": 26.1, "n": 3092, "note": ""},
    "against_champion": {"version": 2, "metric": "mae", "value": -1.2, "low": -2.0, "high": -0.4, "n": 900, "note": ""},
    "calibration": {"bins": BINS, "error": 0.012},
    "residuals": {
        "mean": -1.25,
        "std": 30.0,
        "quantiles": {"0.25": -12.5, "0.75": 11.0},
        "histogram": {"edges": [-90.0, -40.0, 10.0, 60.0], "counts": [12, 2400, 680]},
    },
    "errors": [
        {
            "row": 17,
            "at": "2017-08-01T00:00:00Z",
            "truth": 451.5,
            "said": 122.25,
            "loss": 329.25,
            "inputs": {
                "arrival_date": "2017-08-01T00:00:00Z",
                "nights": 2,
                "segment": "Online TA",
                "meal": None,
            },
        }
    ],
}
CURVE = [
    {"rows": 60, "value": 4.0, "low": 3.5, "high": 4.5},
    {"rows": 120, "value": 3.0, "low": 2.75, "high": 3.25},
    {"rows": 24000, "value": 2.0, "low": 1.75, "high": 2.25},
]
CLASSES = [f"class {place}" for place in range(9)]


def shown(evaluation: dict[str, Any]) -> str:
    sheet = Sheet(80)
    put_comparisons(sheet, evaluation)
    put_errors(sheet, evaluation)
    lines = [plain(line) for line in sheet.lines]
    assert max(len(line) for line in lines) <= 80
    return "\n".join(lines)


def test_better_and_worse_are_said_in_words_with_their_interval() -> None:
    text = shown(REGRESSION)
    assert "than Dummy  better by 24.30 [22.00, 26.10] mae  on 3,092 rows" in text
    assert "than v2     worse by 1.200 [0.400, 2.000] mae  on 900 rows" in text


def test_learning_curve_tells_what_more_rows_were_worth() -> None:
    lines = shown({"metric": "mae", "learning_curve": CURVE}).splitlines()
    first, _, last = (line for line in lines if "█" in line)
    assert first.split()[0] == "60"
    assert "4.000 [3.500, 4.500]" in first
    assert last.split()[0] == "24,000"
    assert first.count("█") == 2 * last.count("█")
    assert "Learning curve" not in shown({**REGRESSION, "metric": "mae", "learning_curve": CURVE[:1]})


def test_interval_around_zero_is_no_clear_difference() -> None:
    found = {"version": 1, "metric": "mae", "value": 0.1, "low": -0.2, "high": 0.4, "n": 90}
    assert "than v1     no clear difference: 0.100 [-0.200, 0.400] mae" in shown({"against_champion": found})


def test_reason_stands_where_nothing_can_be_compared() -> None:
    found = {"version": 1, "metric": "mae", "value": None, "n": 0, "note": "0 rows of the holdout are new"}
    assert "than v1     not comparable: 0 rows of the holdout are new" in shown({"against_champion": found})


def test_residuals_and_worst_rows_of_a_regression() -> None:
    text = shown(REGRESSION)
    assert "Answer less truth  mean -1.250, half within -12.50 to 11.00" in text
    assert "means of answer and truth; off by 0.012 on average" in text
    worst = text.splitlines()[-1]
    assert worst.split()[:2] == ["451.5", "122.2"]
    assert "arrival_date 2017-08-01, nights 2, segment Online TA" in worst


def test_classes_are_a_table_and_many_are_the_commonest_mistakes() -> None:
    two = shown({"confusion": {"labels": ["false", "true"], "counts": [[50, 3], [7, 40]]}})
    assert [line.split() for line in two.splitlines()[-3:]] == [
        ["TRUE", "false", "true"],
        ["false", "50", "██", "3", "░░"],
        ["true", "7", "░░", "40", "██"],
    ]
    counts = [[90 if at == place else place for at in range(9)] for place in range(9)]
    many = shown({"confusion": {"labels": CLASSES, "counts": counts}})
    assert many.splitlines()[-6].split() == ["class", "8", "class", "7", "8"]


def test_nothing_recorded_shows_nothing() -> None:
    sheet = Sheet(80)
    put_comparisons(sheet, {})
    put_errors(sheet, {})
    assert sheet.lines == []


def test_roc_lies_above_its_diagonal_and_says_where_the_answers_are() -> None:
    steps = [at / 40 for at in range(41)]
    found = {
        "false_positive_rate": steps,
        "true_positive_rate": [step**0.15 for step in steps],
        "area": 0.8,
        "answered": {"false_positive_rate": 0.1, "true_positive_rate": 0.55},
    }
    text = shown({"roc": found})
    assert "Caught against false alarms  ROC; area 0.800, by chance 0.5" in text
    assert "as it answers: 0.550 of the positive caught," in text
    assert "0.100 of the others alarmed" in text
    drawn = [line.partition("┤")[2][:24] for line in text.splitlines() if "┤" in line]
    assert len(drawn) == 7
    assert drawn[0].strip()
    assert drawn[0].index(drawn[0].strip()[0]) < 12  # it nears the top in the left half
