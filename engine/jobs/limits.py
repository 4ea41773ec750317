"""Limits of one attempt's process: memory and processor time, set by the process itself before its work."""

from __future__ import annotations

import errno
import resource
import signal
from types import FrameType

from store.rows import Job

MB = 1024 * 1024
AFTER_S = 5  # of processor time to put things away in; then the kernel ends the process


class CpuSpent(BaseException):
    """The processor time is used up; passes every handler of ordinary errors."""


def set_limits(job: Job) -> None:
    """Hold this process, and each process it starts, to the job's limits."""
    if job.memory_mb is not None:
        wanted = job.memory_mb * MB
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if job.cpu_s is not None:
        signal.signal(signal.SIGXCPU, _spent)
        resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_s, job.cpu_s + 2 * AFTER_S))


def _spent(_number: int, _frame: FrameType | None) -> None:
    # The next signal comes after a second of processor time; putting things away may take a little longer.
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (max(1, hard - AFTER_S), hard))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    raise CpuSpent


def memory_line(job: Job | None) -> str:
    """Say that memory ran out, and under which limit."""
    if job is not None and job.memory_mb is not None:
        return (
            f"the job hit its memory limit of {job.memory_mb} MB:"
            f" raise [jobs.{job.kind}] memory_mb in deck.toml, or use fewer rows or columns"
        )
    return "the job ran out of memory: use fewer rows or columns, or a bigger machine"


def cpu_line(job: Job) -> str:
    """Say that the processor time is used up."""
    return f"the job used its {job.cpu_s} s of processor time: raise [jobs.{job.kind}] cpu in deck.toml"


def is_memory_limit(job: Job | None, error: Exception) -> bool:
    """Tell whether an error means that the memory limit was hit: it has many faces besides MemoryError."""
    if isinstance(error, MemoryError):
        return True
    if job is None or job.memory_mb is None:
        return False
    told = str(error).lower()
    return (isinstance(error, OSError) and error.errno == errno.ENOMEM) or any(
        sign in told
        for sign in ("cannot allocate memory", "failed to map segment", "can't start new thread", "bad_alloc")
    )


def under_limits(job: Job | None, number: int) -> str:
    """Return what to add to the words for a death by this signal, where a limit may be its cause."""
    if job is not None and job.cpu_s is not None and number == signal.SIGXCPU:
        return f": {cpu_line(job)}"
    if (
        job is not None
        and job.memory_mb is not None
        and number in (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
    ):
        return f", perhaps at its memory limit of {job.memory_mb} MB"
    if job is not None and job.cpu_s is not None and number == signal.SIGKILL:
        return f", perhaps for its limit of {job.cpu_s} s of processor time"
    return ", perhaps for lack of memory" if number == signal.SIGKILL else ""
