"""What a person types to have a job's work done again, where its process is gone and nothing takes it up by itself."""

from __future__ import annotations

from store.rows import Job, rfc3339

_VERBS = {
    "train": "train {model}",
    "ingest": "data ingest {model}",
    "monitor": "monitors run {model}",
    "test": "tests run {model}",
    "reproduce": "reproduce {model} {version}",
    "derive": "versions derive {model} {version} --threshold {threshold}",
    "build-base": "hosts build-base {host}",
    "retention": "retention",
    "converge": "deployments converge {model}",
    "release": "releases show {model}",  # what it came to is told there: its traffic was put right
}


def again(job: Job) -> str:
    """Return the command line that asks for the work of an abandoned job again; "" where there is none."""
    if job.state != "abandoned":
        return ""
    if job.actor.startswith("schedule:"):
        return f"modeldeck schedules run {job.actor.removeprefix('schedule:')}"
    try:
        line = _VERBS[job.kind].format(**{**job.args, "model": job.model})
    except KeyError:
        return ""
    return f"modeldeck {line}{_options(job) if job.kind in ('train', 'ingest') else ''}"


def _options(job: Job) -> str:
    said = job.args
    until = f" --until {rfc3339(said['until_us'])}" if "until_us" in said else ""
    estimator = f" --estimator {said['estimator']}" if said.get("estimator") else ""
    budget = f" --time-budget {said['time_budget_s']}s" if said.get("time_budget_s") else ""
    return f"{until}{estimator}{budget}"
