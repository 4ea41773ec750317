"""The moving progress, as a terminal of 80 columns shows it."""

from __future__ import annotations

import io

import pytest

from console.demo.board import BarBoard
from console.follow import Bar
from console.output import Output
from store.rows import Job


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def shown(board) -> str:
    """Return the line as it would be drawn now."""
    console = board.progress.console
    with console.capture() as captured:
        console.print(board.progress.get_renderable())
    return captured.get()


def job(progress: float | None) -> Job:
    return Job(
        "1" * 32, "train", "rates", {}, "running", "", "user:anna", None, 1, 1, None, None, progress,
        "trial 5, linear: best mae 21.95 by boosting, and words that go on and on", None, {}, 0, 0, None,
    )  # fmt: skip


def test_demo_says_how_far_and_how_long_on_one_line(terminal):
    board = BarBoard(Output(stdout=io.StringIO(), stderr=terminal), 200.0)
    board.begin("nightly-rates: train on rows before 2017-03-01", 20.0)
    board.at(0.5, "trial 5, linear: best mae 21.95 by boosting, and more words than there is room for")
    line = shown(board)
    assert "5%" in line
    assert "left" in line
    assert "progress." not in line
    assert len(line.rstrip("\n").splitlines()) == 1


@pytest.mark.parametrize(("progress", "said"), [(0.25, "25%"), (None, "train rates")])
def test_followed_job_stays_on_one_line(terminal, progress, said):
    bar = Bar(Output(stdout=io.StringIO(), stderr=terminal), "train rates")
    bar.show(job(progress))
    line = shown(bar)
    assert said in line
    assert "progress." not in line
    assert len(line.rstrip("\n").splitlines()) == 1
