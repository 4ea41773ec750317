"""Trains a model as it would have been trained at each of a list of times: a training per time, so many at once.

The job asks for the trainings, waits for them, and ends with them: cancelled, it cancels those that have not ended;
paused, it asks for no more, and lets those that run go on.
A time whose training made a version already, under settings that say the same of data and training, is passed over. So
the same command again goes on where a cancelled one stopped, and tries again what failed, and that alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.jobs.context import JobContext
from engine.settings.work import terms
from engine.training.nothing_new import READ
from store import jobs, pausing, runs, settings
from store.errors import WorkFailed
from store.rows import Job, rfc3339

if TYPE_CHECKING:
    from store.database import Reader

LOOK_S = 0.5
MOST_RUNS = 10_000  # of the model that are looked through for what is made already


@dataclass(slots=True)
class _Course:
    """How far it is."""

    waiting: list[int]
    live: dict[str, int] = field(default_factory=dict)  # job -> its time
    made: int = 0
    failed: list[int] = field(default_factory=list)


def backfill(context: JobContext) -> dict[str, Any]:
    """See the trainings through.

    Raises:
        WorkFailed: some of them failed; the same command again tries those.
    """
    times: list[int] = context.args["times_us"]
    done = made_already(context.deck.database, context.job.model or "", context.job.settings_revision or 0)
    course = _Course([at for at in times if at not in done])
    passed_over = len(times) - len(course.waiting)
    total = max(1, len(course.waiting))
    _take_over(context, course)
    try:
        while course.waiting or course.live:
            _end(context, course)
            is_paused = pausing.is_paused(context.deck.database, context.job.id)
            while course.waiting and not is_paused and len(course.live) < context.args["at_once"]:
                job = _ask(context, course.waiting[0])
                course.live[job.id] = course.waiting.pop(0)
            ended = course.made + len(course.failed)
            told = f"{ended} of {total} trained{f', {len(course.failed)} failed' if course.failed else ''}"
            context.progress(ended / total, f"paused: {told}" if is_paused and course.waiting else told)
            if course.live or course.waiting:
                time.sleep(LOOK_S)
    except BaseException:
        _cancel(context, course)
        raise
    if course.failed:
        shown = ", ".join(rfc3339(at)[:10] for at in course.failed[:5])
        raise WorkFailed(
            f"{len(course.failed)} of {total} trainings failed, until {shown}", "the same command tries those again"
        )
    return {"made": course.made, "passed_over": passed_over}


def made_already(reader: Reader, model: str, revision: int) -> set[int]:
    """Return the times until which a version was trained, under settings that say the same of data and training."""
    from store.clock import parse_time

    wanted = _read(reader, revision, model)
    same: dict[int, bool] = {}
    found = set()
    for run in runs.runs(reader, model=model, limit=MOST_RUNS, state="finished"):
        until = run.params.get("until")
        if until is None or run.settings_revision is None or run.kind != "train":
            continue
        if run.settings_revision not in same:
            same[run.settings_revision] = _read(reader, run.settings_revision, model) == wanted
        if same[run.settings_revision]:
            found.add(parse_time(until, "UTC"))
    return found


def _read(reader: Reader, revision: int, model: str) -> dict[str, Any]:
    body = settings.get(reader, revision).body["models"].get(model, {})
    return {name: body.get(name) for name in READ}


def _key(context: JobContext, at: int) -> str:
    return f"backfill:{context.job.id}:{at}"


def _take_over(context: JobContext, course: _Course) -> None:
    """Go on with the trainings that a killed attempt asked for."""
    for job in jobs.jobs(context.deck.database, limit=MOST_RUNS, states=jobs.LIVE, model=context.job.model):
        at = job.args.get("until_us")
        if job.args.get("backfill") == context.job.id and at in course.waiting:
            course.waiting.remove(at)
            course.live[job.id] = at


def _ask(context: JobContext, at: int) -> Job:
    body = settings.get(context.deck.database, context.job.settings_revision or 0).body
    with context.deck.database.write(context.fence) as tx:
        return jobs.enqueue(
            tx,
            kind="train",
            model=context.job.model,
            args={"until_us": at, "backfill": context.job.id, "reason": context.args.get("reason", "")},
            actor=context.job.actor,
            via=context.job.via,
            settings_revision=context.job.settings_revision,
            dedupe_key=_key(context, at),
            terms=terms(body, "train"),
        )


def _end(context: JobContext, course: _Course) -> None:
    for id, at in list(course.live.items()):
        job = jobs.job(context.deck.database, id)
        if job.state not in jobs.ENDED:
            continue
        del course.live[id]
        if job.state == "succeeded":
            course.made += 1
        else:
            course.failed.append(at)


def _cancel(context: JobContext, course: _Course) -> None:
    with context.deck.database.write() as tx:
        for id in course.live:
            jobs.request_cancel(tx, id, actor=context.job.actor, reason=f"its backfill {context.job.id[:16]} ended")
