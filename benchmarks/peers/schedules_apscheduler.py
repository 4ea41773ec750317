"""APScheduler 3 with a stored job for each schedule, all due at once: FOLDER COUNT -> {"us_per_job"}."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler


class Nothing(BaseExecutor):
    """Runs nothing: what is measured is the scheduler."""

    def _do_submit_job(self, job: Any, _run_times: list[datetime]) -> None:
        self._run_job_success(job.id, [])


def work() -> None:
    """Do nothing."""


def main() -> None:
    """Add the jobs, all due, and tick once."""
    logging.disable(logging.CRITICAL)
    folder, count = sys.argv[1], int(sys.argv[2])
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=f"sqlite:///{folder}/jobs.db")},
        executors={"default": Nothing()},
        job_defaults={"misfire_grace_time": None, "coalesce": True},
        timezone="UTC",
    )
    scheduler.start(paused=True)
    past = datetime.now(UTC) - timedelta(seconds=1)
    for number in range(count):
        scheduler.add_job(work, "cron", minute=number % 60, hour=number % 24, id=f"s{number}", next_run_time=past)
    scheduler.state = 1  # running, but only this thread looks
    started = time.perf_counter()
    scheduler._process_jobs()
    took = time.perf_counter() - started
    print(json.dumps({"us_per_job": took / count * 1e6}))


if __name__ == "__main__":
    main()
