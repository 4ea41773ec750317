"""`show` at 80 columns: everything of a thing, and no line longer than the terminal."""

from __future__ import annotations

import io

import pytest

from console.commands.sheets import TOP, sheet
from console.output import Output

HASH = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def written(monkeypatch):
    """Return a function that writes a sheet for a terminal of 80 columns and returns its lines and notes."""
    monkeypatch.setenv("COLUMNS", "80")

    def write(kind, body):
        out = Output(stdout=io.StringIO(), stderr=io.StringIO())
        sheet(kind, body, out)
        lines = out.stdout.getvalue().splitlines()
        assert [line for line in lines if len(line) > 80] == []
        return lines, out.stderr.getvalue()

    return write


def trial(number, mae):
    state = "finished" if mae is not None else "cancelled"
    metrics = {"mae": mae, "seconds": 0.5} if mae is not None else {}
    return {"name": f"trial {number} linear", "state": state, "metrics": metrics, "params": {"alpha": str(number)}}


def test_run_shows_its_best_trials_and_counts_the_rest(written):
    trials = [trial(number, 100.0 - number) for number in range(30)] + [trial(30, None)]
    lines, note = written("run", {"id": "a" * 32, "note": "", "params": {"metric": "mae"}, "trials": trials})
    [heading] = [place for place, line in enumerate(lines) if line.startswith("trials")]
    assert lines[heading] == f"trials (31: 30 finished, 1 cancelled, the best {TOP} by mae)"
    assert [line.split()[1] for line in lines[heading + 2 :]] == [str(number) for number in range(29, 29 - TOP, -1)]
    assert "modeldeck runs --parent aaaaaaaaaaaa" in note


def test_of_a_measure_of_which_more_is_better_the_highest_come_first(written):
    trials = [{**trial(number, None), "metrics": {"roc_auc": number / 10}} for number in (3, 9, 5)]
    lines, _ = written("run", {"id": "a", "params": {"metric": "roc_auc"}, "trials": trials})
    assert [line.split()[1] for line in lines[-3:]] == ["9", "5", "3"]


def test_release_shows_its_steps_once(written):
    steps = [{"number": 1, "state": "held", "verdict": "no data", "title": "50 % of traffic " * 6, "observed": {}}]
    plan = {"checks": [{"name": "mae", "verdict": "passed"}], "steps": [{"title": "told twice"}], "kind": "promote"}
    lines, _ = written("release", {"id": "a", "basis": HASH, "plan": plan, "steps": steps})
    text = "\n".join(lines)
    assert "told twice" not in text
    assert "plan.checks (1)" in text
    assert "steps (1)" in text
    assert f"basis  {HASH[:19]}" in text


def test_groups_of_alike_things_are_tables_and_deep_ones_are_named_by_their_path(written):
    holdout = {"mae": {"value": 3.5, "low": 3.0, "note": ""}, "rmse": {"value": 5.0, "low": 4.0, "note": ""}}
    body = {"evaluation": {"metric": "mae", "holdout": holdout, "rows": {"train": 300}}, "made_at": None, "tags": {}}
    lines, _ = written("version", body)
    assert lines == [
        "",
        "evaluation",
        "  metric  mae",
        "",
        "evaluation.holdout",
        "      value  low",
        "mae     3.5    3",
        "rmse      5    4",
        "",
        "evaluation.rows",
        "  train  300",
    ]


def test_long_text_goes_on_below_itself(written):
    lines, _ = written("alert", {"id": "a", "detail": "drift of a feature " * 10})
    assert lines[1].startswith("detail  drift")
    assert all(line.startswith("        ") for line in lines[2:])


def test_measures_of_groups_are_told_in_words(written):
    measure = {"value": 0.95570, "low": 0.93759, "high": 0.97257, "n": 1657, "note": "", "small": True}
    fairness = {"is_reply": {"groups": {"False": {"average_precision": measure, "parts": {"a": {"b": 1}}}}}}
    lines, _ = written("version", {"id": "a", "evaluation": {"fairness": fairness}})
    shown = " ".join(" ".join(lines).split())
    assert "average_precision 0.956 [0.938, 0.973], 1,657 rows, too few to judge" in shown
    assert '"high"' not in shown
