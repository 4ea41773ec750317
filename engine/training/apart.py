"""Work in a forked process of its own: it can be ended at a moment, held to an amount of memory, and lost alone.

A fork shares what is loaded (model libraries take seconds to import, tables are not copied), and a model's code can be
ended by force whatever it does. The child ends with its parent, takes no signal handler along, and never returns into
the parent's code.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import random
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from engine.model_io import code

MB = 1024 * 1024
SEED = 7
PR_SET_PDEATHSIG = 1
FIRST_TO_GO = 500  # added to what the kernel weighs when memory runs out: a trial goes before the training
FIRST_OF_ALL = 1000  # and what yields goes before the trial
YIELDS = 5  # niceness: of a core that both want, the other gets three times as much

Done = TypeVar("Done")


class Lost(Exception):
    """The process ended without an answer; the message says how."""


class Overdue(Exception):
    """The time was up before the process had an answer; it was ended."""


class Raised(Exception):
    """The work raised; the message is the error's, on one line."""


class Child:
    """A forked process that runs `serve(connection)`; `connection` here is the other end.

    Without `memory_mb` it may take what is free when it starts. Errors are told with their line in `folder`. One that
    `yields` leaves processor and memory to the others where there is not enough.
    """

    def __init__(
        self,
        serve: Callable[[Connection], None],
        memory_mb: int | None = None,
        folder: Path | None = None,
        *,
        yields: bool = False,
    ) -> None:
        self.memory_mb = memory_mb
        self.folder = folder
        self.yields = yields
        self.connection, theirs = multiprocessing.Pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of threads: none that a fork would miss holds a lock
            self.pid = os.fork()
        if self.pid == 0:
            self._run(serve, theirs, parent)
        theirs.close()

    def _run(self, serve: Callable[[Connection], None], connection: Connection, parent: int) -> None:
        code = 1
        try:
            self.connection.close()
            _prepare(self.memory_mb, parent, self.yields)
            serve(connection)
            code = 0
        except BaseException as error:
            with suppress(BaseException):
                connection.send(("raised", told(error, self.memory_mb, self.folder)))
        finally:
            os._exit(code)

    def receive(self, until: float) -> Any:
        """Return what the process sends next; `until` is a `time.monotonic()`, after which it is ended.

        Raises:
            Lost, Overdue, Raised.
        """
        if not wait([self.connection], max(0.0, min(until - time.monotonic(), 1e6))):
            self.end()
            raise Overdue
        return self.take()

    def take(self) -> Any:
        """Return what the process has sent.

        Raises:
            Lost, Raised.
        """
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            raise Lost(self._how_it_ended()) from None
        if kind == "raised":
            self.end()
            raise Raised(value)
        return value

    def _how_it_ended(self) -> str:
        with suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            self.pid = 0
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            if number:
                limit = f" (train.memory_mb = {self.memory_mb})" if self.memory_mb and number == signal.SIGABRT else ""
                return f"its process was killed by {signal.Signals(number).name}{limit}"
        return "its process ended without an answer"

    def end(self) -> None:
        """End the process, by force, and put its remains away. Doing so again does nothing."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
        self.connection.close()


def _prepare(memory_mb: int | None, parent: int, yields: bool) -> None:
    # what draws without a seed of its own draws the same in every process, and so can be reproduced
    random.seed(SEED)
    np.random.seed(SEED)
    for number in (signal.SIGTERM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the parent's to answer
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it ended before we could ask to end with it
    if yields:
        os.nice(YIELDS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_OF_ALL if yields else FIRST_TO_GO))
    allowed = free_bytes() if memory_mb is None else memory_mb * MB
    if allowed is not None:
        most = _data_bytes() + allowed
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _data_bytes() -> int:
    """Return what this process holds already of what RLIMIT_DATA counts."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def free_bytes() -> int | None:
    """Return what this machine could still give to a process without swapping; None where it does not say."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def told(error: BaseException, memory_mb: int | None = None, folder: Path | None = None) -> str:
    """Return an error on one line; memory by the limit that was hit, code of `folder` by its line."""
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        limit = f"train.memory_mb = {memory_mb}" if memory_mb else "this machine has free"
        return f"out of memory: it took more than {limit}"
    if folder is not None:
        return code.told(error, folder)
    return " ".join(f"{type(error).__name__}: {error}".split())


def apart(work: Callable[[], Done], until: float, memory_mb: int | None = None, folder: Path | None = None) -> Done:
    """Do some work in a process of its own and return what it returned (it is pickled on the way).

    Raises:
        Lost, Overdue, Raised.
    """

    def serve(connection: Connection) -> None:
        connection.send(("done", work()))

    child = Child(serve, memory_mb, folder)
    try:
        done: Done = child.receive(until)
        return done
    finally:
        child.end()
