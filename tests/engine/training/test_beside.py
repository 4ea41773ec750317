"""Work beside the training: done in its own process, done here where that was lost, its errors raised as they are."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from engine.training.beside import Beside
from store.errors import WorkFailed


def test_work_is_done_in_another_process_while_this_one_goes_on() -> None:
    with Beside(os.getpid) as beside:
        assert beside.result() != os.getpid()


def test_a_result_of_more_than_a_pipe_holds_arrives_whole() -> None:
    with Beside(lambda: b"x" * 10_000_000) as beside:
        assert beside.result() == b"x" * 10_000_000


def test_where_its_process_was_killed_the_work_is_done_here() -> None:
    here = os.getpid()

    def work() -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    with Beside(work) as beside:
        assert beside.result() == "done"


def test_what_the_work_raises_is_raised_here_with_its_remedy() -> None:
    def work() -> None:
        raise WorkFailed("the model cannot be stored", "use a type that skops knows")

    with Beside(work) as beside, pytest.raises(WorkFailed) as raised:
        beside.result()
    assert (raised.value.message, raised.value.hint) == ("the model cannot be stored", "use a type that skops knows")


def test_an_error_in_between_leaves_no_process_behind(tmp_path: Path) -> None:
    told = tmp_path / "pid"

    def work() -> None:
        told.write_text(str(os.getpid()))
        time.sleep(600)

    def begin_and_fail() -> None:
        with Beside(work):
            while not told.exists() or not told.read_text():
                time.sleep(0.01)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin_and_fail()
    assert not Path(f"/proc/{told.read_text()}").exists()
