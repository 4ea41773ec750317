"""The worker: queued jobs become processes of their own, and every process that ends becomes an ended job.

A job outlives the daemon that started it. The next daemon finds it by (boot id, pid, start tick) and waits for it like
its own; one that died leaves an exit report or is marked abandoned, or goes on as a new attempt where its kind can.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deck import Deck
from engine.jobs.endings import backoff_s, end
from engine.jobs.processes import age_s, is_alive, signal_group, started_mark
from engine.jobs.report import attempt_folder, log_of, mark_timed_out
from engine.jobs.turns import Turns
from engine.product import installed
from engine.threads import ONE_THREAD
from store import jobs, settings
from store.errors import ModeldeckError
from store.rows import Job

KILL_AFTER_S = 10.0
SETTLE_S = 5.0  # how long an attempt without a recorded process may still be starting


def _nothing() -> None:
    """Wake nobody."""


@dataclass(slots=True)
class _Watched:
    """One running attempt: ours by `process`, or taken over from an earlier daemon."""

    job: Job
    process: subprocess.Popen[bytes] | None
    since: float  # CLOCK_BOOTTIME
    terminated_at: float | None = None
    told: bool = False  # that its time is over


class Worker:
    """Starts, adopts, cancels and ends the processes of jobs. One per deck, in the daemon; not thread-safe."""

    def __init__(self, deck: Deck, wake: Callable[[], None] = _nothing) -> None:
        self._deck = deck
        self._wake = wake
        self._watched: dict[str, _Watched] = {}
        self._not_before: dict[str, tuple[int, float]] = {}  # attempt, CLOCK_BOOTTIME
        self._settings: tuple[int, Mapping[str, Any]] = (0, {})
        self._code = installed()

    def tick(self) -> bool:
        """Do what is due; returns whether anything was started or ended."""
        self._take_over()
        changed = self._end_dead()
        self._stop()
        return self._start_queued() or changed

    @property
    def running(self) -> int:
        """How many attempts are being watched."""
        return len(self._watched)

    def _take_over(self) -> None:
        for job in jobs.running(self._deck.database):
            if job.id not in self._watched:
                since = self._deck.clock.boottime() - age_s(job.pid_started)
                self._watched[job.id] = _Watched(job, None, since)

    def _end_dead(self) -> bool:
        changed = False
        for job_id, watched in list(self._watched.items()):
            if self._lives(watched):
                continue
            # Whatever the attempt started must not outlive it.
            if watched.process is not None:
                signal_group(watched.process.pid, signal.SIGKILL)
            code = watched.process.wait() if watched.process is not None else None
            end(self._deck, watched.job.id, watched.job.attempt, code)
            del self._watched[job_id]
            changed = True
        return changed

    def _lives(self, watched: _Watched) -> bool:
        if watched.process is not None:
            # WNOWAIT leaves the zombie, so that its group can be cleared before the number is free for others.
            try:
                return os.waitid(os.P_PID, watched.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            except ChildProcessError:
                return False
        job = jobs.job(self._deck.database, watched.job.id)
        if job.pid is None:
            return self._deck.clock.boottime() - watched.since < SETTLE_S
        return is_alive(job.pid, job.pid_started)

    def _stop(self) -> None:
        """Tell attempts that are cancelled or out of time to stop, and kill those that do not."""
        cancelled = {job.id for job in jobs.cancelling(self._deck.database)}
        for watched in self._watched.values():
            if watched.job.id not in cancelled and not self._is_out_of_time(watched):
                continue
            job = jobs.job(self._deck.database, watched.job.id)
            if job.pid is None or not is_alive(job.pid, job.pid_started):
                continue
            now = self._deck.clock.boottime()
            if watched.terminated_at is None:
                watched.terminated_at = now
                signal_group(job.pid, signal.SIGTERM)
            elif now - watched.terminated_at > KILL_AFTER_S:
                signal_group(job.pid, signal.SIGKILL)

    def _is_out_of_time(self, watched: _Watched) -> bool:
        job = watched.job
        if job.timeout_s is None or self._deck.clock.boottime() - watched.since <= job.timeout_s:
            return False
        if not watched.told:
            mark_timed_out(attempt_folder(self._deck.workspace, job.id, job.attempt))
            watched.told = True
        return True

    def _start_queued(self) -> bool:
        waiting = jobs.startable(self._deck.database)
        self._not_before = {job.id: self._not_before[job.id] for job in waiting if job.id in self._not_before}
        if not waiting:
            return False
        turns = Turns(self._applied(), (watched.job for watched in self._watched.values()))
        started = False
        for job in waiting:
            if self._is_backing_off(job) or turns.why_not(job):
                continue
            self._start(job)
            turns.take(job)
            started = True
        return started

    def _is_backing_off(self, job: Job) -> bool:
        """Tell whether a job that is tried again still waits: by CLOCK_BOOTTIME, and never longer than its backoff."""
        if job.not_before_at is None:
            return False
        attempt, until = self._not_before.get(job.id, (-1, 0.0))
        now = self._deck.clock.boottime()
        if attempt != job.attempt:
            left = (job.not_before_at - self._deck.clock.now()) / 1_000_000
            until = now + min(max(left, 0.0), backoff_s(job))
            self._not_before[job.id] = (job.attempt, until)
        return now < until

    def _applied(self) -> Mapping[str, Any]:
        """Return the body of the newest settings revision."""
        newest = settings.newest(self._deck.database)
        if newest != self._settings[0]:
            self._settings = (newest, settings.get(self._deck.database, newest).body if newest else {})
        return self._settings[1]

    def _start(self, queued: Job) -> None:
        with self._deck.database.write() as tx:
            job = jobs.claim(tx, queued.id)
        watched = _Watched(job, None, self._deck.clock.boottime())
        self._watched[job.id] = watched
        try:
            watched.process = self._spawn(job)
        except (OSError, ModeldeckError) as error:
            end(self._deck, job.id, job.attempt, None, f"its process could not be started: {error}")
            del self._watched[job.id]
            return
        pid = watched.process.pid
        with self._deck.database.write() as tx:
            jobs.set_process(tx, job.id, job.attempt, pid, started_mark(pid) or "")
        threading.Thread(target=self._await_exit, args=(pid,), name=f"job-{job.id[:12]}", daemon=True).start()

    def _await_exit(self, pid: int) -> None:
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return
        self._wake()

    def _spawn(self, job: Job) -> subprocess.Popen[bytes]:
        folder = attempt_folder(self._deck.workspace, job.id, job.attempt)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = open_log(log_of(self._deck.workspace, job.id))
        try:
            return subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "engine.jobs.main"),
                    *("--workspace", str(self._deck.workspace.root)),
                    *("--job", job.id, "--attempt", str(job.attempt), "--code", self._code),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        finally:
            os.close(log)


def open_log(path: Path) -> int:
    """Open a private log for appending."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
