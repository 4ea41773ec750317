"""Operations on jobs and schedules."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import DRY_RUN, Done, NoRequest, Page
from engine.operations.operation import Danger, Operation, argument
from store.rows import Job, Schedule
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One job by id."""

    id: str = argument("the job's id; a unique prefix is enough")


@dataclass(frozen=True, slots=True)
class JobLogsRequest:
    """A job's log from a byte offset on."""

    id: str = argument("the job's id; a unique prefix is enough")
    offset: int = argument("start at this byte", flag="--offset", default=0)
    follow: bool = argument("go on until the job ends; ctrl+c leaves it running", flag="--follow", default=False)


@dataclass(frozen=True, slots=True)
class JobLogs:
    """A piece of a log, and where the next one starts."""

    id: str
    text: str
    next_offset: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job. `state` is running, requeued or how the job ended with it."""

    number: int
    state: str
    reason: str
    started_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class JobDetail:
    """One job with what it waits for, its attempts, and the jobs before and after it."""

    job: Job
    waits_for: str  # in words; "" once it has started
    attempts: tuple[Attempt, ...]
    needs: tuple[Job, ...]
    needed_by: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Stop, pause or resume one job."""

    id: str = argument("the job's id; a unique prefix is enough")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """Pause or resume one schedule."""

    id: str = argument("the schedule, as schedules lists it")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class ScheduleShow:
    """One schedule, to be read."""

    id: str = argument("the schedule, as schedules lists it")


@dataclass(frozen=True, slots=True)
class Firing:
    """One time at which a schedule fires."""

    at: int


@dataclass(frozen=True, slots=True)
class ScheduleDetail:
    """One schedule, its next times in the deck's zone, its last job, and what was told when it was last passed over."""

    schedule: Schedule
    zone: str
    next: tuple[Firing, ...]  # none where it is paused, or its trigger says no time
    last_job: Job | None
    passed_over: str
    passed_over_at: int | None
    paused_by: str = ""  # "" where it is not paused
    paused_reason: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """One schedule."""

    id: str = argument("the schedule, as schedules lists it")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


NOTHING_ELSE = "the worker"  # what a job waits for that starts at the next look

_HANDLERS = "engine.service.handlers.work"
_SCHEDULES = "engine.service.handlers.schedules"

OPERATIONS = (
    Operation(
        "jobs.list",
        ("jobs",),
        "jobs, newest first",
        Page,
        Job,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:jobs",
        many=True,
    ),
    Operation(
        "jobs.detail",
        (),
        "one job",
        JobRequest,
        Job,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:job",
        command_line=False,
    ),
    Operation(
        "jobs.show",
        ("jobs", "show"),
        "one job: what it waits for, its tries",
        JobRequest,
        JobDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:show",
    ),
    Operation(
        "jobs.logs",
        ("jobs", "logs"),
        "what a job printed",
        JobLogsRequest,
        JobLogs,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:logs",
    ),
    Operation(
        "jobs.cancel",
        ("jobs", "cancel"),
        "stop a job",
        CancelRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:cancel",
    ),
    Operation(
        "jobs.pause",
        ("jobs", "pause"),
        "let a backfill begin nothing more",
        CancelRequest,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:pause",
    ),
    Operation(
        "jobs.resume",
        ("jobs", "resume"),
        "let a paused backfill go on",
        CancelRequest,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:resume",
    ),
    Operation(
        "schedules.list",
        ("schedules",),
        "what runs when",
        NoRequest,
        Schedule,
        Role.VIEWER,
        Danger.READ,
        f"{_SCHEDULES}:schedules",
        many=True,
    ),
    Operation(
        "schedules.show",
        ("schedules", "show"),
        "one schedule: its next times, its last job",
        ScheduleShow,
        ScheduleDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_SCHEDULES}:show",
    ),
    Operation(
        "schedules.pause",
        ("schedules", "pause"),
        "fire it no more until it is resumed",
        ScheduleChange,
        Schedule,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_SCHEDULES}:pause",
    ),
    Operation(
        "schedules.resume",
        ("schedules", "resume"),
        "let it fire again, from now on",
        ScheduleChange,
        Schedule,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_SCHEDULES}:resume",
    ),
    Operation(
        "schedules.run",
        ("schedules", "run"),
        "ask for its job now",
        ScheduleRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_SCHEDULES}:run_schedule",
        job=True,
    ),
)
