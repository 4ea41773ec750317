"""Marking, comparing and sorting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import RUNS, SampleClient

from engine.operations.models import CompareVersions, Comparison
from engine.operations.runs import CompareRuns, CurvesRequest, RunCurve, RunsTable
from engine.plans import Difference


@run
async def test_marked_runs_are_compared_in_the_order_of_their_marks(console: Any, sample: SampleClient) -> None:
    third, first = RUNS[2].id, RUNS[0].id
    sample.answers["runs.compare"] = RunsTable(
        (third, first), (("metrics.mae", "20.73", ""), ("state", "ok", "running"))
    )
    async with console() as screen:
        await screen.press("3")
        await screen.shows("RESULT")
        await screen.press("v")
        await screen.shows("0 marked: space marks two or more")
        await screen.press("j", "j", "space", "g", "space")
        await screen.shows("2 marked", "•")
        await screen.press("v")
        await screen.shows("Runs › 2 runs", "metrics.mae", "20.73")
        assert sample.called("runs.compare") == [CompareRuns((third, first))]
        await screen.press("C")
        await screen.shows(f"copied: modeldeck runs compare {third[:12]} {first[:12]}")
        await screen.press("q", "u")
        await screen.until(lambda: "marked" not in screen.text, "the marks to go")
        await screen.press("v")
        await screen.shows("0 marked")


@run
async def test_curves_of_marked_runs_are_drawn_together_and_written_as_svg(
    console: Any, sample: SampleClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = RUNS[0].id, RUNS[1].id
    sample.answers["runs.compare"] = RunsTable((first, second), (("state", "running", "ok"),))
    sample.answers["runs.curves"] = (
        RunCurve(first, "loss", 3, (0, 1, 2), (3.0, 2.0, 1.0)),
        RunCurve(second, "loss", 2, (0, 2), (4.0, 2.5)),
    )
    async with console() as screen:
        await screen.press("3")
        await screen.shows("RESULT")
        await screen.press("g", "space", "space", "v")
        await screen.shows("loss  by step, 0 to 2", f"{first[:12]}  3.000 at first, 1.000 at last", second[:12])
        assert sample.called("runs.curves") == [CurvesRequest((first, second))]
        await screen.press("o")
        await screen.shows("written here: compare-")
    [written] = tmp_path.glob("*.svg")
    assert written.name == f"compare-{first[:12]}-{second[:12]}.svg"
    assert f"run {second[:12]}, 2 steps" in written.read_text()


@run
async def test_a_mark_stays_on_its_run_while_rows_move_and_a_filter_hides_it(
    console: Any, sample: SampleClient
) -> None:
    sample.answers["runs.compare"] = RunsTable((), ())
    async with console() as screen:
        await screen.press("3")
        await screen.shows("RESULT")
        await screen.press("space")
        sample.change("runs.list", tuple(reversed(RUNS)))
        await screen.until(lambda: screen.app.desk.page.rows[0] == RUNS[-1], "the rows to move")
        await screen.press("slash")
        await screen.type("failed")
        await screen.press("enter", "space", "v")
        await screen.until(lambda: sample.called("runs.compare"))
        assert sample.called("runs.compare") == [CompareRuns((RUNS[0].id, RUNS[4].id))]


@run
async def test_space_on_a_list_without_marks_is_a_page_down(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("43% boosting")
        await screen.press("space")
        await screen.shows("› ✗ abandoned")


@run
async def test_two_versions_are_compared_older_first_and_three_are_refused(console: Any, sample: SampleClient) -> None:
    found = Comparison("nightly-rates@2", "nightly-rates@3", (Difference("mae", "21.42", "20.73"),))
    sample.answers["versions.compare"] = found
    async with console() as screen:
        await screen.press("2")
        await screen.shows("WHAT FOR")
        await screen.press("enter")
        await screen.shows("challenger")
        await screen.press("space", "space", "v")
        await screen.shows("versions 2 and 3", "21.42", "20.73")
        assert sample.called("versions.compare") == [CompareVersions("nightly-rates@2", "nightly-rates@3")]
        await screen.press("q", "space", "v")
        await screen.shows("two versions are compared, no more")


@run
async def test_runs_are_sorted_by_a_metric_in_the_registry_and_the_same_again_turns_it_round(
    console: Any, sample: SampleClient
) -> None:
    def orders() -> list[str]:
        return [request.order for request in sample.called("runs.list")]

    async with console() as screen:
        await screen.press("3")
        await screen.shows("RESULT")
        await screen.press("s")
        await screen.shows("Sort by", "newest first", "log_loss", "mae", "rmse")
        await screen.press("G", "enter")
        await screen.shows("by roc_auc, smallest first", "ROC_AUC", "0.871")
        await screen.until(lambda: orders()[-1:] == ["metrics.roc_auc"], "the runs to be read so")
        await screen.press("s")
        await screen.shows("again turns it round")
        await screen.press("G", "enter")
        await screen.shows("by roc_auc, largest first")
        await screen.until(lambda: orders()[-1:] == ["-metrics.roc_auc"], "the runs to be read so")
        await screen.press("C")
        await screen.shows("copied: modeldeck runs --order=-metrics.roc_auc")
        await screen.press("s")
        await screen.shows("again turns it round")
        await screen.press("g", "enter")
        await screen.until(lambda: orders()[-1:] == [""], "the newest first again")


@run
async def test_runs_that_do_not_differ_say_so(console: Any, sample: SampleClient) -> None:
    sample.answers["runs.list"] = (RUNS[0], replace(RUNS[0], id="f" * 32))
    sample.answers["runs.compare"] = RunsTable((RUNS[0].id, "f" * 32), ())
    async with console() as screen:
        await screen.press("3")
        await screen.shows("RESULT")
        await screen.press("space", "space", "v")
        await screen.shows("These 2 runs do not differ.")
