"""How many jobs of a kind run at once and on what terms, as applied. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import ceil
from typing import Any

from store.rows import Terms
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class JobSettings:
    """One kind of job. Limits that are None are none; `per_model` None is as many as `at_once`."""

    at_once: int = 2
    per_model: int | None = 1
    priority: int = 0
    retries: int = 0
    backoff_s: float = 30.0  # before the first retry; doubled for each further one
    timeout_s: float | None = None
    memory_mb: int | None = None
    cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """When a job of a kind is asked for, and what becomes of firings that cannot go as planned."""

    kind: str  # train, ingest, monitor, test
    trigger: str  # as engine.settings.triggers reads it
    catch_up: str = "once"  # skip, once, all: of firings noticed later than the grace
    grace_s: int = 300
    jitter_s: int = 0
    overlap: str = "skip"  # skip, queue: of a firing whose last job has not ended


DEFAULTS: dict[str, JobSettings] = {
    "train": JobSettings(at_once=1),  # fits models: one at a time, so that serving keeps its cores
    "reproduce": JobSettings(at_once=1),
    "derive": JobSettings(at_once=1),
    "ingest": JobSettings(),
    "test": JobSettings(at_once=1),  # loads a model
    "release": JobSettings(at_once=8, per_model=None, priority=10),  # mostly waits; a person waits for it
    "converge": JobSettings(at_once=8, per_model=None, priority=10),
    "build-base": JobSettings(at_once=1, per_model=None),
    "backfill": JobSettings(at_once=8),  # only waits for the trainings it asks for
    "monitor": JobSettings(),
    "monitor-backfill": JobSettings(at_once=1, priority=-10),  # of times gone by, which nobody waits for
    "attribute": JobSettings(at_once=1, priority=-10),  # loads a model, and nobody waits for it
    "erase": JobSettings(at_once=1, per_model=None, priority=5),  # reads everything; a person waits for it
    "retention": JobSettings(at_once=1, per_model=None, priority=-10),  # once a day, and nobody waits for it
    "notify": JobSettings(at_once=8, per_model=None, priority=20),  # one per target; what it tells of may be urgent
}
OTHER = JobSettings()


def job_settings(body: Mapping[str, Any], kind: str) -> JobSettings:
    """Return what a settings body says of a kind of job, defaults filled in."""
    stated = body.get("jobs", {}).get(kind, {})
    return JobSettings(**{**asdict(DEFAULTS.get(kind, OTHER)), **stated})


def terms(body: Mapping[str, Any], kind: str) -> Terms:
    """Return the terms on which a job of this kind is asked for under a settings body."""
    stated = job_settings(body, kind)
    return Terms(
        priority=stated.priority,
        retries=stated.retries,
        backoff_s=ceil(stated.backoff_s) if stated.retries else None,
        timeout_s=None if stated.timeout_s is None else ceil(stated.timeout_s),
        memory_mb=stated.memory_mb,
        cpu_s=None if stated.cpu_s is None else ceil(stated.cpu_s),
    )
