"""A model whose source waits until it is told to go on, so that a job can be met while it runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from engine.jobs.processes import is_alive
from engine.workspace import Workspace
from store import jobs
from store.database import Database

Found = TypeVar("Found")

SOURCE = """
import contextlib
import pathlib
import time

import pyarrow as pa

PLACE = pathlib.Path({place!r})


def rows():
    return pa.table({{
        "x": [float(count % 17) for count in range(200)],
        "y": [2.0 * (count % 17) + count % 3 for count in range(200)],
    }})


def wait():
    (PLACE / "reached").touch()
    deadline = time.monotonic() + 60
    while not (PLACE / "go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody said go")
        time.sleep(0.01)
    return rows()


def fail():
    if not (PLACE / "go").exists():
        raise ValueError("the source is not there yet")
    return rows()


def eat():
    return [bytearray(64 * 1024 * 1024) for _ in range(64)]


def burn():
    while True:
        sum(range(1000))


def refuse_to_stop():
    while not (PLACE / "go").exists():
        with contextlib.suppress(BaseException):
            wait()
    return rows()
"""
MORE = (("failing", "fail"), ("hungry", "eat"), ("busy", "burn"))
MODEL = """[model]
name = "{name}"
task = "regression"

[data]
source = "python:source:{function}"
target = "y"

[train]
estimator = "sklearn.linear_model.Ridge"
time_budget = "60s"
folds = 2

[monitor]
every = "1s"
"""


def until(holds: Callable[[], Found], within_s: float = 30.0) -> Found:
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)
    return found


@pytest.fixture(name="until", scope="session")
def until_fixture() -> Callable[..., object]:
    """Return the function that waits on a condition with a deadline."""
    return until


@dataclass(frozen=True)
class Waiting:
    """A workspace over one source, with the models `plain`, `waiting` and `stubborn`.

    And with `failing` (until told to go on), `hungry` (for memory) and `busy` (for ever)."""

    workspace: Workspace

    @property
    def place(self) -> Path:
        """Where source and test leave word for each other."""
        return self.workspace.root / "place"

    def is_reached(self) -> bool:
        """Tell whether the source was entered since `hold`."""
        return (self.place / "reached").exists()

    def go(self) -> None:
        """Let the source return its rows from now on."""
        (self.place / "go").touch()

    def hold(self) -> None:
        """Let the source wait from now on."""
        for name in ("go", "reached"):
            (self.place / name).unlink(missing_ok=True)


def kill_jobs(database: Database) -> None:
    """End every process a job still has, by the pid and start tick on record."""
    for job in jobs.running(database):
        if is_alive(job.pid, job.pid_started):
            assert job.pid is not None
            os.killpg(job.pid, signal.SIGKILL)


@pytest.fixture(name="kill_jobs", scope="session")
def kill_jobs_fixture() -> Callable[[Database], None]:
    """Return the function that ends every process a job still has."""
    return kill_jobs


@pytest.fixture(scope="session")
def make_waiting() -> Callable[[Path], Waiting]:
    """Return a function that fills a folder with the settings and the source of a waiting workspace."""

    def make(root: Path) -> Waiting:
        made = Waiting(Workspace(root.resolve()))
        (root / "models").mkdir(parents=True)
        made.place.mkdir()
        (root / "deck.toml").write_text('name = "test"\n')
        (root / "source.py").write_text(SOURCE.format(place=str(made.place)))
        for name, function in (("plain", "rows"), ("waiting", "wait"), ("stubborn", "refuse_to_stop"), *MORE):
            (root / "models" / f"{name}.toml").write_text(MODEL.format(name=name, function=function))
        return made

    return make
