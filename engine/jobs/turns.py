"""Whose turn it is: how many jobs of a kind, and of a kind for one model, may run at once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from engine.settings.work import job_settings
from store.rows import Job


class Turns:
    """The places that are taken, under the settings applied now."""

    def __init__(self, body: Mapping[str, Any], running: Iterable[Job]) -> None:
        self._body = body
        self._of_kind: Counter[str] = Counter()
        self._of_model: Counter[tuple[str, str | None]] = Counter()
        for job in running:
            self.take(job)

    def take(self, job: Job) -> None:
        """Count a job that runs."""
        self._of_kind[job.kind] += 1
        self._of_model[job.kind, job.model] += 1

    def why_not(self, job: Job) -> str:
        """Return what keeps a job from starting now, in words; empty where nothing does."""
        stated = job_settings(self._body, job.kind)
        if self._of_kind[job.kind] >= stated.at_once:
            return f"its turn: {_jobs(self._of_kind[job.kind], job.kind)} already, {stated.at_once} at once"
        mine = self._of_model[job.kind, job.model]
        if job.model is not None and stated.per_model is not None and mine >= stated.per_model:
            return f"its turn: {_jobs(mine, job.kind)} for {job.model} already, {stated.per_model} at once"
        return ""


def _jobs(count: int, kind: str) -> str:
    return f"{count} {kind} job runs" if count == 1 else f"{count} {kind} jobs run"
