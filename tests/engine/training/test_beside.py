"""Work beside the training: done in its own process, done here where that was lost, its errors raised as they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


def test_what_a_forked_process_would_import_for_trees_is_loaded_before_and_nothing_for_others() -> None:
    script = (
        "import sys\n"
        "from engine.training.family import Family, nothing\n"
        "from engine.training.storing import load_for_keeping\n"
        "from sklearn.ensemble import RandomForestRegressor\n"
        "from sklearn.linear_model import Ridge\n"
        "load_for_keeping([Family('ridge', nothing, lambda _params: Ridge(), {})])\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "load_for_keeping([Family('forest', nothing, lambda _params: RandomForestRegressor(), {})])\n"
        "assert {'onnx', 'onnxruntime'} <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
